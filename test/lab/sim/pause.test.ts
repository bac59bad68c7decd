import t from 'tap'
import { ProcessInputs } from '../../../lab/sim/process-inputs.js'
import { SimWorld } from '../../../lab/sim/world.js'
import { addNode, direct, PLAIN_QUEUE, TX_QUEUE } from '../../fixtures/sim-tests.js'

function twoMachines() {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  const send = (text: string, bytes = 0) =>
    sender.sendTransaction([
      { destination: direct(receiver, TX_QUEUE), body: Buffer.concat([Buffer.from(text), Buffer.alloc(bytes)]) },
    ])
  return { world, sender, receiver, send }
}

t.test('what waits is handed over in its order; a second stop within that is heeded', async t => {
  const inputs = new ProcessInputs()
  const seen: string[] = []
  const take = (name: string, then: () => void = () => undefined) =>
    inputs.take(
      () => {
        seen.push(name)
        then()
      },
      how => seen.push(`${name} lost by ${how}`),
    )
  take('at once')
  inputs.stop()
  take('one', () => take('three'))
  take('two', () => inputs.stop())
  t.strictSame(seen, ['at once'])
  inputs.resume()
  t.strictSame(seen, ['at once', 'one', 'two'])
  inputs.resume()
  t.strictSame(seen, ['at once', 'one', 'two', 'three'])
  inputs.stop()
  take('four')
  inputs.end('power')
  take('five')
  t.strictSame(seen.slice(4), ['four lost by power', 'five'])
})

t.test('a receiver that stands still gets everything when it goes on, later by the pause', async t => {
  const { world, sender, receiver, send } = twoMachines()
  send('before')
  world.runFor(1_000)
  const notesBefore = receiver.notes.length
  receiver.machine.pause()
  t.ok(receiver.machine.isPaused)
  for (let number = 1; number <= 5; number++) send(`during ${number}`)
  world.runFor(10_000)
  t.equal(receiver.notes.length, notesBefore, 'it does nothing')
  t.equal(sender.engine.counters.outgoingMessages, 5, 'and acknowledges nothing; what came before was acknowledged')
  t.equal(world.network.connections().length, 2, 'connections stay: its kernel keeps them')
  receiver.machine.resume()
  t.ok(receiver.notes.length > notesBefore, 'it goes on at once')
  world.runFor(10_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['before', ...[1, 2, 3, 4, 5].map(number => `during ${number}`)])
  t.equal(sender.engine.counters.outgoingMessages, 0)
  t.equal(sender.engine.counters.resends, 0)
})

t.test('its kernel takes what its buffer holds, then the sender has to wait', async t => {
  const { world, receiver, send } = twoMachines()
  send('before')
  world.runFor(1_000)
  receiver.machine.pause()
  for (let number = 1; number <= 10; number++) send(`${number} `, 20_000)
  world.runFor(5_000)
  const [connection] = world.network
    .between('10.0.0.1', '10.0.0.2')
    .filter(({ initiator }) => initiator.local.address === '10.0.0.1')
  const sentBytes = connection!.initiator.sentBytes
  t.ok(sentBytes > 60_000 && sentBytes < 70_000, `${sentBytes} bytes: one window beyond what was read`)
  receiver.machine.resume()
  world.runFor(10_000)
  t.equal(receiver.bodies(TX_QUEUE).length, 11)
})

t.test('a connect to it is taken by its kernel and served when it goes on', async t => {
  const { world, sender, receiver, send } = twoMachines()
  receiver.machine.pause()
  send('first')
  world.runFor(2_000)
  t.equal(world.network.connections().length, 1)
  t.equal(sender.notesOf('session-open').length, 0, 'but nobody answers the handshake')
  receiver.machine.resume()
  world.runFor(1_000)
  t.strictSame(receiver.bodies(TX_QUEUE), ['first'])
})

t.test('its timers fire late, and once', async t => {
  const { world, sender, receiver } = twoMachines()
  world.network.part(sender.address, receiver.address)
  sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('late'), timeToReachQueueS: 10 })
  world.runFor(1_000)
  sender.machine.pause()
  world.runFor(60_000)
  t.equal(sender.engine.counters.outgoingMessages, 1, 'not expired: nobody looks')
  sender.machine.resume()
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('a disk finishes what it was given; the machine hears of it when it goes on', async t => {
  const world = new SimWorld(1)
  const node = addNode(world, 1, { store: { delayMs: 50 } })
  world.runFor(1_000)
  const accepted = node.send({
    destination: direct({ address: '10.0.0.9' }, PLAIN_QUEUE),
    body: Buffer.from('x'),
    delivery: 'recoverable',
  })
  world.runFor(10)
  node.machine.pause()
  world.runFor(1_000)
  t.equal(node.store.rowCount('outgoing'), 1)
  t.equal(accepted.outcome, 'unknown')
  node.machine.resume()
  t.equal(accepted.outcome, 'accepted')
})

t.test('it may crash while it stands still: nothing of what waited reaches its next life', async t => {
  for (const how of ['process', 'power'] as const) {
    const { world, sender, receiver, send } = twoMachines()
    receiver.machine.pause()
    send('first')
    world.runFor(2_000)
    receiver.crash(how)
    t.notOk(receiver.machine.isPaused)
    world.runFor(100)
    const closed = how === 'process' ? 0 : 1
    t.equal(world.network.connections().length, closed, how === 'process' ? 'its kernel resets' : 'nobody is told')
    receiver.start()
    world.runFor(120_000)
    t.strictSame(receiver.bodies(TX_QUEUE), ['first'], how)
    t.equal(sender.engine.counters.outgoingMessages, 0, how)
  }
})

t.test('over HTTP too', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2, { httpPort: 80 })
  receiver.machine.pause()
  const destination = `DIRECT=HTTP://${receiver.address}/msmq/private$/plain`
  sender.send({ destination, body: Buffer.from('posted') })
  world.runFor(5_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), [])
  t.equal(sender.engine.counters.outgoingMessages, 1)
  receiver.machine.resume()
  world.runFor(5_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['posted'])
  t.equal(sender.engine.counters.outgoingMessages, 0)
})
