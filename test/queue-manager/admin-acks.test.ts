import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { buildMessageIdentifier } from '../../protocol/binary/build.js'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import { addNode, addressOf, direct, guidOf, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const ADMIN = 'private$\\admin'
const ADMIN_NUMBER = 0x70
const { PA, PR, NA, NR } = MP_FLAGS
const ALL = PA | PR | NA | NR

function threeNodes() {
  const world = new SimWorld(1)
  const queues = [
    { name: PLAIN_QUEUE, number: 0x64 },
    { name: TX_QUEUE, number: 0x65, transactional: true },
    { name: ADMIN, number: ADMIN_NUMBER },
  ]
  const [sender, receiver, third] = [1, 2, 3].map(number => addNode(world, number, { queues }))
  return { world, sender: sender!, receiver: receiver!, third: third! }
}

t.test('acknowledgements reach the administration queue, wherever it is and however it is named', async t => {
  const { world, sender, receiver, third } = threeNodes()
  const places = [
    ['the sender, DIRECT', direct(sender, ADMIN), sender],
    ['the sender, PRIVATE', `PRIVATE=${guidOf(1)}\\${ADMIN_NUMBER.toString(16)}`, sender],
    ['the receiver, DIRECT', direct(receiver, ADMIN), receiver],
    ['the receiver, PRIVATE', `PRIVATE=${guidOf(2)}\\${ADMIN_NUMBER.toString(16)}`, receiver],
    ['another machine, DIRECT', direct(third, ADMIN), third],
    ['another machine, PRIVATE', `PRIVATE=${guidOf(3)}\\${ADMIN_NUMBER.toString(16)}`, third],
  ] as const
  for (const [what, adminQueue, place] of places)
    for (const to of [direct(receiver, PLAIN_QUEUE), `PRIVATE=${guidOf(2)}\\64`]) {
      const delivery = 'recoverable'
      const { messageIds } = sender.send({
        destination: to,
        body: Buffer.from('b'),
        adminQueue,
        acknowledgements: ALL,
        delivery,
      })
      world.runFor(20_000)
      receiver.consume(PLAIN_QUEUE)
      world.runFor(20_000)
      const acks = place.receive(ADMIN, { max: 10 }).map(({ message }) => message)
      t.strictSame(
        acks.map(({ properties }) => properties.messageClass),
        [MessageClass.ACK_REACH_QUEUE, MessageClass.ACK_RECEIVE],
        `${what}, of a message to ${to}`,
      )
      for (const { properties, user } of acks) {
        t.strictSame(properties.correlationId, buildMessageIdentifier(guidOf(1), messageIds[0]!))
        t.equal(properties.body.length, 0)
        t.equal(user.sourceQueueManager, guidOf(2))
        t.match(
          user.responseQueue,
          to.startsWith('DIRECT') ? { name: to.slice('DIRECT='.length) } : { queueManager: guidOf(2), number: 0x64 },
          'the response queue is where the message went',
        )
      }
    }
})

t.test('a queue of this machine acknowledges like any other', async t => {
  const { world, sender } = threeNodes()
  const own = `DIRECT=OS:.\\${ADMIN}`
  sender.send({
    destination: direct(sender, PLAIN_QUEUE),
    body: Buffer.from('b'),
    adminQueue: own,
    acknowledgements: ALL,
  })
  sender.sendTransaction([
    { destination: direct(sender, TX_QUEUE), body: Buffer.from('b'), adminQueue: own, acknowledgements: ALL },
  ])
  world.runFor(100)
  sender.consume(PLAIN_QUEUE)
  sender.consume(TX_QUEUE)
  world.runFor(100)
  const { ACK_REACH_QUEUE, ACK_RECEIVE } = MessageClass
  t.strictSame(
    sender.receive(ADMIN, { max: 10 }).map(({ message }) => message.properties.messageClass),
    [ACK_REACH_QUEUE, ACK_RECEIVE, ACK_REACH_QUEUE, ACK_RECEIVE],
    'by priority, which of acknowledgements is that of the message',
  )
})

t.test('what did not reach its queue comes back with its body, from the sender itself', async t => {
  const { world, sender } = threeNodes()
  sender.send({
    destination: direct({ address: addressOf(9) }, 'q'),
    body: Buffer.from('the body'),
    adminQueue: direct(sender, ADMIN),
    acknowledgements: ALL,
    timeToReachQueueS: 5,
  })
  world.runFor(10_000)
  const [ack, more] = sender.receive(ADMIN, { max: 10 })
  t.equal(ack?.message.properties.messageClass, MessageClass.NACK_REACH_QUEUE_TIMEOUT)
  t.equal(ack?.message.properties.body.toString(), 'the body')
  t.equal(more, undefined)
})

t.test('nothing is acknowledged of messages to administration, notification and order queues', async t => {
  const { world, sender, receiver } = threeNodes()
  for (const queue of ['private$\\admin_queue$', 'private$\\notify_queue$', 'private$\\order_queue$'])
    sender.send({
      destination: direct(receiver, queue),
      body: Buffer.from('b'),
      adminQueue: direct(sender, ADMIN),
      acknowledgements: ALL,
    })
  world.runFor(20_000)
  t.equal(receiver.consume('private$\\admin_queue$').length, 1)
  world.runFor(20_000)
  t.equal(sender.bodies(ADMIN).length, 0)
  t.equal(receiver.engine.counters.adminAcksSent, 0)
})

t.test('an administration queue that cannot be sent to costs nothing but the acknowledgement', async t => {
  const { world, sender, receiver } = threeNodes()
  for (const adminQueue of [direct(receiver, TX_QUEUE), direct(receiver, 'private$\\none'), `PUBLIC=${guidOf(77)}`])
    sender.send({
      destination: direct(receiver, PLAIN_QUEUE),
      body: Buffer.from('b'),
      adminQueue,
      acknowledgements: ALL,
    })
  world.runFor(20_000)
  t.equal(receiver.bodies(PLAIN_QUEUE).length, 3)
  t.equal(receiver.bodies(TX_QUEUE).length, 0)
})
