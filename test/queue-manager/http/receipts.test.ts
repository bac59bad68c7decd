import t from 'tap'
import { ANONYMOUS_ID } from '../../../protocol/srmp/message.js'
import type { HttpMachine, Post } from '../../fixtures/http-machine.js'
import {
  type MessageSpec,
  PEER_GUID,
  RECEIPTS_TO,
  START_S,
  srmpMessage,
  streamMessage,
} from '../../fixtures/http-messages.js'
import { httpMachine, PLAIN, TX } from '../../fixtures/http-receiver.js'
import { guidOf } from '../../fixtures/sim-tests.js'

/* Delivery, commitment and final stream receipts, as a receiver sends them ([MC-MQSRM] 2.2.5.2, 3.1.5.1.6, 3.1.7.3). */

const SEND_TO = 'http://10.0.0.2/msmq/private$/admin'

function machine(): HttpMachine {
  const here = httpMachine()
  here.onPost = () => 200
  return here
}

/** Receipts that are no stream receipts. */
function receipts(here: HttpMachine): readonly Post[] {
  return here.takePosts().filter(({ message }) => message.streamReceipt === null)
}

/** OBJECTID of a message: its GUID in binary and its index. */
function objectId(guid: string, index: number): Buffer {
  const [one, two, three, four, five] = guid.split('-')
  const swapped = [one, two, three].map(part => Buffer.from(part!, 'hex').reverse())
  const number = Buffer.alloc(4)
  number.writeUInt32LE(index)
  return Buffer.concat([...swapped, Buffer.from(`${four}${five}`, 'hex'), number])
}

t.test('a delivery receipt goes when the message is in its queue, as the product writes it', async t => {
  for (const transactional of [false, true]) {
    const here = machine()
    const spec: MessageSpec = { index: 77, label: 'a label', more: { deliveryReceiptTo: SEND_TO } }
    const message = transactional ? streamMessage({ current: 1 }, spec) : srmpMessage(spec)
    here.holding = true
    here.post(message)
    t.strictSame(here.posts, [], 'not before it is on disk')
    here.release()
    const [receipt, ...others] = receipts(here)
    t.strictSame(others, [])
    t.match(receipt?.connection, { address: '10.0.0.2', port: 80 })
    t.match(receipt?.message, {
      action: 'MSMQ:a label',
      to: SEND_TO,
      via: message.to,
      expiresAtS: 0x7fffffff,
      durable: false,
      stream: null,
      streamReceipt: null,
      deliveryReceipt: { receivedAtS: START_S, id: { index: 77, guid: PEER_GUID } },
      commitmentReceipt: null,
      msmq: {
        class: 2,
        priority: transactional ? 0 : 3,
        app: 0,
        bodyType: 0,
        hashAlgorithm: 0,
        sourceQmGuid: guidOf(1),
      },
      body: null,
    })
    t.strictSame(receipt?.message.msmq?.correlation, objectId(PEER_GUID, 77))
    t.equal(receipt?.message.msmq?.ttrqS, (receipt?.message.sentAtS ?? 0) + 345_600)
    t.match(here.notesOf('admin-ack-sent'), [{ forMessageId: 77, forSource: PEER_GUID, messageClass: 2 }])
  }
})

t.test('no delivery receipt for what did not come, or came before (A18)', async t => {
  const more = { deliveryReceiptTo: SEND_TO }
  const rows: readonly [string, Parameters<HttpMachine['post']>[0], number][] = [
    ['too late', srmpMessage({ msmq: { ttrqS: START_S - 5 }, more }), 200],
    ['no such queue', srmpMessage({ to: 'http://local/msmq/private$/nothing', more }), 400],
    ['out of order', streamMessage({ current: 3 }, { more }), 200],
    ['to a transactional queue', srmpMessage({ to: 'http://local/msmq/private$/tx', more }), 400],
  ]
  for (const [what, message, status] of rows) {
    const here = machine()
    t.equal(here.status(message), status, what)
    here.pass(1_000)
    t.strictSame(receipts(here), [], what)
  }
  for (const message of [srmpMessage({ more }), streamMessage({ current: 1 }, { more })]) {
    const here = machine()
    here.post(message)
    t.equal(receipts(here).length, 1)
    here.post(message)
    here.pass(1_000)
    t.strictSame(receipts(here), [], 'a copy')
  }
})

t.test('a message without Msmq is acknowledged by the anonymous id, and without a label', async t => {
  const here = machine()
  here.post(srmpMessage({ msmq: null, index: 9, more: { action: 'http://tempuri.org/x', deliveryReceiptTo: SEND_TO } }))
  const [receipt] = receipts(here)
  t.match(receipt?.message, { action: 'MSMQ:', deliveryReceipt: { id: ANONYMOUS_ID } })
  t.strictSame(receipt?.message.msmq?.correlation, objectId(ANONYMOUS_ID.guid, 1))
})

/* What becomes of a message in its queue: how it is made to happen, and the class that says so. */
const OUTCOMES: readonly (readonly [string, number, (here: HttpMachine, queue: string) => void])[] = [
  ['received', 0x4000, (here, queue) => void here.take(queue)],
  ['purged', 0xc001, (here, queue) => here.call((engine, now) => engine.purge(now, queue))],
  ['queue deleted', 0xc000, (here, queue) => here.call((engine, now) => engine.deleteQueue(now, queue))],
  ['expired in the queue', 0xc002, here => here.pass(61_000)],
]

const KINDS = [
  ['neither', false, false],
  ['positiveOnly', true, false],
  ['negativeOnly', false, true],
  ['both', true, true],
] as const

t.test('a commitment receipt goes by the outcome, if it is of the kind that is wanted', async t => {
  for (const transactional of [false, true])
    for (const [outcome, messageClass, happen] of OUTCOMES)
      for (const [kind, positiveOnly, negativeOnly] of KINDS) {
        const what = `${outcome}, ${kind}, ${transactional ? 'stream' : 'durable'}`
        const here = machine()
        const more = {
          expiresAtS: START_S + 60,
          commitmentReceiptRequest: { sendTo: SEND_TO, positiveOnly, negativeOnly },
        }
        const spec = { index: 77, label: 'a label', more }
        const message = transactional ? streamMessage({ current: 1 }, spec) : srmpMessage(spec)
        here.post(message)
        here.pass(1_000)
        t.strictSame(receipts(here), [], `${what}: not at the arrival`)
        happen(here, transactional ? TX : PLAIN)
        const found = receipts(here)
        const decision = messageClass === 0x4000 ? 'positive' : 'negative'
        if (!(decision === 'positive' ? positiveOnly : negativeOnly)) {
          t.strictSame(found, [], what)
          continue
        }
        t.match(
          found.map(post => post.message),
          [
            {
              action: 'MSMQ:a label',
              to: SEND_TO,
              via: message.to,
              durable: false,
              deliveryReceipt: null,
              commitmentReceipt: { decision, id: { index: 77, guid: PEER_GUID } },
              msmq: { class: messageClass, priority: transactional ? 0 : 3 },
            },
          ],
          what,
        )
        t.strictSame(found[0]?.message.msmq?.correlation, objectId(PEER_GUID, 77), what)
      }
})

t.test('both receipts for one message, each to its own URL (A14)', async t => {
  const here = machine()
  const other = 'http://10.0.0.4/msmq/private$/others'
  here.post(
    srmpMessage({
      more: {
        deliveryReceiptTo: SEND_TO,
        commitmentReceiptRequest: { sendTo: other, positiveOnly: true, negativeOnly: false },
      },
    }),
  )
  t.match(
    receipts(here).map(({ message }) => [message.to, message.msmq?.class]),
    [[SEND_TO, 2]],
  )
  here.take(PLAIN)
  t.match(
    receipts(here).map(({ message }) => [message.to, message.msmq?.class]),
    [[other, 0x4000]],
  )
})

t.test('what was asked for is still known after a restart', async t => {
  for (const transactional of [false, true]) {
    const here = machine()
    const more = { commitmentReceiptRequest: { sendTo: SEND_TO, positiveOnly: true, negativeOnly: true } }
    here.post(transactional ? streamMessage({ current: 1 }, { more }) : srmpMessage({ more }))
    here.pass(1_000)
    here.restart()
    here.takePosts()
    here.take(transactional ? TX : PLAIN)
    t.match(
      receipts(here).map(({ message }) => [message.to, message.msmq?.class]),
      [[SEND_TO, 0x4000]],
    )
  }
})

t.test('a transaction that is aborted says nothing; one that is committed does', async t => {
  const here = machine()
  const more = { commitmentReceiptRequest: { sendTo: SEND_TO, positiveOnly: true, negativeOnly: true } }
  here.post(streamMessage({ current: 1 }, { more }))
  for (const end of ['abort', 'commit'] as const) {
    const transaction = here.call((engine, now) => engine.begin(now))
    here.take(TX, { transaction })
    t.strictSame(receipts(here), [])
    here.call((engine, now) => engine[end](now, transaction))
    t.equal(receipts(here).length, end === 'commit' ? 1 : 0, end)
  }
})

t.test('a commitment receipt also goes for what is rejected in a transaction', async t => {
  const here = machine()
  const more = { commitmentReceiptRequest: { sendTo: SEND_TO, positiveOnly: true, negativeOnly: true } }
  here.post(streamMessage({ current: 1 }, { more, msmq: { deadLetter: true } }))
  here.pass(1_000)
  here.takePosts()
  const transaction = here.call((engine, now) => engine.begin(now))
  const { lookupId } = here.take(TX, { transaction }).messages[0]!
  here.call((engine, now) => engine.reject(now, TX, lookupId, transaction))
  here.call((engine, now) => engine.commit(now, transaction))
  const classes = here.takePosts().map(({ message }) => [message.to, message.msmq?.class])
  t.ok(
    classes.some(([to, messageClass]) => to === RECEIPTS_TO && messageClass === 0xc004),
    JSON.stringify(classes),
  )
})

/* Final stream receipts: asked for by DeadLetter of a stream message. */

t.test('the sender of a stream message with DeadLetter is told what became of each (3.1.7.3.3)', async t => {
  for (const restarted of [false, true])
    for (const [outcome, messageClass, happen] of OUTCOMES) {
      const what = `${outcome}${restarted ? ', after a restart' : ''}`
      const here = machine()
      for (const current of [1, 2])
        here.post(
          streamMessage(
            { current },
            { index: 70 + current, msmq: { deadLetter: true }, more: { expiresAtS: START_S + 60 } },
          ),
        )
      here.pass(1_000)
      t.strictSame(
        here.takePosts().map(({ message }) => message.streamReceipt?.lastOrdinal),
        [2],
        'the stream receipt',
      )
      if (restarted) here.restart()
      happen(here, TX)
      if (outcome === 'received') here.take(TX)
      const finals = here.takePosts().map(({ message }) => message)
      t.match(
        finals,
        [1, 2].map(current => ({
          action: 'MSMQ:QM Ordering Ack',
          to: RECEIPTS_TO,
          durable: false,
          deliveryReceipt: null,
          streamReceipt: {
            streamId: { guid: PEER_GUID, sequence: { ordinal: 1, timeStamp: 100 } },
            lastOrdinal: current,
          },
          commitmentReceipt: {
            decision: messageClass === 0x4000 ? 'positive' : 'negative',
            id: { index: 70 + current, guid: PEER_GUID },
          },
          msmq: { class: messageClass, priority: 0 },
        })),
        what,
      )
      t.equal(finals.length, 2, what)
    }
})

t.test('a stream message without DeadLetter gets no final receipt', async t => {
  for (const [outcome, , happen] of OUTCOMES) {
    const here = machine()
    here.post(streamMessage({ current: 1 }, { more: { expiresAtS: START_S + 60 } }))
    here.pass(1_000)
    here.takePosts()
    happen(here, TX)
    t.strictSame(here.takePosts(), [], outcome)
  }
})

/* Receipts as the one who asked for them gets them. */

t.test('delivery and commitment receipts go into the administration queue, with what they are about', async t => {
  const here = machine()
  here.call((engine, now) => engine.createQueue(now, { name: 'private$\\admin' }))
  const id = { index: 4711, guid: guidOf(1) }
  const correlation = objectId(id.guid, id.index)
  const to = 'http://local/msmq/private$/admin'
  const rows = [
    [2, { deliveryReceipt: { receivedAtS: START_S, id } }],
    [0x4000, { commitmentReceipt: { decidedAtS: START_S, decision: 'positive', id } }],
    [0xc001, { commitmentReceipt: { decidedAtS: START_S, decision: 'negative', id } }],
  ] as const
  for (const [index, [messageClass, more]] of rows.entries()) {
    const receipt = srmpMessage({
      to,
      index: index + 1,
      durable: false,
      body: null,
      msmq: { class: messageClass, correlation },
      more,
    })
    t.equal(here.status(receipt), 200)
    t.equal(here.status(receipt), 200, 'a copy')
    const { messages } = here.take('private$\\admin', { max: 2 })
    t.match(
      messages.map(({ message: { properties } }) => [properties.messageClass, properties.correlationId]),
      [[messageClass, correlation]],
    )
  }
})
