import t from 'tap'
import type { Random } from '../../lab/sim/random.js'
import { SimWorld } from '../../lab/sim/world.js'
import { buildSessionAck, withSessionHeader } from '../../protocol/binary/build.js'
import { MessageClass } from '../../protocol/message-class.js'
import { establishRequest, HandPeer, type HandSession, parameters } from '../fixtures/hand-peer.js'
import { finalAckMessage, orderAckMessage, plainMessage, transactionalMessage } from '../fixtures/messages.js'
import {
  addNode,
  addressOf,
  direct,
  forEachSeed,
  guidOf,
  PLAIN_QUEUE,
  SEEDS_TIMEOUT_MS,
  SENDER_TIME_STAMP,
  TX_QUEUE,
} from '../fixtures/sim-tests.js'

const ATTACK_MS = 60_000
const ENGINE = { address: addressOf(1) }

/** Numbers where limits are, and small ones that may hit something. */
function number(random: Random, bits: 16 | 32): number {
  const max = 2 ** bits - 1
  return random.pick([0, 1, 2, 3, random.between(0, 200), max, max - 1, (max + 1) / 2, random.between(0, max)])
}

function sessionHeader(random: Random, session: HandSession) {
  const header = session.header()
  if (random.chance(0.5)) return header
  return {
    ackSequenceNumber: random.chance(0.5) ? header.ackSequenceNumber : number(random, 16),
    recoverableMsgAckSeqNumber: number(random, 16),
    recoverableMsgAckFlags: random.pick([0, 1, 0xffffffff, random.u32()]),
    userMsgSequenceNumber: random.chance(0.7) ? header.userMsgSequenceNumber : number(random, 16),
    recoverableMsgSeqNumber: random.chance(0.7) ? header.recoverableMsgSeqNumber : number(random, 16),
    windowSize: number(random, 16),
    reserved: number(random, 16),
  }
}

function userMessage(random: Random): Buffer {
  const messageId = number(random, 32)
  // not the honest one: nothing in the protocol protects it from being impersonated
  const source = random.pick([guidOf(1), guidOf(2), guidOf(4), guidOf(random.u32())])
  const sequenceId = {
    ordinal: number(random, 32),
    timeStamp: random.pick([SENDER_TIME_STAMP + 1, SENDER_TIME_STAMP + 3, number(random, 32)]),
  }
  const to = random.pick([
    direct(ENGINE, PLAIN_QUEUE),
    direct(ENGINE, TX_QUEUE),
    direct(ENGINE, 'private$\\order_queue$'),
    `DIRECT=OS:${'x'.repeat(random.between(0, 300))}\\q`,
    'DIRECT=nonsense',
    random.between(0, 200),
  ])
  const queueManager = random.pick([guidOf(1), guidOf(9), guidOf(random.u32())])
  const spec = {
    acknowledgements: random.between(0, 255),
    admin: random.pick([
      { type: 7 as const, name: `TCP:10.0.0.${random.between(0, 255)}\\q` },
      { type: 7 as const, name: '\u0001\\:' },
      { type: 6 as const, queueManager: guidOf(random.u32()), number: number(random, 32) },
      { type: 2 as const, number: 4 },
      { type: 5 as const, guid: guidOf(4) },
    ]),
    timeToReachQueue: number(random, 32),
    timeToBeReceived: random.pick([0, 1, 0xffffffff]),
    sentTime: number(random, 32),
    journalNegative: random.chance(0.5),
    hopCount: random.between(0, 31),
    messageClass: random.pick([0, 1, 2, 0xff, 0x4000, 0x8000, number(random, 16)]),
  }
  const place = { sequenceId, number: Math.max(1, number(random, 32)) }
  switch (random.between(0, 4)) {
    case 0:
      return orderAckMessage({
        source,
        messageId,
        to: addressOf(1),
        sequenceId,
        number: Math.max(1, number(random, 32)),
      })
    case 1: {
      const messageClass = random.pick([MessageClass.ACK_RECEIVE, MessageClass.NACK_Q_PURGED])
      const forMessage = { forSource: guidOf(1), forMessageId: number(random, 32) }
      return finalAckMessage({ source, messageId, to: addressOf(1), messageClass, ...forMessage, ...place })
    }
    case 2:
      return transactionalMessage({
        source,
        messageId,
        to,
        queueManager,
        ...place,
        previous: random.pick([0, place.number - 1]),
        finalAck: true,
      })
    default:
      return plainMessage({
        source,
        messageId,
        to,
        queueManager,
        delivery: random.pick(['express', 'recoverable']),
        spec,
      })
  }
}

function packet(random: Random, session: HandSession): Buffer {
  switch (random.between(0, 9)) {
    case 0:
      return establishRequest(guidOf(random.between(1, 4)), { serverGuid: guidOf(random.between(0, 2)) })
    case 1:
      return parameters({
        recoverableAckTimeout: number(random, 32),
        ackTimeout: number(random, 32),
        windowSize: number(random, 16),
      })
    case 2:
    case 3:
      return buildSessionAck(sessionHeader(random, session))
    case 4:
      return withSessionHeader(userMessage(random), sessionHeader(random, session))
    case 5: {
      const bytes = userMessage(random)
      for (let flips = random.between(1, 4); flips > 0; flips--)
        bytes[random.between(0, bytes.length - 1)] = random.u32() & 0xff
      return bytes
    }
    default:
      return userMessage(random)
  }
}

/** Attacks the engine while it exchanges messages with an honest one; returns what the honest one got. */
function runAttack(seed: number) {
  const world = new SimWorld(seed)
  const { random } = world
  const settings = { PermitInsecureNacks: 1, TryConnectInterval: 1_000, MachineQuota: 1_048_576 }
  const engine = addNode(world, 1, { settings, store: { delayMs: random.pick([0, 50]) } })
  const honest = addNode(world, 3, { settings })
  const attacker = new HandPeer(world, addressOf(2), guidOf(2)).listen(true)
  let sent = 0
  world.atRandom(1_000, ATTACK_MS, () => {
    sent += 1
    honest.send({
      destination: direct(engine, PLAIN_QUEUE),
      body: Buffer.from(`honest ${sent}`),
      delivery: 'recoverable',
    })
    engine.send({
      destination: direct(honest, PLAIN_QUEUE),
      body: Buffer.from(`honest ${sent}`),
      delivery: 'recoverable',
    })
    engine.sendTransaction([{ destination: direct(attacker, 'q'), body: Buffer.from('for the attacker') }])
  })
  world.atRandom(500, ATTACK_MS, () => {
    const session = attacker.connect(engine)
    world.runUntil(() => session.connected || session.closed !== null, 10)
    if (random.chance(0.8)) session.send(establishRequest(guidOf(2)), parameters())
    for (let count = random.between(1, 12); count > 0; count--) session.sendCounted(packet(random, session))
    if (random.chance(0.3)) world.scheduler.after(random.between(0, 2_000), () => session.socket.abort())
  })
  world.atRandom(1_000, ATTACK_MS, () => {
    const open = attacker.sessions.filter(session => session.socket.isOpen)
    if (open.length > 0) open[open.length - 1]!.sendCounted(packet(random, random.pick(open)))
  })
  world.runFor(ATTACK_MS + 10_000)
  const expected = Array.from({ length: sent }, (_, index) => `honest ${index + 1}`)
  const mine = (bodies: readonly string[]): string[] => bodies.filter(body => body.startsWith('honest'))
  return {
    world,
    engine,
    expected,
    atEngine: mine(engine.bodies(PLAIN_QUEUE)),
    atHonest: mine(honest.bodies(PLAIN_QUEUE)),
  }
}

t.setTimeout(SEEDS_TIMEOUT_MS)

t.test('whatever a peer sends, the engine goes on and honest sessions notice nothing', async t => {
  const total = { malformed: 0, outOfState: 0, violations: 0, received: 0, opened: 0 }
  const seeds = forEachSeed(25, seed => {
    const { engine, expected, atEngine, atHonest } = runAttack(seed)
    if (atEngine.join() !== expected.join()) throw new Error(`the engine got ${atEngine.length} of ${expected.length}`)
    if (atHonest.join() !== expected.join())
      throw new Error(`the honest one got ${atHonest.length} of ${expected.length}`)
    const { counters } = engine.engine
    let bytes = engine.engine.localQueues().reduce((sum, queue) => sum + queue.bytes, 0)
    for (const queue of engine.engine.outgoingQueues()) bytes += queue.bytes
    const held = counters.messageBytes + counters.systemBytes
    if (bytes !== held) throw new Error(`${held} bytes are counted, but queues hold ${bytes}`)
    const messages = engine.engine.outgoingQueues().reduce((sum, queue) => sum + queue.messages, 0)
    if (messages !== counters.outgoingMessages)
      throw new Error(`outgoingMessages ${counters.outgoingMessages}, but ${messages} are there`)
    total.malformed += counters.malformedPackets
    total.outOfState += counters.outOfStatePackets
    total.violations += counters.protocolViolations
    total.received += counters.userMessagesReceived
    total.opened += counters.sessionsOpened
  })
  t.comment(`${seeds} seeds: ${JSON.stringify(total)}`)
  t.ok(
    Object.values(total).every(count => count > seeds),
    'every kind of trouble was made',
  )
})
