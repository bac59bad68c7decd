import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, addressOf, direct, guidOf, PLAIN_QUEUE, TX_QUEUE, TX_QUEUE_NUMBER } from '../fixtures/sim-tests.js'

function pair(one = {}, two = {}) {
  const world = new SimWorld(1)
  return { world, sender: addNode(world, 1, one), receiver: addNode(world, 2, two) }
}

t.test('every kind of name reaches its queue', async t => {
  const names = {
    'DIRECT=TCP': `DIRECT=TCP:${addressOf(2)}\\${TX_QUEUE}`,
    'DIRECT=OS': `DIRECT=OS:n2\\${TX_QUEUE}`,
    'DIRECT=OS in other letters': `Direct=os:N2\\PRIVATE$\\TX`,
    PRIVATE: `PRIVATE=${guidOf(2)}\\${TX_QUEUE_NUMBER.toString(16)}`,
  }
  for (const [what, destination] of Object.entries(names)) {
    const { world, sender, receiver } = pair()
    sender.sendTransaction([{ destination, body: Buffer.from(what) }])
    world.runFor(15_000)
    t.strictSame(receiver.bodies(TX_QUEUE), [what], what)
    t.equal(sender.engine.counters.outgoingMessages, 0, `${what}: the order ack found its way back`)
  }
})

t.test('accepted means durable where it must be', async t => {
  const { world, sender, receiver } = pair({ store: { delayMs: 200 } })
  world.runFor(1_000)
  const express = sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('e') })
  t.equal(express.outcome, 'accepted', 'an express message is in memory at once')
  const recoverable = sender.send({
    destination: direct(receiver, PLAIN_QUEUE),
    body: Buffer.from('r'),
    delivery: 'recoverable',
  })
  const transactional = sender.sendTransaction([{ destination: direct(receiver, TX_QUEUE), body: Buffer.from('t') }])
  world.runFor(190)
  t.strictSame([recoverable.outcome, transactional.outcome], ['unknown', 'unknown'])
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['e'])
  t.strictSame(receiver.bodies(TX_QUEUE), [], 'nor was it sent')
  world.runFor(20)
  t.strictSame([recoverable.outcome, transactional.outcome], ['accepted', 'accepted'])
})

t.test('a message for a queue on the same machine is accepted when it is durable there', async t => {
  const { world, sender } = pair({ store: { delayMs: 200 } })
  world.runFor(1_000)
  const submission = sender.send({
    destination: `DIRECT=OS:n1\\${PLAIN_QUEUE}`,
    body: Buffer.from('home'),
    delivery: 'recoverable',
  })
  t.equal(submission.outcome, 'unknown')
  world.runFor(250)
  t.equal(submission.outcome, 'accepted')
  t.strictSame(sender.bodies(PLAIN_QUEUE), ['home'])
  sender.crash('power')
  sender.start()
  t.strictSame(sender.bodies(PLAIN_QUEUE), ['home'])
})

t.test('a store that fails refuses: nothing of the transaction is sent, the next one is in order', async t => {
  const { world, sender, receiver } = pair()
  const third = addNode(world, 3)
  world.runFor(100)
  const send = (text: string) =>
    sender.sendTransaction(
      [receiver, third].map(node => ({ destination: direct(node, TX_QUEUE), body: Buffer.from(text) })),
    )
  const first = send('1')
  world.runFor(100)
  sender.store.failuresLeft = 1
  const second = send('2')
  const relying = send('3')
  world.runFor(1_000)
  const next = send('4')
  world.runFor(60_000)
  const outcomes = [first, second, relying, next].map(({ outcome }) => outcome)
  t.strictSame(outcomes, ['accepted', 'refused', 'refused', 'accepted'], 'what was under way is refused with it')
  t.equal(second.error, 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
  for (const node of [receiver, third]) t.strictSame(node.bodies(TX_QUEUE), ['1', '4'])
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('messages that cannot be sent spoil nothing', async t => {
  const { world, sender, receiver } = pair()
  const good = { destination: direct(receiver, TX_QUEUE), body: Buffer.from('good') }
  for (const bad of [
    { destination: 'DIRECT=SPX:0001:somewhere\\q', body: Buffer.alloc(1) },
    { destination: 'nonsense', body: Buffer.alloc(1) },
    { ...good, label: 'x'.repeat(250) },
    { ...good, body: Buffer.alloc(5_000_000) },
    { ...good, adminQueue: 'not a format name' },
  ])
    t.throws(() => sender.sendTransaction([good, bad]), { code: /^MSMQ_/ }, JSON.stringify(bad).slice(0, 60))
  sender.sendTransaction([good])
  world.runFor(15_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['good'])
  t.match(sender.notesOf('sent')[0], { tx: { number: 1, previous: 0 } })
})

t.test('over the quota of the machine a send is refused', async t => {
  const { world, sender, receiver } = pair({ settings: { MachineQuota: 8 } })
  world.network.part(sender.address, receiver.address)
  const outcomes = Array.from({ length: 6 }, () =>
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.alloc(2_000) }),
  )
  world.runFor(100)
  t.strictSame(
    outcomes.map(({ outcome }) => outcome),
    ['accepted', 'accepted', 'accepted', 'refused', 'refused', 'refused'],
  )
  t.equal(outcomes[5]!.error, 'MQ_ERROR_INSUFFICIENT_RESOURCES')
  world.network.heal()
  world.runFor(120_000)
  t.equal(receiver.bodies(PLAIN_QUEUE).length, 3)
  t.equal(
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.alloc(2_000) }).outcome,
    'accepted',
    'and there is room again',
  )
})

t.test('what is sent to one destination does not wait for another', async t => {
  const { world, sender, receiver } = pair()
  sender.send({ destination: direct({ address: addressOf(77) }, PLAIN_QUEUE), body: Buffer.from('nowhere') })
  sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('here') })
  world.runFor(100)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['here'])
})

t.test('bodies of any size arrive whole through small windows of the network', async t => {
  const { world, sender, receiver } = pair()
  world.network.profile = { ...world.network.profile, splitChance: 0.9, jitterMs: 5 }
  const sizes = [0, 1, 3, 65_535, 65_536, 1_000_000, 4_100_000]
  for (const size of sizes)
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.alloc(size, size & 0xff) })
  world.runFor(60_000)
  const bodies = receiver.engine.peek(PLAIN_QUEUE, 10).map(({ message }) => message.properties.body)
  t.strictSame(
    bodies.map(body => body.length),
    sizes,
  )
  t.ok(bodies.every(body => body.every(byte => byte === (body.length & 0xff))))
})

t.test('duplicates are remembered for 10,000 messages, or not at all', async t => {
  for (const size of [10_000, 5, 0]) {
    const { world, sender, receiver } = pair({}, { settings: { RemoveDuplicateSize: size } })
    for (let number = 1; number <= 10; number++)
      sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from(`${number}`) })
    world.runFor(100)
    for (const connection of world.network.between(sender.address, receiver.address)) connection.reset()
    world.runFor(6_000)
    t.equal(receiver.engine.counters.duplicatesRejected, size === 10_000 ? 10 : 0, `memory of ${size}`)
    t.equal(receiver.bodies(PLAIN_QUEUE).length, size === 10_000 ? 10 : 20)
  }
})

t.test('remembered identifiers are forgotten after RemoveDuplicateCleanup, twice at the latest', async t => {
  const { world, sender, receiver } = pair(
    { settings: { TryConnectInterval: 5_000_000 } },
    { settings: { RemoveDuplicateCleanup: 60_000 } },
  )
  sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('x') })
  world.runFor(100)
  for (const connection of world.network.between(sender.address, receiver.address)) connection.reset()
  world.runFor(5_000_100)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['x', 'x'])
})

t.test('transactional duplicates are known by number, however old', async t => {
  const { world, sender, receiver } = pair(
    { settings: { TryConnectInterval: 5_000_000 } },
    { settings: { RemoveDuplicateCleanup: 1_000, RemoveDuplicateSize: 0 } },
  )
  sender.sendTransaction([{ destination: direct(receiver, TX_QUEUE), body: Buffer.from('x') }])
  world.runFor(100)
  for (const connection of world.network.between(sender.address, receiver.address)) connection.reset()
  world.runFor(5_010_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['x'])
  t.equal(receiver.engine.counters.duplicatesRejected, 1)
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('pings, where switched on, come before the first connect', async t => {
  const settings = { EnablePingService: 1 }
  const { world, sender, receiver } = pair({ settings }, { settings })
  sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('x') })
  world.runFor(100)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['x'])
  t.equal(receiver.engine.counters.pingsAnswered, 1)

  const silent = pair({ settings })
  silent.sender.send({ destination: direct(silent.receiver, PLAIN_QUEUE), body: Buffer.from('x') })
  silent.world.runFor(900)
  t.strictSame(silent.receiver.bodies(PLAIN_QUEUE), [])
  silent.world.runFor(10_000)
  t.strictSame(silent.receiver.bodies(PLAIN_QUEUE), ['x'], 'unanswered: the retry goes without a ping')
})
