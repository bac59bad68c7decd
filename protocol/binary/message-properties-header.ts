import { isNegativeAcknowledgment, MessageClass } from '../message-class.js'
import { type ByteReader, u16At, u32At } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'
import { type Expression, type Field, fixedLayoutOf, refuse, type Structure } from './layout.js'

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

const SECTION = '[MS-MQMQ] 2.2.19.3'
const FIELDS: readonly Field[] = [
  {
    field: 'Flags',
    type: 'u8',
    flags: MP_FLAGS,
    about: {
      PA: 'positive acknowledgement on arrival',
      PR: 'positive acknowledgement on the read',
      NA: 'negative acknowledgement on arrival',
      NR: 'negative acknowledgement on the read',
    },
  },
  { field: 'LabelLength', type: 'u8', unit: 'characters' },
  { field: 'MessageClass', type: 'u16', hex: true, values: MessageClass },
  { field: 'CorrelationID', type: 'bytes', size: CORRELATION_ID_SIZE },
  { field: 'BodyType', type: 'u32' },
  { field: 'ApplicationTag', type: 'u32' },
  { field: 'MessageSize', type: 'u32', unit: 'bytes' },
  { field: 'AllocationBodySize', type: 'u32', unit: 'bytes' },
  {
    field: 'PrivacyLevel',
    type: 'u32',
    values: { NONE: 0, BODY_BASE: 1, BODY_ENHANCED: 3, BODY_AES: 5 },
  },
  {
    field: 'HashAlgorithm',
    type: 'u32',
    hex: true,
    values: { MD2: 0x8001, MD4: 0x8002, MD5: 0x8003, SHA_1: 0x8004, SHA_256: 0x800c, SHA_512: 0x800e },
  },
  {
    field: 'EncryptionAlgorithm',
    type: 'u32',
    hex: true,
    values: { RC2: 0x6602, AES_128: 0x660e, AES_192: 0x660f, AES_256: 0x6610, RC4: 0x6801 },
  },
  { field: 'ExtensionSize', type: 'u32', unit: 'bytes' },
]
const LAYOUT = fixedLayoutOf(FIELDS)

const LABEL = 'MessagePropertiesHeader.LabelLength'
const SIZE = 'MessagePropertiesHeader.MessageSize'
const ALLOCATED = 'MessagePropertiesHeader.AllocationBodySize'
const EXTENSION = 'MessagePropertiesHeader.ExtensionSize'
const CLASS = 'MessagePropertiesHeader.MessageClass'
const NEEDED: Expression = ['+', ['*', 2, LABEL], EXTENSION, ALLOCATED]
const TOO_LARGE = 'more than the packet has left'

export const MESSAGE_PROPERTIES_LAYOUT: Structure = {
  structure: 'MessagePropertiesHeader',
  section: SECTION,
  parts: [
    ...FIELDS,
    refuse('LABEL_LENGTH', LABEL, ['>', LABEL, LABEL_LENGTH_MAX], `at most ${LABEL_LENGTH_MAX}`),
    refuse('BODY_SIZE', SIZE, ['>', SIZE, ['left']], TOO_LARGE),
    refuse('BODY_SIZE', ALLOCATED, ['>', ALLOCATED, ['left']], TOO_LARGE),
    refuse('BODY_SIZE', SIZE, ['>', SIZE, ALLOCATED], 'more than AllocationBodySize'),
    refuse('EXTENSION_SIZE', EXTENSION, ['>', EXTENSION, ['left']], TOO_LARGE),
    refuse('TRUNCATED', LABEL, ['>', ['*', 2, LABEL], ['left']], TOO_LARGE),
    refuse('BODY_SIZE', ALLOCATED, ['>', NEEDED, ['left']], 'with label and extension, more than the packet has left'),
    {
      rule: 'note',
      when: ['bits', 0xf0, 'MessagePropertiesHeader.Flags'],
      code: 'RESERVED_BITS',
      field: 'MessagePropertiesHeader.Flags',
      why: 'unused bits are set',
    },
    {
      rule: 'warn',
      when: ['in', CLASS, ...Object.values(MessageClass).filter(isNegativeAcknowledgment)],
      code: 'NACK',
      field: CLASS,
      why: 'a negative acknowledgement',
    },
    { field: 'Label', type: 'text', size: ['*', 2, LABEL] },
    { field: 'ExtensionData', type: 'bytes', size: EXTENSION },
    { field: 'MessageBody', type: 'bytes', size: ALLOCATED },
    { padding: 4 },
  ],
}

/** What CorrelationID means in an administration acknowledgement. */
export const ACKNOWLEDGED_LAYOUT: Structure = {
  structure: 'MessagePropertiesHeader',
  section: SECTION,
  inside: 'MessagePropertiesHeader.CorrelationID',
  parts: [
    { field: 'CorrelationID.QueueManagerGuid', type: 'guid' },
    { field: 'CorrelationID.Ordinal', type: 'u32' },
  ],
}

const ZERO_CORRELATION_ID = Buffer.alloc(CORRELATION_ID_SIZE)

/** `MSMQ_DECODE_LABEL_LENGTH`, `MSMQ_DECODE_BODY_SIZE`, `MSMQ_DECODE_EXTENSION_SIZE`, `MSMQ_DECODE_STRING_*`. */
export function decodeMessagePropertiesHeader(reader: ByteReader): MessagePropertiesHeader {
  reader.enter('MessagePropertiesHeader', SECTION)
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
