import { createPrivateKey, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { MP_FLAGS } from '../../../protocol/binary/message-properties-header.js'
import { createMqfAddressHeader, MQF_HEADER_ID } from '../../../protocol/binary/multi-queue-format-header.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import { USER_FLAGS } from '../../../protocol/binary/user-header.js'
import { HASH, hashAlgorithm } from '../../../queue-manager/security/algorithms.js'
import { isSigned, keyOfCertificate, signatureOf, verifySignature } from '../../../queue-manager/security/signature.js'
import { type SignatureVersion, signedFields } from '../../../queue-manager/security/signed-fields.js'
import {
  SIGNATURE_10_SHA1,
  SIGNATURE_20_MD5,
  SIGNATURE_20_SHA512,
  SIGNATURE_30_SHA256,
  SIGNED_FIELDS_20,
} from '../../fixtures/openssl-answers.js'
import { exampleMessage } from '../../fixtures/secured-messages.js'
import {
  ALICE_CERTIFICATE,
  ALICE_KEY,
  BOB_CERTIFICATE,
  BOB_KEY,
  ELLIPTIC_CERTIFICATE,
} from '../../fixtures/security-keys.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

const certificate = new X509Certificate(ALICE_CERTIFICATE).raw
const alice = createPrivateKey(ALICE_KEY)

/** The example with the signature given. */
function signedBy(signature: Buffer, hash: number, senderCert: Buffer = certificate): UserMessagePacket {
  const packet = exampleMessage()
  packet.user.flags |= USER_FLAGS.SH
  packet.properties.hashAlgorithm = hash
  packet.security = {
    flags: 0x00c0,
    securityId: Buffer.alloc(0),
    encryptionKey: Buffer.alloc(0),
    signature,
    senderCert,
    providerInfo: null,
    paddings: null,
  }
  return decodePacket(encodePacket(packet)) as UserMessagePacket
}

function signedByAlice(version: SignatureVersion, hash: number): UserMessagePacket {
  return signedBy(signatureOf(exampleMessage(), version, hashAlgorithm(hash)!, alice), hash)
}

t.test('what openssl signed is good, and we sign the same', async t => {
  t.equal(Buffer.concat(signedFields(exampleMessage(), 2)).toString('hex'), SIGNED_FIELDS_20)
  const rows: readonly [version: SignatureVersion, hash: number, signature: string][] = [
    [1, HASH.SHA1, SIGNATURE_10_SHA1],
    [2, HASH.SHA512, SIGNATURE_20_SHA512],
    [2, HASH.MD5, SIGNATURE_20_MD5],
    [3, HASH.SHA256, SIGNATURE_30_SHA256],
  ]
  for (const [version, hash, hex] of rows) {
    const signature = Buffer.from(hex, 'hex')
    t.strictSame(verifySignature(signedBy(signature, hash)), { valid: true, version }, `${version}.0`)
    t.strictSame(
      verifySignature(signedBy(Buffer.from(signature).reverse(), hash)),
      { valid: true, version },
      'big-endian',
    )
    t.strictSame(signatureOf(exampleMessage(), version, hashAlgorithm(hash)!, alice), signature)
  }
})

/** A change of one field, and the versions whose signature it breaks; the source is in the name of a queue on it. */
const CHANGES: readonly [field: string, broken: SignatureVersion[], change: (packet: UserMessagePacket) => void][] = [
  ['CorrelationID', [1, 2, 3], ({ properties }) => properties.correlationId.writeUInt8(9, 0)],
  [
    'ApplicationTag',
    [1, 2, 3],
    ({ properties }) => {
      properties.applicationTag += 1
    },
  ],
  ['MessageBody', [1, 2, 3], ({ properties }) => properties.body.writeUInt8(0x39, 4)],
  [
    'Label',
    [1, 2, 3],
    ({ properties }) => {
      properties.label = 'order 8'
    },
  ],
  [
    'ResponseQueue',
    [1, 2, 3],
    ({ user }) => {
      if (user.responseQueue?.type === 'DirectQueueFormatName')
        user.responseQueue.name = 'TCP:127.0.1.2\\private$\\reply'
    },
  ],
  [
    'AdminQueue',
    [1, 2, 3],
    ({ user }) => {
      if (user.adminQueue?.type === 'PrivateQueueFormatNameId') user.adminQueue.number = 4
    },
  ],
  [
    'the machine that AdminQueue is on',
    [1, 2, 3],
    ({ user }) => {
      user.flags ^= 1 << USER_FLAGS.AQ_SHIFT
    },
  ],
  [
    'SourceQueueManager',
    [1, 2, 3],
    ({ user }) => {
      user.sourceQueueManager = user.queueManagerAddress
    },
  ],
  [
    'Flags.DM',
    [2, 3],
    ({ user }) => {
      user.flags ^= USER_FLAGS.RECOVERABLE
    },
  ],
  [
    'Flags.PR',
    [2, 3],
    ({ base }) => {
      base.flags ^= 1
    },
  ],
  [
    'Flags.JP',
    [2, 3],
    ({ user }) => {
      user.flags ^= USER_FLAGS.JP
    },
  ],
  [
    'Flags.JN',
    [2, 3],
    ({ user }) => {
      user.flags ^= USER_FLAGS.JN
    },
  ],
  [
    'acknowledgements',
    [2, 3],
    ({ properties }) => {
      properties.flags ^= MP_FLAGS.NR
    },
  ],
  [
    'MessageClass',
    [2, 3],
    ({ properties }) => {
      properties.messageClass = 1
    },
  ],
  [
    'BodyType',
    [2, 3],
    ({ properties }) => {
      properties.bodyType = 0
    },
  ],
  [
    'ConnectorType',
    [2, 3],
    ({ user }) => {
      user.connectorType = user.sourceQueueManager
      user.flags |= USER_FLAGS.CQ
    },
  ],
  [
    'DestinationQueue',
    [2],
    ({ user }) => {
      if (user.destinationQueue?.type === 'PrivateQueueFormatNameId') user.destinationQueue.number = 0x66
    },
  ],
  ['ExtensionData', [3], ({ properties }) => properties.extensionData.writeUInt8(0, 0)],
  [
    'TimeToReachQueue',
    [],
    ({ base }) => {
      base.timeToReachQueue = 5
    },
  ],
  [
    'Flags.TR',
    [],
    ({ base }) => {
      base.flags |= 0x0080
    },
  ],
  [
    'TimeToBeReceived',
    [],
    ({ user }) => {
      user.timeToBeReceived = 5
    },
  ],
  [
    'SentTime',
    [],
    ({ user }) => {
      user.sentTime += 1
    },
  ],
  [
    'MessageID',
    [],
    ({ user }) => {
      user.messageId += 1
    },
  ],
  [
    'hops',
    [],
    ({ user }) => {
      user.flags |= 3
    },
  ],
  [
    'PrivacyLevel',
    [],
    ({ properties }) => {
      properties.privacyLevel = 5
    },
  ],
]

t.test('a change of what is covered is seen, of the rest not', async t => {
  for (const [field, broken, change] of CHANGES) {
    for (const version of [1, 2, 3] as const) {
      const packet = signedByAlice(version, HASH.SHA256)
      change(packet)
      t.equal(verifySignature(packet).valid, !broken.includes(version), `${field}, ${version}.0`)
    }
  }
})

t.test('a signature in the MultiQueueFormatHeader is a 3.0 one and covers the lists', async t => {
  const packet = signedByAlice(1, HASH.SHA256)
  const address = (id: number, names: string[]) =>
    createMqfAddressHeader(
      id,
      names.map(name => ({ formatType: 3, name })),
    )
  packet.user.flags |= USER_FLAGS.MQ
  packet.multiQueueFormat = {
    destination: address(MQF_HEADER_ID.DESTINATION, ['OS:a\\q', 'OS:b\\q']),
    administration: address(MQF_HEADER_ID.ADMINISTRATION, []),
    response: address(MQF_HEADER_ID.RESPONSE, ['OS:c\\q']),
    signature: { id: MQF_HEADER_ID.SIGNATURE, reserved: 0, signature: Buffer.alloc(0), padding: 0 },
  }
  const lists = packet.multiQueueFormat
  lists.signature.signature = signatureOf(packet, 3, hashAlgorithm(HASH.SHA256)!, alice)
  t.strictSame(verifySignature(packet), { valid: true, version: 1 }, 'that of the SecurityHeader comes first')
  packet.security!.signature = Buffer.alloc(0)
  t.strictSame(verifySignature(packet), { valid: true, version: 3 })
  t.strictSame(verifySignature(decodePacket(encodePacket(packet)) as UserMessagePacket), { valid: true, version: 3 })

  const [destination, administration] = [lists.destination, lists.administration]
  lists.destination = address(MQF_HEADER_ID.DESTINATION, ['OS:a\\q', 'OS:x\\q'])
  t.notOk(verifySignature(packet).valid, 'another element')
  lists.destination = address(MQF_HEADER_ID.DESTINATION, ['OS:a\\q'])
  lists.administration = address(MQF_HEADER_ID.ADMINISTRATION, ['OS:b\\q'])
  t.notOk(verifySignature(packet).valid, 'an element moved to another list')
  lists.destination = destination
  lists.administration = administration
  t.ok(verifySignature(packet).valid)
  lists.signature.signature = signatureOf(packet, 2, hashAlgorithm(HASH.SHA256)!, alice)
  t.notOk(verifySignature(packet).valid, 'no other version there')
})

t.test('signatures that are none', async t => {
  const good = Buffer.from(SIGNATURE_20_SHA512, 'hex')
  const bob = createPrivateKey(BOB_KEY)
  const bobs = new X509Certificate(BOB_CERTIFICATE).raw
  const rows: readonly [name: string, packet: UserMessagePacket, reason: RegExp][] = [
    ['no SecurityHeader', exampleMessage(), /no SecurityHeader/],
    ['no signature', signedBy(Buffer.alloc(0), HASH.SHA512), /no signature/],
    ['another hash', signedBy(good, HASH.SHA256), /not the one that was signed/],
    ['MD2', signedBy(good, HASH.MD2), /0x8001 is not available/],
    ['an unknown hash', signedBy(good, 0x8005), /0x8005 is not available/],
    ['another certificate', signedBy(good, HASH.SHA512, bobs), /does not fit the certificate/],
    [
      "another's signature",
      signedBy(signatureOf(exampleMessage(), 2, hashAlgorithm(HASH.SHA512)!, bob), HASH.SHA512),
      /does not fit the certificate/,
    ],
    ['cut short', signedBy(good.subarray(1), HASH.SHA512), /does not fit/],
    ['zeros', signedBy(Buffer.alloc(256), HASH.SHA512), /does not fit/],
    ['no certificate', signedBy(good, HASH.SHA512, Buffer.alloc(0)), /none with an RSA key/],
    ['a certificate and more', signedBy(good, HASH.SHA512, Buffer.concat([certificate, Buffer.alloc(1)])), /none with/],
    ['PEM', signedBy(good, HASH.SHA512, Buffer.from(ALICE_CERTIFICATE)), /none with/],
    ['not RSA', signedBy(good, HASH.SHA512, new X509Certificate(ELLIPTIC_CERTIFICATE).raw), /none with/],
  ]
  for (const [name, packet, reason] of rows) {
    const verdict = verifySignature(packet)
    t.match(verdict, { valid: false, reason }, name)
  }
  t.notOk(isSigned(rows[0]![1]))
  t.notOk(isSigned(rows[1]![1]))
  t.ok(isSigned(rows[2]![1]))
})

t.test('bytes that are no certificate and no signature raise nothing', async t => {
  const bytes = fc.uint8Array({ maxLength: 400 }).map(array => Buffer.from(array))
  // a certificate with one byte turned is more of a trial than rubbish
  const damaged = fc.tuple(fc.nat(certificate.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
    const copy = Buffer.from(certificate)
    copy.writeUInt8(copy.readUInt8(at) ^ mask, at)
    return copy
  })
  const good = Buffer.from(SIGNATURE_20_SHA512, 'hex')
  const damagedSignature = fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
    const copy = Buffer.from(good)
    copy.writeUInt8(copy.readUInt8(at) ^ mask, at)
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(bytes, damagedSignature), bytes, (signature, senderCert) => {
      t.notOk(verifySignature(signedBy(signature, HASH.SHA512)).valid)
      t.notOk(verifySignature(signedBy(good, HASH.SHA512, senderCert)).valid)
    }),
    { seed: SUITE_SEED, numRuns: 60 },
  )
  fc.assert(
    fc.property(damaged, senderCert => {
      const key = keyOfCertificate(senderCert)
      return key === null || key.asymmetricKeyType === 'rsa'
    }),
  )
})
