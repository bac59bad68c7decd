import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  buildUserMessage,
  stampTransaction,
  type UserMessageSpec,
  withSessionHeader,
} from '../../../protocol/binary/build.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import { SECURITY_FLAGS } from '../../../protocol/binary/security-header.js'
import { TX_FLAGS } from '../../../protocol/binary/transaction-header.js'
import { MqlabError } from '../../../protocol/errors.js'
import { type Guid, NIL_GUID } from '../../../protocol/guid.js'
import { MessageClass } from '../../../protocol/message-class.js'
import { MQ_ERROR, mqErrorName } from '../../../protocol/mq-error.js'
import { sidBytes } from '../../../protocol/sid.js'
import { parseAccessRule } from '../../../queue-manager/security/access-control.js'
import {
  type Decrypted,
  type GuardedQueue,
  isAuthenticated,
  MessageSecurity,
  type Refusal,
  senderOf,
  wasEncrypted,
} from '../../../queue-manager/security/message-security.js'
import { NO_KEYS, type SecurityKeys } from '../../../queue-manager/security/security-keys.js'
import { isSecurityWanted, type SecurityRequest } from '../../../queue-manager/security/security-request.js'
import { EXAMPLE_SOURCE, EXAMPLE_TARGET, exampleBytes } from '../../fixtures/secured-messages.js'
import {
  ALICE_CERTIFICATE,
  ALICE_KEY,
  ALICE_SID,
  BOB_CERTIFICATE,
  BOB_SID,
  EXCHANGE_KEY,
  OTHER_EXCHANGE_KEY,
  seededBytes,
} from '../../fixtures/security-keys.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

const der = (pem: string) => new X509Certificate(pem).raw
const ALICE = der(ALICE_CERTIFICATE)
const exchange = createPrivateKey(EXCHANGE_KEY)

const SENDER: SecurityKeys = {
  ...NO_KEYS,
  sid: sidBytes(ALICE_SID),
  signing: { privateKey: createPrivateKey(ALICE_KEY), certificate: ALICE },
  peers: new Map([[EXAMPLE_TARGET, createPublicKey(exchange)]]),
}
const RECEIVER: SecurityKeys = {
  ...NO_KEYS,
  exchange,
  certificates: new Map([
    [ALICE_SID, [der(BOB_CERTIFICATE), ALICE]],
    [BOB_SID, [der(BOB_CERTIFICATE)]],
    [EXAMPLE_SOURCE, [ALICE]],
  ]),
}

const security = (keys: SecurityKeys) => new MessageSecurity(keys, seededBytes(5))

function queue(change: Partial<GuardedQueue> = {}): GuardedQueue {
  return { authenticate: false, privacy: 'optional', access: [], ...change }
}

function secured(request: SecurityRequest, keys = SENDER, bytes = exampleBytes()): Buffer {
  const result = security(keys).secureOutgoing(0, bytes, request)
  if (!Buffer.isBuffer(result)) throw new Error(`${result.error}: ${result.detail}`)
  return result
}

interface Incoming {
  verdict: Decrypted | Refusal | null
  packet: UserMessagePacket
  bytes: Buffer
}

/** What comes of a message, and the message as it goes into the queue. */
function incoming(wire: Buffer, to: GuardedQueue = queue(), keys: SecurityKeys = RECEIVER): Incoming {
  const bytes = Buffer.from(wire)
  const packet = decodePacket(bytes) as UserMessagePacket
  const verdict = security(keys).checkIncoming(0, packet, bytes, to)
  return verdict !== null && 'bytes' in verdict ? { verdict, ...verdict } : { verdict, packet, bytes }
}

function directMessage(change: Partial<UserMessageSpec> = {}): Buffer {
  return buildUserMessage({
    priority: 3,
    timeToReachQueue: 100,
    sourceQueueManager: EXAMPLE_SOURCE,
    queueManagerAddress: NIL_GUID,
    timeToBeReceived: 100,
    sentTime: 1,
    messageId: 1,
    delivery: 'express',
    destination: { type: 7, name: 'TCP:127.0.1.2\\private$\\q' },
    acknowledgements: 0,
    label: '',
    messageClass: 0,
    bodyType: 0,
    applicationTag: 0,
    body: Buffer.from('hello'),
    ...change,
  })
}

/** Edits a message on its way. */
function edited(wire: Buffer, edit: (packet: UserMessagePacket) => void): Buffer {
  const packet = decodePacket(wire) as UserMessagePacket
  edit(packet)
  return encodePacket(packet)
}

const plain = exampleBytes()
const { NACK_ACCESS_DENIED, NACK_BAD_ENCRYPTION, NACK_BAD_SIGNATURE } = MessageClass

t.test('a message that was signed, encrypted or both comes out as it went in', async t => {
  const requests: SecurityRequest[] = [
    { identify: true },
    { sign: true },
    { sign: { version: 1, hash: 'md5' } },
    { sign: { version: 3, hash: 'sha256' } },
    { encrypt: true },
    { encrypt: { algorithm: 'aes-128' } },
    { sign: true, encrypt: true },
    { sign: { hash: 'sha1' }, encrypt: { algorithm: 'aes-192' } },
  ]
  for (const request of requests) {
    const name = JSON.stringify(request)
    const wire = secured(request)
    const { verdict, packet, bytes } = incoming(wire)
    t.notOk(verdict !== null && 'messageClass' in verdict, name)
    const sent = decodePacket(plain) as UserMessagePacket
    t.strictSame(packet.properties.body, sent.properties.body, `${name}: body`)
    t.equal(packet.properties.messageSize, sent.properties.body.length)
    t.strictSame(
      [packet.properties.label, packet.properties.correlationId, packet.user.messageId],
      [sent.properties.label, sent.properties.correlationId, sent.user.messageId],
    )
    const version = request.sign === true ? 2 : typeof request.sign === 'object' ? (request.sign.version ?? 2) : 0
    t.equal(isAuthenticated(packet), version > 0, `${name}: authenticated`)
    t.equal((packet.security!.flags & SECURITY_FLAGS.AS) >> 8, version === 0 ? 0 : 2 * version - 1)
    t.equal(wasEncrypted(packet), request.encrypt !== undefined, `${name}: encrypted`)
    t.strictSame(senderOf(packet), { sid: ALICE_SID })
    t.strictSame(decodePacket(bytes), packet, `${name}: bytes and packet say the same`)
    const hidden = request.encrypt !== undefined
    t.equal(wire.includes('pay 100'), !hidden, `${name}: the body on the wire`)
    t.notOk(bytes.equals(wire) && (hidden || version > 0))
  }
})

t.test('what a queue demands', async t => {
  const forged = secured({ sign: true, encrypt: true })
  forged.writeUInt8(forged.readUInt8(forged.length - 10) ^ 1, forged.length - 10)
  const alice = [parseAccessRule(`${ALICE_SID}:send`)]
  const bob = [parseAccessRule(`${BOB_SID}:send`)]
  const anyone = [parseAccessRule('everyone:send')]
  const rows: readonly [name: string, wire: Buffer, queue: Partial<GuardedQueue>, messageClass: number | null][] = [
    ['plain to an open queue', plain, {}, null],
    ['plain, signatures wanted', plain, { authenticate: true }, NACK_BAD_SIGNATURE],
    ['only identified, signatures wanted', secured({ identify: true }), { authenticate: true }, NACK_BAD_SIGNATURE],
    ['signed, wanted', secured({ sign: true }), { authenticate: true }, null],
    ['plain, encryption wanted', plain, { privacy: 'body' }, NACK_BAD_ENCRYPTION],
    ['signed, encryption wanted', secured({ sign: true }), { privacy: 'body' }, NACK_BAD_ENCRYPTION],
    ['encrypted, wanted', secured({ encrypt: true }), { privacy: 'body' }, null],
    ['encrypted, not wanted', secured({ encrypt: true }), { privacy: 'none' }, NACK_BAD_ENCRYPTION],
    ['plain, encryption not wanted', plain, { privacy: 'none' }, null],
    ['both, both wanted', secured({ sign: true, encrypt: true }), { privacy: 'body', authenticate: true }, null],
    ['forged on its way', forged, {}, NACK_BAD_ENCRYPTION],
    ['anonymous, only Alice may', plain, { access: alice }, NACK_ACCESS_DENIED],
    ['anonymous, everyone may', plain, { access: anyone }, NACK_ACCESS_DENIED],
    ['anonymous may', plain, { access: [parseAccessRule('anonymous:send')] }, null],
    ['Alice, who may', secured({ sign: true }), { access: alice }, null],
    ['Alice by her own word', secured({ identify: true }), { access: alice }, null],
    ['Alice, only Bob may', secured({ sign: true }), { access: bob }, NACK_ACCESS_DENIED],
    ['Alice, everyone may', secured({ sign: true }), { access: anyone }, null],
    ['a queue manager, everyone may', secured({ sign: true }, { ...SENDER, sid: null }), { access: anyone }, null],
    [
      'a queue manager, Alice may',
      secured({ sign: true }, { ...SENDER, sid: null }),
      { access: alice },
      NACK_ACCESS_DENIED,
    ],
  ]
  for (const [name, wire, demands, messageClass] of rows) {
    const { verdict } = incoming(wire, queue(demands))
    t.equal(verdict !== null && 'messageClass' in verdict ? verdict.messageClass : null, messageClass, name)
  }
})

t.test('a signature counts only with a certificate that belongs to the sender', async t => {
  const wire = secured({ sign: true })
  t.equal(incoming(wire).verdict, null)
  const others = { ...RECEIVER, certificates: new Map([[BOB_SID, [ALICE]]]) }
  t.match(incoming(wire, queue(), others).verdict, {
    messageClass: NACK_BAD_SIGNATURE,
    reason: 'bad-signature',
    detail: `no such certificate of ${ALICE_SID} is known`,
  })
  const asBob = edited(wire, ({ security }) => {
    security!.securityId = sidBytes(BOB_SID)!
  })
  t.match(incoming(asBob).verdict, { messageClass: NACK_BAD_SIGNATURE }, "with another's name")
  const nobody = edited(wire, ({ security }) => {
    security!.flags &= ~SECURITY_FLAGS.ST
    security!.securityId = Buffer.alloc(0)
  })
  t.equal(incoming(nobody, queue({ authenticate: true })).verdict, null, 'without a name the certificate is enough')
  const byMachine = secured({ sign: true }, { ...SENDER, sid: null })
  t.equal(incoming(byMachine, queue({ authenticate: true })).verdict, null, "by a queue manager's GUID")
})

t.test('a peer cannot say itself that its message was found good', async t => {
  for (const base of [secured({ identify: true }), secured({ encrypt: true })]) {
    const wire = edited(base, ({ security }) => {
      security!.flags |= SECURITY_FLAGS.AU | (3 << SECURITY_FLAGS.AS_SHIFT)
    })
    t.match(incoming(wire, queue({ authenticate: true })).verdict, { messageClass: NACK_BAD_SIGNATURE })
    const { packet, bytes } = incoming(wire)
    t.notOk(isAuthenticated(packet))
    t.notOk(isAuthenticated(decodePacket(bytes) as UserMessagePacket))
    t.equal(packet.security!.flags & SECURITY_FLAGS.AU, 0)
  }
})

t.test('with a direct name, a bad signature leaves a message unauthenticated', async t => {
  const signed = secured({ sign: true }, SENDER, directMessage())
  t.ok(isAuthenticated(incoming(signed, queue({ authenticate: true })).packet), 'a good one counts')
  const bad = edited(signed, ({ properties }) => {
    properties.applicationTag = 1
  })
  const { verdict, packet } = incoming(bad)
  t.equal(verdict, null)
  t.notOk(isAuthenticated(packet))
  t.match(incoming(bad, queue({ authenticate: true })).verdict, { messageClass: NACK_BAD_SIGNATURE })
})

t.test('with a transaction, and with a SessionHeader', async t => {
  const transaction = {
    flags: TX_FLAGS.FM | TX_FLAGS.LM,
    sequenceId: { ordinal: 0, timeStamp: 0 },
    sequenceNumber: 1,
    previousSequenceNumber: 0,
  }
  const built = directMessage({
    priority: 0,
    delivery: 'recoverable',
    transaction,
    queueManagerAddress: EXAMPLE_TARGET,
    destination: { type: 3, number: 7 },
  })
  for (const request of [{ sign: true }, { sign: true, encrypt: true }]) {
    const wire = secured(request, SENDER, built)
    stampTransaction(wire, { ordinal: 7, timeStamp: 8 }, 9, 8)
    const session = {
      ackSequenceNumber: 1,
      recoverableMsgAckSeqNumber: 2,
      recoverableMsgAckFlags: 3,
      userMsgSequenceNumber: 4,
      recoverableMsgSeqNumber: 5,
      windowSize: 64,
      reserved: 0,
    }
    const { packet, bytes } = incoming(withSessionHeader(wire, session), queue({ authenticate: true }))
    t.match(packet.transaction, { sequenceNumber: 9, previousSequenceNumber: 8, sequenceId: { ordinal: 7 } })
    t.equal(packet.properties.body.toString(), 'hello')
    t.ok(isAuthenticated(packet))
    t.strictSame(decodePacket(bytes), packet)
  }
})

t.test('what cannot be sent as asked', async t => {
  const rows: readonly [name: string, request: SecurityRequest, keys: SecurityKeys, bytes: Buffer, error: number][] = [
    ['no certificate', { sign: true }, NO_KEYS, plain, MQ_ERROR.CERTIFICATE_NOT_PROVIDED],
    ['a direct name', { encrypt: true }, SENDER, directMessage(), MQ_ERROR.UNSUPPORTED_FORMATNAME_OPERATION],
    ['no key', { encrypt: true }, NO_KEYS, plain, MQ_ERROR.ENCRYPTION_PROVIDER_NOT_SUPPORTED],
  ]
  for (const [name, request, keys, bytes, error] of rows)
    t.match(security(keys).secureOutgoing(0, bytes, request), { error: mqErrorName(error) }, name)
  if (!process.execArgv.includes('--openssl-legacy-provider'))
    t.match(security(SENDER).secureOutgoing(0, plain, { encrypt: { algorithm: 'rc4' } }), {
      error: mqErrorName(MQ_ERROR.COMPUTER_DOES_NOT_SUPPORT_ENCRYPTION),
    })
  const full = directMessage({
    body: Buffer.alloc(4 * 1024 * 1024 - 300),
    queueManagerAddress: EXAMPLE_TARGET,
    destination: { type: 3, number: 7 },
  })
  t.throws(() => security(SENDER).secureOutgoing(0, full, { sign: true }), { code: 'MSMQ_ENCODE_SIZE' })
})

t.test('a queue of this machine gets messages as if they had come in', async t => {
  const sender = security(SENDER)
  const rows: readonly [request: SecurityRequest, demands: Partial<GuardedQueue>, error: number | null][] = [
    [{}, {}, null],
    [{}, { authenticate: true }, MQ_ERROR.INSUFFICIENT_PROPERTIES],
    [{ identify: true, encrypt: true }, { authenticate: true }, MQ_ERROR.INSUFFICIENT_PROPERTIES],
    [{ sign: true }, { authenticate: true }, null],
    [{ sign: { version: 1 } }, {}, null],
    [{ sign: true }, { privacy: 'body' }, MQ_ERROR.INSUFFICIENT_PROPERTIES],
    [{ encrypt: true }, { privacy: 'body' }, null],
    [{ encrypt: { algorithm: 'rc4-40' } }, { privacy: 'body' }, null],
    [{ encrypt: true }, { privacy: 'none' }, MQ_ERROR.PROPERTY_NOTALLOWED],
    [{ sign: true, encrypt: true }, { authenticate: true, privacy: 'body' }, null],
  ]
  for (const [request, demands, error] of rows) {
    const name = `${JSON.stringify(request)} to ${JSON.stringify(demands)}`
    const result = sender.secureLocal(directMessage(), request, queue(demands))
    if (!Buffer.isBuffer(result)) {
      t.equal(result.error, mqErrorName(error ?? 0), name)
      continue
    }
    t.equal(error, null, name)
    const packet = decodePacket(result) as UserMessagePacket
    t.equal(packet.properties.body.toString(), 'hello')
    t.equal(isAuthenticated(packet), request.sign !== undefined, name)
    t.equal(wasEncrypted(packet), request.encrypt !== undefined, name)
    t.equal((packet.security?.flags ?? 0) & SECURITY_FLAGS.EB, 0, 'nothing to decrypt')
  }
  t.match(security(NO_KEYS).secureLocal(plain, { sign: true }, queue()), {
    error: mqErrorName(MQ_ERROR.CERTIFICATE_NOT_PROVIDED),
  })
})

t.test('without a source of chance nothing is encrypted, and all else goes', async t => {
  const poor = new MessageSecurity(SENDER, null)
  t.ok(Buffer.isBuffer(poor.secureOutgoing(0, plain, { sign: true })))
  t.match(poor.secureOutgoing(0, plain, { encrypt: true }), {
    error: mqErrorName(MQ_ERROR.ENCRYPTION_PROVIDER_NOT_SUPPORTED),
  })
})

t.test('what is asked', async t => {
  for (const request of [{}, { sign: false }, { encrypt: false }, { identify: false }])
    t.notOk(isSecurityWanted(request), JSON.stringify(request))
  for (const request of [{ sign: true }, { sign: {} }, { encrypt: {} }, { identify: true }])
    t.ok(isSecurityWanted(request), JSON.stringify(request))
})

t.test('chance and time are inputs: the same seed gives the same bytes', async t => {
  const request = { sign: true, encrypt: true }
  t.strictSame(secured(request), secured(request))
  const one = new MessageSecurity(SENDER, seededBytes(6)).secureOutgoing(0, plain, request)
  t.notSame(one, secured(request))
})

t.test('the wrong private key', async t => {
  const other = { ...RECEIVER, exchange: createPrivateKey(OTHER_EXCHANGE_KEY) }
  t.match(incoming(secured({ encrypt: true }), queue(), other).verdict, { messageClass: NACK_BAD_ENCRYPTION })
  t.match(incoming(secured({ encrypt: true }), queue(), NO_KEYS).verdict, { messageClass: NACK_BAD_ENCRYPTION })
})

t.test('no damage on the way raises anything but our errors, or goes for authentic', async t => {
  const wires = [secured({ sign: true }), secured({ sign: true, encrypt: true }), secured({ encrypt: true })]
  const sent = decodePacket(plain) as UserMessagePacket
  const receiver = security(RECEIVER)
  const guid: Guid = sent.user.sourceQueueManager
  let judged = 0
  fc.assert(
    fc.property(fc.constantFrom(...wires), fc.nat(), fc.integer({ min: 1, max: 255 }), (wire, place, mask) => {
      const bytes = Buffer.from(wire)
      const at = 16 + (place % (bytes.length - 16))
      bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at)
      let packet: UserMessagePacket
      try {
        packet = decodePacket(bytes) as UserMessagePacket
      } catch (error) {
        t.ok(error instanceof MqlabError)
        return
      }
      judged += 1
      const verdict = receiver.checkIncoming(0, packet, bytes, queue({ authenticate: true }))
      if (verdict !== null && 'messageClass' in verdict) return
      const came = verdict === null ? packet : verdict.packet
      t.strictSame(
        [came.properties.body, came.properties.label, came.user.sourceQueueManager],
        [sent.properties.body, sent.properties.label, guid],
      )
    }),
    { seed: SUITE_SEED, numRuns: 400 },
  )
  t.ok(judged > 100, `${judged} messages were judged`)
})
