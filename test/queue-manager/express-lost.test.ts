import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, addressOf, direct, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

t.test('a restart says how many express messages it lost, in queues and on their way', async t => {
  for (const end of ['crash', 'stop'] as const) {
    const world = new SimWorld(1)
    const node = addNode(world, 1)
    const nobody = direct({ address: addressOf(9) }, 'q')
    for (const [destination, count] of [
      [nobody, 3],
      [direct(node, PLAIN_QUEUE), 2],
    ] as const)
      for (let i = 0; i < count; i += 1) {
        node.send({ destination, body: Buffer.from('lost') })
        node.send({ destination, body: Buffer.from('kept'), delivery: 'recoverable' })
      }
    t.equal(node.engine.counters.expressHeld, 5)
    if (end === 'crash') world.runFor(1_100)
    else {
      node.driver.call((engine, now) => engine.stop(now))
      world.runFor(100)
    }
    node.crash('power')
    node.start()
    t.match(node.notesOf('express-lost'), [{ count: 5 }], end)
    t.equal(node.engine.counters.expressLost, 5)
    t.equal(node.engine.counters.expressHeld, 0)
    t.strictSame(node.bodies(PLAIN_QUEUE), ['kept', 'kept'])
    t.equal(node.engine.counters.outgoingMessages, 3)
    world.runFor(2_000)
    node.crash('power')
    node.start()
    t.equal(node.notesOf('express-lost').length, 1, 'it is said once')
  }
})

t.test('express messages that leave are not counted, and write nothing while they come and go', async t => {
  const world = new SimWorld(1)
  const [sender, receiver] = [addNode(world, 1), addNode(world, 2)]
  world.runFor(2_000)
  const writes = sender.store.writes
  for (let i = 0; i < 50; i += 1) {
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('x') })
    world.runFor(10)
  }
  world.runFor(20_000)
  receiver.consume(PLAIN_QUEUE)
  t.equal(sender.engine.counters.expressHeld, 0)
  t.equal(receiver.engine.counters.expressHeld, 0)
  t.ok(sender.store.writes - writes <= 3, 'at most once a second')
})
