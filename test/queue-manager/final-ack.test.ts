import t from 'tap'
import { decodeFinalAckBody } from '../../protocol/binary/final-ack.js'
import { NIL_GUID } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { finalAckMessage, orderAckMessage, transactionalMessage } from '../fixtures/messages.js'
import { addressOf, direct, engineAndAutomaticPeer, guidOf, TX_QUEUE, TX_QUEUE_NUMBER } from '../fixtures/sim-tests.js'

const SEQUENCE = { ordinal: 1, timeStamp: 100 }
const DEADXACT = 'system$;deadxact'

t.test('the receiver: a final ack when a message that wants one is read', async t => {
  for (const [what, options, wanted] of [
    ['nothing', {}, false],
    ['FA', { finalAck: true }, true],
    ['JP', { spec: { journalPositive: true } }, true],
    ['JN', { spec: { journalNegative: true } }, true],
  ] as const) {
    const { world, node, peer } = engineAndAutomaticPeer()
    const session = peer.openTo(node)
    const tx = { source: guidOf(2), messageId: 50, to: direct(node, TX_QUEUE), sequenceId: SEQUENCE, number: 1 }
    const spec = 'spec' in options ? { spec: { priority: 0, delivery: 'recoverable' as const, ...options.spec } } : {}
    session.sendCounted(transactionalMessage({ ...tx, ...('finalAck' in options ? { finalAck: true } : {}), ...spec }))
    world.runFor(2_000)
    const finals = () =>
      peer.messages.filter(({ packet }) => packet.packetType === 'FinalAck').map(({ packet }) => packet)
    t.equal(finals().length, 0, `${what}: not before it is read`)
    node.consume(TX_QUEUE)
    world.runFor(2_000)
    t.equal(finals().length, wanted ? 1 : 0, what)
    if (!wanted) continue
    const [packet] = finals()
    t.equal(packet!.properties.messageClass, MessageClass.ACK_RECEIVE)
    t.equal(packet!.user.flags, 0x00201c20, 'recoverable, to a direct name')
    t.equal(packet!.user.queueManagerAddress, NIL_GUID)
    t.match(packet!.user.destinationQueue, { name: `TCP:${addressOf(2)}\\PRIVATE$\\order_queue$` })
    t.strictSame(decodeFinalAckBody(packet!.properties.body), {
      sequenceId: SEQUENCE,
      sequenceNumber: 1,
      previousSequenceNumber: 0,
      sourceGuid: guidOf(2),
      messageId: 50,
    })
  }
})

t.test('the receiver: time to be received over is a negative one', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  const session = peer.openTo(node)
  const spec = { priority: 0, delivery: 'recoverable' as const, timeToBeReceived: 10, journalNegative: true }
  session.sendCounted(
    transactionalMessage({
      source: guidOf(2),
      messageId: 50,
      to: direct(node, TX_QUEUE),
      sequenceId: SEQUENCE,
      number: 1,
      spec,
    }),
  )
  world.runFor(15_000)
  const classes = peer.messages
    .filter(({ packet }) => packet.packetType === 'FinalAck')
    .map(({ packet }) => packet.properties.messageClass)
  t.strictSame(classes, [MessageClass.NACK_RECEIVE_TIMEOUT])
})

t.test('the receiver: to a private name it goes to the source, after a restart of the receiver as well', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  world.resolver.queueManagers.set(guidOf(2), [addressOf(2)])
  const session = peer.openTo(node)
  session.sendCounted(
    transactionalMessage({
      source: guidOf(2),
      messageId: 50,
      to: TX_QUEUE_NUMBER,
      queueManager: node.guid,
      sequenceId: SEQUENCE,
      number: 1,
      finalAck: true,
    }),
  )
  world.runFor(2_000)
  node.crash('power')
  node.start()
  node.consume(TX_QUEUE)
  world.runFor(6_000)
  const [packet] = peer.messages.map(received => received.packet).filter(({ packetType }) => packetType === 'FinalAck')
  t.equal(packet?.user.queueManagerAddress, guidOf(2))
  t.equal(packet?.user.flags, 0x00200c20)
})

/** An engine that sent one transactional message with JN, session-acked by the peer. */
function sender(journalNegative: boolean) {
  const setup = engineAndAutomaticPeer()
  const { world, node, peer } = setup
  const { messageIds } = node.sendTransaction([
    { destination: direct(peer, 'q'), body: Buffer.from('mine'), journalNegative },
  ])
  world.runFor(100)
  const session = peer.openTo(node)
  const sequenceId = peer.messages[0]!.packet.transaction!.sequenceId
  let ackId = 500
  return {
    ...setup,
    orderAck: (): void => {
      ackId += 1
      session.sendCounted(
        orderAckMessage({ source: guidOf(2), messageId: ackId, to: node.address, sequenceId, number: 1 }),
      )
      world.runFor(50)
    },
    finalAck: (messageClass: number, changes: { forSource?: string; forMessageId?: number } = {}): void => {
      ackId += 1
      const forMessageId = messageIds[0]!
      session.sendCounted(
        finalAckMessage({
          source: guidOf(2),
          messageId: ackId,
          to: node.address,
          messageClass,
          forSource: node.guid,
          forMessageId,
          sequenceId,
          number: 1,
          ...changes,
        }),
      )
      world.runFor(50)
    },
  }
}

t.test('the sender: a negative final ack makes a dead letter, before or after the order ack', async t => {
  for (const orderAckFirst of [true, false]) {
    const { world, node, orderAck, finalAck } = sender(true)
    if (orderAckFirst) {
      orderAck()
      t.equal(node.engine.counters.outgoingMessages, 0)
      t.equal(node.store.rowCount('awaiting-final-ack'), 1)
    }
    finalAck(MessageClass.NACK_Q_PURGED)
    t.strictSame(node.bodies(DEADXACT), ['mine'])
    t.equal(node.engine.counters.outgoingMessages, 0)
    t.equal(node.store.rowCount('awaiting-final-ack'), 0)
    finalAck(MessageClass.NACK_Q_PURGED)
    t.strictSame(node.bodies(DEADXACT), ['mine'], 'once')
    world.runFor(100_000)
    t.equal(node.notesOf('resend').length, 0)
  }
})

t.test('the sender: a positive one ends it, and without journaling so does a negative one', async t => {
  for (const [journalNegative, messageClass] of [
    [true, MessageClass.ACK_RECEIVE],
    [false, MessageClass.NACK_Q_DELETED],
  ] as const) {
    const { node, finalAck } = sender(journalNegative)
    finalAck(messageClass)
    t.equal(node.engine.counters.outgoingMessages, 0)
    t.equal(node.bodies(DEADXACT).length, 0)
  }
})

t.test('the sender: what awaits its final ack survives a restart', async t => {
  const { world, node, peer, orderAck } = sender(true)
  orderAck()
  const { sequenceId } = peer.messages[0]!.packet.transaction!
  const { messageId } = peer.messages[0]!.packet.user
  node.crash('power')
  node.start()
  const session = peer.openTo(node)
  session.sendCounted(
    finalAckMessage({
      source: guidOf(2),
      messageId: 900,
      to: node.address,
      messageClass: MessageClass.NACK_Q_PURGED,
      forSource: node.guid,
      forMessageId: messageId,
      sequenceId,
      number: 1,
    }),
  )
  world.runFor(100)
  t.strictSame(node.bodies(DEADXACT), ['mine'])
})

t.test('the sender: final acks for others, or for nothing, are ignored', async t => {
  const { node, finalAck } = sender(true)
  finalAck(MessageClass.NACK_Q_PURGED, { forSource: guidOf(9) })
  finalAck(MessageClass.NACK_Q_PURGED, { forMessageId: 0xffff_fff0 })
  t.equal(node.engine.counters.finalAcksUnmatched, 2)
  t.equal(node.engine.counters.outgoingMessages, 1)
  t.equal(node.bodies(DEADXACT).length, 0)
})

t.test('the sender: a final ack for a message that was never sent is ignored', async t => {
  const { world, node, peer } = engineAndAutomaticPeer({ store: { delayMs: 1_000 } })
  world.runFor(2_000)
  const session = peer.openTo(node)
  const { messageIds } = node.sendTransaction([{ destination: direct(peer, 'q'), body: Buffer.from('mine') }])
  const forged = { source: guidOf(2), to: node.address, messageClass: MessageClass.NACK_Q_PURGED, forSource: node.guid }
  const forMessageId = messageIds[0]!
  session.sendCounted(finalAckMessage({ ...forged, messageId: 1, forMessageId, sequenceId: SEQUENCE, number: 1 }))
  world.runFor(2_000)
  t.equal(node.engine.counters.finalAcksUnmatched, 1)
  t.equal(peer.messages.length, 1, 'it is sent')
  t.equal(node.engine.counters.outgoingMessages, 1)
  t.equal(node.engine.outgoingQueues()[0]?.messages, 1)
})

t.test('a rejected message leaves a hole, which the sender bridges: what follows is not held up for ever', async t => {
  const { world, node, peer } = engineAndAutomaticPeer({
    queues: [{ name: TX_QUEUE, transactional: true, quotaKB: 1 }],
  })
  const session = peer.openTo(node)
  const send = (number: number, bytes: number, previous = number - 1): void =>
    session.sendCounted(
      transactionalMessage({
        source: guidOf(2),
        messageId: number,
        to: direct(node, TX_QUEUE),
        body: 'x'.repeat(bytes),
        sequenceId: SEQUENCE,
        number,
        previous,
      }),
    )
  send(1, 10)
  send(2, 5_000)
  send(3, 10)
  world.runFor(1_000)
  t.equal(node.bodies(TX_QUEUE).length, 1)
  t.match(
    node.notesOf('discarded').map(note => note.reason),
    ['queue-quota', 'hole'],
  )
  const classes = peer.messages
    .filter(({ packet }) => packet.packetType === 'FinalAck')
    .map(({ packet }) => packet.properties.messageClass)
  t.strictSame(classes, [MessageClass.NACK_Q_EXCEED_QUOTA], 'so the sender takes 2 out')
  send(3, 10, 1)
  world.runFor(1_000)
  t.equal(node.bodies(TX_QUEUE).length, 2)
})
