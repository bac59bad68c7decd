import t from 'tap'
import { decodeOrderAckBody } from '../../protocol/binary/order-ack.js'
import type { TxSequenceId } from '../../protocol/sequence-id.js'
import { transactionalMessage } from '../fixtures/messages.js'
import { direct, engineAndAutomaticPeer, engineAndPeer, guidOf, TX_QUEUE } from '../fixtures/sim-tests.js'

const S1: TxSequenceId = { ordinal: 7, timeStamp: 100 }
const S2: TxSequenceId = { ordinal: 8, timeStamp: 100 }
/** A later installation with a smaller ordinal: the time stamp weighs more. */
const S3: TxSequenceId = { ordinal: 1, timeStamp: 101 }

type Message = readonly [sequence: TxSequenceId, number: number, previous: number]

interface Row {
  readonly what: string
  /** Brings the receiver into its state; all of it is accepted. */
  readonly before: readonly Message[]
  readonly message: Message
  readonly verdict: 'accept' | 'duplicate' | 'hole' | 'older-sequence' | 'middle-of-sequence'
}

const UP_TO_3: readonly Message[] = [
  [S1, 1, 0],
  [S1, 2, 1],
  [S1, 3, 2],
]

const ROWS: readonly Row[] = [
  { what: 'the first message of a new sequence', before: [], message: [S1, 1, 0], verdict: 'accept' },
  { what: 'the same again', before: [[S1, 1, 0]], message: [S1, 1, 0], verdict: 'duplicate' },
  { what: 'the next', before: [[S1, 1, 0]], message: [S1, 2, 1], verdict: 'accept' },
  { what: 'one too far', before: [[S1, 1, 0]], message: [S1, 3, 2], verdict: 'hole' },
  {
    what: 'one further, the sender says the one between is gone',
    before: [[S1, 1, 0]],
    message: [S1, 3, 1],
    verdict: 'accept',
  },
  { what: 'far further, previous is an old one', before: UP_TO_3, message: [S1, 90, 1], verdict: 'accept' },
  { what: 'an older number', before: UP_TO_3, message: [S1, 2, 1], verdict: 'duplicate' },
  {
    what: 'a fresh receiver never joins in the middle',
    before: [],
    message: [S1, 5, 4],
    verdict: 'middle-of-sequence',
  },
  {
    what: 'a fresh receiver takes a later number that says it is the first',
    before: [],
    message: [S1, 5, 0],
    verdict: 'accept',
  },
  { what: 'a newer sequence from its start', before: UP_TO_3, message: [S2, 1, 0], verdict: 'accept' },
  {
    what: 'a newer sequence from its middle',
    before: [[S1, 1, 0]],
    message: [S2, 2, 1],
    verdict: 'middle-of-sequence',
  },
  { what: 'an older sequence, for ever', before: [[S2, 1, 0]], message: [S1, 10, 9], verdict: 'older-sequence' },
  { what: 'the start of an older sequence', before: [[S2, 1, 0]], message: [S1, 1, 0], verdict: 'older-sequence' },
  {
    what: 'a later time stamp is newer whatever the ordinal',
    before: [[S2, 1, 0]],
    message: [S3, 1, 0],
    verdict: 'accept',
  },
  { what: 'and an earlier one older', before: [[S3, 1, 0]], message: [S2, 1, 0], verdict: 'older-sequence' },
]

t.test('every row of the acceptance rule', async t => {
  for (const { what, before, message, verdict } of ROWS) {
    const { world, node, peer } = engineAndPeer()
    const session = peer.openTo(node)
    let messageId = 0
    const send = ([sequenceId, number, previous]: Message): void => {
      messageId += 1
      session.sendCounted(
        transactionalMessage({
          source: guidOf(2),
          messageId,
          to: direct(node, TX_QUEUE),
          sequenceId,
          number,
          previous,
        }),
      )
    }
    for (const taken of before) send(taken)
    session.take()
    send(message)
    const acknowledgement = session.next('SessionAck', 2_000)
    t.equal(acknowledgement.session.ackSequenceNumber, before.length + 1, `${what}: session-acked whatever the verdict`)
    t.equal(node.bodies(TX_QUEUE).length, before.length + (verdict === 'accept' ? 1 : 0), what)
    t.strictSame(
      node.notesOf('discarded').map(note => note.reason),
      verdict === 'accept' ? [] : [verdict],
      `${what}: ${verdict}`,
    )

    const [stored, number] = verdict === 'accept' ? message : (before.at(-1) ?? [null, 0])
    if (stored === null) {
      world.runFor(12_000)
      t.equal(peer.waiting, 0, `${what}: nothing was taken, so there is nothing to acknowledge`)
      continue
    }
    const back = peer.accept(12_000)
    back.openAsAcceptor()
    const body = decodeOrderAckBody(back.next('OrderAck', 12_000).properties.body)
    t.strictSame(
      [body.sequenceId, body.sequenceNumber, body.previousSequenceNumber],
      [stored, number, number - 1],
      `${what}: the order ack reports what is stored`,
    )
  }
})

t.test('a rejected message changes nothing: the missing one is still welcome', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.openTo(node)
  const send = (number: number, messageId: number): void =>
    session.sendCounted(
      transactionalMessage({ source: guidOf(2), messageId, to: direct(node, TX_QUEUE), sequenceId: S1, number }),
    )
  send(1, 1)
  send(3, 3)
  send(2, 2)
  send(3, 3)
  world.runFor(1_000)
  t.strictSame(node.bodies(TX_QUEUE), ['body 1', 'body 2', 'body 3'])
})

t.test('sequences of different senders and to different queues are apart', async t => {
  const { world, node, peer } = engineAndPeer({
    queues: [
      { name: TX_QUEUE, transactional: true },
      { name: 'private$\\tx2', transactional: true },
    ],
  })
  const session = peer.openTo(node)
  let messageId = 0
  for (const queue of [TX_QUEUE, 'private$\\tx2'])
    for (const source of [guidOf(2), guidOf(3)])
      for (const number of [1, 2]) {
        messageId += 1
        session.sendCounted(
          transactionalMessage({ source, messageId, to: direct(node, queue), sequenceId: S1, number }),
        )
      }
  world.runFor(1_000)
  t.equal(node.bodies(TX_QUEUE).length, 4)
  t.equal(node.bodies('private$\\tx2').length, 4)
})

t.test('one queue under two names is one queue: a sequence each would deliver twice', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.openTo(node)
  const message = { source: guidOf(2), messageId: 1, sequenceId: S1, number: 1 }
  session.sendCounted(transactionalMessage({ ...message, to: direct(node, TX_QUEUE) }))
  session.sendCounted(transactionalMessage({ ...message, to: `DIRECT=OS:n1\\${TX_QUEUE.toUpperCase()}` }))
  world.runFor(1_000)
  t.equal(node.bodies(TX_QUEUE).length, 1)
})

t.test('what was accepted is known after a restart', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.openTo(node)
  const send = (to: typeof session, number: number): void =>
    to.sendCounted(
      transactionalMessage({
        source: guidOf(2),
        messageId: number,
        to: direct(node, TX_QUEUE),
        sequenceId: S1,
        number,
      }),
    )
  send(session, 1)
  send(session, 2)
  world.runFor(100)
  node.crash('power')
  node.start()
  const again = peer.openTo(node)
  for (const number of [1, 2, 4, 3]) send(again, number)
  world.runFor(100)
  t.strictSame(node.bodies(TX_QUEUE), ['body 1', 'body 2', 'body 3'])
})

t.test('a queue that could not be deleted still knows what it has taken', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  const message = transactionalMessage({
    source: guidOf(2),
    messageId: 1,
    to: direct(node, TX_QUEUE),
    sequenceId: { ordinal: 1, timeStamp: 100 },
    number: 1,
  })
  peer.openTo(node).sendCounted(message)
  world.runFor(1_000)
  t.equal(node.consume(TX_QUEUE).length, 1)
  world.runFor(1_000)
  node.store.failing = true
  node.driver.call((engine, now) => engine.deleteQueue(now, TX_QUEUE))
  world.runFor(1_000)
  node.store.failing = false
  t.not(node.engine.queue(TX_QUEUE), null)
  peer.openTo(node).sendCounted(message)
  world.runFor(1_000)
  t.strictSame(node.bodies(TX_QUEUE), [])
})
