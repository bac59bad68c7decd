import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { sequenceIdText } from '../../protocol/sequence-id.js'
import { orderAckMessage } from '../fixtures/messages.js'
import {
  addNode,
  addressOf,
  direct,
  engineAndAutomaticPeer,
  engineAndPeer,
  guidOf,
  PLAIN_QUEUE,
  TX_QUEUE,
} from '../fixtures/sim-tests.js'

function view(node: ReturnType<typeof addNode>, destination: string) {
  return node.engine.outgoingQueues().find(({ formatName }) => formatName === destination)!
}

t.test('on hold nothing leaves, whatever is in it or comes in; resumed, all of it does', async t => {
  const world = new SimWorld(1)
  const [sender, receiver] = [addNode(world, 1), addNode(world, 2)]
  const destination = direct(receiver, PLAIN_QUEUE)
  const send = (text: string) => sender.send({ destination, body: Buffer.from(text), delivery: 'recoverable' })
  send('before')
  world.runFor(1_000)
  t.equal(view(sender, destination).state, 'CONNECTED')
  sender.driver.call((engine, now) => engine.pauseOutgoing(now, destination))
  send('meanwhile')
  world.runFor(10_000)
  t.match(view(sender, destination), { state: 'ONHOLD', paused: true, messages: 1 })
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['before'])

  sender.crash('power')
  sender.start()
  world.runFor(10_000)
  t.match(view(sender, destination), { state: 'ONHOLD', paused: true, messages: 1 }, 'after a restart too')
  send('later')
  world.runFor(10_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['before'])

  sender.driver.call((engine, now) => engine.resumeOutgoing(now, destination))
  world.runFor(10_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['before', 'meanwhile', 'later'])
  t.match(view(sender, destination), { state: 'CONNECTED', paused: false, messages: 0 })
  sender.crash('power')
  sender.start()
  send('at last')
  world.runFor(10_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE).at(-1), 'at last', 'it stays resumed')
})

t.test('on hold transactional messages are not sent again, and may be acknowledged', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  const destination = direct(peer, 'q')
  node.sendTransaction([{ destination, body: Buffer.from('1') }])
  world.runFor(1_000)
  node.driver.call((engine, now) => engine.pauseOutgoing(now, destination))
  world.runFor(200_000)
  t.equal(peer.messages.length, 1)
  const { sequenceId } = peer.messages[0]!.packet.transaction!
  peer
    .openTo(node)
    .sendCounted(orderAckMessage({ source: guidOf(2), messageId: 9, to: node.address, sequenceId, number: 1 }))
  world.runFor(1_000)
  t.match(view(node, destination), { messages: 0, state: 'ONHOLD' })
})

t.test('the peer is told of a window of 1 when its queue is put on hold', async t => {
  const { world, node, peer } = engineAndPeer()
  const destination = direct(peer, 'q')
  node.send({ destination, body: Buffer.from('x') })
  const session = peer.accept()
  session.openAsAcceptor()
  world.runFor(10)
  session.next('UserMessage')
  node.driver.call((engine, now) => engine.pauseOutgoing(now, destination))
  t.equal(session.next('SessionAck').session.windowSize, 1)
  t.notOk(session.closedWithin(1_000))
})

t.test('an address that comes while the queue is on hold is not connected to', async t => {
  const { world, node, peer } = engineAndPeer()
  world.resolver.delayMs = 1_000
  const destination = 'DIRECT=OS:somewhere\\private$\\q'
  world.resolver.names.set('somewhere', [peer.address])
  node.send({ destination, body: Buffer.from('x') })
  node.driver.call((engine, now) => engine.pauseOutgoing(now, destination))
  world.runFor(10_000)
  t.equal(peer.sessions.length, 0)
  node.driver.call((engine, now) => engine.resumeOutgoing(now, destination))
  world.runFor(3_000)
  t.equal(peer.sessions.length, 1)
})

t.test('what the session has sent when the queue is purged goes if it comes back, and only then', async t => {
  for (const acknowledged of [true, false]) {
    const { world, node, peer } = engineAndPeer()
    const destination = direct(peer, 'q')
    node.send({ destination, body: Buffer.from('sent'), journalNegative: true })
    const session = peer.accept()
    session.openAsAcceptor()
    world.runFor(10)
    t.equal(
      node.driver.call((engine, now) => engine.purgeOutgoing(now, destination)),
      0,
    )
    t.equal(view(node, destination).messages, 1)
    if (acknowledged) session.ack()
    else session.socket.abort()
    world.runFor(100)
    t.equal(view(node, destination).messages, 0)
    t.strictSame(node.bodies('system$;deadletter'), acknowledged ? [] : ['sent'])
    t.equal(node.engine.counters.messageBytes, 0)
  }
})

t.test('transactional messages that follow a purge bridge the gap', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const destination = direct({ address: addressOf(2) }, TX_QUEUE)
  sender.sendTransaction([{ destination, body: Buffer.from('purged') }])
  world.runFor(100)
  sender.driver.call((engine, now) => engine.purgeOutgoing(now, destination))
  sender.sendTransaction([{ destination, body: Buffer.from('kept') }])
  const receiver = addNode(world, 2)
  world.runFor(20_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['kept'])
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('connection history: what was tried, and how it went', async t => {
  const { world, node, peer } = engineAndPeer()
  const destination = 'DIRECT=OS:somewhere\\private$\\q'
  node.send({ destination, body: Buffer.from('x') })
  world.runFor(100)
  t.match(view(node, destination), {
    state: 'NEED VALIDATION',
    nextHops: [],
    peer: null,
    connectionHistory: [{ address: null, status: 'DnsFailure' }],
  })
  world.resolver.names.set('somewhere', [addressOf(9), peer.address])
  world.runFor(5_000)
  t.match(view(node, destination).connectionHistory.at(-1), { address: addressOf(9), status: 'SocketConnectFailure' })
  const session = peer.accept(10_000)
  t.match(view(node, destination), {
    state: 'WAITING',
    nextHops: [addressOf(9), peer.address],
    peer: `${peer.address}:1801`,
  })
  session.openAsAcceptor()
  world.runFor(10)
  const open = view(node, destination)
  t.match(open.connectionHistory.at(-1), { address: peer.address, status: 'Established', endedMs: null })
  session.socket.abort()
  world.runFor(10)
  t.match(view(node, destination).connectionHistory.at(-1), { status: 'Established', reason: 'reset' })
  peer.unlisten()
  world.runFor(600_000)
  t.equal(view(node, destination).connectionHistory.length, 16, 'and it is bounded')
})

t.test('how far a sequence has come', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  const destination = direct(peer, 'q')
  t.equal(node.engine.outgoingQueues().length, 0)
  node.sendTransaction([1, 2, 3].map(number => ({ destination, body: Buffer.from(`${number}`) })))
  world.runFor(1_000)
  const { sequenceId } = peer.messages[0]!.packet.transaction!
  t.match(view(node, destination), {
    unacknowledged: 3,
    sequence: {
      id: sequenceIdText(sequenceId),
      firstUnacknowledged: 1,
      lastUnacknowledged: 3,
      nextNumber: 4,
      lastAcknowledged: 0,
      lastAckMs: null,
      resendCount: 0,
      resendIntervalMs: 30_000,
    },
  })
  const acks = peer.openTo(node)
  for (const messageId of [8, 9])
    acks.sendCounted(orderAckMessage({ source: guidOf(2), messageId, to: node.address, sequenceId, number: 1 }))
  world.runFor(1_000)
  const after = view(node, destination).sequence!
  t.match(after, { firstUnacknowledged: 2, lastUnacknowledged: 3, lastAcknowledged: 1, lastAckCount: 2 })
  t.ok(after.lastAckMs! > 0 && after.resendAtMs! > after.lastAckMs!)
  world.runFor(31_000)
  t.match(view(node, destination), { resendStage: 1, sequence: { resendCount: 1 } })
  acks.sendCounted(orderAckMessage({ source: guidOf(2), messageId: 10, to: node.address, sequenceId, number: 3 }))
  world.runFor(1_000)
  t.match(view(node, destination), { unacknowledged: 0, sequence: null })
})
