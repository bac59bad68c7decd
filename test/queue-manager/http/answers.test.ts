import t from 'tap'
import type { SrmpMessage } from '../../../protocol/srmp/message.js'
import type { HttpRequest } from '../../../queue-manager/actions.js'
import { settingName } from '../../../queue-manager/settings.js'
import {
  changedRequest,
  encodedRequest,
  finalReceipt,
  type MessageSpec,
  PEER_GUID,
  START_S,
  srmpMessage,
  streamMessage,
  streamReceipt,
} from '../../fixtures/http-messages.js'
import { httpMachine, PLAIN, TX } from '../../fixtures/http-receiver.js'

/* What a receiver answers to a request, and what then is in its queues ([MC-MQSRM] 3.1.5.1, 3.1.7.2.5). */

interface Row {
  readonly what: string
  readonly request: SrmpMessage | HttpRequest
  readonly status: number
  /** The queue that has the message; null for none. */
  readonly queue: string | null
}

const to = (url: string, more: MessageSpec = {}) => srmpMessage({ to: url, ...more })
const taken = (what: string, request: Row['request'], queue: string = PLAIN): Row => ({
  what,
  request,
  status: 200,
  queue,
})
const dropped = (what: string, request: Row['request']): Row => ({ what, request, status: 200, queue: null })
const refused = (what: string, request: Row['request']): Row => ({ what, request, status: 400, queue: null })

const STREAM = { guid: PEER_GUID, sequence: { ordinal: 1, timeStamp: 100 } }

const ROWS: readonly Row[] = [
  taken('a durable message', srmpMessage()),
  taken('an express message', srmpMessage({ durable: false })),
  taken('a stream message', streamMessage({ current: 1 }), TX),
  taken('a message without Msmq', srmpMessage({ msmq: null })),
  taken('a message without a body', srmpMessage({ body: null })),
  taken('a stream message that is not durable (A23)', streamMessage({ current: 1 }, { durable: false }), TX),
  taken(
    'a stream of another GUID than SourceQmGuid (A23)',
    streamMessage({ current: 1, guid: '12345678-0000-4000-8000-000000000000' }),
    TX,
  ),
  taken('another case', to('HTTP://LOCAL/MSMQ/PRIVATE$/PLAIN')),
  taken('HTTPS', to('https://local/msmq/private$/plain')),
  taken('the own address', to('http://10.0.0.1/msmq/private$/plain')),
  taken('the own DNS name', to('http://local.example.com/msmq/private$/plain')),
  taken('a port', to('http://local:8080/msmq/private$/plain')),
  taken('an alias', to('http://shop.example.com/msmq/private$/plain')),
  taken('an alias in another case, with a port', to('http://SHOP.example.com:81/msmq/private$/plain')),
  taken('a public queue', to('http://local/msmq/open'), 'open'),
  refused('another host', to('http://elsewhere/msmq/private$/plain')),
  refused('an address of somebody else', to('http://10.0.0.9/msmq/private$/plain')),
  refused('a queue that is not there', to('http://local/msmq/private$/nothing')),
  refused('a public queue that is not there', to('http://local/msmq/nothing')),
  refused('a private queue named as a public one', to('http://local/msmq/plain')),
  refused('a stream message to a queue that is not transactional', streamMessage({ current: 1 }, { to: url(PLAIN) })),
  refused('a message outside a stream to a transactional queue', to(url(TX))),
  refused('GET', { ...encodedRequest(srmpMessage()), method: 'GET' }),
  refused('no body', { ...encodedRequest(srmpMessage()), body: [] }),
  refused(
    'an envelope that is not well-formed',
    changedRequest(srmpMessage(), text => text.replace('<properties', '<propertie!')),
  ),
  refused(
    'an envelope without expiresAt',
    changedRequest(srmpMessage(), text => text.replaceAll('expiresAt', 'expiresIn')),
  ),
  refused(
    'an envelope without an id',
    changedRequest(srmpMessage(), text => text.replace('<id>', '<ix>').replace('</id>', '</ix>')),
  ),
  refused(
    'a part that is cut',
    changedRequest(srmpMessage(), text => text.slice(0, -60)),
  ),
  refused(
    'an entity',
    changedRequest(srmpMessage({ label: 'a label' }), text => text.replace('a label', '&nbsp;.')),
  ),
  dropped('a message that came too late', srmpMessage({ msmq: { ttrqS: START_S - 10 } })),
  dropped(
    'a message without Msmq that came too late',
    srmpMessage({ msmq: null, more: { expiresAtS: START_S - 10, sentAtS: START_S - 20 } }),
  ),
  dropped(
    'a message whose time in the queue is over (A8)',
    srmpMessage({ more: { expiresAtS: START_S - 10, sentAtS: START_S - 20 } }),
  ),
  dropped('a stream message that came too late', streamMessage({ current: 1 }, { msmq: { ttrqS: START_S - 10 } })),
  dropped('a stream message in the middle', streamMessage({ current: 5, previous: 4 })),
  dropped('a message of a class that fits no kind', srmpMessage({ msmq: { class: 0x8003 } })),
  dropped(
    'a delivery receipt of another class',
    srmpMessage({ more: { deliveryReceipt: { receivedAtS: START_S, id: { index: 1, guid: PEER_GUID } } } }),
  ),
  dropped(
    'two receipts in one message',
    srmpMessage({
      msmq: { class: 2 },
      more: {
        deliveryReceipt: { receivedAtS: START_S, id: { index: 1, guid: PEER_GUID } },
        commitmentReceipt: { decidedAtS: START_S, decision: 'positive', id: { index: 1, guid: PEER_GUID } },
      },
    }),
  ),
  dropped('a stream receipt without its label', streamReceipt(STREAM, 1, { label: 'something else' })),
  dropped('a stream receipt for a stream that is not known', streamReceipt(STREAM, 1)),
  dropped('a final receipt for a stream that is not known', finalReceipt(STREAM, 1, 0x4000)),
]

function url(queue: string): string {
  return `http://local/msmq/${queue.replace('\\', '/')}`
}

function machine() {
  const here = httpMachine({ dnsName: 'local.example.com', http: { aliases: ['shop.example.com'] } })
  here.call((engine, now) => engine.createQueue(now, { name: 'open', guid: '99999999-0000-4000-8000-000000000000' }))
  return here
}

t.test('a request and its answer', async t => {
  for (const { what, request, status, queue } of ROWS) {
    const here = machine()
    t.equal(here.status(request), status, what)
    const filled = here.engine.localQueues().filter(({ messages }) => messages > 0)
    t.strictSame(
      filled.map(({ name }) => name),
      queue === null ? [] : [queue],
      `${what}: where it is`,
    )
    const notes = here.notesOf('http-refused')
    t.strictSame(
      notes.map(note => [note.peer, note.status]),
      status === 200 ? [] : [['10.0.0.2', status]],
      `${what}: what is noted`,
    )
    if (status === 400) t.ok(notes[0]?.error, `${what}: with a reason`)
    here.restart()
    const kept = here.engine.localQueues().filter(({ messages }) => messages > 0).length
    const isExpress = 'action' in request && !request.durable && request.stream === null
    t.equal(kept, queue === null || isExpress ? 0 : 1, `${what}: after a restart`)
    t.strictSame(here.posts, [], `${what}: nobody is told`)
  }
})

t.test('200 comes when the message is on disk, and not before', async t => {
  for (const message of [srmpMessage(), streamMessage({ current: 1 })]) {
    const here = machine()
    here.holding = true
    const request = here.post(message)
    here.pass(5_000)
    t.equal(request.status, null)
    here.release()
    t.equal(request.status, 200)
  }
  const here = machine()
  here.holding = true
  t.equal(here.status(srmpMessage({ durable: false })), 200, 'an express one goes nowhere')
})

t.test('a disk that fails is no reason to lose a message: 500, and it may come again', async t => {
  for (const message of [srmpMessage(), streamMessage({ current: 1 })]) {
    const here = machine()
    here.failing = true
    t.equal(here.status(message), 500)
    here.failing = false
    t.equal(here.status(message), 200)
    t.equal(
      here.engine.localQueues().reduce((sum, { messages }) => sum + messages, 0),
      1,
    )
    t.equal(here.notesOf('http-refused').length, 1)
  }
})

t.test("the machine's quota is 500, and what was refused may come again", async t => {
  for (const transactional of [false, true]) {
    const make = (index: number) =>
      transactional
        ? streamMessage({ current: index }, { body: 'x'.repeat(3_000) })
        : srmpMessage({ index, body: 'x'.repeat(3_000) })
    const here = httpMachine({ settingsOf: { MachineQuota: 16 } })
    const queue = transactional ? TX : PLAIN
    let index = 1
    while (here.status(make(index)) === 200 && index < 20) index += 1
    t.ok(index > 1 && index < 20, `${index - 1} were taken`)
    t.equal(here.status(make(index)), 500)
    here.pass(1_000)
    here.answerAll()
    const bodies = here.bodies(queue).length
    t.equal(bodies, index - 1)
    here.take(queue, index)
    t.equal(here.status(make(index)), 200, 'there is room again')
    t.equal(here.bodies(queue).length, 1)
  }
})

t.test("a queue's quota, and no right to write: 200, dropped and counted (A6)", async t => {
  const here = httpMachine()
  here.call((engine, now) => engine.setQueue(now, PLAIN, { quotaKB: 1 }))
  t.equal(here.status(srmpMessage({ index: 1, body: 'x'.repeat(4_000) })), 200)
  t.strictSame(here.bodies(PLAIN), [])
  t.match(here.notesOf('discarded'), [{ reason: 'queue-quota', messageId: 1, source: PEER_GUID }])
  here.call((engine, now) => engine.setQueue(now, PLAIN, { quotaKB: null }))
  t.equal(here.status(srmpMessage({ index: 1, body: 'x'.repeat(4_000) })), 200, 'its id was not remembered')
  t.equal(here.bodies(PLAIN).length, 1)
  here.call((engine, now) => engine.setQueue(now, PLAIN, { access: [{ who: 'anonymous', deny: ['send'] }] }))
  t.equal(here.status(srmpMessage({ index: 2 })), 200)
  t.equal(here.bodies(PLAIN).length, 1)
  t.match(here.notesOf('discarded').at(-1), { reason: 'access-denied', messageId: 2 })
})

t.test('a message keeps its properties', async t => {
  const here = machine()
  const correlation = Buffer.from('0123456789abcdefghij')
  here.post(
    srmpMessage({
      index: 77,
      label: 'Ünïcode ✓',
      msmq: { priority: 6, correlation, app: 4711, bodyType: 8 },
      more: {
        via: 'http://10.0.0.2/msmq/private$/replies',
        extension: { contentId: `extension@${PEER_GUID}`, bytes: Buffer.from('an extension') },
      },
    }),
  )
  const [received] = here.take(PLAIN).messages
  const { user, base, properties } = received!.message
  t.match(properties, {
    label: 'Ünïcode ✓',
    applicationTag: 4711,
    bodyType: 8,
    messageClass: 0,
    correlationId: correlation,
    extensionData: Buffer.from('an extension'),
  })
  t.equal(base.flags & 7, 6)
  t.equal(user.messageId, 77)
  t.equal(user.sourceQueueManager, PEER_GUID)
  t.equal(user.sentTime, START_S)
  t.match(user.responseQueue, { name: /^HTTP:\/\/10\.0\.0\.2\/msmq\/private\$\/replies$/i })
})

t.test('the setting names of HTTP', async t => {
  for (const name of ['HttpRetransmissionTimeout', 'HttpPipelineDepth', 'HttpBadRequestIsFinal', 'HttpAnswerTimeout'])
    t.equal(settingName(name.toLowerCase()), name)
})
