import t from 'tap'
import { HandPeer, type HandSession } from '../fixtures/hand-peer.js'
import { plainMessage, transactionalMessage } from '../fixtures/messages.js'
import {
  addressOf,
  direct,
  engineAndAutomaticPeer,
  guidOf,
  PLAIN_QUEUE,
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
