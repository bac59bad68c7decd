import t from 'tap'
import { decodeOrderAckBody, ORDER_ACK_LABEL } from '../../protocol/binary/order-ack.js'
import { NIL_GUID } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { HandPeer, type HandSession } from '../fixtures/hand-peer.js'
import { orderAckMessage, transactionalMessage } from '../fixtures/messages.js'
import {
  addressOf,
  direct,
  engineAndPeer,
  guidOf,
  SENDER_TIME_STAMP,
  TX_QUEUE,
  TX_QUEUE_NUMBER,
} from '../fixtures/sim-tests.js'

const SEQUENCE = { ordinal: 1, timeStamp: 100 }

type Setup = ReturnType<typeof engineAndPeer>

function send({ node }: Pick<Setup, 'node'>, session: HandSession, number: number, source = guidOf(2)): void {
  session.sendCounted(
    transactionalMessage({ source, messageId: number, to: direct(node, TX_QUEUE), sequenceId: SEQUENCE, number }),
  )
}

/** The session that the acknowledging engine opened, open. */
function back(peer: HandPeer, limitMs: number): HandSession {
  const session = peer.accept(limitMs)
  session.openAsAcceptor()
  return session
}

t.test('a lone message is acknowledged after 500 ms, in a new session to the address it came from', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  const sentMs = world.nowMs
  send(setup, session, 1)
  const answer = peer.accept(2_000)
  t.ok(Math.abs(world.nowMs - sentMs - 500) < 5, `${world.nowMs - sentMs} ms`)
  t.equal(answer.socket.remote.address, node.address)
  answer.openAsAcceptor()
  const ack = answer.next('OrderAck')
  t.equal(ack.user.sourceQueueManager, guidOf(1))
  t.equal(ack.user.queueManagerAddress, NIL_GUID)
  t.match(ack.user.destinationQueue, { name: `TCP:${addressOf(2)}\\PRIVATE$\\order_queue$` })
  t.equal(ack.base.flags, 0)
  t.equal(ack.base.timeToReachQueue, 0xffffffff)
  t.equal(ack.user.flags, 0x00201c00)
  t.equal(ack.transaction, null)
  t.equal(ack.properties.label, ORDER_ACK_LABEL)
  t.equal(ack.properties.messageClass, MessageClass.ORDER_ACK)
  t.equal(ack.properties.messageSize, 36)
  t.match(decodeOrderAckBody(ack.properties.body), {
    sequenceId: SEQUENCE,
    sequenceNumber: 1,
    previousSequenceNumber: 0,
  })
  t.strictSame(
    session.take().filter(packet => 'user' in packet),
    [],
    'nothing of it on the old session',
  )
})

t.test('a steady stream is acknowledged about every 10 s, one ack for all', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  const startMs = world.nowMs
  for (let number = 1; number <= 300; number++) {
    send(setup, session, number)
    world.runFor(100)
  }
  const ackedMs = node.notesOf('order-ack-sent').map(note => note.atMs)
  const firstMs = node.clock.now().wallMs - (world.nowMs - startMs)
  const offsets = ackedMs.map(atMs => Math.round((atMs - firstMs) / 100) / 10)
  t.ok(offsets.length >= 2 && offsets.length <= 3, `acks at ${offsets} s`)
  t.ok(offsets[0]! >= 10 && offsets[0]! <= 10.7, `${offsets[0]} s`)
  t.ok(offsets[1]! - offsets[0]! >= 10 && offsets[1]! - offsets[0]! <= 10.7)
  const claimed = node.notesOf('order-ack-sent')[0]!.number
  t.ok(Math.abs(claimed - offsets[0]! * 10) <= 1, `it covers what came until then: ${claimed}`)
  world.runFor(1_000)
  t.equal(node.notesOf('order-ack-sent').at(-1)?.number, 300, 'the last one follows the end of the stream')
})

t.test('OrderAckTimeout and SeqMaxAckDelay are settings', async t => {
  const setup = engineAndPeer({ settings: { OrderAckTimeout: 100, SeqMaxAckDelay: 1 } })
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  for (let number = 1; number <= 50; number++) {
    send(setup, session, number)
    world.runFor(50)
  }
  const acks = node.notesOf('order-ack-sent').length
  t.ok(acks >= 2 && acks <= 3, `${acks} in 2.5 s`)
})

t.test('no session, no order ack', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  send(setup, session, 1)
  world.runFor(450)
  session.socket.abort()
  world.runFor(60_000)
  t.equal(node.engine.counters.orderAcksSent, 0)
  t.equal(peer.waiting, 0)
  const again = peer.openTo(node)
  send(setup, again, 1)
  const ack = back(peer, 1_000).next('OrderAck')
  t.equal(decodeOrderAckBody(ack.properties.body).sequenceNumber, 1, 'the duplicate brings it')
  t.equal(node.bodies(TX_QUEUE).length, 1)
})

t.test('nothing is order-acked before it is durable', async t => {
  const setup = engineAndPeer({ store: { delayMs: 4_000 } })
  const { world, node, peer } = setup
  world.runFor(5_000)
  const session = peer.openTo(node)
  send(setup, session, 1)
  send(setup, session, 1)
  world.runFor(3_900)
  t.equal(peer.waiting, 0, 'not even for a duplicate of what the disk is still taking')
  const ack = back(peer, 2_000).next('OrderAck')
  t.equal(decodeOrderAckBody(ack.properties.body).sequenceNumber, 1)
})

t.test('a fresh receiver that never took anything acknowledges nothing', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  for (const number of [5, 6, 7]) send(setup, session, number)
  world.runFor(30_000)
  t.equal(session.closed, null)
  t.equal(node.engine.counters.orderAcksSent, 0)
  t.equal(node.engine.counters.outOfSequenceRejected, 3)
})

t.test('the ack goes to the peer of the session, whoever the message says it is from', async t => {
  const setup = engineAndPeer()
  const { world, node } = setup
  const balancer = new HandPeer(world, addressOf(5), guidOf(5)).listen()
  const session = balancer.openTo(node)
  send(setup, session, 1, guidOf(9))
  const ack = back(balancer, 1_000).next('OrderAck')
  t.match(ack.user.destinationQueue, { name: `TCP:${addressOf(5)}\\PRIVATE$\\order_queue$` })
  t.match(node.notesOf('order-ack-sent')[0], { forSource: guidOf(9), sessionPeer: addressOf(5), direct: true })
})

t.test('for private names it goes to PRIVATE=<source>\\00000004: by the cache, else by the resolver', async t => {
  for (const cached of [true, false]) {
    const setup = engineAndPeer(cached ? {} : { settings: { QMIdCacheLifetime: 0.3 } })
    const { world, node, peer } = setup
    const elsewhere = new HandPeer(world, addressOf(6), guidOf(2)).listen()
    world.resolver.queueManagers.set(guidOf(2), [addressOf(6)])
    const session = peer.openTo(node)
    session.sendCounted(
      transactionalMessage({
        source: guidOf(2),
        messageId: 1,
        to: TX_QUEUE_NUMBER,
        queueManager: guidOf(1),
        sequenceId: SEQUENCE,
        number: 1,
      }),
    )
    const answer = (cached ? peer : elsewhere).accept(1_000)
    t.equal(answer.openAsAcceptor().windowSize, 64)
    t.equal(
      answer.packets[0]?.packet.packetType === 'EstablishConnection' && answer.packets[0].packet.serverGuid,
      guidOf(2),
    )
    const ack = answer.next('OrderAck')
    t.equal(ack.user.queueManagerAddress, guidOf(2))
    t.equal(ack.user.flags, 0x00200c00)
    t.match(ack.user.destinationQueue, { number: 4 })
    t.match(node.notesOf('order-ack-sent')[0], { direct: false, destination: `PRIVATE=${guidOf(2)}\\00000004` })
  }
})

t.test('a session that once carried a direct name acknowledges directly from then on', async t => {
  const setup = engineAndPeer()
  const { node, peer } = setup
  const session = peer.openTo(node)
  send(setup, session, 1)
  session.sendCounted(
    transactionalMessage({
      source: guidOf(2),
      messageId: 2,
      to: TX_QUEUE_NUMBER,
      queueManager: guidOf(1),
      sequenceId: SEQUENCE,
      number: 2,
    }),
  )
  const ack = back(peer, 1_000).next('OrderAck')
  t.equal(decodeOrderAckBody(ack.properties.body).sequenceNumber, 2)
  t.equal(ack.user.queueManagerAddress, NIL_GUID)
})

t.test('the ack waits in an outgoing queue while its address is unreachable', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  peer.unlisten()
  send(setup, session, 1)
  world.runFor(20_000)
  t.equal(node.engine.outgoingQueues().length, 1)
  peer.listen()
  back(peer, 5_100).next('OrderAck')
})

t.test('order acks that match nothing are ignored', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  for (const text of ['1', '2', '3'])
    node.sendTransaction([{ destination: direct(peer, 'q'), body: Buffer.from(text) }])
  const session = peer.accept()
  session.openAsAcceptor({ windowSize: 2 })
  const first = session.next('UserMessage')
  const sequenceId = first.transaction!.sequenceId
  t.equal(sequenceId.timeStamp, SENDER_TIME_STAMP + 1)
  const other = peer.openTo(node)
  const cases = [
    {
      what: 'an id never used',
      id: { ...sequenceId, ordinal: sequenceId.ordinal + 1 },
      number: 1,
      result: 'unknown-sequence',
    },
    { what: 'an older time stamp', id: { ...sequenceId, timeStamp: 5 }, number: 1, result: 'unknown-sequence' },
    { what: 'a number never sent', id: sequenceId, number: 3, result: 'never-sent' },
    { what: 'a number that does not exist', id: sequenceId, number: 0xffffffff, result: 'never-sent' },
  ]
  for (const [index, { what, id, number, result }] of cases.entries()) {
    other.sendCounted(
      orderAckMessage({ source: guidOf(2), messageId: 100 + index, to: node.address, sequenceId: id, number }),
    )
    world.runFor(50)
    t.equal(node.notesOf('order-ack-received').at(-1)?.result, result, what)
    t.equal(node.engine.counters.outgoingMessages, 3, what)
  }
  t.equal(other.closed, null)
  t.equal(node.engine.counters.orderAcksUnmatched, 4)
})

t.test('an order ack removes what it covers once the session ack came, on whatever session it arrives', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  for (const text of ['1', '2', '3'])
    node.sendTransaction([{ destination: direct(peer, 'q'), body: Buffer.from(text) }])
  const session = peer.accept()
  session.openAsAcceptor()
  const { sequenceId } = session.next('UserMessage').transaction!
  world.runFor(50)
  session.ack()
  world.runFor(50)
  t.equal(node.engine.counters.outgoingMessages, 3, 'the session ack alone removes nothing')
  const other = new HandPeer(world, addressOf(8), guidOf(8)).openTo(node)
  other.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 1, to: node.address, sequenceId, number: 2 }))
  world.runFor(50)
  t.equal(node.engine.counters.outgoingMessages, 1)
  t.match(node.notesOf('order-ack-received')[0], { result: 'matched', removed: 2, number: 2 })
  other.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 2, to: node.address, sequenceId, number: 1 }))
  world.runFor(50)
  t.match(node.notesOf('order-ack-received')[1], { removed: 0 }, 'an older one removes nothing')
  other.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 3, to: node.address, sequenceId, number: 3 }))
  world.runFor(50)
  t.equal(node.engine.counters.outgoingMessages, 0)
  other.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 4, to: node.address, sequenceId, number: 3 }))
  world.runFor(50)
  t.equal(node.notesOf('order-ack-received').at(-1)?.result, 'stale', 'the sequence is over')
})

t.test('an order ack for a number that the disk is still taking is one for a number never sent', async t => {
  const { world, node, peer } = engineAndPeer()
  const destination = direct(peer, 'q')
  node.sendTransaction([{ destination, body: Buffer.from('1') }])
  const session = peer.accept()
  session.openAsAcceptor()
  const { sequenceId } = session.next('UserMessage').transaction!
  session.ack()
  node.store.delayMs = 1_000
  node.sendTransaction([{ destination, body: Buffer.from('2') }])
  session.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 1, to: node.address, sequenceId, number: 2 }))
  world.runFor(50)
  t.equal(node.notesOf('order-ack-received')[0]?.result, 'never-sent')
  const second = session.next('UserMessage', 1_500)
  t.match(second.transaction, { sequenceNumber: 2, previousSequenceNumber: 1 })
})

t.test('an order ack before the session ack: gone when both are there', async t => {
  const setup = engineAndPeer()
  const { world, node, peer } = setup
  node.sendTransaction([{ destination: direct(peer, 'q'), body: Buffer.from('1') }])
  const session = peer.accept()
  session.openAsAcceptor()
  const { sequenceId } = session.next('UserMessage').transaction!
  session.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 1, to: node.address, sequenceId, number: 1 }))
  world.runFor(50)
  t.equal(node.engine.counters.outgoingMessages, 1)
  session.ack()
  world.runFor(50)
  t.equal(node.engine.counters.outgoingMessages, 0)
})
