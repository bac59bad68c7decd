import { pino } from 'pino'
import t from 'tap'
import { LINES_PER_PERIOD } from '../../cli/line-budget.js'
import { EventLog } from '../../cli/qm-events.js'
import { readableLine } from '../../cli/qm-log.js'
import type { Note, NoteBody } from '../../queue-manager/notes.js'

const GUID = '11111111-2222-4333-8444-555555555555'

function eventLog(level = 'info') {
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    { level, base: null, timestamp: false, formatters: { level: label => ({ level: label }) } },
    { write: line => void lines.push(JSON.parse(line)) },
  )
  return { lines, events: new EventLog(logger) }
}

const at = (atMs: number, body: NoteBody): Note => ({ atMs, ...body })
const opened = (connection: number): NoteBody => ({
  kind: 'session-open',
  connection,
  role: 'acceptor',
  peer: '127.0.0.2',
  peerGuid: GUID,
  queue: null,
})
const closed = (connection: number, queue: string | null = null): NoteBody => ({
  kind: 'session-closed',
  connection,
  peer: '127.0.0.2',
  reason: 'closed by the peer',
  queue,
})
const discarded = (reason: Extract<NoteBody, { kind: 'discarded' }>['reason'], destination = 'DIRECT=…'): NoteBody => ({
  kind: 'discarded',
  connection: 1,
  peer: '127.0.0.2',
  source: GUID,
  messageId: 5,
  destination,
  reason,
  tx: null,
})

t.test('sessions: how they began and ended, and those that never were', async t => {
  const { lines, events } = eventLog()
  for (const note of [opened(1), closed(1), closed(2), closed(3, 'DIRECT=TCP:127.0.0.9\\q')]) events.note(at(1, note))
  t.match(lines, [
    { level: 'info', event: 'session-open', connection: 1, peer: '127.0.0.2', msg: 'session open' },
    { level: 'info', event: 'session-closed', connection: 1, reason: 'closed by the peer', msg: 'session closed' },
    { level: 'info', connection: 2, msg: 'connection gave no session' },
    { level: 'info', connection: 3, queue: 'DIRECT=TCP:127.0.0.9\\q', msg: 'no session with the destination' },
  ])
  t.notOk('atMs' in lines[0]!)
})

t.test('refusals and dead letters are warnings, messages that go their way are nothing', async t => {
  const { lines, events } = eventLog()
  events.note(at(1, discarded('queue-quota')))
  events.note(at(1, discarded('duplicate')))
  events.note(at(1, { kind: 'dead-lettered', queue: 'q', messageId: 1, messageClass: 0x8002, transactional: false }))
  events.note(at(1, { kind: 'resend', queue: 'q', sequence: '1:2', stage: 1, messages: 3, nextInMs: 30_000 }))
  events.note(at(1, { kind: 'session-acked', queue: 'q', messageId: 1 }))
  t.match(lines, [
    { level: 'warn', event: 'discarded', reason: 'queue-quota' },
    { level: 'warn', event: 'dead-lettered', messageClass: 0x8002, class: 'NACK_REACH_QUEUE_TIMEOUT' },
    { level: 'warn', event: 'resend', stage: 1 },
  ])
  t.equal(lines.length, 3)
})

t.test('HTTP: what was refused here and elsewhere; what is sent on is for who looks closely', async t => {
  const { lines, events } = eventLog('debug')
  const message = { connection: 7, queue: 'DIRECT=http://far/msmq/q', messageId: 9 }
  events.note(at(1, { ...opened(6), peerGuid: '00000000-0000-0000-0000-000000000000' } as NoteBody))
  events.note(at(1, { kind: 'http-refused', peer: '127.0.0.2', status: 400, error: 'no such queue' }))
  events.note(at(1, { kind: 'http-answered', ...message, status: 400 }))
  events.note(at(1, { kind: 'http-answered', ...message, status: 503 }))
  events.note(at(1, { kind: 'forwarded', ...message, peer: '127.0.0.2', source: GUID, tx: null }))
  t.match(lines, [
    { level: 'info', event: 'session-open', connection: 6, peerGuid: null },
    { level: 'warn', event: 'http-refused', peer: '127.0.0.2', status: 400, error: 'no such queue' },
    { level: 'warn', event: 'http-answered', status: 400, msg: /refuses/ },
    { level: 'warn', event: 'http-answered', status: 503, queue: message.queue, msg: /again/ },
    { level: 'debug', event: 'forwarded', queue: message.queue },
  ])
})

t.test('a peer that misbehaves a thousand times does not flood the log', async t => {
  const { lines, events } = eventLog()
  for (let connection = 0; connection < 1_000; connection += 1) {
    events.note(at(connection, closed(connection)))
    events.note(at(connection, discarded('security', 'x'.repeat(60_000))))
  }
  t.equal(lines.length, 2 * LINES_PER_PERIOD)
  t.ok(lines.every(line => JSON.stringify(line).length < 1_000))
  events.note(at(1_001, discarded('expired')))
  t.equal(lines.length, 2 * LINES_PER_PERIOD + 1, 'another reason still has its lines')
  events.settle(5_000)
  t.equal(lines.length, 2 * LINES_PER_PERIOD + 1, 'the period is not over')
  events.settle(12_000)
  t.match(lines.slice(-2), [
    { level: 'info', event: 'left-out', subject: 'session-refused', lines: 1_000 - LINES_PER_PERIOD },
    { level: 'warn', event: 'left-out', subject: 'discarded-security', lines: 1_000 - LINES_PER_PERIOD },
  ])
  events.note(at(12_001, closed(1)))
  t.match(lines.at(-1), { msg: 'connection gave no session' }, 'a new period')
})

t.test('the store: each error with its code, and no more lines than others get', async t => {
  const { lines, events } = eventLog()
  for (let n = 0; n < 100; n += 1)
    events.storeFailed(n, Object.assign(new Error('no room'), { code: 'MSMQ_STORE_FULL' }))
  t.equal(lines.length, LINES_PER_PERIOD)
  t.match(lines[0], { level: 'error', event: 'store-failed', code: 'MSMQ_STORE_FULL', error: 'no room' })
})

t.test('below its level nothing is logged', async t => {
  const { lines, events } = eventLog('error')
  events.note(at(1, discarded('queue-quota')))
  t.same(lines, [])
})

t.test('a line for people, in which a peer cannot steer the terminal', async t => {
  const plain = (_style: unknown, text: string) => text
  const line = JSON.stringify({
    level: 'warn',
    time: '2026-11-22T12:34:56.789Z',
    qm: 'R1',
    event: 'discarded',
    destination: 'DIRECT=TCP:1.2.3.4\\a\u001b[2J\u202eb c',
    messageId: 5,
    tx: null,
    msg: 'message not put into a queue',
  })
  t.equal(
    readableLine(line, plain),
    '12:34:56.789 warn  message not put into a queue  destination="DIRECT=TCP:1.2.3.4\\\\a\\u001b[2J\\u202eb c"  messageId=5\n',
  )
})
