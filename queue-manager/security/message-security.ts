import { BASE_FLAGS } from '../../protocol/binary/base-header.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE, type SecurityHeader } from '../../protocol/binary/security-header.js'
import { sizeOfTransactionHeader } from '../../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../../protocol/binary/user-header.js'
import { endOfUserHeader } from '../../protocol/binary/user-message-layout.js'
import { decodeGuid, encodeGuid, GUID_SIZE } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { MqErrorName } from '../../protocol/mq-error.js'
import { sidText } from '../../protocol/sid.js'
import { type AccessRule, ANONYMOUS, EVERYONE, type Identity, isAllowed } from './access-control.js'
import { AgingCache } from './aging-cache.js'
import { cipherOf, hashAlgorithm, isCipherOffered, PRIVACY } from './algorithms.js'
import { canBeEncrypted, type EncryptionOptions, SymmetricKeys } from './encryption.js'
import type { RandomBytes } from './key-transport.js'
import type { SecurityKeys } from './security-keys.js'
import {
  DEFAULT_ENCRYPTION,
  DEFAULT_VERSION,
  ENCRYPTION_CHOICES,
  type EncryptOptions,
  encryptOptions,
  HASH_IDS,
  isSecurityWanted,
  isWanted,
  privacyLevelOf,
  type SecurityRequest,
  type SignOptions,
  signOptions,
} from './security-request.js'
import { isSigned, keyOfCertificate, type SignatureVerdict, signatureOf, verifySignature } from './signature.js'
import type { SignatureVersion } from './signed-fields.js'

const CERTIFICATES_MAX = 53
const CERTIFICATE_LIFETIME_MS = 1_200_000
const NOTHING = Buffer.alloc(0)

/** What a queue demands of the messages that come in. */
export interface GuardedQueue {
  readonly authenticate: boolean
  readonly privacy: 'none' | 'optional' | 'body'
  readonly access: readonly AccessRule[]
}

export type RefusalReason = 'bad-signature' | 'bad-encryption' | 'unsupported-crypto' | 'access-denied'

/** The message is dropped; `messageClass` is that of the negative administration and final acknowledgements. */
export interface Refusal {
  readonly messageClass: number
  readonly reason: RefusalReason
  /** For a person. */
  readonly detail: string
}

/** The message goes in with its body in the clear, in memory of its own and without the SessionHeader. */
export interface Decrypted {
  readonly packet: UserMessagePacket
  readonly bytes: Buffer
}

/** Why a message cannot be sent as asked. */
export interface SecurityFailure {
  readonly error: MqErrorName
  readonly detail: string
}

/**
 * Signatures, encryption and access of one queue manager. Without chance or time of its own: the one comes from
 * `randomBytes`, the other, that of the monotonic clock, with each call.
 */
export class MessageSecurity {
  readonly #keys: SecurityKeys
  readonly #symmetric: SymmetricKeys
  readonly #certificates = new AgingCache<ReturnType<typeof keyOfCertificate>>(
    CERTIFICATES_MAX,
    CERTIFICATE_LIFETIME_MS,
  )

  /** @param randomBytes what keys are drawn from; null where nothing is to be encrypted. */
  constructor(keys: SecurityKeys, randomBytes: RandomBytes | null, options: EncryptionOptions = {}) {
    this.#keys = keys
    this.#symmetric = new SymmetricKeys(randomBytes, options)
  }

  /**
   * Judges a message for a queue of this machine: null lets it in as it is. In `bytes` and `packet` alike, Flags.AS then
   * tells the version of a good signature and is otherwise 0, whatever the peer wrote there; AU is cleared.
   * A signature is demanded to be good when the name of the destination holds a queue manager's GUID or the queue asks
   * for signatures; with a direct name a bad one only leaves the message unauthenticated ([MS-MQQB] 3.1.5.8.3, 5.1).
   */
  checkIncoming(
    nowMs: number,
    packet: UserMessagePacket,
    bytes: Buffer,
    queue: GuardedQueue,
  ): Decrypted | Refusal | null {
    const { security } = packet
    const encrypted = security !== null && (security.flags & SECURITY_FLAGS.EB) !== 0
    if (encrypted ? queue.privacy === 'none' : queue.privacy === 'body')
      return refusal(MessageClass.NACK_BAD_ENCRYPTION, `the body is ${encrypted ? '' : 'not '}encrypted`)
    if (security === null) {
      if (queue.authenticate) return refusal(MessageClass.NACK_BAD_SIGNATURE, 'the message is not signed')
      return isAllowed(queue.access, ANONYMOUS, 'send') ? null : accessDenied(ANONYMOUS)
    }
    let decrypted: Decrypted | null = null
    if (encrypted) {
      const body = this.#symmetric.decrypt(nowMs, packet, this.#keys.exchange)
      if (!Buffer.isBuffer(body)) return refusal(body.messageClass, body.detail)
      decrypted = withClearBody(packet, security, body)
    }
    const { packet: clear, bytes: clearBytes } = decrypted ?? { packet, bytes }
    const signature = this.#judgeSignature(nowMs, clear)
    if (!signature.valid && (queue.authenticate || (isSigned(clear) && namesQueueManager(clear))))
      return refusal(MessageClass.NACK_BAD_SIGNATURE, signature.reason)
    const sender = senderOf(clear)
    if (!isAllowed(queue.access, sender, 'send')) return accessDenied(sender)
    markAuthenticated(clear, clearBytes, signature)
    return decrypted
  }

  /** A good signature by a certificate that belongs to whom the message says it is from. */
  #judgeSignature(nowMs: number, packet: UserMessagePacket): SignatureVerdict {
    if (!isSigned(packet)) return { valid: false, reason: 'the message is not signed' }
    const verdict = verifySignature(packet, certificate => this.#keyOf(certificate, nowMs))
    if (!verdict.valid) return verdict
    const { flags, securityId, senderCert } = packet.security!
    const type = flags & SECURITY_FLAGS.ST
    if (type === SENDER_ID_TYPE.NONE) return verdict
    const owner = type === SENDER_ID_TYPE.SID ? sidText(securityId) : decodeGuid(securityId, 0)
    const known = this.#keys.certificates.get(owner) ?? []
    return known.some(certificate => certificate.equals(senderCert))
      ? verdict
      : { valid: false, reason: `no such certificate of ${owner} is known` }
  }

  #keyOf(certificate: Buffer, nowMs: number) {
    const name = certificate.toString('latin1')
    const cached = this.#certificates.get(name, nowMs)
    if (cached !== null) return cached
    const key = keyOfCertificate(certificate)
    if (key !== null) this.#certificates.add(name, key, nowMs)
    return key
  }

  /**
   * Signs, then encrypts, an encoded message of this queue manager; the result is another buffer. Nothing covered may
   * change afterwards; times, hops and places in sequences are not covered.
   * MQ_ERROR_CERTIFICATE_NOT_PROVIDED, MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION for an encrypted message to a direct name,
   * MQ_ERROR_ENCRYPTION_PROVIDER_NOT_SUPPORTED without a key of the destination's,
   * MQ_ERROR_COMPUTER_DOES_NOT_SUPPORT_ENCRYPTION where the platform lacks the algorithm. @throws EncodeError
   * MSMQ_ENCODE_SIZE, MSMQ_ENCODE_RANGE.
   */
  secureOutgoing(nowMs: number, bytes: Buffer, request: SecurityRequest): Buffer | SecurityFailure {
    const packet = decodePacket(bytes) as UserMessagePacket
    this.#addSender(packet)
    if (isWanted(request.sign)) {
      const failure = this.#sign(packet, signOptions(request))
      if (failure !== null) return failure
    }
    if (isWanted(request.encrypt)) {
      const failure = this.#encrypt(nowMs, packet, encryptOptions(request))
      if (failure !== null) return failure
    }
    return encodePacket(packet)
  }

  /**
   * The same for a queue of this machine, whose demands an application must have met. A body that is not transferred is
   * not encrypted, and a signature of our own is not verified: the message looks as one that came in.
   * MQ_ERROR_INSUFFICIENT_PROPERTIES, MQ_ERROR_PROPERTY_NOTALLOWED, MQ_ERROR_CERTIFICATE_NOT_PROVIDED.
   */
  secureLocal(bytes: Buffer, request: SecurityRequest, queue: GuardedQueue): Buffer | SecurityFailure {
    const [signs, encrypts] = [isWanted(request.sign), isWanted(request.encrypt)]
    if (queue.authenticate && !signs)
      return failed('MQ_ERROR_INSUFFICIENT_PROPERTIES', 'the queue takes only signed messages')
    if (queue.privacy === 'body' && !encrypts)
      return failed('MQ_ERROR_INSUFFICIENT_PROPERTIES', 'the queue takes only encrypted messages')
    if (queue.privacy === 'none' && encrypts)
      return failed('MQ_ERROR_PROPERTY_NOTALLOWED', 'the queue takes no encrypted messages')
    if (!isSecurityWanted(request)) return bytes
    const secured = this.secureOutgoing(0, bytes, { ...request, encrypt: false })
    if (!Buffer.isBuffer(secured)) return secured
    const packet = decodePacket(secured) as UserMessagePacket
    if (encrypts) packet.properties.privacyLevel = privacyLevelOf(request)
    const version = packet.multiQueueFormat === null ? signOptions(request).version : 3
    if (signs) packet.security!.flags |= authenticatedAs(version ?? DEFAULT_VERSION)
    return encodePacket(packet)
  }

  /** A SecurityHeader that says whom the message is from, and of which the default provider makes what is to come. */
  #addSender(packet: UserMessagePacket): void {
    const { sid } = this.#keys
    packet.user.flags |= USER_FLAGS.SH
    packet.security = {
      flags: (sid === null ? SENDER_ID_TYPE.QUEUE_MANAGER : SENDER_ID_TYPE.SID) | SECURITY_FLAGS.DE | SECURITY_FLAGS.AI,
      securityId: sid ?? guidBytes(packet.user.sourceQueueManager),
      encryptionKey: NOTHING,
      signature: NOTHING,
      senderCert: NOTHING,
      providerInfo: null,
      paddings: null,
    }
  }

  #sign(packet: UserMessagePacket, options: SignOptions): SecurityFailure | null {
    const { signing } = this.#keys
    if (signing === null) return failed('MQ_ERROR_CERTIFICATE_NOT_PROVIDED', 'there is no certificate to sign with')
    const hash = hashAlgorithm(HASH_IDS[options.hash ?? 'sha512'])
    if (hash === null) return failed('MQ_ERROR_CORRUPTED_SECURITY_DATA', `this Node does not compute ${options.hash}`)
    const { multiQueueFormat, properties, security } = packet
    const version = multiQueueFormat === null ? (options.version ?? DEFAULT_VERSION) : 3
    properties.hashAlgorithm = hash.id
    const signature = signatureOf(packet, version, hash, signing.privateKey)
    security!.senderCert = signing.certificate
    if (multiQueueFormat === null) security!.signature = signature
    else multiQueueFormat.signature.signature = signature
    return null
  }

  #encrypt(nowMs: number, packet: UserMessagePacket, options: EncryptOptions): SecurityFailure | null {
    const { properties, security, user } = packet
    if (!canBeEncrypted(packet))
      return failed('MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION', 'a message to a direct name cannot be encrypted')
    const [privacyLevel, algorithm] = ENCRYPTION_CHOICES[options.algorithm ?? DEFAULT_ENCRYPTION]
    const cipher = cipherOf(privacyLevel, algorithm)!
    if (!isCipherOffered(cipher))
      return failed('MQ_ERROR_COMPUTER_DOES_NOT_SUPPORT_ENCRYPTION', `this Node lacks ${cipher.name}`)
    const remote = user.queueManagerAddress
    const publicKey = this.#keys.peers.get(remote)
    const encrypted =
      publicKey === undefined ? null : this.#symmetric.encrypt(nowMs, remote, publicKey, cipher, properties.body)
    if (encrypted === null)
      return failed('MQ_ERROR_ENCRYPTION_PROVIDER_NOT_SUPPORTED', `no key that fits is known for ${remote}`)
    security!.flags = (security!.flags & ~SECURITY_FLAGS.DE) | SECURITY_FLAGS.EB
    security!.encryptionKey = encrypted.encryptionKey
    security!.providerInfo = { providerType: cipher.provider.type, providerName: cipher.provider.name, rest: NOTHING }
    properties.privacyLevel = privacyLevel
    properties.encryptionAlgorithm = algorithm
    properties.body = encrypted.body
    properties.allocationBodySize = encrypted.body.length
    return null
  }
}

/** Was the message signed, and found good when it came in? From what lies in a queue of this machine. */
export function isAuthenticated({ security }: UserMessagePacket): boolean {
  return security !== null && (security.flags & SECURITY_FLAGS.AS) !== 0
}

/** Was the body encrypted on its way? Acknowledgements then go without it. */
export function wasEncrypted({ security, properties }: UserMessagePacket): boolean {
  return security !== null && ((security.flags & SECURITY_FLAGS.EB) !== 0 || properties.privacyLevel !== PRIVACY.NONE)
}

/** Whom the message says it is from. Believed without a signature too, as the specification does. */
export function senderOf({ security }: UserMessagePacket): Identity {
  switch (security === null ? SENDER_ID_TYPE.NONE : security.flags & SECURITY_FLAGS.ST) {
    case SENDER_ID_TYPE.SID:
      return { sid: sidText(security!.securityId) }
    case SENDER_ID_TYPE.QUEUE_MANAGER:
      return EVERYONE
    default:
      return ANONYMOUS
  }
}

function namesQueueManager({ user }: UserMessagePacket): boolean {
  return user.destinationQueue?.type !== 'DirectQueueFormatName'
}

function withClearBody(packet: UserMessagePacket, security: SecurityHeader, body: Buffer): Decrypted {
  const bytes = encodePacket({
    ...packet,
    base: { ...packet.base, flags: packet.base.flags & ~BASE_FLAGS.SH },
    security: { ...security, flags: security.flags & ~SECURITY_FLAGS.EB },
    properties: { ...packet.properties, body, messageSize: body.length, allocationBodySize: body.length, padding: 0 },
    session: null,
    sessionInside: false,
  })
  return { bytes, packet: decodePacket(bytes) as UserMessagePacket }
}

/** Flags.AS of a version: 1, 3 or 5. */
function authenticatedAs(version: SignatureVersion): number {
  return (2 * version - 1) << SECURITY_FLAGS.AS_SHIFT
}

function markAuthenticated(packet: UserMessagePacket, bytes: Buffer, signature: SignatureVerdict): void {
  const security = packet.security!
  const cleared = security.flags & ~(SECURITY_FLAGS.AS | SECURITY_FLAGS.AU)
  security.flags = cleared | (signature.valid ? authenticatedAs(signature.version) : 0)
  const { transaction } = packet
  bytes.writeUInt16LE(
    security.flags,
    endOfUserHeader(bytes) + (transaction === null ? 0 : sizeOfTransactionHeader(transaction)),
  )
}

function refusal(messageClass: number, detail: string): Refusal {
  return { messageClass, reason: REASONS.get(messageClass) ?? 'bad-encryption', detail }
}

const REASONS: ReadonlyMap<number, RefusalReason> = new Map([
  [MessageClass.NACK_BAD_SIGNATURE, 'bad-signature'],
  [MessageClass.NACK_BAD_ENCRYPTION, 'bad-encryption'],
  [MessageClass.NACK_UNSUPPORTED_CRYPTO_PROVIDER, 'unsupported-crypto'],
  [MessageClass.NACK_ACCESS_DENIED, 'access-denied'],
])

function accessDenied({ sid }: Identity): Refusal {
  return refusal(MessageClass.NACK_ACCESS_DENIED, `${sid ?? 'the anonymous user'} may not send to the queue`)
}

function failed(error: SecurityFailure['error'], detail: string): SecurityFailure {
  return { error, detail }
}

function guidBytes(guid: string): Buffer {
  const bytes = Buffer.alloc(GUID_SIZE)
  encodeGuid(bytes, 0, guid)
  return bytes
}
