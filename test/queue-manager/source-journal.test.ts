import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { MessageToSend } from '../../queue-manager/message-to-send.js'
import { addNode, addressOf, direct, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const JOURNAL = 'system$;journal'
const DEADLETTER = 'system$;deadletter'
const DEADXACT = 'system$;deadxact'
const NOBODY = { address: addressOf(9) }

function twoNodes(settings: Readonly<Record<string, number>> = {}) {
  const world = new SimWorld(1)
  return { world, sender: addNode(world, 1, { settings }), receiver: addNode(world, 2) }
}

/** Classes and bodies of what lies in a queue. */
function contents(node: ReturnType<typeof addNode>, queue: string): [number, string][] {
  return node.engine
    .peek(queue, 100)
    .map(({ message: { properties } }) => [properties.messageClass, properties.body.toString()])
}

t.test(
  'JP: a plain message is in the journal when the next hop has it, a transactional one when it was read',
  async t => {
    for (const settings of [{}, { ResidentPacketsKB: 0 }])
      for (const kind of ['express', 'recoverable', 'transactional'] as const) {
        const { world, sender, receiver } = twoNodes(settings)
        const transactional = kind === 'transactional'
        const queue = transactional ? TX_QUEUE : PLAIN_QUEUE
        const message: MessageToSend = {
          destination: direct(receiver, queue),
          body: Buffer.from(kind),
          journalPositive: true,
        }
        if (transactional) sender.sendTransaction([message])
        else sender.send({ ...message, delivery: kind })
        sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('not journaled') })
        world.runFor(12_000)
        t.strictSame(
          contents(sender, JOURNAL),
          transactional ? [] : [[0, kind]],
          `${kind}: after session and order ack`,
        )
        if (transactional) t.equal(sender.engine.outgoingQueues()[0]?.unprocessed, 1)
        receiver.consume(queue)
        world.runFor(12_000)
        t.strictSame(contents(sender, JOURNAL), [[0, kind]], `${kind}: after the receive`)
        t.equal(receiver.bodies(JOURNAL).length, 0)
        t.equal(sender.store.rowCount('outgoing'), 0)
        t.equal(sender.store.rowCount('awaiting-final-ack'), 0)
        t.equal(sender.engine.counters.messageBytes, 0)
        sender.crash('power')
        sender.start()
        t.strictSame(contents(sender, JOURNAL), [[0, kind]], `${kind}: copies are recoverable`)
      }
  },
)

t.test('JP: what awaits its final ack is journaled after a restart as well', async t => {
  const { world, sender, receiver } = twoNodes()
  const destination = direct(receiver, TX_QUEUE)
  sender.sendTransaction([{ destination, body: Buffer.from('one'), journalPositive: true }])
  world.runFor(2_000)
  t.equal(sender.store.rowCount('awaiting-final-ack'), 1)
  t.equal(sender.store.rowCount('outgoing'), 1, 'its packet stays where it was')
  sender.crash('power')
  sender.start()
  t.equal(sender.engine.counters.outgoingMessages, 0)
  receiver.consume(TX_QUEUE)
  world.runFor(12_000)
  t.strictSame(contents(sender, JOURNAL), [[0, 'one']])
  t.equal(sender.store.rowCount('outgoing'), 0)
})

t.test("JN: time to reach queue over, the class in place of the message's own", async t => {
  for (const kind of ['express', 'recoverable', 'transactional'] as const) {
    const { world, sender } = twoNodes()
    const message: MessageToSend = {
      destination: direct(NOBODY, 'private$\\q'),
      body: Buffer.from(kind),
      timeToReachQueueS: 5,
      journalNegative: true,
    }
    if (kind === 'transactional') sender.sendTransaction([message, { ...message, journalNegative: false }])
    else for (const journalNegative of [true, false]) sender.send({ ...message, delivery: kind, journalNegative })
    world.runFor(8_000)
    const [filled, other] = kind === 'transactional' ? [DEADXACT, DEADLETTER] : [DEADLETTER, DEADXACT]
    t.strictSame(contents(sender, filled), [[MessageClass.NACK_REACH_QUEUE_TIMEOUT, kind]], kind)
    t.strictSame(contents(sender, other), [])
    t.equal(sender.engine.counters.outgoingMessages, 0)
    t.match(sender.notesOf('dead-lettered'), [{ messageClass: MessageClass.NACK_REACH_QUEUE_TIMEOUT }])
  }
})

t.test('JN, transactional: rejected by the receiver, for the reason it gives', async t => {
  const { world, sender, receiver } = twoNodes()
  const destination = direct(receiver, PLAIN_QUEUE)
  sender.sendTransaction([{ destination, body: Buffer.from('refused'), journalNegative: true }])
  world.runFor(5_000)
  t.strictSame(contents(sender, DEADXACT), [[MessageClass.NACK_NOT_TRANSACTIONAL_Q, 'refused']])
})

t.test('JN, transactional: not received in time, whether the receiver says so or never says anything', async t => {
  for (const silent of [false, true]) {
    const { world, sender, receiver } = twoNodes({ XactDelayReceiveNack: 60 })
    const destination = direct(receiver, TX_QUEUE)
    sender.sendTransaction([{ destination, body: Buffer.from('late'), timeToBeReceivedS: 30, journalNegative: true }])
    world.runFor(5_000)
    t.equal(sender.store.rowCount('awaiting-final-ack'), 1)
    if (silent) receiver.crash('power')
    world.runFor(40_000)
    t.equal(contents(sender, DEADXACT).length, silent ? 0 : 1)
    sender.crash('power')
    sender.start()
    world.runFor(60_000)
    t.strictSame(contents(sender, DEADXACT), [[MessageClass.NACK_RECEIVE_TIMEOUT, 'late']])
    t.equal(sender.store.rowCount('awaiting-final-ack'), 0)
    t.equal(sender.store.rowCount('outgoing'), 0)
  }
})

t.test('purging an outgoing queue: class 0x8001, to who asked and where it is wanted', async t => {
  const { world, sender } = twoNodes()
  const destination = direct(NOBODY, 'private$\\q')
  const common = { destination, journalNegative: true, acknowledgements: MP_FLAGS.NA, adminQueue: ownName(PLAIN_QUEUE) }
  sender.send({ ...common, body: Buffer.from('express') })
  sender.send({ ...common, body: Buffer.from('recoverable'), delivery: 'recoverable' })
  sender.sendTransaction([{ ...common, body: Buffer.from('transactional') }])
  world.runFor(1_000)
  t.equal(
    sender.driver.call((engine, now) => engine.purgeOutgoing(now, destination)),
    3,
  )
  world.runFor(100)
  const { NACK_DELETED } = MessageClass
  t.strictSame(contents(sender, DEADLETTER), [
    [NACK_DELETED, 'express'],
    [NACK_DELETED, 'recoverable'],
  ])
  t.strictSame(contents(sender, DEADXACT), [[NACK_DELETED, 'transactional']])
  t.strictSame(
    contents(sender, PLAIN_QUEUE).sort(),
    ['express', 'recoverable', 'transactional'].map(body => [NACK_DELETED, body]),
    'acknowledged to a queue of this machine',
  )
  t.equal(sender.store.rowCount('outgoing'), 0)
  t.throws(() => sender.engine.purgeOutgoing(sender.clock.now(), 'DIRECT=OS:unknown\\q'), {
    code: 'MSMQ_OPTION_QUEUE',
  })
})

t.test("a message's own dead-letter queue", async t => {
  const { world, sender } = twoNodes()
  sender.driver.call((engine, now) => engine.createQueue(now, { name: 'private$\\failed' }))
  sender.driver.call((engine, now) => engine.createQueue(now, { name: 'private$\\failedtx', transactional: true }))
  const destination = direct(NOBODY, 'private$\\q')
  const common = { destination, body: Buffer.from('mine'), timeToReachQueueS: 5, journalNegative: true }
  sender.send({ ...common, delivery: 'recoverable', deadLetterQueue: 'private$\\failed' })
  sender.sendTransaction([{ ...common, deadLetterQueue: ownName('private$\\failedtx') }])
  world.runFor(1_000)
  sender.crash('power')
  sender.start()
  world.runFor(8_000)
  t.strictSame(contents(sender, 'private$\\failed'), [[MessageClass.NACK_REACH_QUEUE_TIMEOUT, 'mine']])
  t.strictSame(contents(sender, 'private$\\failedtx'), [[MessageClass.NACK_REACH_QUEUE_TIMEOUT, 'mine']])
  t.strictSame([...contents(sender, DEADLETTER), ...contents(sender, DEADXACT)], [])
  for (const deadLetterQueue of ['private$\\failedtx', 'private$\\none', 'DIRECT=OS:other\\private$\\failed'])
    t.throws(() => sender.send({ ...common, deadLetterQueue }), { code: 'MSMQ_OPTION_FORMAT_NAME' }, deadLetterQueue)
})

t.test("messages to queues of a queue manager's own are not journaled", async t => {
  const { world, sender, receiver } = twoNodes()
  const common = { body: Buffer.from('x'), journalPositive: true, journalNegative: true }
  sender.send({ ...common, destination: direct(receiver, 'private$\\admin_queue$') })
  sender.send({ ...common, destination: direct(NOBODY, 'private$\\notify_queue$'), timeToReachQueueS: 5 })
  world.runFor(30_000)
  t.equal(receiver.bodies('private$\\admin_queue$').length, 1)
  t.strictSame([...contents(sender, JOURNAL), ...contents(sender, DEADLETTER)], [])
})

t.test('a queue of this machine: the journal has the message when the queue has it', async t => {
  const { world, sender } = twoNodes()
  const common = { body: Buffer.from('home'), journalPositive: true }
  sender.send({ ...common, destination: ownName(PLAIN_QUEUE) })
  sender.sendTransaction([{ ...common, destination: ownName(TX_QUEUE) }])
  world.runFor(100)
  t.strictSame(contents(sender, JOURNAL), [
    [0, 'home'],
    [0, 'home'],
  ])
})

function ownName(queue: string): string {
  return `DIRECT=OS:.\\${queue}`
}
