import t from 'tap'
import { decodeBaseHeader, encodeBaseHeader } from '../../../protocol/binary/base-header.js'
import { ByteReader } from '../../../protocol/binary/byte-reader.js'
import { ByteWriter } from '../../../protocol/binary/byte-writer.js'
import {
  decodeCompoundMessageHeader,
  encodeCompoundMessageHeader,
} from '../../../protocol/binary/compound-message-header.js'
import { decodeDebugHeader, encodeDebugHeader } from '../../../protocol/binary/debug-header.js'
import { recogniseExtensionHeader } from '../../../protocol/binary/extension-header.js'
import { decodeInternalHeader, encodeInternalHeader } from '../../../protocol/binary/internal-header.js'
import {
  decodeMessagePropertiesHeader,
  encodeMessagePropertiesHeader,
} from '../../../protocol/binary/message-properties-header.js'
import {
  createMqfAddressHeader,
  decodeMultiQueueFormatHeader,
  encodeMultiQueueFormatHeader,
  mqfElements,
} from '../../../protocol/binary/multi-queue-format-header.js'
import { decodePing } from '../../../protocol/binary/ping.js'
import { decodeSecurityHeader, encodeSecurityHeader } from '../../../protocol/binary/security-header.js'
import {
  acknowledgedRecoverable,
  decodeSessionHeader,
  encodeSessionHeader,
} from '../../../protocol/binary/session-header.js'
import { decodeSoapHeader, encodeSoapHeader } from '../../../protocol/binary/soap-header.js'
import { decodeSrmpEnvelopeHeader, encodeSrmpEnvelopeHeader } from '../../../protocol/binary/srmp-envelope-header.js'
import { decodeTransactionHeader, encodeTransactionHeader } from '../../../protocol/binary/transaction-header.js'
import { decodeUserHeader, encodeUserHeader } from '../../../protocol/binary/user-header.js'

/* Each header alone, packed by hand from the tables of the specification. Blanks in the bytes part the fields. */

const G1 = '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'
const G1_WIRE = '109a2c5f1e7b554c9d3a0a1b2c3d4e01'
const NIL_WIRE = '00'.repeat(16)

interface Codec<T> {
  decode: (reader: ByteReader) => T
  encode: (writer: ByteWriter, value: T) => void
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

function good<T extends object>(name: string, codec: Codec<T>, hex: string, expected: Record<string, unknown>): void {
  t.test(name, async t => {
    const bytes = bytesOf(hex)
    const reader = new ByteReader(bytes)
    const value = codec.decode(reader)
    t.match(value, expected)
    t.equal(reader.remaining, 0, 'every byte is taken')
    const out = Buffer.alloc(bytes.length, 0xaa)
    const writer = new ByteWriter(out)
    codec.encode(writer, value)
    t.equal(writer.offset, bytes.length, 'every byte is written')
    t.strictSame(out, bytes)
    for (let size = 0; size < bytes.length; size++) {
      t.throws(() => codec.decode(new ByteReader(bytes.subarray(0, size))), { name: 'DecodeError' }, `cut to ${size}`)
    }
  })
}

function bad<T>(name: string, codec: Codec<T>, hex: string, code: string, field: string): void {
  t.test(`rejected: ${name}`, async t => {
    t.throws(() => codec.decode(new ByteReader(bytesOf(hex))), { name: 'DecodeError', code, field })
  })
}

const baseHeader = { decode: decodeBaseHeader, encode: encodeBaseHeader }
good('BaseHeader', baseHeader, '10 5a 3301 4c494f52 00004000 ffffffff', {
  reserved: 0x5a,
  flags: 0x0133,
  packetSize: 0x400000,
  timeToReachQueue: 0xffffffff,
})
bad('PacketSize 16', baseHeader, '10 00 0300 4c494f52 10000000 00000000', 'MSMQ_DECODE_PACKET_SIZE', 'PacketSize')

const internalHeader = { decode: decodeInternalHeader, encode: encodeInternalHeader }
good('InternalHeader', internalHeader, 'cdab 12f0', { reserved: 0xabcd, flags: 0xf012 })
for (const type of ['00', '04', '0f']) {
  bad(`packet type ${type}`, internalHeader, `0000 ${type}00`, 'MSMQ_DECODE_INTERNAL_TYPE', 'Flags.PT')
}

const sessionHeader = { decode: decodeSessionHeader, encode: encodeSessionHeader }
good('SessionHeader', sessionHeader, '0700 0300 0b000080 0200 0100 4000 ffff', {
  ackSequenceNumber: 7,
  recoverableMsgAckFlags: 0x8000000b,
  windowSize: 64,
  reserved: 0xffff,
})
t.strictSame(
  acknowledgedRecoverable(decodeSessionHeader(new ByteReader(bytesOf('0700 feff 0b000080 0200 0100 4000 0000')))),
  [0xfffe, 0xffff, 1, 29],
  'recoverable numbers wrap at 16 bits',
)

const userHeader = { decode: decodeUserHeader, encode: encodeUserHeader }
const user = (flags: string, rest: string): string =>
  `${G1_WIRE} ${NIL_WIRE} ffffffff 00b95569 64000000 ${flags} ${rest}`
good(
  'UserHeader, direct names of both paddings',
  userHeader,
  user('00fc2700', '0600 61006200 0000 0800 610062006300 0000 cdab 0200 0000'),
  {
    sourceQueueManager: G1,
    destinationQueue: { type: 'DirectQueueFormatName', name: 'ab', count: 6, padding: 0 },
    adminQueue: { name: 'abc', count: 8, padding: 0xabcd },
    responseQueue: { name: '', count: 2 },
  },
)
good('UserHeader, private numbers', userHeader, user('004c2400', '2a000000 08000000 07000000'), {
  destinationQueue: { type: 'PrivateQueueFormatNameId', number: 42 },
  adminQueue: { number: 8 },
  responseQueue: { number: 7 },
})
good(
  'UserHeader, public and private names',
  userHeader,
  user('00d42500', `${G1_WIRE} ${G1_WIRE} 04000000 ${G1_WIRE}`),
  {
    destinationQueue: { type: 'PublicQueueFormatName', guid: G1 },
    adminQueue: { type: 'PrivateQueueFormatName', queueManager: G1, number: 4 },
    responseQueue: { type: 'PublicQueueFormatName' },
  },
)
good('UserHeader, no queue, response as admin, ConnectorType', userHeader, user('9f036101', G1_WIRE), {
  destinationQueue: null,
  adminQueue: null,
  responseQueue: null,
  connectorType: G1,
})
const queueTypes: readonly [field: string, shift: number, rejected: number[]][] = [
  ['Flags.DQ', 10, [1, 2, 4, 6]],
  ['Flags.AQ', 13, [1, 4]],
]
for (const [field, shift, rejected] of queueTypes) {
  for (const type of rejected) {
    const flags = Buffer.alloc(4)
    flags.writeUInt32LE(0x200000 + type * 2 ** shift)
    bad(`${field} ${type}`, userHeader, user(flags.toString('hex'), '00'.repeat(80)), 'MSMQ_DECODE_QUEUE_TYPE', field)
  }
}
bad('delivery mode 2', userHeader, user('40002000', ''), 'MSMQ_DECODE_DELIVERY_MODE', 'Flags.DM')
bad('TH on an express message', userHeader, user('00003000', ''), 'MSMQ_DECODE_TRANSACTION_EXPRESS', 'Flags.DM')
bad('no properties', userHeader, user('00000000', ''), 'MSMQ_DECODE_PROPERTIES_MISSING', 'Flags.MP')
for (const count of ['0000', '0100', '0300']) {
  bad(
    `name of ${count} bytes`,
    userHeader,
    user('001c2000', `${count} 00000000`),
    'MSMQ_DECODE_NAME_SIZE',
    'DestinationQueue.Count',
  )
}
bad(
  'null in a name',
  userHeader,
  user('001c2000', '0800 6100 0000 6200 0000 0000'),
  'MSMQ_DECODE_STRING_NULL',
  'DestinationQueue.DirectFormatName',
)

const transactionHeader = { decode: decodeTransactionHeader, encode: encodeTransactionHeader }
good('TransactionHeader', transactionHeader, '2c0100ff 01000000 00009365 02000000 01000000', {
  flags: 0xff00012c,
  sequenceId: { ordinal: 1, timeStamp: 0x65930000 },
  sequenceNumber: 2,
  previousSequenceNumber: 1,
  connectorQmGuid: null,
})
good(
  'TransactionHeader with a connector',
  transactionHeader,
  `01000000 ffffffff ffffffff ffffffff feffffff ${G1_WIRE}`,
  {
    sequenceNumber: 0xffffffff,
    connectorQmGuid: G1,
  },
)
bad(
  'number 0',
  transactionHeader,
  '00000000 01000000 01000000 00000000 00000000',
  'MSMQ_DECODE_SEQUENCE_NUMBER',
  'TxSequenceNumber',
)
bad(
  'previous not below',
  transactionHeader,
  '00000000 01000000 01000000 05000000 05000000',
  'MSMQ_DECODE_SEQUENCE_NUMBER',
  'PreviousTxSequenceNumber',
)

const securityHeader = { decode: decodeSecurityHeader, encode: encodeSecurityHeader }
good(
  'SecurityHeader',
  securityHeader,
  '8100 0c00 0500 0000 03000000 0a000000 010100000000000512000000 aaaaaaaaaa 010203 cccccc 04 01000000 5000 0000 ee ff 0506',
  {
    flags: 0x81,
    encryptionKey: Buffer.from('aaaaaaaaaa', 'hex'),
    senderCert: Buffer.from('cccccc', 'hex'),
    providerInfo: { providerType: 1, providerName: 'P', rest: Buffer.from('eeff', 'hex') },
    paddings: [0, 0x030201, 0, 4, 0x0605],
  },
)
good('SecurityHeader with a queue manager', securityHeader, `0200 1000 0000 0000 00000000 00000000 ${G1_WIRE}`, {
  providerInfo: null,
  paddings: null,
})
good('SecurityHeader with nothing', securityHeader, '0000 0000 0000 0000 00000000 00000000', { flags: 0 })
const SECURITY_ROWS: readonly [name: string, hex: string, code: string, field: string][] = [
  ['sender type 3', '0300 0000 0000 0000 00000000 00000000', 'MSMQ_DECODE_SENDER_ID', 'Flags.ST'],
  [
    'type 0 with an identifier',
    '0000 0400 0000 0000 00000000 00000000 00000000',
    'MSMQ_DECODE_SENDER_ID',
    'SenderIdSize',
  ],
  ['a GUID of 12 bytes', `0200 0c00 0000 0000 00000000 00000000 ${NIL_WIRE}`, 'MSMQ_DECODE_SENDER_ID', 'SenderIdSize'],
  [
    'SID of revision 2',
    '0100 0c00 0000 0000 00000000 00000000 020100000000000512000000',
    'MSMQ_DECODE_SENDER_ID',
    'SecurityData.SecurityID',
  ],
  [
    'SID that counts too far',
    '0100 0c00 0000 0000 00000000 00000000 010200000000000512000000',
    'MSMQ_DECODE_SENDER_ID',
    'SecurityData.SecurityID',
  ],
  ['certificate of 65536', '0000 0000 0000 0000 00000100 00000000', 'MSMQ_DECODE_SECURITY_SIZE', 'SenderCertSize'],
  ['provider near 2^32', '0000 0000 0000 0000 00000000 fdffffff', 'MSMQ_DECODE_SECURITY_SIZE', 'ProviderInfoSize'],
  [
    'signature that does not fit',
    '0000 0000 0000 ffff 00000000 00000000 00',
    'MSMQ_DECODE_SECURITY_SIZE',
    'SignatureSize',
  ],
  [
    'provider of 5 bytes',
    '0000 0000 0000 0000 00000000 05000000 0100000000000000',
    'MSMQ_DECODE_PROVIDER_INFO',
    'ProviderInfoSize',
  ],
  [
    'provider without a null',
    '0000 0000 0000 0000 00000000 08000000 01000000 50005000',
    'MSMQ_DECODE_PROVIDER_INFO',
    'SecurityData.ProviderInfo.ProviderName',
  ],
]
for (const [name, hex, code, field] of SECURITY_ROWS) bad(name, securityHeader, hex, code, field)

const propertiesHeader = { decode: decodeMessagePropertiesHeader, encode: encodeMessagePropertiesHeader }
const properties = (
  labelLength: string,
  messageSize: string,
  allocation: string,
  extension: string,
  data: string,
): string =>
  `0f ${labelLength} 0080 ${'01'.repeat(20)} 08000000 4d000000 ${messageSize} ${allocation} 05000000 0e800000 10660000 ${extension} ${data}`
good(
  'MessagePropertiesHeader',
  propertiesHeader,
  properties('02', '02000000', '03000000', '01000000', '6100 0000 ee 616263'),
  {
    flags: 0x0f,
    messageClass: 0x8000,
    label: 'a',
    messageSize: 2,
    allocationBodySize: 3,
    privacyLevel: 5,
    hashAlgorithm: 0x800e,
    encryptionAlgorithm: 0x6610,
    extensionData: Buffer.from('ee', 'hex'),
    body: Buffer.from('abc'),
    padding: 0,
  },
)
good(
  'MessagePropertiesHeader, no label, padding kept',
  propertiesHeader,
  properties('00', '01000000', '01000000', '00000000', '61 0a0b0c'),
  {
    labelLength: 0,
    label: '',
    padding: 0x0c0b0a,
  },
)
good(
  'MessagePropertiesHeader, empty label',
  propertiesHeader,
  properties('01', '00000000', '00000000', '00000000', '0000 0000'),
  {
    labelLength: 1,
    label: '',
  },
)
good(
  'MessagePropertiesHeader, lone surrogates',
  propertiesHeader,
  properties('03', '00000000', '00000000', '00000000', '00d8 00dc 0000 0000').replace('00d8 00dc', '00dc 00d8'),
  {
    label: '\udc00\ud800',
  },
)
const PROPERTIES_ROWS: readonly [name: string, hex: string, code: string, field: string][] = [
  [
    'label of 251',
    properties('fb', '00000000', '00000000', '00000000', '00'.repeat(502)),
    'MSMQ_DECODE_LABEL_LENGTH',
    'LabelLength',
  ],
  [
    'label that does not fit',
    properties('05', '00000000', '00000000', '00000000', '61000000'),
    'MSMQ_DECODE_TRUNCATED',
    'LabelLength',
  ],
  [
    'label without end',
    properties('02', '00000000', '00000000', '00000000', '61006200'),
    'MSMQ_DECODE_STRING_UNTERMINATED',
    'Label',
  ],
  [
    'null in a label',
    properties('04', '00000000', '00000000', '00000000', '6100000062000000'),
    'MSMQ_DECODE_STRING_NULL',
    'Label',
  ],
  [
    'more message than room',
    properties('00', '04000000', '03000000', '00000000', '61626364'),
    'MSMQ_DECODE_BODY_SIZE',
    'MessageSize',
  ],
  [
    'body beyond the packet',
    properties('00', '00000000', '05000000', '00000000', '61626364'),
    'MSMQ_DECODE_BODY_SIZE',
    'AllocationBodySize',
  ],
  [
    'sum beyond the packet',
    properties('00', '03000000', '03000000', '02000000', '61626364'),
    'MSMQ_DECODE_BODY_SIZE',
    'AllocationBodySize',
  ],
  [
    'sizes that wrap 32 bits together',
    properties('00', '00000000', '04000000', 'fcffffff', '61626364'),
    'MSMQ_DECODE_EXTENSION_SIZE',
    'ExtensionSize',
  ],
]
for (const [name, hex, code, field] of PROPERTIES_ROWS) bad(name, propertiesHeader, hex, code, field)

const debugHeader = { decode: decodeDebugHeader, encode: encodeDebugHeader }
good('DebugHeader', debugHeader, `01ff 0200 ${G1_WIRE}`, { flags: 0xff01, reserved: 2, queueIdentifier: G1 })
good('DebugHeader without a queue', debugHeader, '0000 0000', { queueIdentifier: null })
bad('queue type 2', debugHeader, '0200 0000', 'MSMQ_DECODE_QUEUE_TYPE', 'Flags.QT')

const soapHeader = { decode: decodeSoapHeader, encode: encodeSoapHeader }
good('SoapHeader', soapHeader, '2003 0100 03000000 61006200 0000 cdab 8403 0000 00000000', {
  header: { text: 'ab', reserved: 1, padding: 0xabcd },
  body: { text: null },
})
bad('section 0x0321', soapHeader, '2103 0000 00000000 8403 0000 00000000', 'MSMQ_DECODE_SECTION_ID', 'HeaderSectionID')
bad(
  'length doubled past 2^32',
  soapHeader,
  '2003 0000 00000000 8403 0000 02000080 6100 0000',
  'MSMQ_DECODE_WCHAR_COUNT',
  'BodyDataLength',
)

const srmpEnvelope = { decode: decodeSrmpEnvelopeHeader, encode: encodeSrmpEnvelopeHeader }
good('SRMPEnvelopeHeader', srmpEnvelope, '0700 0900 02000000 3c00 0000', { id: 7, reserved: 9, text: '<' })
bad('one character too many', srmpEnvelope, '0000 0000 03000000 3c00 0000', 'MSMQ_DECODE_WCHAR_COUNT', 'DataLength')

const compoundMessage = { decode: decodeCompoundMessageHeader, encode: encodeCompoundMessageHeader }
good('CompoundMessageHeader', compoundMessage, 'f401 0000 05000000 02000000 03000000 6162636465 010203', {
  headerId: 500,
  msgBodySize: 2,
  msgBodyOffset: 3,
  padding: 0x030201,
})
bad(
  'HTTP body beyond the packet',
  compoundMessage,
  'f401 0000 05000000 00000000 00000000 61',
  'MSMQ_DECODE_HTTP_BODY',
  'HTTPBodySize',
)
bad(
  'message larger than the HTTP body',
  compoundMessage,
  'f401 0000 01000000 02000000 00000000 61',
  'MSMQ_DECODE_HTTP_BODY',
  'MsgBodySize',
)
bad(
  'message that ends outside',
  compoundMessage,
  'f401 0000 01000000 01000000 ffffffff 61',
  'MSMQ_DECODE_HTTP_BODY',
  'MsgBodyOffset',
)

const multiQueue = { decode: decodeMultiQueueFormatHeader, encode: encodeMultiQueueFormatHeader }
const MQF_LIST = `0300 6100 0000 0100 ${G1_WIRE} 0200 cdab ${G1_WIRE} 2a000000 0600 0000 ${G1_WIRE}`
const EMPTY_TAIL = '0c000000 c800 0000 00000000 0c000000 2c01 0000 00000000 5e01 0000 00000000'
good(
  'MultiQueueFormatHeader, every element type and its alignment',
  multiQueue,
  `50000000 6400 0100 04000000 ${MQF_LIST} ${EMPTY_TAIL}`,
  { destination: { reserved: 1, elementCount: 4 }, administration: { elementCount: 0 }, signature: { id: 0x15e } },
)
t.test('the elements of a MultiQueueFormatHeader', async t => {
  const header = { headerId: 0x64, reserved: 0, elementCount: 4, list: bytesOf(MQF_LIST), padding: 0 }
  const elements = mqfElements(header)
  t.strictSame(elements, [
    { formatType: 3, name: 'a' },
    { formatType: 1, guid: G1, padding: 0 },
    { formatType: 2, queueManager: G1, number: 42, padding: 0xabcd },
    { formatType: 6, guid: G1, padding: 0 },
  ])
  t.strictSame(createMqfAddressHeader(0x64, elements), header)
})
bad(
  'address header of 11 bytes',
  multiQueue,
  `0b000000 6400 0000 00000000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_ADDRESS_SIZE',
  'Destination.HeaderSize',
)
bad(
  'address header beyond the packet',
  multiQueue,
  `ffffffff 6400 0000 00000000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_ADDRESS_SIZE',
  'Destination.HeaderSize',
)
bad(
  'address header of another role',
  multiQueue,
  `0c000000 c800 0000 00000000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_SECTION_ID',
  'Destination.HeaderID',
)
bad(
  'more elements than room',
  multiQueue,
  `10000000 6400 0000 02000000 03000000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_ADDRESS_COUNT',
  'Destination.ElementCount',
)
bad(
  'format type 4',
  multiQueue,
  `10000000 6400 0000 01000000 0400 0000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_FORMAT_TYPE',
  'Destination.Elements.0.FormatType',
)
bad(
  'direct name without end',
  multiQueue,
  `10000000 6400 0000 01000000 0300 6100 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_STRING_UNTERMINATED',
  'Destination.Elements.0.DirectFormatName',
)
bad(
  'element cut by HeaderSize',
  multiQueue,
  `10000000 6400 0000 01000000 0100 0000 ${EMPTY_TAIL}`,
  'MSMQ_DECODE_TRUNCATED',
  'Destination.Elements.0.PublicQueueIdentifier',
)
bad(
  'signature beyond the packet',
  multiQueue,
  `0c000000 6400 0000 00000000 ${EMPTY_TAIL.slice(0, -8)}01000000`,
  'MSMQ_DECODE_TRUNCATED',
  'Signature.Size',
)

t.test('ExtensionHeader is recognised, never demanded', async t => {
  t.match(recogniseExtensionHeader(bytesOf('0c000000 00000000 02 010000')), {
    flags: 2,
    reserved: 1,
    remainingHeadersSize: 0,
  })
  t.match(recogniseExtensionHeader(bytesOf('0c000000 04000000 01 000000 aabbccdd')), { headers: bytesOf('aabbccdd') })
  t.equal(recogniseExtensionHeader(bytesOf('0c000000 05000000 01 000000 aabbccdd')), null, 'more announced than there')
  t.equal(recogniseExtensionHeader(bytesOf('0d000000 00000000 00 000000')), null)
  t.equal(recogniseExtensionHeader(Buffer.alloc(0)), null)
})

t.test('a ping of 25 bytes is none', async t => {
  t.throws(() => decodePing(Buffer.concat([bytesOf(`0100 4855 04000000 ${G1_WIRE}`), Buffer.of(0)])), {
    code: 'MSMQ_DECODE_EXCESS',
  })
})
