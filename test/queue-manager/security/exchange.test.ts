import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import type { SimNode, SimNodeOptions } from '../../../lab/sim/sim-node.js'
import { SimWorld } from '../../../lab/sim/world.js'
import { MP_FLAGS } from '../../../protocol/binary/message-properties-header.js'
import { decodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import { MessageClass } from '../../../protocol/message-class.js'
import { sidBytes } from '../../../protocol/sid.js'
import type { MessageToSend } from '../../../queue-manager/message-to-send.js'
import type { QueueOptions } from '../../../queue-manager/queue-properties.js'
import { parseAccessRule } from '../../../queue-manager/security/access-control.js'
import { isAuthenticated, wasEncrypted } from '../../../queue-manager/security/message-security.js'
import { NO_KEYS, type SecurityKeys } from '../../../queue-manager/security/security-keys.js'
import { ALICE_CERTIFICATE, ALICE_KEY, ALICE_SID, BOB_SID, EXCHANGE_KEY } from '../../fixtures/security-keys.js'
import { addNode, direct, guidOf } from '../../fixtures/sim-tests.js'

const NUMBERS = { open: 0x70, signed: 0x71, hidden: 0x72, clear: 0x73, alices: 0x74, bobs: 0x75 } as const
type Name = keyof typeof NUMBERS
const ADMIN = 'private$\\acks'

const QUEUES: readonly QueueOptions[] = (
  [
    { name: 'open' },
    { name: 'signed', authenticate: true },
    { name: 'hidden', privacy: 'body' },
    { name: 'clear', privacy: 'none' },
    { name: 'alices', access: [parseAccessRule(`${ALICE_SID}:send`)] },
    { name: 'bobs', access: [parseAccessRule(`${BOB_SID}:send`), parseAccessRule('anonymous:send')] },
  ] satisfies (QueueOptions & { name: Name })[]
).flatMap(({ name, ...properties }) => [
  { name: `private$\\${name}`, number: NUMBERS[name], ...properties },
  { name: `private$\\${name}-tx`, number: NUMBERS[name] + 0x100, transactional: true, ...properties },
])

const exchange = createPrivateKey(EXCHANGE_KEY)
const ALICE = { privateKey: createPrivateKey(ALICE_KEY), certificate: new X509Certificate(ALICE_CERTIFICATE).raw }
const SENDER: SecurityKeys = {
  ...NO_KEYS,
  sid: sidBytes(ALICE_SID),
  signing: ALICE,
  peers: new Map([[guidOf(2), createPublicKey(exchange)]]),
}
const RECEIVER: SecurityKeys = { ...NO_KEYS, exchange, certificates: new Map([[ALICE_SID, [ALICE.certificate]]]) }

function pair(sender: SecurityKeys = SENDER, receiver: Partial<SimNodeOptions> = {}, seed = 1) {
  const world = new SimWorld(seed)
  const from = addNode(world, 1, { security: sender, queues: [{ name: ADMIN, number: 0x90 }] })
  const to = addNode(world, 2, {
    security: RECEIVER,
    queues: QUEUES,
    settings: { PermitInsecureNacks: 1 },
    ...receiver,
  })
  return { world, from, to }
}

function privateName(queue: Name, transactional = false): string {
  return `PRIVATE=${guidOf(2)}\\${(NUMBERS[queue] + (transactional ? 0x100 : 0)).toString(16)}`
}

const BODY = 'pay 100 to bob'

interface Arrived {
  readonly body: string
  readonly authenticated: boolean
  readonly encrypted: boolean
}

function arrived(node: SimNode, queue: string): Arrived[] {
  return node.engine.peek(`private$\\${queue}`, 10).map(({ packet, authenticated }) => {
    const decoded = decodePacket(packet) as UserMessagePacket
    t.equal(isAuthenticated(decoded), authenticated)
    return {
      body: decoded.properties.body.subarray(0, decoded.properties.messageSize).toString(),
      authenticated,
      encrypted: wasEncrypted(decoded),
    }
  })
}

/** Sends one message from machine 1 to machine 2 and tells what became of it. */
function exchangeOne(queue: Name, message: Partial<MessageToSend>, transactional = false, setup = pair()) {
  const { world, from, to } = setup
  const submission = from[transactional ? 'sendTransaction' : 'send'](
    ...([
      transactional
        ? [{ destination: privateName(queue, true), body: Buffer.from(BODY), ...asked(from), ...message }]
        : { destination: privateName(queue), body: Buffer.from(BODY), ...asked(from), ...message },
    ] as [MessageToSend & MessageToSend[]]),
  )
  world.runFor(10_000)
  const acks = from.engine.peek(ADMIN, 10).map(({ message: { properties } }) => properties)
  return {
    ...setup,
    submission,
    arrived: arrived(to, transactional ? `${queue}-tx` : queue),
    classes: acks.map(({ messageClass }) => messageClass),
    ackBodies: acks.map(({ body }) => body.toString()),
    final: from.notesOf('final-ack-received').map(({ messageClass }) => messageClass),
  }
}

function asked(node: SimNode): Partial<MessageToSend> {
  return {
    acknowledgements: MP_FLAGS.PA | MP_FLAGS.NA,
    adminQueue: direct(node, ADMIN),
    journalNegative: true,
  }
}

const { ACK_REACH_QUEUE, NACK_ACCESS_DENIED, NACK_BAD_ENCRYPTION, NACK_BAD_SIGNATURE } = MessageClass

t.test('what is asked and what a queue demands', async t => {
  const rows: readonly [queue: Name, message: Partial<MessageToSend>, messageClass: number][] = [
    ['open', {}, ACK_REACH_QUEUE],
    ['open', { sign: true }, ACK_REACH_QUEUE],
    ['open', { encrypt: true }, ACK_REACH_QUEUE],
    ['open', { sign: { version: 1, hash: 'sha1' }, encrypt: { algorithm: 'aes-128' } }, ACK_REACH_QUEUE],
    ['signed', {}, NACK_BAD_SIGNATURE],
    ['signed', { encrypt: true }, NACK_BAD_SIGNATURE],
    ['signed', { sign: true }, ACK_REACH_QUEUE],
    ['signed', { sign: true, encrypt: true }, ACK_REACH_QUEUE],
    ['hidden', {}, NACK_BAD_ENCRYPTION],
    ['hidden', { sign: true }, NACK_BAD_ENCRYPTION],
    ['hidden', { encrypt: true }, ACK_REACH_QUEUE],
    ['clear', {}, ACK_REACH_QUEUE],
    ['clear', { encrypt: true }, NACK_BAD_ENCRYPTION],
    ['alices', {}, NACK_ACCESS_DENIED],
    ['alices', { identify: true }, ACK_REACH_QUEUE],
    ['alices', { sign: true }, ACK_REACH_QUEUE],
    ['bobs', {}, ACK_REACH_QUEUE],
    ['bobs', { sign: true }, NACK_ACCESS_DENIED],
  ]
  for (const transactional of [false, true]) {
    for (const delivery of ['express', 'recoverable'] as const) {
      if (transactional && delivery === 'express') continue
      for (const [queue, message, messageClass] of rows) {
        const name = `${transactional ? 'transactional' : delivery} ${JSON.stringify(message)} to ${queue}`
        const result = exchangeOne(queue, { ...message, delivery }, transactional)
        t.strictSame(result.classes, [messageClass], name)
        const good = messageClass === ACK_REACH_QUEUE
        const encrypted = message.encrypt !== undefined
        t.strictSame(
          result.arrived,
          good ? [{ body: BODY, authenticated: message.sign !== undefined, encrypted }] : [],
          name,
        )
        t.strictSame(result.ackBodies, [good || encrypted ? '' : BODY], `${name}: the body of the acknowledgement`)
        if (transactional) t.strictSame(result.final, good ? [] : [messageClass], `${name}: final ack`)
        t.equal(result.submission.outcome, 'accepted')
      }
    }
  }
})

t.test('insecure negative acknowledgements are withheld, final ones are not', async t => {
  const withheld = () => pair(SENDER, { settings: {} })
  t.strictSame(exchangeOne('signed', {}, false, withheld()).classes, [])
  const transactional = exchangeOne('signed', {}, true, withheld())
  t.strictSame(transactional.classes, [])
  t.strictSame(transactional.final, [NACK_BAD_SIGNATURE])
})

t.test('what cannot be sent as asked is refused, and nothing leaves', async t => {
  const rows: readonly [keys: SecurityKeys, message: Partial<MessageToSend>, error: string][] = [
    [NO_KEYS, { sign: true }, 'MQ_ERROR_CERTIFICATE_NOT_PROVIDED'],
    [NO_KEYS, { encrypt: true }, 'MQ_ERROR_ENCRYPTION_PROVIDER_NOT_SUPPORTED'],
    [
      SENDER,
      { encrypt: true, destination: 'DIRECT=TCP:10.0.0.2\\private$\\open' },
      'MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION',
    ],
  ]
  for (const transactional of [false, true])
    for (const [keys, message, error] of rows) {
      const { submission, arrived, classes } = exchangeOne('open', message, transactional, pair(keys))
      t.strictSame([submission.outcome, submission.error], ['refused', error], error)
      t.strictSame([arrived, classes], [[], []])
    }
})

t.test('a message of the same machine', async t => {
  const { world, to } = pair(SENDER, { security: { ...SENDER, exchange } })
  const send = (queue: Name, message: Partial<MessageToSend>) => {
    const submission = to.send({ destination: privateName(queue), body: Buffer.from(BODY), ...message })
    world.runFor(1_000)
    return submission.error ?? submission.outcome
  }
  t.equal(send('signed', {}), 'MQ_ERROR_INSUFFICIENT_PROPERTIES')
  t.equal(send('signed', { sign: true }), 'accepted')
  t.equal(send('hidden', { sign: true }), 'MQ_ERROR_INSUFFICIENT_PROPERTIES')
  t.equal(send('hidden', { encrypt: true }), 'accepted')
  t.equal(send('clear', { encrypt: true }), 'MQ_ERROR_PROPERTY_NOTALLOWED')
  t.equal(send('alices', {}), 'accepted', 'who reaches this machine may send')
  t.strictSame(arrived(to, 'signed'), [{ body: BODY, authenticated: true, encrypted: false }])
  t.strictSame(arrived(to, 'hidden'), [{ body: BODY, authenticated: false, encrypted: true }])
  t.strictSame(arrived(to, 'clear'), [])
})

t.test('signed and encrypted messages outlive both machines', async t => {
  const { world, from, to } = pair()
  to.crash()
  const body = Buffer.from(BODY)
  from.send({ destination: privateName('open'), body, delivery: 'recoverable', sign: true, encrypt: true })
  from.sendTransaction([{ destination: privateName('open', true), body, sign: true, encrypt: true }])
  world.runFor(1_000)
  from.crash()
  from.start()
  to.start()
  world.runFor(120_000)
  const expected = [{ body: BODY, authenticated: true, encrypted: true }]
  t.strictSame(arrived(to, 'open'), expected)
  t.strictSame(arrived(to, 'open-tx'), expected)
  to.crash()
  to.start()
  t.strictSame(arrived(to, 'open'), expected, 'in the clear on the disk of the receiver')
  t.strictSame(arrived(to, 'open-tx'), expected)
})

t.test('a run with keys repeats to the byte', async t => {
  const waiting = (seed: number) => {
    const { world, from, to } = pair(SENDER, {}, seed)
    to.crash()
    from.send({ destination: privateName('open'), body: Buffer.from(BODY), sign: true, encrypt: true })
    world.runFor(5_000)
    return Array.from(from.engine.outgoingMessages(), ({ body }) => Buffer.from(body).toString('hex'))
  }
  const [hidden] = waiting(42)
  t.equal(hidden?.length, 32, 'one block of cipher text')
  t.strictSame(waiting(42), [hidden])
  t.notSame(waiting(43), [hidden])
})
