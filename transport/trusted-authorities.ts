import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'

/** Where systems keep the certificates of the authorities that they trust, in one file. */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

let authorities: string[] | undefined

/**
 * The authorities of this platform and those that node brings along, as PEM. Read once. Node 22 and later asks the
 * platform itself; for earlier ones it is the file that `SSL_CERT_FILE` names, or the first of the usual ones.
 */
export function trustedAuthorities(): string[] {
  authorities ??= [...new Set([...tls.rootCertificates, ...ofPlatform()])]
  return authorities
}

function ofPlatform(): string[] {
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'system' | 'extra') => string[] }
  if (getCACertificates !== undefined) return [...getCACertificates('system'), ...getCACertificates('extra')]
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = process.env
  const platform = SSL_CERT_FILE === undefined ? FILES : [SSL_CERT_FILE]
  const found = platform.map(readCertificates).find(certificates => certificates.length > 0) ?? []
  return NODE_EXTRA_CA_CERTS === undefined ? found : [...found, ...readCertificates(NODE_EXTRA_CA_CERTS)]
}

function readCertificates(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  } catch {
    return []
  }
}
