import t from 'tap'
import { decodeBaseHeader, encodeBaseHeader } from '../../../protocol/binary/base-header.js'
import { ByteReader } from '../../../protocol/binary/byte-reader.js'
import { decodeInternalHeader, encodeInternalHeader } from '../../../protocol/binary/internal-header.js'
import {
  decodeMessagePropertiesHeader,
  encodeMessagePropertiesHeader,
} from '../../../protocol/binary/message-properties-header.js'
import { decodeSecurityHeader, encodeSecurityHeader } from '../../../protocol/binary/security-header.js'
import {
  acknowledgedRecoverable,
  decodeSessionHeader,
  encodeSessionHeader,
} from '../../../protocol/binary/session-header.js'
import { decodeTransactionHeader, encodeTransactionHeader } from '../../../protocol/binary/transaction-header.js'
import { decodeUserHeader, encodeUserHeader } from '../../../protocol/binary/user-header.js'
import { bad, bytesOf, G1, G1_WIRE, good, NIL_WIRE } from '../../fixtures/header-rows.js'

/* Headers that every message or session has, and those of transactions and security. */

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
