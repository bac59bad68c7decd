import { spawnSync } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import { SECURITY_FLAGS } from '../../../protocol/binary/security-header.js'
import { USER_FLAGS } from '../../../protocol/binary/user-header.js'
import { MessageClass } from '../../../protocol/message-class.js'
import { AgingCache } from '../../../queue-manager/security/aging-cache.js'
import { cipherOf, ENCRYPTION, isCipherOffered, PRIVACY } from '../../../queue-manager/security/algorithms.js'
import { type DecryptionFailure, SymmetricKeys } from '../../../queue-manager/security/encryption.js'
import {
  decodePublicKeyBlob,
  decodeSimpleBlob,
  encodePublicKeyBlob,
  encodeSimpleBlob,
} from '../../../queue-manager/security/key-blobs.js'
import { unwrapKey, wrapKey } from '../../../queue-manager/security/key-transport.js'
import { ENCRYPTION_CHOICES } from '../../../queue-manager/security/security-request.js'
import { CIPHER_TEXTS, PUBLIC_KEY_BLOB, SIMPLE_BLOB } from '../../fixtures/openssl-answers.js'
import { EXAMPLE_BODY, EXAMPLE_TARGET, exampleMessage } from '../../fixtures/secured-messages.js'
import { EXCHANGE_KEY, OTHER_EXCHANGE_KEY, seededBytes } from '../../fixtures/security-keys.js'

const exchange = createPrivateKey(EXCHANGE_KEY)
const other = createPrivateKey(OTHER_EXCHANGE_KEY)
const simpleBlob = Buffer.from(SIMPLE_BLOB, 'hex')
const cipherText = Buffer.from(CIPHER_TEXTS['aes-256'], 'hex')
const AES256 = cipherOf(PRIVACY.ADVANCED, ENCRYPTION.AES256)!

interface Encrypted {
  privacyLevel?: number
  algorithm?: number
  encryptionKey?: Buffer
  body?: Buffer
  messageSize?: number
}

/** The example as it comes off the wire, encrypted with AES-256 by openssl where nothing else is given. */
function encrypted(options: Encrypted = {}): UserMessagePacket {
  const packet = exampleMessage()
  packet.user.flags |= USER_FLAGS.SH
  packet.security = {
    flags: SECURITY_FLAGS.EB | SECURITY_FLAGS.AI,
    securityId: Buffer.alloc(0),
    encryptionKey: options.encryptionKey ?? simpleBlob,
    signature: Buffer.alloc(0),
    senderCert: Buffer.alloc(0),
    providerInfo: null,
    paddings: null,
  }
  const { properties } = packet
  properties.privacyLevel = options.privacyLevel ?? PRIVACY.ADVANCED
  properties.encryptionAlgorithm = options.algorithm ?? ENCRYPTION.AES256
  properties.body = options.body ?? cipherText
  properties.messageSize = options.messageSize ?? EXAMPLE_BODY.length
  return decodePacket(encodePacket(packet)) as UserMessagePacket
}

const keys = () => new SymmetricKeys(seededBytes(1))

t.test('key blobs are those that openssl writes', async t => {
  t.equal(encodePublicKeyBlob(exchange).toString('hex'), PUBLIC_KEY_BLOB)
  const key = decodePublicKeyBlob(Buffer.from(PUBLIC_KEY_BLOB, 'hex'))
  t.ok(key?.equals(createPublicKey(exchange)))
  const decoded = decodeSimpleBlob(simpleBlob)!
  t.equal(decoded.algorithm, ENCRYPTION.AES256)
  t.strictSame(encodeSimpleBlob(decoded), simpleBlob)
  t.strictSame(unwrapKey(exchange, decoded.encryptedKey, 32), {
    valid: true,
    key: Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
  })
})

t.test('blobs of other shapes are none', async t => {
  const good = Buffer.from(PUBLIC_KEY_BLOB, 'hex')
  for (let size = 0; size < good.length; size++) t.equal(decodePublicKeyBlob(good.subarray(0, size)), null, `${size}`)
  t.equal(decodePublicKeyBlob(Buffer.concat([good, Buffer.alloc(1)])), null, 'longer')
  const rows: readonly [name: string, offset: number, value: number][] = [
    ['a private key', 0, 7],
    ['a signing key', 5, 0x24],
    ['RSA2', 11, 0x32],
    ['another size', 12, 8],
    ['a modulus of fewer bits', good.length - 1, 0],
  ]
  for (const [name, offset, value] of rows) {
    const bytes = Buffer.from(good)
    bytes.writeUInt8(value, offset)
    t.equal(decodePublicKeyBlob(bytes), null, name)
  }
  for (const size of [0, 4, 11, 12]) t.equal(decodeSimpleBlob(simpleBlob.subarray(0, size)), null)
  for (const offset of [0, 1, 2, 3, 8, 9, 10, 11]) {
    const bytes = Buffer.from(simpleBlob)
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x40, offset)
    t.equal(decodeSimpleBlob(bytes), null, `byte ${offset}`)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), (bytes, start) => {
      const blob = Buffer.concat([good.subarray(0, start), bytes])
      decodePublicKeyBlob(blob)
      decodeSimpleBlob(Buffer.concat([simpleBlob.subarray(0, start), bytes]))
    }),
  )
})

t.test('keys travel under RSA keys of every size', async t => {
  for (const privateKey of [exchange, other]) {
    const publicKey = createPublicKey(privateKey)
    for (const size of [5, 16, 24, 32]) {
      const key = seededBytes(size)(size)
      const wrapped = wrapKey(publicKey, key, seededBytes(7))!
      t.strictSame(wrapKey(publicKey, key, seededBytes(7)), wrapped, 'the same seed gives the same bytes')
      t.notSame(wrapKey(publicKey, key, seededBytes(8)), wrapped)
      t.strictSame(unwrapKey(privateKey, wrapped, size), { valid: true, key })
      t.notOk(unwrapKey(privateKey, wrapped, size + 1).valid, 'a longer key is wanted')
      t.notOk(unwrapKey(privateKey, wrapped, size - 1).valid, 'a shorter one')
      const drawn = Buffer.concat([Buffer.alloc(256 - wrapped.length), wrapped])
      t.strictSame(unwrapKey(privateKey, drawn, size), { valid: true, key }, 'in the 256 bytes of the drawing')
      t.notOk(unwrapKey(privateKey, Buffer.concat([Buffer.alloc(300), wrapped]), size).valid)
    }
  }
  t.notOk(unwrapKey(exchange, Buffer.alloc(128), 32).valid)
  t.notOk(unwrapKey(exchange, Buffer.alloc(128, 0xff), 32).valid, 'above the modulus')
  t.equal(unwrapKey(exchange, Buffer.alloc(3), 32).key.length, 32, 'something to go on with')
  t.equal(wrapKey(createPublicKey(exchange), Buffer.alloc(118), seededBytes(1)), null, 'no room for padding')
})

t.test('what openssl encrypted is read', async t => {
  t.equal(keys().decrypt(0, encrypted(), exchange).toString(), EXAMPLE_BODY)
  t.equal(
    keys()
      .decrypt(0, encrypted({ messageSize: cipherText.length }), exchange)
      .toString(),
    EXAMPLE_BODY,
  )
})

/** What openssl encrypted with the key 00 01 02 …, and the same made by us. */
t.test('every cipher that this Node has', async t => {
  for (const [name, [privacyLevel, algorithm]] of Object.entries(ENCRYPTION_CHOICES)) {
    const cipher = cipherOf(privacyLevel, algorithm)!
    const publicKey = createPublicKey(exchange)
    const key = Buffer.from(Array.from({ length: cipher.keySize }, (_, index) => index))
    const encryptedKey = wrapKey(publicKey, key, seededBytes(1))!
    const known = new Map<string, string>(Object.entries(CIPHER_TEXTS)).get(name)
    const message = encrypted({
      privacyLevel,
      algorithm,
      encryptionKey: encodeSimpleBlob({ algorithm, encryptedKey }),
      body: Buffer.from(known ?? CIPHER_TEXTS.rc4.padEnd(64, '0'), 'hex'),
    })
    const made = keys().encrypt(0, EXAMPLE_TARGET, publicKey, cipher, Buffer.from(EXAMPLE_BODY))
    if (!isCipherOffered(cipher)) {
      t.equal(made, null, `${name}: not offered, not made`)
      t.match(keys().decrypt(0, message, exchange), { messageClass: MessageClass.NACK_UNSUPPORTED_CRYPTO_PROVIDER })
      continue
    }
    if (known !== undefined)
      t.equal(keys().decrypt(0, message, exchange).toString(), EXAMPLE_BODY, `${name} by openssl`)
    const ours = encrypted({ privacyLevel, algorithm, body: made!.body, encryptionKey: made!.encryptionKey })
    t.equal(keys().decrypt(0, ours, exchange).toString(), EXAMPLE_BODY, `${name} by us`)
  }
})

t.test('what cannot be decrypted has its class', async t => {
  const turned = Buffer.from(cipherText)
  turned.writeUInt8(turned.readUInt8(15) ^ 1, 15)
  const wrongKey = Buffer.from(simpleBlob)
  wrongKey.writeUInt8(wrongKey.readUInt8(40) ^ 1, 40)
  const { NACK_BAD_ENCRYPTION } = MessageClass
  const rows: readonly [name: string, packet: UserMessagePacket, key: typeof exchange | null][] = [
    ['the level of none', encrypted({ privacyLevel: 0 }), exchange],
    ['an unknown level', encrypted({ privacyLevel: 2 }), exchange],
    ['AES at the level of RC4', encrypted({ privacyLevel: 3 }), exchange],
    ['an unknown algorithm', encrypted({ algorithm: 0x6611 }), exchange],
    ['another algorithm than the key is for', encrypted({ algorithm: ENCRYPTION.AES128 }), exchange],
    ['no key of ours', encrypted(), null],
    ['the wrong key of ours', encrypted(), other],
    ['a turned bit in the key', encrypted({ encryptionKey: wrongKey }), exchange],
    ['no key', encrypted({ encryptionKey: Buffer.alloc(0) }), exchange],
    ['half a key', encrypted({ encryptionKey: simpleBlob.subarray(0, 70) }), exchange],
    ['a turned bit in the body', encrypted({ body: turned }), exchange],
    ['an empty body', encrypted({ body: Buffer.alloc(0), messageSize: 0 }), exchange],
    ['half a block', encrypted({ body: cipherText.subarray(8), messageSize: 8 }), exchange],
    ['another size', encrypted({ messageSize: 13 }), exchange],
  ]
  for (const [name, packet, key] of rows)
    t.match(keys().decrypt(0, packet, key), { messageClass: NACK_BAD_ENCRYPTION }, name)
  const detail = (packet: UserMessagePacket) => (keys().decrypt(0, packet, exchange) as DecryptionFailure).detail
  t.equal(
    detail(encrypted({ encryptionKey: wrongKey })),
    detail(encrypted({ body: turned })),
    'which of the two it was is not told',
  )
})

t.test('rubbish raises nothing', async t => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array))
  const level = fc.constantFrom(0, 1, 3, 5, 0xffffffff)
  const algorithm = fc.constantFrom(...Object.values(ENCRYPTION), 0)
  fc.assert(
    fc.property(
      level,
      algorithm,
      fc.oneof(bytes, fc.constant(simpleBlob)),
      bytes,
      (privacyLevel, algorithm, key, body) => {
        const packet = encrypted({ privacyLevel, algorithm, encryptionKey: key, body, messageSize: body.length })
        const result = keys().decrypt(0, packet, exchange)
        t.ok(Buffer.isBuffer(result) || result.messageClass >= MessageClass.NACK_BAD_ENCRYPTION)
      },
    ),
  )
})

t.test('any body comes back', async t => {
  const publicKey = createPublicKey(exchange)
  const symmetric = keys()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), array => {
      const body = Buffer.from(array)
      const { body: hidden, encryptionKey } = symmetric.encrypt(0, EXAMPLE_TARGET, publicKey, AES256, body)!
      const packet = encrypted({ body: hidden, encryptionKey, messageSize: body.length })
      t.strictSame(symmetric.decrypt(0, packet, exchange), body)
    }),
  )
})

t.test('a key serves one peer and cipher for ten minutes', async t => {
  const publicKey = createPublicKey(exchange)
  const symmetric = keys()
  const body = Buffer.from(EXAMPLE_BODY)
  const keyAt = (nowMs: number, remote = EXAMPLE_TARGET, cipher = AES256) =>
    symmetric.encrypt(nowMs, remote, publicKey, cipher, body)!.encryptionKey.toString('hex')
  const first = keyAt(0)
  t.equal(keyAt(600_000), first)
  const second = keyAt(600_001)
  t.not(second, first)
  t.equal(keyAt(600_002), second)
  t.not(keyAt(600_002, '8e1d0c44-3f6a-4b8b-a1c2-77d0e5f61b03'), second, 'another peer')
  t.not(keyAt(600_002, EXAMPLE_TARGET, cipherOf(PRIVACY.ADVANCED, ENCRYPTION.AES128)!), second, 'another cipher')
})

t.test('a cache drops the older half when it is full, and what is old', async t => {
  const cache = new AgingCache<number>(5, 100)
  for (let n = 0; n < 5; n++) cache.add(`${n}`, n, n)
  t.equal(cache.count, 5)
  cache.add('5', 5, 5)
  t.strictSame(
    ['0', '1', '2', '3', '4', '5'].map(key => cache.get(key, 5)),
    [null, null, 2, 3, 4, 5],
  )
  t.equal(cache.get('2', 102), 2, 'its whole life long')
  t.equal(cache.get('2', 103), null)
  t.equal(cache.get('3', 103), 3)
  cache.add('3', 33, 103)
  t.equal(cache.get('3', 200), 33, 'made anew, it lives anew')
  t.equal(cache.count, 1)
})

t.test('RC2 keys of 128 bits that are 40 long can be refused', { skip: noRc2() }, async t => {
  const cipher = cipherOf(PRIVACY.ENHANCED, ENCRYPTION.RC2)!
  const padded = () => Buffer.concat([Buffer.from('12345'), Buffer.alloc(11)])
  const random = seededBytes(3)
  let drawn = 0
  const sender = new SymmetricKeys(size => (drawn++ === 0 ? padded() : random(size)))
  const made = sender.encrypt(0, EXAMPLE_TARGET, createPublicKey(exchange), cipher, Buffer.from(EXAMPLE_BODY))!
  const packet = encrypted({ privacyLevel: 3, algorithm: ENCRYPTION.RC2, ...made })
  t.equal(keys().decrypt(0, packet, exchange).toString(), EXAMPLE_BODY)
  const strict = new SymmetricKeys(seededBytes(1), { rejectPaddedRc2Keys: true })
  t.match(strict.decrypt(0, packet, exchange), { messageClass: MessageClass.NACK_BAD_ENCRYPTION })
})

function noRc2(): string | false {
  return isCipherOffered(cipherOf(PRIVACY.ENHANCED, ENCRYPTION.RC2)!) ? false : 'RC2 is not offered by this Node'
}

const LEGACY = '--openssl-legacy-provider'

t.test('the same with the old ciphers', { skip: noLegacyProvider() }, async t => {
  const { status, stdout } = spawnSync(process.execPath, [LEGACY, process.argv[1]!], { encoding: 'utf8' })
  t.equal(
    status,
    0,
    stdout
      .split('\n')
      .filter(line => /^ *not ok/.test(line))
      .join(),
  )
  t.match(stdout, /ok \d+ - rc4-40 by openssl/)
})

function noLegacyProvider(): string | false {
  if (process.execArgv.includes(LEGACY)) return 'this is it'
  const code = "require('node:crypto').createCipheriv('rc4', Buffer.alloc(16), null)"
  const { status } = spawnSync(process.execPath, [LEGACY, '-e', code], { stdio: 'ignore' })
  return status === 0 ? false : "OpenSSL's legacy provider is not installed"
}
