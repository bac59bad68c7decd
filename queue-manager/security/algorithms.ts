import { createCipheriv, createHash } from 'node:crypto'

/* Algorithm identifiers of the MessagePropertiesHeader, and what Node offers for them. Source: [MS-MQMQ] 2.2.19.3. */

/** Values of HashAlgorithm. */
export const HASH = {
  MD2: 0x8001,
  MD4: 0x8002,
  MD5: 0x8003,
  SHA1: 0x8004,
  SHA256: 0x800c,
  SHA512: 0x800e,
} as const

/** Values of EncryptionAlgorithm. */
export const ENCRYPTION = {
  RC2: 0x6602,
  AES128: 0x660e,
  AES192: 0x660f,
  AES256: 0x6610,
  RC4: 0x6801,
} as const

/** Values of PrivacyLevel: how the body is encrypted. */
export const PRIVACY = {
  NONE: 0,
  /** 40-bit keys. */
  BASE: 1,
  /** 128-bit keys. */
  ENHANCED: 3,
  /** AES. */
  ADVANCED: 5,
} as const

/** Types of cryptographic providers ([MS-MQMQ] 2.2.1). */
export const PROVIDER_TYPE = { RSA_FULL: 0x01, RSA_AES: 0x18 } as const

export interface HashAlgorithm {
  readonly id: number
  /** Node's name. */
  readonly name: string
  /** DER of a DigestInfo up to the digest (RFC 8017, 9.2 note 1). */
  readonly prefix: Buffer
}

const HASHES: readonly HashAlgorithm[] = [
  { id: HASH.MD2, name: 'md2', prefix: Buffer.from('3020300c06082a864886f70d020205000410', 'hex') },
  { id: HASH.MD4, name: 'md4', prefix: Buffer.from('3020300c06082a864886f70d020405000410', 'hex') },
  { id: HASH.MD5, name: 'md5', prefix: Buffer.from('3020300c06082a864886f70d020505000410', 'hex') },
  { id: HASH.SHA1, name: 'sha1', prefix: Buffer.from('3021300906052b0e03021a05000414', 'hex') },
  { id: HASH.SHA256, name: 'sha256', prefix: Buffer.from('3031300d060960864801650304020105000420', 'hex') },
  { id: HASH.SHA512, name: 'sha512', prefix: Buffer.from('3051300d060960864801650304020305000440', 'hex') },
]

/** Null for an identifier that is not in the specification's table, and for one that this Node does not compute. */
export function hashAlgorithm(id: number): HashAlgorithm | null {
  const algorithm = HASHES.find(known => known.id === id)
  return algorithm !== undefined && isOffered(`hash ${algorithm.name}`, () => createHash(algorithm.name))
    ? algorithm
    : null
}

/** A cipher as one privacy level uses it. Sizes in bytes; RC2 and AES start from a zero vector. */
export interface Cipher {
  readonly algorithm: number
  readonly privacyLevel: number
  /** Node's name. */
  readonly name: string
  readonly keySize: number
  readonly vectorSize: number
  readonly provider: Provider
}

/** A cryptographic service provider: what chooses the keys of an encrypted message ([MS-MQQB] 3.1.5.8.3). */
export interface Provider {
  readonly type: number
  readonly name: string
}

const BASE: Provider = { type: PROVIDER_TYPE.RSA_FULL, name: 'Microsoft Base Cryptographic Provider v1.0' }
const ENHANCED: Provider = { type: PROVIDER_TYPE.RSA_FULL, name: 'Microsoft Enhanced Cryptographic Provider v1.0' }
const ADVANCED: Provider = {
  type: PROVIDER_TYPE.RSA_AES,
  name: 'Microsoft Enhanced RSA and AES Cryptographic Provider',
}

const CIPHERS: readonly Cipher[] = [
  cipher(PRIVACY.BASE, ENCRYPTION.RC2, 'rc2-40-cbc', 5, 8, BASE),
  cipher(PRIVACY.BASE, ENCRYPTION.RC4, 'rc4-40', 5, 0, BASE),
  cipher(PRIVACY.ENHANCED, ENCRYPTION.RC2, 'rc2-cbc', 16, 8, ENHANCED),
  cipher(PRIVACY.ENHANCED, ENCRYPTION.RC4, 'rc4', 16, 0, ENHANCED),
  cipher(PRIVACY.ADVANCED, ENCRYPTION.AES128, 'aes-128-cbc', 16, 16, ADVANCED),
  cipher(PRIVACY.ADVANCED, ENCRYPTION.AES192, 'aes-192-cbc', 24, 16, ADVANCED),
  cipher(PRIVACY.ADVANCED, ENCRYPTION.AES256, 'aes-256-cbc', 32, 16, ADVANCED),
]

function cipher(
  privacyLevel: number,
  algorithm: number,
  name: string,
  keySize: number,
  vectorSize: number,
  provider: Provider,
): Cipher {
  return { algorithm, privacyLevel, name, keySize, vectorSize, provider }
}

/** The cipher of a privacy level and an algorithm; null when the table does not join them. */
export function cipherOf(privacyLevel: number, algorithm: number): Cipher | null {
  return CIPHERS.find(known => known.privacyLevel === privacyLevel && known.algorithm === algorithm) ?? null
}

/** Can this Node compute it? RC2 and RC4 need OpenSSL's legacy provider, which Node 20 loads only when told to. */
export function isCipherOffered(wanted: Cipher): boolean {
  const vector = wanted.vectorSize === 0 ? null : Buffer.alloc(wanted.vectorSize)
  return isOffered(wanted.name, () => createCipheriv(wanted.name, Buffer.alloc(wanted.keySize), vector))
}

// Lists of algorithms name some that then fail, so each is tried, once.
const offered = new Map<string, boolean>()

function isOffered(name: string, attempt: () => unknown): boolean {
  let answer = offered.get(name)
  if (answer === undefined) {
    try {
      attempt()
      answer = true
    } catch {
      answer = false
    }
    offered.set(name, answer)
  }
  return answer
}
