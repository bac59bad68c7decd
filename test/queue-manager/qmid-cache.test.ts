import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { MessageClass } from '../../protocol/message-class.js'
import { HandPeer, type HandSession } from '../fixtures/hand-peer.js'
import { plainMessage, transactionalMessage } from '../fixtures/messages.js'
import {
  addNode,
  addressOf,
  direct,
  engineAndAutomaticPeer,
  guidOf,
  PLAIN_QUEUE,
  TX_QUEUE,
  TX_QUEUE_NUMBER,
} from '../fixtures/sim-tests.js'

const SEQUENCE = { ordinal: 1, timeStamp: 100 }

/** An engine and two clones, at addresses 2 and 5, that share the GUID of 2. */
function clones(lifetimeS: number) {
  const setup = engineAndAutomaticPeer({
    settings: { QMIdCacheLifetime: lifetimeS, SeqMaxAckDelay: 1, CleanupInterval: 2_000 },
  })
  const other = new HandPeer(setup.world, addressOf(5), guidOf(2)).listen(true)
  let messageId = 0
  return {
    ...setup,
    first: setup.peer,
    other,
    chatter: (session: HandSession): void => {
      messageId += 1
      session.sendCounted(plainMessage({ source: guidOf(2), messageId, to: direct(setup.node, PLAIN_QUEUE) }))
    },
    transactional: (session: HandSession, number: number): void => {
      messageId += 1
      session.sendCounted(
        transactionalMessage({
          source: guidOf(2),
          messageId,
          to: TX_QUEUE_NUMBER,
          queueManager: guidOf(1),
          sequenceId: SEQUENCE,
          number,
        }),
      )
    },
  }
}

function orderAcks(peer: HandPeer): number {
  return peer.messages.filter(({ packet }) => packet.packetType === 'OrderAck').length
}

t.test('the row comes from the first message of any kind', async t => {
  const { world, node, first, transactional } = clones(600)
  transactional(first.openTo(node), 1)
  world.runFor(1_000)
  t.equal(orderAcks(first), 1)
  t.match(node.notesOf('qmid-cached'), [{ guid: guidOf(2), address: addressOf(2), change: 'new' }])
  t.match(node.notesOf('resolved'), [{ by: 'cache' }])
})

t.test('a clone that comes second has its acks sent to the first, until the row is too old', async t => {
  const { world, node, first, other, chatter, transactional } = clones(30)
  chatter(first.openTo(node))
  world.runFor(100)
  transactional(other.openTo(node), 1)
  world.runFor(5_000)
  t.equal(orderAcks(first), 1, 'the first gets an ack for what it never sent')
  t.equal(orderAcks(other), 0)
  t.match(node.notesOf('qmid-cached').at(-1), { address: addressOf(5), change: 'kept-other' })

  world.runFor(26_000)
  transactional(other.openTo(node), 1)
  world.runFor(5_000)
  t.equal(orderAcks(other), 1, 'the row was replaced')
  t.equal(orderAcks(first), 1)
})

t.test('chatter does not lengthen the life of a row', async t => {
  const { world, node, first, other, chatter, transactional } = clones(20)
  const talking = first.openTo(node)
  for (let second = 0; second < 19; second++) {
    chatter(talking)
    world.runFor(1_000)
  }
  world.runFor(1_500)
  transactional(other.openTo(node), 1)
  world.runFor(2_000)
  t.equal(orderAcks(other), 1)
})

t.test('with no row the resolver is asked', async t => {
  const { world, node, first, other, transactional } = clones(0.1)
  world.resolver.queueManagers.set(guidOf(2), [addressOf(5)])
  transactional(first.openTo(node), 1)
  world.runFor(3_000)
  t.equal(orderAcks(other), 1)
  t.equal(orderAcks(first), 0)
  t.match(node.notesOf('resolved'), [{ by: 'resolver' }])
})

t.test('direct names never ask the cache', async t => {
  const { world, node, first, other, chatter } = clones(600)
  chatter(first.openTo(node))
  world.runFor(100)
  const session = other.openTo(node)
  session.sendCounted(
    transactionalMessage({
      source: guidOf(2),
      messageId: 99,
      to: direct(node, 'private$\\tx'),
      sequenceId: SEQUENCE,
      number: 1,
    }),
  )
  world.runFor(2_000)
  t.equal(orderAcks(other), 1)
  t.equal(orderAcks(first), 0)
})

/**
 * A receiver and two clones, all of them whole queue managers: one QMId, one installation, and so the same sequence ids.
 * The clone named first holds the receiver's row, which outlives the test.
 */
function clonedSenders(holder: 'first' | 'second') {
  const world = new SimWorld(1)
  const settings = { QMIdCacheLifetime: 3_600, SeqMaxAckDelay: 1, SeqResend13Time: 2, IdleAckDelay: 100 }
  const receiver = addNode(world, 1, { settings })
  const cloned = { guid: guidOf(2), sequenceTimeStamp: SEQUENCE.timeStamp, settings }
  const first = addNode(world, 2, cloned)
  const second = addNode(world, 5, cloned)
  const chatter = { destination: `PRIVATE=${guidOf(1)}\\64`, body: Buffer.from('chatter') }
  const chatting = holder === 'first' ? first : second
  chatting.send(chatter)
  world.runFor(1_000)
  return { world, receiver, first, second }
}

const TX_DESTINATION = `PRIVATE=${guidOf(1)}\\${TX_QUEUE_NUMBER.toString(16)}`

t.test('QMID-7: a clone believes the ack meant for the other, and its message is gone', async t => {
  const { world, receiver, first, second } = clonedSenders('second')
  first.sendTransaction([{ destination: TX_DESTINATION, body: Buffer.from('of the first') }])
  world.runFor(100)
  second.sendTransaction([{ destination: TX_DESTINATION, body: Buffer.from('of the second'), journalNegative: true }])
  world.runFor(1_500)
  t.strictSame(receiver.bodies(TX_QUEUE), ['of the first'])
  t.match(receiver.notesOf('discarded'), [{ peer: addressOf(5), reason: 'duplicate', tx: { number: 1 } }])
  t.match(second.notesOf('order-ack-received'), [{ number: 1, result: 'matched', removed: 1 }])
  t.equal(second.engine.counters.outgoingMessages, 0, 'the second takes its message for delivered')
  t.strictSame(second.notesOf('dead-lettered'), [], 'and does not complain')

  world.runFor(60_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['of the first'], 'it never comes')
  t.equal(first.notesOf('order-ack-received').length, 0, 'while the first, whose message was taken, never hears of it')
  t.equal(first.engine.counters.outgoingMessages, 1)
  t.ok(first.engine.counters.resends >= 1)
})

t.test('QMID-7: no ack comes to the clone whose message is taken for a duplicate, and it gives up', async t => {
  const { world, receiver, first, second } = clonedSenders('first')
  first.sendTransaction([{ destination: TX_DESTINATION, body: Buffer.from('of the first') }])
  world.runFor(2_000)
  t.equal(first.engine.counters.outgoingMessages, 0, 'the first has its ack')
  const message = { destination: TX_DESTINATION, timeToReachQueueS: 10 }
  second.sendTransaction([{ ...message, body: Buffer.from('of the second'), journalNegative: true }])
  world.runFor(9_000)
  t.equal(second.engine.counters.outgoingMessages, 1, 'the second waits')
  t.ok(second.engine.counters.resends >= 2, 'and sends again')
  t.equal(second.notesOf('order-ack-received').length, 0)
  world.runFor(3_000)
  t.equal(second.engine.counters.outgoingMessages, 0, 'until the time to reach the queue is over')
  t.match(second.notesOf('dead-lettered'), [
    { messageClass: MessageClass.NACK_REACH_QUEUE_TIMEOUT, transactional: true },
  ])
  t.strictSame(receiver.bodies(TX_QUEUE), ['of the first'])
  const acks = first.notesOf('order-ack-received')
  t.ok(acks.length > 1 && acks.every(({ number }) => number === 1), 'its acks all went to the first')
})
