import { ENCRYPTION, HASH, PRIVACY } from './algorithms.js'
import type { SignatureVersion } from './signed-fields.js'

export interface SignOptions {
  /** Default 2.0; a message with a MultiQueueFormatHeader is signed as 3.0, whatever is said here. */
  readonly version?: SignatureVersion
  /** Default SHA-512. */
  readonly hash?: HashName
}

export interface EncryptOptions {
  /** Default AES-256. RC2 and RC4 have 128 bits; with 40 the privacy level is the base one. */
  readonly algorithm?: EncryptionName
}

/** What an application asks for one message. */
export interface SecurityRequest {
  readonly sign?: boolean | SignOptions
  readonly encrypt?: boolean | EncryptOptions
  /** Say who sends although the message is not signed: anybody can say anything. */
  readonly identify?: boolean
}

/** HashAlgorithm by name. */
export const HASH_IDS = { md5: HASH.MD5, sha1: HASH.SHA1, sha256: HASH.SHA256, sha512: HASH.SHA512 } as const
/** PrivacyLevel and EncryptionAlgorithm by name. */
export const ENCRYPTION_CHOICES = {
  'aes-256': [PRIVACY.ADVANCED, ENCRYPTION.AES256],
  'aes-192': [PRIVACY.ADVANCED, ENCRYPTION.AES192],
  'aes-128': [PRIVACY.ADVANCED, ENCRYPTION.AES128],
  rc2: [PRIVACY.ENHANCED, ENCRYPTION.RC2],
  rc4: [PRIVACY.ENHANCED, ENCRYPTION.RC4],
  'rc2-40': [PRIVACY.BASE, ENCRYPTION.RC2],
  'rc4-40': [PRIVACY.BASE, ENCRYPTION.RC4],
} as const

/** Has an application asked for anything? A message that it has not need not be looked at. */
export function isSecurityWanted({ sign, encrypt, identify }: SecurityRequest): boolean {
  return isWanted(sign) || isWanted(encrypt) || identify === true
}

export function isWanted(choice: boolean | object | undefined): boolean {
  return choice !== undefined && choice !== false
}

export const DEFAULT_VERSION: SignatureVersion = 2
export const DEFAULT_ENCRYPTION = 'aes-256'

export function signOptions({ sign }: SecurityRequest): SignOptions {
  return typeof sign === 'object' ? sign : {}
}

export function encryptOptions({ encrypt }: SecurityRequest): EncryptOptions {
  return typeof encrypt === 'object' ? encrypt : {}
}

/** PrivacyLevel of a message for which encryption is asked. */
export function privacyLevelOf(request: SecurityRequest): number {
  return ENCRYPTION_CHOICES[encryptOptions(request).algorithm ?? DEFAULT_ENCRYPTION][0]
}

type HashName = keyof typeof HASH_IDS
type EncryptionName = keyof typeof ENCRYPTION_CHOICES

/** What an application can name. */
export const HASH_NAMES = Object.keys(HASH_IDS) as [HashName, ...HashName[]]
export const ENCRYPTION_NAMES = Object.keys(ENCRYPTION_CHOICES) as [EncryptionName, ...EncryptionName[]]
