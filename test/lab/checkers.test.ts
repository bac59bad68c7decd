import t from 'tap'
import { tornTransactions } from '../../lab/checkers/incomplete-transaction.js'
import type { Finding } from '../../lab/finding.js'
import type { LabEvent } from '../../lab/history.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { inSimulation } from '../../lab/scenario-worlds.js'
import { createRunView } from '../../lab/verdict.js'
import { simulateScenario } from '../../lab/worlds/simulated.js'
import { MESSAGE_STATE } from '../../senders/sender-ledger.js'
import { event, GUID, type HandMadeRun, SEQUENCE, verdictOf } from '../fixtures/run-record.js'

const ALL = { S1: '111111', S2: '111111' }
const PLAIN = [
  ['delivery: transactional, messages: 6, perTransaction: 3', 'delivery: recoverable, messages: 6'],
] as const
const tx = (number: number) => ({ sequence: SEQUENCE.S1, number, previous: number - 1 })

function findingOf(id: string, hand: HandMadeRun): Finding | undefined {
  return verdictOf(hand).findings.find(finding => finding.id === id)
}

t.test('the first duplicate in time, whichever message it is', async t => {
  const consumed = (node: string, messageId: number, atMs: number) => event(node, 'consumed', { messageId, atMs })
  const delivered = { R1: { S1: '110000', S2: '111111' }, R2: { S1: '110000' } }
  const first = findingOf('duplicated', {
    delivered,
    events: [consumed('R1', 1, 1100), consumed('R1', 2, 1200), consumed('R2', 2, 1300), consumed('R2', 1, 1400)],
  })
  t.match(first, { severity: 'anomaly', count: 2, first: { atMs: 1300, text: /message 2 of S1 .* R1 and R2/ } })
  t.equal(findingOf('duplicated', { delivered })?.first.atMs, null, 'where no event tells')
})

t.test('acknowledged though not delivered: by whose ack, when, and what became of it', async t => {
  const sent = event('S1', 'sent', { messageId: 5, tx: tx(5) })
  const ack = event('S1', 'order-ack-received', { number: 6, result: 'matched', removed: 6, atMs: 1700 })
  const lost = { delivered: { R1: { S1: '111101', S2: '111111' } } }
  t.match(findingOf('acknowledged-undelivered', { ...lost, events: [sent, ack] }), {
    severity: 'anomaly',
    count: 1,
    first: {
      atMs: 1700,
      text: /message 5 of S1 left .* by R1's order ack for number 6 .* no machine noted that it came/,
    },
  })
  const came = event('R1', 'arrived', { messageId: 5, tx: tx(5) })
  t.match(
    findingOf('acknowledged-undelivered', { ...lost, events: [sent, came, ack] })?.first.text,
    /R1 had it at 0\.500 s/,
  )
  const small = event('S1', 'order-ack-received', { number: 4, result: 'matched', removed: 4 })
  t.equal(
    findingOf('acknowledged-undelivered', { ...lost, events: [sent, small] }),
    undefined,
    'not by a smaller number',
  )
  t.equal(findingOf('acknowledged-undelivered', { ...lost, events: [sent] }), undefined, 'not without an ack')
  t.equal(findingOf('acknowledged-undelivered', { delivered: { R1: ALL }, events: [sent, ack] }), undefined)

  const plain = { ...lost, scenario: PLAIN }
  const session = event('S1', 'session-acked', { messageId: 5, atMs: 1600 })
  const refused = event('R2', 'discarded', { messageId: 5 })
  t.match(findingOf('acknowledged-undelivered', { ...plain, events: [session, refused] })?.first, {
    atMs: 1600,
    text: /by a session ack, and nobody delivered it: R2 discarded it \(name-validation\)/,
  })
})

t.test('acknowledged before persisted: an order ack that comes before the note of what it claims', async t => {
  const came = event('R1', 'arrived', { messageId: 6, tx: tx(6) })
  const ack = event('R1', 'order-ack-sent', { number: 6 })
  const early = (...events: LabEvent[]) =>
    findingOf('acknowledged-before-persisted', { delivered: { R1: ALL }, events })
  t.equal(early(came, ack), undefined)
  t.match(early(ack, came), { severity: 'anomaly', first: { nodes: ['R1', 'S1'], text: /R1 acknowledged number 6 / } })
  const before = event('R1', 'arrived', { messageId: 5, tx: tx(5) })
  t.ok(early(before, event('R2', 'arrived', { messageId: 6, tx: tx(6) }), ack), 'another machine has it')
  t.equal(early(ack), undefined, 'it noted nothing of the sequence')
  t.equal(
    early(before, event('R1', 'fault', { fault: 'started' }), ack),
    undefined,
    'a machine that started again is believed',
  )
})

t.test('acknowledged before persisted: a session ack for what no machine had taken', async t => {
  const accepted = event('S1', 'accepted', { messageId: 5, atMs: 1100 })
  const acked = event('S1', 'session-acked', {
    messageId: 5,
    queue: 'DIRECT=TCP:127.0.9.10\\private$\\orders',
    atMs: 1500,
  })
  const taken = (atMs: number) => event('R1', 'arrived', { messageId: 5, atMs })
  const early = (...events: LabEvent[]) =>
    findingOf('acknowledged-before-persisted', { scenario: PLAIN, delivered: { R1: ALL }, events })
  t.equal(early(accepted, taken(1500), acked), undefined)
  t.match(early(accepted, acked, taken(1501))?.first.text, /session ack for message 5 .* the first did at 0\.501 s/)
  t.match(early(accepted, acked)?.first.text, /none noted it at all/)
  t.equal(early(acked), undefined, 'no message of an application')
  t.equal(early(accepted, event('R1', 'discarded', { messageId: 5, atMs: 1400 }), acked), undefined)
})

t.test('acknowledged before persisted: a disk that had said so', async t => {
  const came = event('R1', 'arrived', { messageId: 6, tx: tx(6), atMs: 1100 })
  const ack = event('R1', 'order-ack-sent', { number: 6, atMs: 1200 })
  const forgot = (messageId: number) => event('R1', 'disk-forgot', { source: GUID.S1, messageId, atMs: 1300 })
  const early = (...events: LabEvent[]) =>
    findingOf('acknowledged-before-persisted', { delivered: { R1: ALL }, events })
  t.match(early(came, ack, forgot(6))?.first, { atMs: 1200, text: /its disk had reported it as durable/ })
  t.equal(early(came, ack, forgot(7)), undefined, 'what never came')
  t.equal(early(came, forgot(6)), undefined, 'nobody had been told')
})

t.test('ghost: delivered, though the sender was told that it was refused, or had aborted', async t => {
  t.match(findingOf('ghost', { sent: { S1: 'raaaaa' }, delivered: { R1: ALL } }), {
    severity: 'anomaly',
    count: 1,
    first: { nodes: ['S1', 'R1'], text: 'message 1 of S1 was delivered by R1, though it was refused' },
  })
  t.match(findingOf('ghost', { sent: { S1: 'xaaaaa' }, delivered: { R1: ALL } })?.first.text, /transaction was aborted/)
  t.equal(findingOf('ghost', { sent: { S1: 'xruaaa' }, delivered: { R1: { S1: '001111', S2: '111111' } } }), undefined)
  t.equal(MESSAGE_STATE.aborted, 3)
  const { counts } = verdictOf({ sent: { S1: 'xaaaaa' }, delivered: { R1: { S1: '011111', S2: '111111' } } })
  t.match(counts, { lost: 0, unknown: 0, delivered: 11 }, 'what was aborted is owed to nobody')
})

t.test('delivered after expiry: too long under way, too long in the queue, by one clock', async t => {
  const scenario = [[PLAIN[0][0], `${PLAIN[0][1]}, timeToReachQueueS: 10, timeToBeReceivedS: 20`]] as const
  const late = (cameMs: number, takenMs: number) =>
    findingOf('delivered-after-expiry', {
      scenario,
      delivered: { R1: ALL },
      events: [
        event('S1', 'accepted', { messageId: 5, atMs: 1000 }),
        event('R1', 'arrived', { messageId: 5, atMs: cameMs }),
        event('R1', 'consumed', { messageId: 5, atMs: takenMs }),
      ],
    })
  t.equal(late(12_000, 33_000), undefined, 'whole seconds are counted')
  t.match(late(12_001, 12_001)?.first, {
    atMs: 12_001,
    text: /message 5 of S1 .* under way for 11\.001 s, and had 10 s/,
  })
  t.match(late(2000, 23_001)?.first.text, /in the queue for 21\.001 s, and had 20 s/)
  t.equal(
    findingOf('delivered-after-expiry', {
      delivered: { R1: ALL },
      events: [event('R1', 'arrived', { atMs: 1000 }), event('R1', 'consumed', { atMs: 9e9 })],
    }),
    undefined,
    'no time limit',
  )
})

t.test('dead letters that do not add up', async t => {
  const dead = event('S1', 'dead-lettered', { messageId: 1 })
  t.match(findingOf('dead-lettered-delivered', { delivered: { R1: ALL }, events: [dead] }), {
    severity: 'anomaly',
    count: 1,
    first: { atMs: 1500, nodes: ['S1', 'R1'], text: /class 0x8002, and R1 delivered it/ },
  })
  const both = [event('S2', 'dead-lettered', { messageId: 1, atMs: 1400 }), dead]
  t.match(
    findingOf('dead-lettered-delivered', { delivered: { R1: ALL }, events: both })?.first,
    { text: /message 1 of S1 went to a dead-letter queue of S1 at 0\.500 s/ },
    'the MessageIDs of S2 are others',
  )
  const gone = { delivered: { R1: { S1: '000111', S2: '111111' } } }
  t.same(
    verdictOf({ ...gone, events: [dead] }).findings.map(({ id, severity }) => [id, severity]),
    [
      ['lost', 'anomaly'],
      ['dead-lettered', 'notice'],
    ],
  )
  const unaccounted = (fields: object) =>
    findingOf('dead-letter-unaccounted', { ...gone, events: [event('S1', 'dead-lettered', fields)] })
  t.match(unaccounted({ messageId: 77 })?.first.text, /message 77 .* no application there sent it/)
  t.match(unaccounted({ messageId: 1, messageClass: 0 })?.first.text, /class 0x0000 names no reason/)
})

t.test('dead-lettered at a machine that refused it is not lost', async t => {
  const { counts } = verdictOf({
    delivered: { R1: { S1: '011111', S2: '111111' } },
    events: [event('R1', 'discarded', { messageId: 1 }), event('R1', 'dead-lettered', { messageId: 1 })],
  })
  t.match(counts, { lost: 0, deadLettered: 1 })
})

t.test('a cache row that holds the address of another machine', async t => {
  const row = event('R1', 'qmid-cached', { change: 'new', address: '127.0.9.102', atMs: 1100 })
  const ack = event('R1', 'order-ack-sent', { direct: false })
  const wrong = (...events: LabEvent[]) => findingOf('qmid-cache-row-wrong', { delivered: { R1: ALL }, events })
  const landed = event('S1', 'order-ack-received', { result: 'matched' })
  t.match(wrong(row, ack, landed), { severity: 'notice', count: 1, first: { nodes: ['R1', 'S1', 'S2'] } })
  t.match(wrong(row, ack)?.severity, 'anomaly', 'it got nowhere')
  t.match(
    wrong(row, ack, event('S2', 'order-ack-received', {}))?.first.text,
    /for S1 at 127\.0\.9\.101, .* 127\.0\.9\.102 \(S2\) since 0\.100 s/,
  )
  t.equal(wrong(event('R1', 'qmid-cached', { change: 'new' }), ack), undefined, 'it holds the right one')
  t.equal(wrong(row, event('R1', 'order-ack-sent', { direct: true })), undefined, 'the row was not asked')
  t.equal(wrong(event('R2', 'qmid-cached', { change: 'new', address: '127.0.9.102' }), ack), undefined, "another's row")
})

t.test('a misrouted ack: why it went there', async t => {
  const why = (sent: object, ...before: LabEvent[]) =>
    verdictOf({
      delivered: { R1: ALL },
      events: [...before, event('R1', 'order-ack-sent', sent), event('R2', 'order-ack-received', {})],
    }).findings.find(({ id }) => id === 'misrouted-ack')?.first.text
  const decision = { clientAddress: '127.0.9.11', host: 'R2', reason: 'bucket 7 belongs to host 2' }
  const decided = event('gateway', 'gateway-decision', { decision: decision as never, atMs: 1400 })
  t.match(
    why({}, decided),
    /came from 127\.0\.9\.10, the balancer's, which gave the session to R2 \(bucket 7 belongs to host 2\)/,
  )
  t.match(why({}), /the balancer's$/)
  const row = event('R1', 'qmid-cached', { change: 'new', address: '127.0.9.12', atMs: 1100 })
  t.match(
    why({ direct: false, destination: `PRIVATE=${GUID.S1}\\00000004` }, row),
    /its cache row .* holds 127\.0\.9\.12$/,
  )
})

t.test('what may happen where all is well is a notice', async t => {
  const express = [[PLAIN[0][0], 'delivery: express, messages: 6']] as const
  const delivered = { R1: { S1: '011111', S2: '111111' } }
  const killed = event('R1', 'fault', { fault: 'killed' })
  t.equal(findingOf('lost', { scenario: express, delivered, events: [killed] })?.severity, 'notice')
  t.equal(findingOf('lost', { scenario: express, delivered })?.severity, 'anomaly')
  t.equal(findingOf('lost', { delivered, events: [killed] })?.severity, 'anomaly')
  t.equal(findingOf('reordered', { delivered: { R1: ALL }, outOfOrder: { R1: 1 } })?.severity, 'anomaly')
  t.equal(
    findingOf('reordered', { scenario: PLAIN, delivered: { R1: ALL }, outOfOrder: { R1: 1 } })?.severity,
    'notice',
  )
})

t.test('faults that never struck, and times that never ran out, make a run vacuous', async t => {
  const wanted = ['machine-paused', 'clock-set', 'link-changed', 'disk-ill', 'fault-struck', 'expired']
  const scenario = [['expect: {}', `expect: {}\nexercises: [${wanted.join(', ')}]`]] as const
  t.same(verdictOf({ scenario, delivered: { R1: ALL } }).vacuous, wanted)
  const happened = [
    ...(['paused', 'clock-set', 'link-parted', 'disk-ill'] as const).map(fault => event('R1', 'fault', { fault })),
    event('R1', 'injected', {}),
  ]
  for (const end of [
    event('R1', 'discarded', { reason: 'expired' }),
    event('S1', 'given-up', { messageClass: 0x8002 }),
    event('R1', 'removed', { messageClass: 0xc002 }),
  ])
    t.same(verdictOf({ scenario, delivered: { R1: ALL }, events: [...happened, end] }).vacuous, [])
  const purged = event('R1', 'removed', { messageClass: 0xc001 })
  t.same(verdictOf({ scenario, delivered: { R1: ALL }, events: [...happened, purged] }).vacuous, ['expired'])
})

t.test('a transaction to two machines is whole when each has what went to it', async t => {
  const scenario = `scenario: spread
about: transactions of three messages to queues of two machines
topology: { receivers: { count: 2, queues: { name: private$\\orders, transactional: true } }, senders: { count: 1 } }
load: { to: ['DIRECT=TCP:{R1}\\private$\\orders', 'DIRECT=TCP:{R2}\\private$\\orders'], delivery: transactional, messages: 9, perTransaction: 3 }
expect: {}
`
  const view = createRunView(simulateScenario(inSimulation(parseScenario(scenario, 'spread.yaml')), { seed: 1 }))
  t.same(view.senders.flatMap(tornTransactions), [])
  const [sender] = view.senders
  const copiesAt = new Map([...sender!.copiesAt].map(([node, copies]) => [node, copies.slice()]))
  copiesAt.get('R1')![2] = 0
  t.same(tornTransactions({ ...sender!, copiesAt }), [
    { sender: 'S1', transaction: 1, size: 3, at: [{ node: 'R1', delivered: 1, of: 2 }] },
  ])
})
