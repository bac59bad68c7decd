import { constants, createHash, createSign, type KeyObject, publicDecrypt, X509Certificate } from 'node:crypto'
import type { UserMessagePacket } from '../../protocol/binary/packet.js'
import { SECURITY_FLAGS } from '../../protocol/binary/security-header.js'
import { type HashAlgorithm, hashAlgorithm } from './algorithms.js'
import { RSA_BITS_MAX, RSA_BITS_MIN, reversed } from './key-blobs.js'
import { modulusSize } from './key-transport.js'
import { type SignatureVersion, signedFields } from './signed-fields.js'

/* Digital signatures of messages: RSASSA-PKCS1-v1_5 over a hash of their fields. Source: [MS-MQQB] 3.1.5.8.3, 3.1.7.1.4;
 * [MS-MQMQ] 2.2.20.6, 2.5; the readings in decision 0016. */

export type SignatureVerdict =
  | { readonly valid: true; readonly version: SignatureVersion }
  | { readonly valid: false; readonly reason: string }

/** Finds the RSA key in the bytes of SenderCert; null when there is none. */
export type CertificateKey = (certificate: Buffer) => KeyObject | null

/** Does the message carry a signature, in its SecurityHeader or in its MultiQueueFormatHeader? */
export function isSigned({ security, multiQueueFormat }: UserMessagePacket): boolean {
  if (security === null) return false
  return security.signature.length > 0 || (multiQueueFormat !== null && multiQueueFormat.signature.signature.length > 0)
}

/**
 * Checks the signature of a message whose body is not, or no longer, encrypted. One in the SecurityHeader is tried as
 * 2.0, 1.0 and 3.0; one in the MultiQueueFormatHeader, which counts only without the former, as 3.0. Whose certificate it
 * is remains to be asked. Costs one RSA operation, or two, and up to three hashes of the body.
 */
export function verifySignature(
  packet: UserMessagePacket,
  certificateKey: CertificateKey = keyOfCertificate,
): SignatureVerdict {
  const { security, multiQueueFormat, properties } = packet
  if (security === null) return invalid('no SecurityHeader')
  const inSecurityHeader = security.signature.length > 0
  const signature = inSecurityHeader ? security.signature : multiQueueFormat?.signature.signature
  if (signature === undefined || signature.length === 0) return invalid('no signature')
  const hash = hashAlgorithm(properties.hashAlgorithm)
  if (hash === null) return invalid(`hash algorithm 0x${properties.hashAlgorithm.toString(16)} is not available`)
  const key = certificateKey(security.senderCert)
  if (key === null) return invalid('the certificate is none with an RSA key')
  // The Windows interface writes big integers little-endian, RFC 8017 the other way round: only the holder of the key
  // can have made either.
  const signed = signedDigest(key, reversed(signature)) ?? signedDigest(key, signature)
  if (signed === null) return invalid('the signature does not fit the certificate')
  const versions: readonly SignatureVersion[] = inSecurityHeader ? [2, 1, 3] : [3]
  const version = versions.find(candidate => signed.equals(digestInfo(packet, candidate, hash)))
  return version === undefined ? invalid('the message is not the one that was signed') : { valid: true, version }
}

function invalid(reason: string): SignatureVerdict {
  return { valid: false, reason }
}

/** The DigestInfo under a signature; null when the signature was not made with the other half of the key. */
function signedDigest(key: KeyObject, signature: Buffer): Buffer | null {
  if (signature.length !== modulusSize(key)) return null
  try {
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
  } catch {
    return null
  }
}

function digestInfo(packet: UserMessagePacket, version: SignatureVersion, { name, prefix }: HashAlgorithm): Buffer {
  const hash = createHash(name)
  for (const field of signedFields(packet, version)) hash.update(field)
  return Buffer.concat([prefix, hash.digest()])
}

/** The RSA key of a DER certificate. Dates, issuer and uses are not looked at: who may use it is configuration. */
export function keyOfCertificate(certificate: Buffer): KeyObject | null {
  try {
    const parsed = new X509Certificate(certificate)
    // PEM is read too, and what follows the certificate is not: neither is the certificate that another was compared with
    if (!parsed.raw.equals(certificate)) return null
    const bits = parsed.publicKey.asymmetricKeyDetails?.modulusLength ?? 0
    const usable = parsed.publicKey.asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
    return usable ? parsed.publicKey : null
  } catch {
    return null
  }
}

/** The signature as it lies in the packet. `hash` must be one that {@link hashAlgorithm} knows. */
export function signatureOf(
  packet: UserMessagePacket,
  version: SignatureVersion,
  hash: HashAlgorithm,
  privateKey: KeyObject,
): Buffer {
  const signer = createSign(hash.name)
  for (const field of signedFields(packet, version)) signer.update(field)
  return reversed(signer.sign(privateKey))
}

/** Flags.AS of a version: 1, 3 or 5. */
export function authenticatedAs(version: SignatureVersion): number {
  return (2 * version - 1) << SECURITY_FLAGS.AS_SHIFT
}
