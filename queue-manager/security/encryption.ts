import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { UserMessagePacket } from '../../protocol/binary/packet.js'
import { type Guid, NIL_GUID } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { AgingCache } from './aging-cache.js'
import { type Cipher, cipherOf, ENCRYPTION, isCipherOffered, PRIVACY } from './algorithms.js'
import { decodeSimpleBlob, encodeSimpleBlob } from './key-blobs.js'
import { type RandomBytes, type UnwrappedKey, unwrapKey, wrapKey } from './key-transport.js'

/* Encryption of bodies from queue manager to queue manager: a symmetric key for each peer and algorithm, sent along under
 * the peer's RSA key. Source: [MS-MQQB] 3.1.5.8.3, 3.1.7.1.5, 3.1.3.1; [MS-MQMQ] 2.2.19.3. */

const SEND_KEYS_MAX = 53
const RECEIVE_KEYS_MAX = 127
/** SymmetricKeyShortLifetime; what Windows XP and 2003 use for sending. */
export const KEY_LIFETIME_SHORT_MS = 600_000
/** SymmetricKeyLongLifetime. */
export const KEY_LIFETIME_LONG_MS = 43_200_000

export interface EncryptionOptions {
  /** RejectEnhancedRC2Using40BitKeys: no RC2 keys of 128 bits whose last 88 are zero. Default false. */
  readonly rejectPaddedRc2Keys?: boolean
  readonly sendKeyLifetimeMs?: number
  readonly receiveKeyLifetimeMs?: number
}

export interface EncryptedBody {
  readonly body: Buffer
  /** SecurityData.EncryptionKey, a SIMPLEBLOB. */
  readonly encryptionKey: Buffer
}

/** Why a body cannot be read, with the class of the negative acknowledgement. */
export interface DecryptionFailure {
  readonly messageClass: number
  readonly detail: string
}

interface SendKey {
  readonly key: Buffer
  readonly blob: Buffer
}

/** The symmetric keys in use, of one queue manager; times are those of its monotonic clock. */
export class SymmetricKeys {
  readonly #randomBytes: RandomBytes | null
  readonly #sending: AgingCache<SendKey>
  readonly #receiving: AgingCache<Buffer>
  readonly #rejectPaddedRc2Keys: boolean

  /** @param randomBytes null where nothing is encrypted. */
  constructor(randomBytes: RandomBytes | null, options: EncryptionOptions = {}) {
    this.#randomBytes = randomBytes
    this.#sending = new AgingCache(SEND_KEYS_MAX, options.sendKeyLifetimeMs ?? KEY_LIFETIME_SHORT_MS)
    this.#receiving = new AgingCache(RECEIVE_KEYS_MAX, options.receiveKeyLifetimeMs ?? KEY_LIFETIME_SHORT_MS)
    this.#rejectPaddedRc2Keys = options.rejectPaddedRc2Keys ?? false
  }

  /** Null when the peer's RSA key is too short for a key of this cipher, or the cipher or a source of chance is missing. */
  encrypt(nowMs: number, remote: Guid, publicKey: KeyObject, cipher: Cipher, body: Buffer): EncryptedBody | null {
    if (this.#randomBytes === null || !isCipherOffered(cipher)) return null
    const name = `${remote} ${cipher.privacyLevel} ${cipher.algorithm}`
    let sendKey = this.#sending.get(name, nowMs)
    if (sendKey === null) {
      const key = this.#randomBytes(cipher.keySize)
      const encryptedKey = wrapKey(publicKey, key, this.#randomBytes)
      if (encryptedKey === null) return null
      sendKey = { key, blob: encodeSimpleBlob({ algorithm: cipher.algorithm, encryptedKey }) }
      this.#sending.add(name, sendKey, nowMs)
    }
    const encryptor = createCipheriv(cipher.name, sendKey.key, zeroVector(cipher))
    return { body: Buffer.concat([encryptor.update(body), encryptor.final()]), encryptionKey: sendKey.blob }
  }

  /**
   * The clear body of an encrypted message. `exchange` is the private key of this queue manager.
   * NACK_BAD_ENCRYPTION for whatever cannot be decrypted, without telling a peer why; NACK_UNSUPPORTED_CRYPTO_PROVIDER
   * when the platform lacks a cipher that the specification has.
   */
  decrypt(nowMs: number, packet: UserMessagePacket, exchange: KeyObject | null): Buffer | DecryptionFailure {
    const { privacyLevel, encryptionAlgorithm, body, messageSize } = packet.properties
    const cipher = cipherOf(privacyLevel, encryptionAlgorithm)
    if (cipher === null)
      return badEncryption(`privacy level ${privacyLevel} with algorithm 0x${encryptionAlgorithm.toString(16)}`)
    if (!isCipherOffered(cipher)) {
      const detail = `this Node lacks ${cipher.name}, which is in OpenSSL's legacy provider`
      return { messageClass: MessageClass.NACK_UNSUPPORTED_CRYPTO_PROVIDER, detail }
    }
    if (exchange === null) return badEncryption('this queue manager has no key for encrypted messages')
    const { valid, key } = this.#receivedKey(nowMs, packet, cipher, exchange)
    const clear = decipher(cipher, key, body)
    if (!valid || clear === null) return badEncryption('the key or the body does not decrypt')
    // the size before encryption; some senders may mean that of the field
    if (clear.length !== messageSize && body.length !== messageSize) {
      return badEncryption(`${clear.length} bytes in the clear, ${messageSize} announced`)
    }
    return clear
  }

  #receivedKey(nowMs: number, packet: UserMessagePacket, cipher: Cipher, exchange: KeyObject): UnwrappedKey {
    const { sourceQueueManager } = packet.user
    const blob = packet.security?.encryptionKey ?? Buffer.alloc(0)
    const name = `${sourceQueueManager} ${cipher.privacyLevel} ${cipher.algorithm} ${blob.toString('latin1')}`
    const cached = this.#receiving.get(name, nowMs)
    if (cached !== null) return { valid: true, key: cached }
    const decoded = decodeSimpleBlob(blob)
    if (decoded === null || decoded.algorithm !== cipher.algorithm)
      return { valid: false, key: Buffer.alloc(cipher.keySize) }
    const unwrapped = unwrapKey(exchange, decoded.encryptedKey, cipher.keySize)
    if (!unwrapped.valid) return unwrapped
    if (this.#rejectPaddedRc2Keys && isPaddedRc2Key(cipher, unwrapped.key)) return { ...unwrapped, valid: false }
    const key = Buffer.from(unwrapped.key)
    this.#receiving.add(name, key, nowMs)
    return { valid: true, key }
  }
}

function badEncryption(detail: string): DecryptionFailure {
  return { messageClass: MessageClass.NACK_BAD_ENCRYPTION, detail }
}

function decipher(cipher: Cipher, key: Buffer, body: Buffer): Buffer | null {
  try {
    const decryptor = createDecipheriv(cipher.name, key, zeroVector(cipher))
    return Buffer.concat([decryptor.update(body), decryptor.final()])
  } catch {
    return null
  }
}

function zeroVector({ vectorSize }: Cipher): Buffer | null {
  return vectorSize === 0 ? null : Buffer.alloc(vectorSize)
}

function isPaddedRc2Key(cipher: Cipher, key: Buffer): boolean {
  return (
    cipher.algorithm === ENCRYPTION.RC2 &&
    cipher.privacyLevel === PRIVACY.ENHANCED &&
    key.subarray(5).every(byte => byte === 0)
  )
}

/** Names a queue manager, and so a key: a direct name does not, and its messages cannot be encrypted. */
export function canBeEncrypted({ user }: UserMessagePacket): boolean {
  return user.queueManagerAddress !== NIL_GUID && user.destinationQueue?.type !== 'DirectQueueFormatName'
}
