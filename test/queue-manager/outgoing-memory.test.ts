import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { addNode, addressOf, direct, engineAndPeer, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const NONE_RESIDENT = { ResidentPacketsKB: 0 }

function bodies(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(`body ${index}`))
}

t.test('packets that are only in the store are sent, over a restart too, and their rows go', async t => {
  for (const settings of [NONE_RESIDENT, {}]) {
    const world = new SimWorld(1)
    const sender = addNode(world, 1, { settings, store: { delayMs: 2 } })
    const to = { address: addressOf(2) }
    for (const body of bodies(20)) sender.send({ destination: direct(to, PLAIN_QUEUE), body, delivery: 'recoverable' })
    sender.sendTransaction(bodies(20).map(body => ({ destination: direct(to, TX_QUEUE), body })))
    world.runFor(1_000)
    t.equal(sender.store.rowCount('outgoing'), 40)
    sender.crash('power')
    sender.start()
    t.equal(sender.engine.counters.outgoingMessages, 40)
    const receiver = addNode(world, 2)
    world.runFor(20_000)
    const expected = bodies(20).map(String)
    t.strictSame(receiver.bodies(PLAIN_QUEUE), expected)
    t.strictSame(receiver.bodies(TX_QUEUE), expected)
    t.equal(sender.engine.counters.outgoingMessages, 0)
    t.equal(sender.engine.counters.messageBytes, 0)
    t.equal(sender.store.rowCount('outgoing'), 0)
    t.equal(sender.store.rowCount('outgoing-sequence'), 0)
  }
})

t.test('a transactional packet out of the store names the message now before it', async t => {
  const { world, node, peer } = engineAndPeer({ settings: NONE_RESIDENT })
  const destination = direct(peer, 'q')
  node.sendTransaction([
    { destination, body: Buffer.from('1') },
    { destination, body: Buffer.from('2'), timeToReachQueueS: 10 },
    { destination, body: Buffer.from('3') },
  ])
  const session = peer.accept()
  session.openAsAcceptor()
  world.runFor(100)
  const sent = () =>
    peer.messages.map(({ packet: { transaction } }) => [
      transaction!.sequenceNumber,
      transaction!.previousSequenceNumber,
    ])
  t.strictSame(sent(), [
    [1, 0],
    [2, 1],
    [3, 2],
  ])
  session.ack()
  world.runFor(31_000)
  t.strictSame(
    sent().slice(3),
    [
      [1, 0],
      [3, 1],
    ],
    'resent without the one that expired',
  )
})

t.test('a packet that the store cannot give back is left in the store; the others go', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1, { settings: NONE_RESIDENT })
  const destination = direct({ address: addressOf(2) }, PLAIN_QUEUE)
  for (const body of bodies(3)) sender.send({ destination, body, delivery: 'recoverable' })
  world.runFor(100)
  const second = [...sender.store.load()]
    .filter(({ table }) => table === 'outgoing')
    .map(({ key }) => key as number)[1]!
  sender.store.corruptPacket('outgoing', second)
  const receiver = addNode(world, 2)
  world.runFor(20_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['body 0', 'body 2'])
  t.equal(sender.engine.counters.unreadablePackets, 1)
  t.equal(sender.engine.counters.outgoingMessages, 0)
  t.equal(sender.store.rowCount('outgoing'), 1, 'for whoever looks into the store')
})

t.test('keys of stored messages grow, over restarts too', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const destination = direct({ address: addressOf(9) }, PLAIN_QUEUE)
  const keys = () =>
    [...sender.store.load()].filter(({ table }) => table === 'outgoing').map(({ key }) => key as number)
  let highest = 0
  for (let life = 0; life < 3; life += 1) {
    for (const body of bodies(3)) sender.send({ destination, body, delivery: 'recoverable' })
    world.runFor(100)
    t.ok(Math.min(...keys()) > highest)
    highest = Math.max(...keys())
    sender.driver.call((engine, now) => engine.purgeOutgoing(now, destination))
    world.runFor(2_000)
    t.equal(keys().length, 0)
    sender.crash('power')
    sender.start()
  }
})

t.test('rows whose deletion failed are deleted later: nothing is sent twice after a restart', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1, { store: { delayMs: 5 } })
  const receiver = addNode(world, 2, { settings: { RemoveDuplicateSize: 0 } })
  sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('once'), delivery: 'recoverable' })
  world.runUntil(() => sender.notesOf('session-acked').length > 0, 10_000)
  sender.store.failuresLeft = 1
  world.runFor(10)
  t.equal(sender.store.rowCount('outgoing'), 1)
  world.runFor(1_100)
  t.equal(sender.store.rowCount('outgoing'), 0)
  sender.crash('power')
  sender.start()
  world.runFor(30_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['once'])
})

t.test('a sequence is not gone on with when a restart finds it empty', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  const destination = direct(receiver, TX_QUEUE)
  for (let life = 0; life < 3; life += 1) {
    sender.sendTransaction([{ destination, body: Buffer.from(`life ${life}`) }])
    world.runFor(2_000)
    sender.crash('power')
    sender.start()
    world.runFor(6_000)
  }
  t.strictSame(receiver.bodies(TX_QUEUE), ['life 0', 'life 1', 'life 2'])
  const sequences = new Set(sender.notesOf('sent').map(({ tx }) => tx?.sequence))
  t.equal(sequences.size, 3)
})

t.test('a row that was to be deleted does not come to life in a later sequence', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const destination = direct({ address: addressOf(2) }, TX_QUEUE)
  sender.sendTransaction([{ destination, body: Buffer.from('of the first sequence') }])
  world.runFor(100)
  const rows = () => [...sender.store.load()].filter(({ table }) => table === 'outgoing')
  const [left] = rows()
  const packet = Uint8Array.from(sender.store.packet('outgoing', left!.key as number))
  sender.driver.call((engine, now) => engine.purgeOutgoing(now, destination))
  world.runFor(2_000)
  sender.sendTransaction([{ destination, body: Buffer.from('of the second') }])
  world.runFor(100)
  sender.crash('power')
  // as if its deletion had failed, and the machine stopped before it was tried again
  const key = (rows().at(-1)!.key as number) + 1
  sender.store.write([{ table: 'outgoing', key, value: left!.value, packet }], () => undefined)
  world.runFor(100)
  sender.start()
  t.equal(sender.engine.counters.outgoingMessages, 1)
  const receiver = addNode(world, 2)
  world.runFor(20_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['of the second'])
  t.equal(sender.store.rowCount('outgoing'), 0)
})

t.test('a queue that rows of the store refer to is not given up, however many others there are', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1, { settings: { CleanupInterval: 1_000, TryConnectInterval: 60_000 } })
  const receiver = addNode(world, 2)
  const destination = direct(receiver, TX_QUEUE)
  sender.sendTransaction([{ destination, body: Buffer.from('journaled'), journalPositive: true }])
  world.runFor(10_000)
  t.equal(sender.engine.outgoingQueues().find(({ formatName }) => formatName === destination)?.unprocessed, 1)
  for (let number = 0; number < 4_100; number += 1)
    sender.send({ destination: direct({ address: '10.1.0.1' }, `q${number}`), body: Buffer.from('x') })
  // an acknowledgement to one more makes room for it
  const own = direct(sender, PLAIN_QUEUE)
  const adminQueue = 'DIRECT=OS:elsewhere\\private$\\admin'
  sender.send({ destination: own, body: Buffer.from('x'), adminQueue, acknowledgements: MP_FLAGS.PA })
  t.equal(sender.engine.counters.acknowledgementsDropped, 1)
  world.runFor(10)
  sender.crash('power')
  sender.start()
  receiver.consume(TX_QUEUE)
  world.runFor(20_000)
  t.strictSame(sender.bodies('system$;journal'), ['journaled'])
})
