import { decodePacket, encodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE } from '../../protocol/binary/security-header.js'
import { USER_FLAGS } from '../../protocol/binary/user-header.js'
import { encodeGuid, GUID_SIZE } from '../../protocol/guid.js'
import type { MqErrorName } from '../../protocol/mq-error.js'
import { cipherOf, hashAlgorithm, isCipherOffered } from './algorithms.js'
import { canBeEncrypted, type SymmetricKeys } from './encryption.js'
import type { GuardedQueue } from './guarded-queue.js'
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
import { authenticatedAs, signatureOf } from './signature.js'

const NOTHING = Buffer.alloc(0)

/** Why a message cannot be sent as asked. */
export interface SecurityFailure {
  readonly error: MqErrorName
  readonly detail: string
}

/** Signs and encrypts what applications of one queue manager send. Source: [MS-MQQB] 3.1.7.1.4, 3.1.7.1.5. */
export class OutgoingSecurity {
  readonly #keys: SecurityKeys
  readonly #symmetric: SymmetricKeys

  constructor(keys: SecurityKeys, symmetric: SymmetricKeys) {
    this.#keys = keys
    this.#symmetric = symmetric
  }

  /**
   * Signs, then encrypts, an encoded message of this queue manager; the result is another buffer. Nothing covered may
   * change afterwards; times, hops and places in sequences are not covered.
   * MQ_ERROR_CERTIFICATE_NOT_PROVIDED, MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION for an encrypted message to a direct name,
   * MQ_ERROR_ENCRYPTION_PROVIDER_NOT_SUPPORTED without a key of the destination's,
   * MQ_ERROR_COMPUTER_DOES_NOT_SUPPORT_ENCRYPTION where the platform lacks the algorithm. @throws EncodeError
   * MSMQ_ENCODE_SIZE, MSMQ_ENCODE_RANGE.
   */
  secure(nowMs: number, bytes: Buffer, request: SecurityRequest): Buffer | SecurityFailure {
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
    const secured = this.secure(0, bytes, { ...request, encrypt: false })
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

function failed(error: SecurityFailure['error'], detail: string): SecurityFailure {
  return { error, detail }
}

function guidBytes(guid: string): Buffer {
  const bytes = Buffer.alloc(GUID_SIZE)
  encodeGuid(bytes, 0, guid)
  return bytes
}
