import { BASE_FLAGS } from '../../protocol/binary/base-header.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE, type SecurityHeader } from '../../protocol/binary/security-header.js'
import { sizeOfTransactionHeader } from '../../protocol/binary/transaction-header.js'
import { endOfUserHeader } from '../../protocol/binary/user-message-layout.js'
import { decodeGuid } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { sidText } from '../../protocol/sid.js'
import { ANONYMOUS, EVERYONE, type Identity, isAllowed } from './access-control.js'
import { AgingCache } from './aging-cache.js'
import { PRIVACY } from './algorithms.js'
import { type EncryptionOptions, SymmetricKeys } from './encryption.js'
import type { GuardedQueue } from './guarded-queue.js'
import type { RandomBytes } from './key-transport.js'
import { OutgoingSecurity, type SecurityFailure } from './outgoing-security.js'
import type { SecurityKeys } from './security-keys.js'
import type { SecurityRequest } from './security-request.js'
import { authenticatedAs, isSigned, keyOfCertificate, type SignatureVerdict, verifySignature } from './signature.js'

const CERTIFICATES_MAX = 53
const CERTIFICATE_LIFETIME_MS = 1_200_000

export type { GuardedQueue } from './guarded-queue.js'
export type { SecurityFailure } from './outgoing-security.js'

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

/**
 * Signatures, encryption and access of one queue manager. Without chance or time of its own: the one comes from
 * `randomBytes`, the other, that of the monotonic clock, with each call.
 */
export class MessageSecurity {
  readonly #keys: SecurityKeys
  readonly #symmetric: SymmetricKeys
  readonly #outgoing: OutgoingSecurity
  readonly #certificates = new AgingCache<ReturnType<typeof keyOfCertificate>>(
    CERTIFICATES_MAX,
    CERTIFICATE_LIFETIME_MS,
  )

  /** @param randomBytes what keys are drawn from; null where nothing is to be encrypted. */
  constructor(keys: SecurityKeys, randomBytes: RandomBytes | null, options: EncryptionOptions = {}) {
    this.#keys = keys
    this.#symmetric = new SymmetricKeys(randomBytes, options)
    this.#outgoing = new OutgoingSecurity(keys, this.#symmetric)
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

  /** See {@link OutgoingSecurity.secure}. */
  secureOutgoing(nowMs: number, bytes: Buffer, request: SecurityRequest): Buffer | SecurityFailure {
    return this.#outgoing.secure(nowMs, bytes, request)
  }

  /** See {@link OutgoingSecurity.secureLocal}. */
  secureLocal(bytes: Buffer, request: SecurityRequest, queue: GuardedQueue): Buffer | SecurityFailure {
    return this.#outgoing.secureLocal(bytes, request, queue)
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
