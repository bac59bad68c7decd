import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tls from 'node:tls'
import t from 'tap'
import { trustedAuthorities } from '../../transport/trusted-authorities.js'

t.test('the authorities of the platform are trusted beside those that node brings', async t => {
  const file = join(process.cwd(), 'test/fixtures/tls/ca.pem')
  process.env.SSL_CERT_FILE = file
  const plain = (pem: string) => pem.replaceAll(/\s/g, '')
  const trusted = trustedAuthorities().map(plain)
  t.ok(trusted.includes(plain(readFileSync(file, 'latin1'))), 'what SSL_CERT_FILE names')
  t.ok(tls.rootCertificates.every(pem => trusted.includes(plain(pem))))
  t.ok(tls.createSecureContext({ ca: trustedAuthorities() }), 'and they can be used')
  t.equal(trustedAuthorities(), trustedAuthorities(), 'they are read once')
})
