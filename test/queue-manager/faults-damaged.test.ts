import t from 'tap'
import type { SimNode } from '../../lab/sim/sim-node.js'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, direct, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

/** Nothing of a durable message stays in memory: each packet is read again. */
const SETTINGS = { ResidentPacketsKB: 0 }
const HOUR_MS = 3_600_000

function pair() {
  const world = new SimWorld(1)
  return {
    world,
    sender: addNode(world, 1, { settings: SETTINGS }),
    receiver: addNode(world, 2, { settings: SETTINGS }),
  }
}

function send(from: SimNode, to: SimNode, texts: readonly string[], transactional: boolean): void {
  for (const text of texts)
    if (transactional) from.sendTransaction([{ destination: direct(to, TX_QUEUE), body: Buffer.from(text) }])
    else from.send({ destination: direct(to, PLAIN_QUEUE), body: Buffer.from(text), delivery: 'recoverable' })
}

t.test('a disk that cannot be read: the queue manager does not start, and starts when it can be', async t => {
  const { world, sender, receiver } = pair()
  send(sender, receiver, ['kept'], false)
  world.runFor(5_000)
  receiver.crash('power')
  receiver.store.unreadable = true
  t.throws(() => receiver.start(), { code: 'MSMQ_STORE_CORRUPT' })
  t.equal(receiver.isRunning, false)
  receiver.store.unreadable = false
  receiver.start()
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['kept'])
})

for (const [name, transactional] of [
  [PLAIN_QUEUE, false],
  [TX_QUEUE, true],
] as const)
  t.test(`a message in ${name} whose packet is damaged is an error to whoever receives it, and stays`, async t => {
    const { world, sender, receiver } = pair()
    send(sender, receiver, ['one', 'two', 'three'], transactional)
    world.runFor(5_000)
    const [, second] = receiver.store.keys('message')
    receiver.store.corruptPacket('message', second as number)
    t.throws(() => receiver.engine.peek(name, 3), { code: 'MSMQ_STORE_CORRUPT' })
    t.strictSame(receiver.consume(name, 1), ['one'])
    const answer = receiver.answer(name, { max: 1 })
    t.strictSame(answer.messages, [])
    t.equal(answer.error, 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
    const last = receiver.answer(name, { by: { which: 'last' } })
    t.equal(last.messages[0]?.message.properties.body.toString(), 'three', 'what is behind it can be received')
    t.strictSame(receiver.store.keys('message'), [second], 'nothing is thrown away')
    const [queue] = receiver.engine.localQueues().filter(queue => queue.name === name)
    t.equal(queue!.messages, 1)
    receiver.crash('power')
    receiver.start()
    t.equal(receiver.engine.localQueues().find(queue => queue.name === name)!.messages, 1, 'nor by a restart')
  })

for (const transactional of [false, true])
  t.test(`an outgoing ${transactional ? 'transactional' : 'recoverable'} message whose packet is damaged`, async t => {
    const { world, sender, receiver } = pair()
    world.network.part(sender.address, receiver.address)
    send(sender, receiver, ['one', 'two', 'three'], transactional)
    send(sender, receiver, ['other queue'], !transactional)
    world.runFor(5_000)
    const [, second] = sender.store.keys('outgoing')
    sender.store.corruptPacket('outgoing', second as number)
    world.network.join(sender.address, receiver.address)
    world.runFor(HOUR_MS)
    t.ok(sender.isRunning)
    t.strictSame(receiver.bodies(transactional ? PLAIN_QUEUE : TX_QUEUE), ['other queue'], 'the others are served')
    const came = receiver.bodies(transactional ? TX_QUEUE : PLAIN_QUEUE)
    t.notOk(came.includes('two'))
    t.equal(came[0], 'one')
    if (!transactional) t.strictSame(came, ['one', 'three'], 'and so are those behind it')
    t.ok(sender.store.keys('outgoing').includes(second as number), 'it is not thrown away')
    sender.crash('power')
    sender.start()
    world.runFor(60_000)
    t.ok(sender.store.keys('outgoing').includes(second as number), 'nor by a restart')
  })

t.test('a queue whose creation was not stored takes no messages that would outlive it', async t => {
  const { world, sender, receiver } = pair()
  receiver.store.failing = true
  receiver.driver.call((engine, now) => engine.createQueue(now, { name: 'private$\\late' }))
  world.runFor(100)
  receiver.store.failing = false
  sender.send({
    destination: direct(receiver, 'private$\\late'),
    body: Buffer.from('kept'),
    delivery: 'recoverable',
    journalNegative: true,
  })
  world.runFor(60_000)
  const before = receiver.engine.queue('private$\\late') === null ? [] : receiver.bodies('private$\\late')
  receiver.crash('power')
  receiver.start()
  const after = receiver.engine.queue('private$\\late') === null ? [] : receiver.bodies('private$\\late')
  t.strictSame(after, before, 'what was there is there')
})
