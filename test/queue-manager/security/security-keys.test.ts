import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { sidBytes } from '../../../protocol/sid.js'
import { encodePublicKeyBlob } from '../../../queue-manager/security/key-blobs.js'
import { loadSecurityKeys, NO_KEYS, type SecurityKeysConfig } from '../../../queue-manager/security/security-keys.js'
import { EXAMPLE_SOURCE, EXAMPLE_TARGET } from '../../fixtures/secured-messages.js'
import {
  ALICE_CERTIFICATE,
  ALICE_KEY,
  ALICE_SID,
  BOB_CERTIFICATE,
  BOB_KEY,
  ELLIPTIC_CERTIFICATE,
  EXCHANGE_KEY,
  OTHER_EXCHANGE_KEY,
} from '../../fixtures/security-keys.js'

const exchange = createPrivateKey(EXCHANGE_KEY)
const blob = encodePublicKeyBlob(exchange).toString('hex')
const pem = createPublicKey(OTHER_EXCHANGE_KEY).export({ type: 'spki', format: 'pem' }) as string

t.test('keys from texts', async t => {
  t.strictSame(loadSecurityKeys({}), NO_KEYS)
  const keys = loadSecurityKeys({
    sid: ALICE_SID,
    signing: { privateKey: ALICE_KEY, certificate: ALICE_CERTIFICATE },
    exchange: { privateKey: EXCHANGE_KEY },
    peers: { [EXAMPLE_TARGET.toUpperCase()]: blob.toUpperCase(), [EXAMPLE_SOURCE]: pem },
    certificates: {
      [ALICE_SID.toLowerCase()]: [ALICE_CERTIFICATE, BOB_CERTIFICATE],
      [EXAMPLE_TARGET]: BOB_CERTIFICATE,
    },
  })
  t.strictSame(keys.sid, sidBytes(ALICE_SID))
  t.ok(keys.signing?.privateKey.equals(createPrivateKey(ALICE_KEY)))
  t.strictSame(keys.signing?.certificate, new X509Certificate(ALICE_CERTIFICATE).raw)
  t.ok(keys.exchange?.equals(exchange))
  t.ok(keys.peers.get(EXAMPLE_TARGET)?.equals(createPublicKey(exchange)))
  t.ok(keys.peers.get(EXAMPLE_SOURCE)?.equals(createPublicKey(OTHER_EXCHANGE_KEY)))
  t.equal(keys.certificates.get(ALICE_SID)?.length, 2)
  t.equal(keys.certificates.get(EXAMPLE_TARGET)?.length, 1)
})

t.test('what is wrong is said by the name of its field, without a key', async t => {
  const small = ALICE_KEY.replace(/[A-Za-z0-9]/, '!')
  const rows: readonly [config: SecurityKeysConfig, message: RegExp][] = [
    [{ sid: 'alice' }, /^security\.sid "alice": allowed is a SID/],
    [{ exchange: { privateKey: 'secret' } }, /^security\.exchange\.privateKey: allowed is an RSA private key as PEM/],
    [{ exchange: { privateKey: pem } }, /^security\.exchange\.privateKey/],
    [{ exchange: { privateKey: small } }, /^security\.exchange\.privateKey/],
    [
      { signing: { privateKey: ALICE_KEY, certificate: BOB_CERTIFICATE } },
      /^security\.signing\.certificate: allowed is the certificate of the private key/,
    ],
    [{ signing: { privateKey: BOB_KEY, certificate: 'none' } }, /^security\.signing\.certificate: .* X\.509/],
    [{ peers: { server2: blob } }, /^security\.peers "server2": allowed is a GUID/],
    [
      { peers: { [EXAMPLE_TARGET]: blob.slice(2) } },
      new RegExp(`^security\\.peers\\.${EXAMPLE_TARGET}: .*PUBLICKEYBLOB`),
    ],
    [{ peers: { [EXAMPLE_TARGET]: ELLIPTIC_CERTIFICATE } }, /1024 to 8192 bits/],
    [{ certificates: { alice: ALICE_CERTIFICATE } }, /^security\.certificates "alice": allowed is a SID or a GUID/],
    [{ certificates: { [ALICE_SID]: [ELLIPTIC_CERTIFICATE] } }, /^security\.certificates\.S-1-5-21-1-2-3-1001: .*RSA/],
  ]
  for (const [config, message] of rows) {
    t.throws(() => loadSecurityKeys(config), { code: 'MSMQ_OPTION_INPUT', message }, `${message}`)
    try {
      loadSecurityKeys(config)
    } catch (error) {
      t.notMatch((error as Error).message, /secret|BEGIN|[A-Za-z0-9+/]{60}/, 'no key in it')
    }
  }
})
