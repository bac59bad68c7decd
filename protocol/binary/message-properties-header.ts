import { type ByteReader, type FixedLayout, u16At, u32At } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'

/* MessagePropertiesHeader, in every user message. Source: [MS-MQMQ] 2.2.19.3.
 *    0   1  Flags                acknowledgements wanted, MP_FLAGS
 *    1   1  LabelLength          characters with terminator, 0..250; 0 = no label
 *    2   2  MessageClass
 *    4  20  CorrelationID        in administration acknowledgements: queue manager GUID 16, MessageID 4
 *   24   4  BodyType
 *   28   4  ApplicationTag
 *   32   4  MessageSize          bytes of the message body
 *   36   4  AllocationBodySize   bytes the body takes in the packet, at least MessageSize
 *   40   4  PrivacyLevel
 *   44   4  HashAlgorithm
 *   48   4  EncryptionAlgorithm
 *   52   4  ExtensionSize        bytes
 *   56      Label, ExtensionData, MessageBody (not aligned), padding to 4 */

export const MESSAGE_PROPERTIES_FIXED_SIZE = 56
export const LABEL_LENGTH_MAX = 250
export const CORRELATION_ID_SIZE = 20

/** Administration acknowledgements wanted. */
export const MP_FLAGS = {
  /** Positive, on arrival. */
  PA: 0x01,
  /** Positive, on the read. */
  PR: 0x02,
  /** Negative, on arrival. */
  NA: 0x04,
  /** Negative, on the read. */
  NR: 0x08,
} as const

export interface MessagePropertiesHeader {
  /** Raw, see {@link MP_FLAGS}. */
  flags: number
  /** Characters with terminator; 0 = no label. */
  labelLength: number
  messageClass: number
  /** 20 bytes. A view, or a shared constant when all are zero: do not write to it. */
  correlationId: Buffer
  bodyType: number
  applicationTag: number
  /** Bytes. */
  messageSize: number
  /** Bytes. */
  allocationBodySize: number
  privacyLevel: number
  hashAlgorithm: number
  encryptionAlgorithm: number
  /** Bytes. */
  extensionSize: number
  label: string
  /** A view of `extensionSize` bytes. */
  extensionData: Buffer
  /** A view of `allocationBodySize` bytes. */
  body: Buffer
  /** The 0..3 bytes up to a multiple of 4, little-endian; may hold anything. */
  padding: number
}

const LAYOUT: FixedLayout = [
  ['Flags', 1],
  ['LabelLength', 1],
  ['MessageClass', 2],
  ['CorrelationID', CORRELATION_ID_SIZE],
  ['BodyType', 4],
  ['ApplicationTag', 4],
  ['MessageSize', 4],
  ['AllocationBodySize', 4],
  ['PrivacyLevel', 4],
  ['HashAlgorithm', 4],
  ['EncryptionAlgorithm', 4],
  ['ExtensionSize', 4],
]
const ZERO_CORRELATION_ID = Buffer.alloc(CORRELATION_ID_SIZE)

/** `MSMQ_DECODE_LABEL_LENGTH`, `MSMQ_DECODE_BODY_SIZE`, `MSMQ_DECODE_EXTENSION_SIZE`, `MSMQ_DECODE_STRING_*`. */
export function decodeMessagePropertiesHeader(reader: ByteReader): MessagePropertiesHeader {
  reader.enter('MessagePropertiesHeader', '[MS-MQMQ] 2.2.19.3')
  const start = reader.fixed(LAYOUT, MESSAGE_PROPERTIES_FIXED_SIZE)
  const bytes = reader.bytes
  const labelLength = bytes[start + 1]!
  if (labelLength > LABEL_LENGTH_MAX) {
    reader.fail('MSMQ_DECODE_LABEL_LENGTH', 'LabelLength', `${labelLength}, at most ${LABEL_LENGTH_MAX}`, start + 1)
  }
  const messageSize = u32At(bytes, start + 32)
  const allocationBodySize = u32At(bytes, start + 36)
  const extensionSize = u32At(bytes, start + 52)

  // Each size is checked alone and then their sum; plain numbers are exact far beyond three times 2^32.
  const remaining = reader.remaining
  if (messageSize > remaining) {
    reader.fail('MSMQ_DECODE_BODY_SIZE', 'MessageSize', `${messageSize}, only ${remaining} left`, start + 32)
  }
  if (allocationBodySize > remaining) {
    const what = `${allocationBodySize}, only ${remaining} left`
    reader.fail('MSMQ_DECODE_BODY_SIZE', 'AllocationBodySize', what, start + 36)
  }
  if (messageSize > allocationBodySize) {
    const what = `${messageSize}, more than AllocationBodySize ${allocationBodySize}`
    reader.fail('MSMQ_DECODE_BODY_SIZE', 'MessageSize', what, start + 32)
  }
  if (extensionSize > remaining) {
    reader.fail('MSMQ_DECODE_EXTENSION_SIZE', 'ExtensionSize', `${extensionSize}, only ${remaining} left`, start + 52)
  }
  if (2 * labelLength > remaining) {
    reader.fail('MSMQ_DECODE_TRUNCATED', 'LabelLength', `${labelLength}, only ${remaining} bytes left`, start + 1)
  }
  if (2 * labelLength + extensionSize + allocationBodySize > remaining) {
    const what = `label, extension and body need ${2 * labelLength + extensionSize + allocationBodySize}, ${remaining} left`
    reader.fail('MSMQ_DECODE_BODY_SIZE', 'AllocationBodySize', what, start + 36)
  }

  const label = labelLength === 0 ? '' : reader.wideText('Label', 2 * labelLength)
  const extensionData = reader.view('ExtensionData', extensionSize)
  const body = reader.view('MessageBody', allocationBodySize)
  return {
    flags: bytes[start]!,
    labelLength,
    messageClass: u16At(bytes, start + 2),
    correlationId: correlationIdAt(bytes, start + 4),
    bodyType: u32At(bytes, start + 24),
    applicationTag: u32At(bytes, start + 28),
    messageSize,
    allocationBodySize,
    privacyLevel: u32At(bytes, start + 40),
    hashAlgorithm: u32At(bytes, start + 44),
    encryptionAlgorithm: u32At(bytes, start + 48),
    extensionSize,
    label,
    extensionData,
    body,
    padding: reader.padding(),
  }
}

// Most messages correlate with nothing; they share one constant instead of making a view each.
function correlationIdAt(bytes: Buffer, at: number): Buffer {
  const any =
    u32At(bytes, at) | u32At(bytes, at + 4) | u32At(bytes, at + 8) | u32At(bytes, at + 12) | u32At(bytes, at + 16)
  return any === 0 ? ZERO_CORRELATION_ID : bytes.subarray(at, at + CORRELATION_ID_SIZE)
}

export function sizeOfMessagePropertiesHeader(header: MessagePropertiesHeader): number {
  const { labelLength, extensionData, body } = header
  return align4(MESSAGE_PROPERTIES_FIXED_SIZE + 2 * labelLength + extensionData.length + body.length)
}

/** Sizes written are those of the label, extension and body given. */
export function encodeMessagePropertiesHeader(writer: ByteWriter, header: MessagePropertiesHeader): void {
  writer.enter('MessagePropertiesHeader')
  writer.u8('Flags', header.flags)
  if (header.labelLength > LABEL_LENGTH_MAX || (header.labelLength === 0 && header.label !== '')) {
    writer.refuse('LabelLength', `${header.labelLength} with a label of ${header.label.length} characters`)
  }
  if (header.labelLength > 0 && header.label.length + 1 !== header.labelLength) {
    writer.refuse('LabelLength', `${header.labelLength}, the label needs ${header.label.length + 1}`)
  }
  writer.u8('LabelLength', header.labelLength)
  writer.u16('MessageClass', header.messageClass)
  writer.sized('CorrelationID', header.correlationId, CORRELATION_ID_SIZE)
  writer.u32('BodyType', header.bodyType)
  writer.u32('ApplicationTag', header.applicationTag)
  if (header.messageSize > header.body.length) writer.refuse('MessageSize', 'more than the body holds')
  writer.u32('MessageSize', header.messageSize)
  writer.u32('AllocationBodySize', header.body.length)
  writer.u32('PrivacyLevel', header.privacyLevel)
  writer.u32('HashAlgorithm', header.hashAlgorithm)
  writer.u32('EncryptionAlgorithm', header.encryptionAlgorithm)
  writer.u32('ExtensionSize', header.extensionData.length)
  if (header.labelLength > 0) writer.wideText('Label', header.label)
  writer.view(header.extensionData)
  writer.view(header.body)
  writer.padding(header.padding)
}
