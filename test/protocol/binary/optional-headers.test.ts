import t from 'tap'
import {
  decodeCompoundMessageHeader,
  encodeCompoundMessageHeader,
} from '../../../protocol/binary/compound-message-header.js'
import { decodeDebugHeader, encodeDebugHeader } from '../../../protocol/binary/debug-header.js'
import { recogniseExtensionHeader } from '../../../protocol/binary/extension-header.js'
import {
  createMqfAddressHeader,
  decodeMultiQueueFormatHeader,
  encodeMultiQueueFormatHeader,
  mqfElements,
} from '../../../protocol/binary/multi-queue-format-header.js'
import { decodePing } from '../../../protocol/binary/ping.js'
import { decodeSoapHeader, encodeSoapHeader } from '../../../protocol/binary/soap-header.js'
import { decodeSrmpEnvelopeHeader, encodeSrmpEnvelopeHeader } from '../../../protocol/binary/srmp-envelope-header.js'
import { bad, bytesOf, G1, G1_WIRE, good } from '../../fixtures/header-rows.js'

/* Headers that few messages have, and the ping. */

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
