import t from 'tap'
import type { SimNodeOptions } from '../../lab/sim/sim-node.js'
import { buildMessageIdentifier, type UserMessageSpec } from '../../protocol/binary/build.js'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import { HandPeer } from '../fixtures/hand-peer.js'
import { plainMessage, transactionalMessage } from '../fixtures/messages.js'
import { addressOf, direct, engineAndAutomaticPeer, guidOf, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const SEQUENCE = { ordinal: 1, timeStamp: 100 }
const ALL_ACKS = MP_FLAGS.PA | MP_FLAGS.PR | MP_FLAGS.NA | MP_FLAGS.NR
const HERE = { address: addressOf(1) }

interface Arrival {
  readonly transactional?: boolean
  readonly to?: string | number
  readonly queueManager?: string
  readonly spec?: Partial<UserMessageSpec>
  readonly wants?: number
}

/** Sends one message that asks for acknowledgements to an administration queue on the peer; gives what came back. */
function deliver(
  options: Partial<SimNodeOptions>,
  { transactional = false, to = direct(HERE, PLAIN_QUEUE), wants = ALL_ACKS, ...rest }: Arrival,
) {
  const setup = engineAndAutomaticPeer(options)
  const { world, node, peer } = setup
  const session = peer.openTo(node)
  const spec: Partial<UserMessageSpec> = {
    acknowledgements: wants,
    admin: { type: 7, name: `TCP:${peer.address}\\private$\\admin` },
    ...rest.spec,
  }
  const queueManager = rest.queueManager === undefined ? {} : { queueManager: rest.queueManager }
  const message = { source: guidOf(2), messageId: 77, to, body: 'the body', spec, ...queueManager }
  session.sendCounted(
    transactional ? transactionalMessage({ ...message, sequenceId: SEQUENCE, number: 1 }) : plainMessage(message),
  )
  world.runFor(5_000)
  const back = peer.messages.map(({ packet }) => packet)
  return {
    ...setup,
    session,
    administration: back.filter(packet => packet.packetType === 'UserMessage'),
    final: back.filter(packet => packet.packetType === 'FinalAck').map(packet => packet.properties.messageClass),
    order: back.filter(packet => packet.packetType === 'OrderAck').length,
    reason: node.notesOf('discarded')[0]?.reason ?? null,
    delivered: node.bodies(PLAIN_QUEUE).length + node.bodies(TX_QUEUE).length,
  }
}

interface Row extends Arrival {
  readonly what: string
  readonly options?: Partial<SimNodeOptions>
  readonly reason: string | null
  /** Administration ack when insecure ones are permitted; null when there is none. */
  readonly nack: number | null
  /** Whether Windows withholds that class by default. */
  readonly withheld?: boolean
  readonly finalAck?: number
}

const ROWS: readonly Row[] = [
  { what: 'a plain message to a plain queue', reason: null, nack: null },
  {
    what: 'a queue that does not exist',
    to: direct(HERE, 'private$\\none'),
    reason: 'queue-not-found',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
  },
  {
    what: 'a queue number that does not exist',
    to: 0x999,
    queueManager: guidOf(1),
    reason: 'queue-not-found',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
  },
  {
    what: 'a transactional message to a queue that does not exist',
    transactional: true,
    to: direct(HERE, 'private$\\none'),
    reason: 'queue-not-found',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
    finalAck: MessageClass.NACK_BAD_DST_Q,
  },
  {
    what: 'a plain message to a transactional queue',
    to: direct(HERE, TX_QUEUE),
    reason: 'not-transactional-message',
    nack: MessageClass.NACK_NOT_TRANSACTIONAL_MSG,
  },
  {
    what: 'a transactional message to a plain queue',
    transactional: true,
    reason: 'not-transactional-queue',
    nack: MessageClass.NACK_NOT_TRANSACTIONAL_Q,
    finalAck: MessageClass.NACK_NOT_TRANSACTIONAL_Q,
  },
  {
    what: 'time to reach queue over',
    spec: { timeToReachQueue: 60, sentTime: 1_735_689_600 - 100 },
    reason: 'expired',
    nack: MessageClass.NACK_REACH_QUEUE_TIMEOUT,
  },
  {
    what: 'time to reach queue not quite over',
    spec: { timeToReachQueue: 60, sentTime: 1_735_689_600 - 50 },
    reason: null,
    nack: null,
  },
  {
    what: 'time to be received 0',
    spec: { timeToBeReceived: 0 },
    reason: 'expired',
    nack: MessageClass.NACK_REACH_QUEUE_TIMEOUT,
  },
  {
    what: 'an OS name that is somebody else',
    to: `DIRECT=OS:cluster\\${PLAIN_QUEUE}`,
    reason: 'name-validation',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
  },
  {
    what: 'a transactional message to somebody else',
    transactional: true,
    to: `DIRECT=OS:cluster\\${TX_QUEUE}`,
    reason: 'name-validation',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
  },
  {
    what: 'somebody else, name validation off',
    options: { settings: { IgnoreOSNameValidation: 1 } },
    to: `DIRECT=OS:cluster\\${PLAIN_QUEUE}`,
    reason: null,
    nack: null,
  },
  { what: 'its own name', to: `DIRECT=OS:n1\\${PLAIN_QUEUE}`, reason: null, nack: null },
  { what: 'its own name in capitals', to: `DIRECT=OS:N1\\PRIVATE$\\PLAIN`, reason: null, nack: null },
  {
    what: 'its DNS name',
    options: { dnsName: 'n1.example.net' },
    to: `DIRECT=OS:N1.Example.Net\\${PLAIN_QUEUE}`,
    reason: null,
    nack: null,
  },
  { what: 'the name "."', to: `DIRECT=OS:.\\${PLAIN_QUEUE}`, reason: null, nack: null },
  { what: 'another TCP address', to: `DIRECT=TCP:10.9.9.9\\${PLAIN_QUEUE}`, reason: null, nack: null },
  {
    what: 'another TCP address, addresses validated',
    options: { settings: { ValidateTcpAddress: 1 } },
    to: `DIRECT=TCP:10.9.9.9\\${PLAIN_QUEUE}`,
    reason: 'name-validation',
    nack: MessageClass.NACK_BAD_DST_Q,
    withheld: true,
  },
  {
    what: 'another queue manager after 29 hops',
    to: 0x64,
    queueManager: guidOf(9),
    spec: { hopCount: 29 },
    reason: 'hop-count',
    nack: MessageClass.NACK_HOP_COUNT_EXCEEDED,
  },
  {
    what: 'a full queue',
    options: {
      queues: [
        { name: PLAIN_QUEUE, quotaKB: 0 },
        { name: TX_QUEUE, transactional: true },
      ],
    },
    reason: 'queue-quota',
    nack: MessageClass.NACK_Q_EXCEED_QUOTA,
  },
]

t.test('every refusal: reason, negative acknowledgement, final acknowledgement', async t => {
  for (const { what, options = {}, reason, nack, withheld = false, finalAck, ...arrival } of ROWS)
    for (const permitted of [false, true]) {
      const settings = { ...options.settings, PermitInsecureNacks: permitted ? 1 : 0 }
      const wants = arrival.wants ?? MP_FLAGS.NA | MP_FLAGS.NR
      const result = deliver({ ...options, settings }, { ...arrival, wants })
      t.equal(result.reason, reason, `${what}: ${reason ?? 'accepted'}`)
      t.equal(result.delivered, reason === null ? 1 : 0, what)
      const expected = nack === null || (withheld && !permitted) ? [] : [nack]
      t.strictSame(
        result.administration.map(packet => packet.properties.messageClass),
        expected,
        `${what}: nack`,
      )
      t.strictSame(result.final, finalAck === undefined ? [] : [finalAck], `${what}: final ack`)
      result.session.next('SessionAck', 20_000)
      t.equal(result.session.closed, null, `${what}: the session goes on`)
    }
})

t.test('no acknowledgement without an administration queue, or without being asked', async t => {
  const to = direct(HERE, TX_QUEUE)
  t.equal(deliver({}, { to, wants: 0 }).administration.length, 0)
  t.equal(deliver({}, { to, wants: MP_FLAGS.PA | MP_FLAGS.PR | MP_FLAGS.NR }).administration.length, 0)
  t.equal(deliver({}, { to, wants: MP_FLAGS.NA }).administration.length, 1)
})

t.test('what an administration acknowledgement says', async t => {
  const { administration, node } = deliver({}, { to: direct(HERE, TX_QUEUE), spec: { delivery: 'recoverable' } })
  const [nack] = administration
  t.equal(nack!.user.sourceQueueManager, node.guid)
  t.same(nack!.properties.correlationId, buildMessageIdentifier(guidOf(2), 77))
  t.equal(nack!.properties.body.toString(), 'the body', 'a negative one brings the body back')
  t.equal(nack!.properties.flags, 0, 'nobody acknowledges an acknowledgement')
  t.equal(nack!.user.flags & 0x60, 0x20, 'delivered as the original')
  t.equal(nack!.base.timeToReachQueue, 0xffffffff)

  const { administration: positive } = deliver({}, {})
  t.strictSame(
    positive.map(packet => packet.properties.messageClass),
    [MessageClass.ACK_REACH_QUEUE],
  )
  t.equal(positive[0]!.properties.body.length, 0)
})

t.test('reading, and time to be received', async t => {
  const read = deliver({}, {})
  read.node.consume(PLAIN_QUEUE)
  read.world.runFor(1_000)
  const classes = () => read.peer.messages.map(({ packet }) => packet.properties.messageClass)
  t.strictSame(classes(), [MessageClass.ACK_REACH_QUEUE, MessageClass.ACK_RECEIVE])

  const late = deliver({}, { spec: { timeToBeReceived: 60 } })
  late.world.runFor(54_000)
  t.equal(late.node.bodies(PLAIN_QUEUE).length, 1)
  late.world.runFor(2_000)
  t.equal(late.node.bodies(PLAIN_QUEUE).length, 0)
  t.strictSame(
    late.peer.messages.map(({ packet }) => packet.properties.messageClass),
    [MessageClass.ACK_REACH_QUEUE, MessageClass.NACK_RECEIVE_TIMEOUT],
  )
})

t.test('over the quota of the machine the session closes, and nothing is acknowledged', async t => {
  const { session, delivered, administration } = deliver(
    { settings: { MachineQuota: 1 } },
    { spec: { body: Buffer.alloc(2_000) } },
  )
  t.not(session.closed, null)
  t.equal(delivered, 0)
  t.equal(administration.length, 0)
  t.strictSame(session.take(), [])
})

t.test('a message for another queue manager goes on, one hop further', async t => {
  const { world, node, peer } = engineAndAutomaticPeer()
  const forward = new HandPeer(world, addressOf(9), guidOf(9)).listen(true)
  world.resolver.queueManagers.set(guidOf(9), [forward.address])
  const session = peer.openTo(node)
  session.sendCounted(
    plainMessage({ source: guidOf(2), messageId: 5, to: 0x64, queueManager: guidOf(9), spec: { hopCount: 3 } }),
  )
  world.runFor(1_000)
  const [packet] = forward.messages.map(received => received.packet)
  t.match(packet?.user, { sourceQueueManager: guidOf(2), queueManagerAddress: guidOf(9), messageId: 5 })
  t.equal(packet!.user.flags & 0x1f, 4)
})

t.test('the sender gives up when time to reach queue is over: nack and dead letter if asked for', async t => {
  for (const transactional of [false, true]) {
    const { world, node, peer } = engineAndAutomaticPeer({ queues: [{ name: 'private$\\admin', number: 0x70 }] })
    peer.unlisten()
    const message = {
      destination: direct(peer, 'q'),
      body: Buffer.from('late'),
      timeToReachQueueS: 20,
      acknowledgements: MP_FLAGS.NA,
      adminQueue: `PRIVATE=${node.guid}\\70`,
      journalNegative: true,
    }
    if (transactional) node.sendTransaction([message])
    else node.send(message)
    world.runFor(19_000)
    t.equal(node.engine.counters.outgoingMessages, 1)
    world.runFor(3_000)
    t.equal(node.engine.counters.outgoingMessages, 0)
    const [nack] = node.engine.peek('private$\\admin', 10)
    t.equal(nack?.message.properties.messageClass, MessageClass.NACK_REACH_QUEUE_TIMEOUT)
    t.strictSame(node.bodies(transactional ? 'system$;deadxact' : 'system$;deadletter'), ['late'])
    t.match(node.notesOf('dead-lettered'), [{ transactional, messageClass: MessageClass.NACK_REACH_QUEUE_TIMEOUT }])
  }
})

t.test('wall clocks matter: a receiver that is ahead finds messages expired', async t => {
  const arrival = { spec: { timeToReachQueue: 60 } }
  t.equal(deliver({}, arrival).reason, null)
  t.equal(deliver({ clock: { wallSkewMs: 70_000 } }, arrival).reason, 'expired')
  t.equal(deliver({ clock: { wallSkewMs: -70_000 } }, arrival).reason, null)
})

t.test('a plain message that found no room is taken when it comes again', async t => {
  for (const queueManager of [guidOf(1), guidOf(9)]) {
    const { world, node, peer } = engineAndAutomaticPeer({ settings: { MachineQuota: 2 } })
    const forward = new HandPeer(world, addressOf(9), guidOf(9))
    world.resolver.queueManagers.set(guidOf(9), [forward.address])
    const message = (messageId: number, to: number, queueManager: string) =>
      plainMessage({ source: guidOf(2), messageId, to, queueManager, body: 'x'.repeat(1_200) })
    const first = peer.openTo(node)
    first.sendCounted(message(1, 0x64, guidOf(1)))
    first.sendCounted(message(2, 0x64, queueManager))
    t.ok(first.closedWithin(1_000), 'the second finds no room')
    world.runFor(1_000)
    node.consume(PLAIN_QUEUE, 1)
    const second = peer.openTo(node)
    second.sendCounted(message(2, 0x64, queueManager))
    forward.listen(true)
    world.runFor(30_000)
    if (queueManager === guidOf(1)) t.match(node.engine.peek(PLAIN_QUEUE, 2), [{ message: { user: { messageId: 2 } } }])
    else
      t.strictSame(
        forward.messages.map(({ packet }) => packet.user.messageId),
        [2],
      )
  }
})
