import { constants, createHash, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'

/* RSAES-PKCS1-v1_5 (RFC 8017, 7.2) over raw RSA: the padding is drawn from the engine's source of chance, so that runs
 * repeat, and it is removed here because Node refuses to where OpenSSL lacks implicit rejection (CVE-2023-46809).
 *
 *   00 02 PS 00 M    PS at least 8 bytes, none zero */

/** Bytes nobody can foresee, or in a simulation bytes that follow from its seed. */
export type RandomBytes = (size: number) => Buffer

const PADDING_MIN = 8
/** Bytes that [MS-MQQB] 2.4.2 draws for an encrypted key. */
const DRAWN_SIZE = 256

/** Bytes of the modulus. */
export function modulusSize(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
}

/** `message` for the holder of the private key; big-endian, as long as the modulus. Null when the modulus is too short. */
export function wrapKey(publicKey: KeyObject, message: Uint8Array, randomBytes: RandomBytes): Buffer | null {
  const size = modulusSize(publicKey)
  const paddingSize = size - 3 - message.length
  if (paddingSize < PADDING_MIN) return null
  const block = Buffer.alloc(size)
  block[1] = 2
  for (let at = 2; at < 2 + paddingSize; ) {
    for (const byte of randomBytes(2 + paddingSize - at)) if (byte !== 0) block[at++] = byte
  }
  block.set(message, 3 + paddingSize)
  return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block)
}

export interface UnwrappedKey {
  readonly valid: boolean
  /** The key, or when it is not valid bytes that follow from the encrypted ones: going on with them takes the same time. */
  readonly key: Buffer
}

/**
 * Unwraps a key of `keySize` bytes. A caller must not let a peer tell an invalid key from a body that does not decrypt:
 * the difference would let it decrypt what it recorded, one guess at a time.
 */
export function unwrapKey(privateKey: KeyObject, encrypted: Buffer, keySize: number): UnwrappedKey {
  const size = modulusSize(privateKey)
  const substitute = createHash('sha256').update(encrypted).digest().subarray(0, keySize)
  const whole = fitted(encrypted, size)
  if (whole === null || size < keySize + 3 + PADDING_MIN) return { valid: false, key: substitute }
  let block: Buffer
  try {
    block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, whole)
  } catch {
    return { valid: false, key: substitute }
  }
  const separator = size - keySize - 1
  let wrong = block[0]! | (block[1]! ^ 2) | block[separator]!
  for (let at = 2; at < separator; at++) wrong |= block[at] === 0 ? 1 : 0
  return wrong === 0 ? { valid: true, key: block.subarray(separator + 1) } : { valid: false, key: substitute }
}

// The specification draws 256 bytes for every key; a shorter modulus may then lie in front of zeros, which little-endian
// bytes turned round have at their start.
function fitted(encrypted: Buffer, size: number): Buffer | null {
  if (encrypted.length < size || encrypted.length > Math.max(size, DRAWN_SIZE)) return null
  const excess = encrypted.length - size
  for (let at = 0; at < excess; at++) if (encrypted[at] !== 0) return null
  return encrypted.subarray(excess)
}
