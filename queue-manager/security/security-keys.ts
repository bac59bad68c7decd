import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { OptionError } from '../../protocol/errors.js'
import { type Guid, isGuid, parseGuid } from '../../protocol/guid.js'
import { sidBytes, sidText } from '../../protocol/sid.js'
import { decodePublicKeyBlob, RSA_BITS_MAX } from './key-blobs.js'
import { keyOfCertificate } from './signature.js'

/** What a queue manager signs with. */
export interface SigningKey {
  readonly privateKey: KeyObject
  /** DER. */
  readonly certificate: Buffer
}

/** The keys and certificates of one queue manager. In a domain a directory would hold all but the private ones. */
export interface SecurityKeys {
  /** Whom messages are said to be from, as a SID on the wire; null sends the queue manager's GUID instead. */
  readonly sid: Buffer | null
  readonly signing: SigningKey | null
  /** Private RSA key that opens the keys of encrypted messages. */
  readonly exchange: KeyObject | null
  /** Public RSA keys of those to whom messages can be encrypted. */
  readonly peers: ReadonlyMap<Guid, KeyObject>
  /** DER certificates that a sender, a SID text or the GUID of a queue manager, is known by. */
  readonly certificates: ReadonlyMap<string, readonly Buffer[]>
}

export const NO_KEYS: SecurityKeys = {
  sid: null,
  signing: null,
  exchange: null,
  peers: new Map(),
  certificates: new Map(),
}

/** The same as texts, as a configuration file has them. */
export interface SecurityKeysConfig {
  readonly sid?: string | undefined
  readonly signing?: { readonly privateKey: string; readonly certificate: string } | undefined
  readonly exchange?: { readonly privateKey: string } | undefined
  /** By GUID: PEM of a public key or certificate, or a PUBLICKEYBLOB in hexadecimal. */
  readonly peers?: Readonly<Record<string, string>> | undefined
  /** By SID or GUID: PEM of one or several certificates. */
  readonly certificates?: Readonly<Record<string, string | readonly string[]>> | undefined
}

/** A shorter key has no room for a signature with SHA-512, nor for a body key with AES. */
const OWN_RSA_BITS_MIN = 1024

/**
 * @throws OptionError MSMQ_OPTION_INPUT naming the field below `option`, such as `security.exchange.privateKey`; a key is
 * never part of the message.
 */
export function loadSecurityKeys(config: SecurityKeysConfig, option = 'security'): SecurityKeys {
  const { sid, signing, exchange, peers = {}, certificates = {} } = config
  return {
    sid: sid === undefined ? null : loadSid(sid, `${option}.sid`),
    signing: signing === undefined ? null : loadSigning(signing.privateKey, signing.certificate, `${option}.signing`),
    exchange: exchange === undefined ? null : loadPrivateKey(exchange.privateKey, `${option}.exchange.privateKey`),
    peers: new Map(
      Object.entries(peers).map(([name, key]) => [
        loadGuid(name, `${option}.peers`),
        loadPublicKey(key, `${option}.peers.${name}`),
      ]),
    ),
    certificates: new Map(
      Object.entries(certificates).map(([owner, texts]) => [
        loadOwner(owner, `${option}.certificates`),
        (typeof texts === 'string' ? [texts] : texts).map(text =>
          loadCertificate(text, `${option}.certificates.${owner}`),
        ),
      ]),
    ),
  }
}

function loadSid(text: string, option: string): Buffer {
  return sidBytes(text) ?? refuse(`${option} ${JSON.stringify(text)}`, 'a SID such as S-1-5-21-1-2-3-1001')
}

function loadGuid(text: string, option: string): Guid {
  if (!isGuid(text)) refuse(`${option} ${JSON.stringify(text)}`, 'a GUID for each name')
  return parseGuid(text)
}

function loadOwner(text: string, option: string): string {
  if (isGuid(text)) return parseGuid(text)
  const sid = sidBytes(text)
  if (sid === null) refuse(`${option} ${JSON.stringify(text)}`, 'a SID or a GUID for each name')
  return sidText(sid)
}

function loadSigning(privateKey: string, certificate: string, option: string): SigningKey {
  const key = loadPrivateKey(privateKey, `${option}.privateKey`)
  const der = loadCertificate(certificate, `${option}.certificate`)
  if (!new X509Certificate(der).checkPrivateKey(key))
    refuse(`${option}.certificate`, 'the certificate of the private key')
  return { privateKey: key, certificate: der }
}

function loadPrivateKey(text: string, option: string): KeyObject {
  return usable(() => createPrivateKey(text)) ?? refuse(option, `an RSA private key as PEM, ${BITS}`)
}

function loadPublicKey(text: string, option: string): KeyObject {
  const isHex = /^[0-9a-f\s]+$/i.test(text)
  const key = usable(() =>
    isHex ? decodePublicKeyBlob(Buffer.from(text.replace(/\s/g, ''), 'hex')) : createPublicKey(text),
  )
  return key ?? refuse(option, `an RSA public key as PEM, or a PUBLICKEYBLOB in hexadecimal, ${BITS}`)
}

const BITS = `${OWN_RSA_BITS_MIN} to ${RSA_BITS_MAX} bits`

function usable(load: () => KeyObject | null): KeyObject | null {
  try {
    const key = load()
    const bits = key?.asymmetricKeyDetails?.modulusLength ?? 0
    return key?.asymmetricKeyType === 'rsa' && bits >= OWN_RSA_BITS_MIN && bits <= RSA_BITS_MAX ? key : null
  } catch {
    return null
  }
}

function loadCertificate(text: string, option: string): Buffer {
  let der: Buffer | null = null
  try {
    der = new X509Certificate(text).raw
  } catch {}
  if (der === null || keyOfCertificate(der) === null || der.length > SENDER_CERT_SIZE_MAX)
    refuse(option, 'an X.509 certificate with an RSA key, as PEM')
  return der
}

const SENDER_CERT_SIZE_MAX = 0xffff

function refuse(option: string, allowed: string): never {
  throw new OptionError('MSMQ_OPTION_INPUT', option, undefined, allowed)
}
