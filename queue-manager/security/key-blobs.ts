import { createPublicKey, type KeyObject } from 'node:crypto'

/* Keys as the Windows cryptographic interface lays them out; numbers and big integers little-endian.
 *
 *   PUBLICKEYBLOB [MS-MQQB] 2.4.1            SIMPLEBLOB [MS-MQQB] 2.4.2
 *    0  8  06 02 00 00 00 A4 00 00            0  4  01 02 00 00
 *    8  4  "RSA1"                             4  4  sessionKeyAlgorithm
 *   12  4  bitLen, of the modulus             8  4  00 A4 00 00
 *   16  4  pubExp                            12     encryptedKey, as long as the modulus
 *   20     modulus, bitLen / 8 bytes */

const PUBLIC_HEADER = Buffer.from('0602000000a40000', 'hex')
const RSA1 = Buffer.from('RSA1')
const PUBLIC_FIXED_SIZE = 20
const SIMPLE_START = Buffer.from('01020000', 'hex')
const KEY_EXCHANGE = Buffer.from('00a40000', 'hex')
const SIMPLE_FIXED_SIZE = 12

/** RSA keys that are taken, in bits. A larger one costs a peer nothing and us milliseconds for each message. */
export const RSA_BITS_MIN = 512
export const RSA_BITS_MAX = 8192

/** Null for anything but an RSA public key whose bytes are all there, with a modulus of 512 to 8192 bits. */
export function decodePublicKeyBlob(bytes: Buffer): KeyObject | null {
  if (bytes.length < PUBLIC_FIXED_SIZE) return null
  if (PUBLIC_HEADER.compare(bytes, 0, 8) !== 0 || RSA1.compare(bytes, 8, 12) !== 0) return null
  const bits = bytes.readUInt32LE(12)
  if (bits % 8 !== 0 || bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) return null
  if (bytes.length !== PUBLIC_FIXED_SIZE + bits / 8) return null
  const modulus = reversed(bytes.subarray(PUBLIC_FIXED_SIZE))
  const exponent = reversed(bytes.subarray(16, 20))
  try {
    const key = { kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') }
    const publicKey = createPublicKey({ key, format: 'jwk' })
    return publicKey.asymmetricKeyDetails?.modulusLength === bits ? publicKey : null
  } catch {
    return null
  }
}

/** The public half of an RSA key. */
export function encodePublicKeyBlob(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const modulus = Buffer.from(n, 'base64url')
  const exponent = Buffer.from(e, 'base64url')
  const bytes = Buffer.alloc(PUBLIC_FIXED_SIZE + modulus.length)
  PUBLIC_HEADER.copy(bytes)
  RSA1.copy(bytes, 8)
  bytes.writeUInt32LE(modulus.length * 8, 12)
  reversed(exponent).copy(bytes, 16)
  reversed(modulus).copy(bytes, PUBLIC_FIXED_SIZE)
  return bytes
}

export interface SimpleBlob {
  /** Value of EncryptionAlgorithm. */
  readonly algorithm: number
  /** As RSA knows it: big-endian. */
  readonly encryptedKey: Buffer
}

/** Null when the constant fields are not there. How long the key must be is known only with the RSA key. */
export function decodeSimpleBlob(bytes: Buffer): SimpleBlob | null {
  if (bytes.length <= SIMPLE_FIXED_SIZE) return null
  if (SIMPLE_START.compare(bytes, 0, 4) !== 0 || KEY_EXCHANGE.compare(bytes, 8, 12) !== 0) return null
  return { algorithm: bytes.readUInt32LE(4), encryptedKey: reversed(bytes.subarray(SIMPLE_FIXED_SIZE)) }
}

export function encodeSimpleBlob({ algorithm, encryptedKey }: SimpleBlob): Buffer {
  const bytes = Buffer.alloc(SIMPLE_FIXED_SIZE + encryptedKey.length)
  SIMPLE_START.copy(bytes)
  bytes.writeUInt32LE(algorithm, 4)
  KEY_EXCHANGE.copy(bytes, 8)
  reversed(encryptedKey).copy(bytes, SIMPLE_FIXED_SIZE)
  return bytes
}

/** A copy with the bytes in the other order. */
export function reversed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).reverse()
}
