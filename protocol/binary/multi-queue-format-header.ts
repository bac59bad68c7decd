import type { Guid } from '../guid.js'
import { ByteReader, u16At } from './byte-reader.js'
import { align4, ByteWriter } from './byte-writer.js'
import { type Expression, type LayoutPart, refuse, type Structure } from './layout.js'
import { wideTextSizeWithin } from './security-header.js'

/* MultiQueueFormatHeader, with UserHeader.Flags.MQ: every queue a message was sent to. Three address headers and a
 * signature header, each padded to 4. Source: [MS-MQMQ] 2.2.20.1 to 2.2.20.3, 2.2.18.1.4.
 *
 *   address header               signature header
 *    0  4  HeaderSize  12 + list   0  2  ID        0x015E
 *    4  2  HeaderID                2  2  Reserved
 *    6  2  Reserved                4  4  Size
 *    8  4  ElementCount            8     Signature
 *   12     elements
 *
 *   element: FormatType 2, then by type
 *     1 public             pad to 4, GUID 16
 *     2 private            pad to 4, queue manager GUID 16, number 4
 *     3 direct             UTF-16LE up to its null, no count
 *     6 distribution list  pad to 4, GUID 16 */

export const MQF_HEADER_ID = {
  DESTINATION: 0x0064,
  ADMINISTRATION: 0x00c8,
  RESPONSE: 0x012c,
  SIGNATURE: 0x015e,
} as const
export const MQF_FORMAT_TYPE = { PUBLIC: 1, PRIVATE: 2, DIRECT: 3, DISTRIBUTION_LIST: 6 } as const
const ADDRESS_HEADER_SIZE = 12
// Bytes after the alignment, by format type.
const MQF_DATA_SIZE: Readonly<Record<number, number>> = { 1: 16, 2: 20, 6: 16 }
// FormatType and the terminator of an empty direct name.
const ELEMENT_SIZE_MIN = 4

const SECTION = '[MS-MQMQ] 2.2.20.2'

export const MULTI_QUEUE_FORMAT_LAYOUT: Structure = {
  structure: 'MultiQueueFormatHeader',
  section: SECTION,
  parts: [
    ...addressParts('Destination', MQF_HEADER_ID.DESTINATION),
    ...addressParts('Administration', MQF_HEADER_ID.ADMINISTRATION),
    ...addressParts('Response', MQF_HEADER_ID.RESPONSE),
    ...signatureParts(),
  ],
}

function addressParts(role: string, expectedId: number): readonly LayoutPart[] {
  const path = `MultiQueueFormatHeader.${role}`
  const size = `${path}.HeaderSize`
  const id = `${path}.HeaderID`
  const count = `${path}.ElementCount`
  const sizeWrong: Expression = ['or', ['<', size, ADDRESS_HEADER_SIZE], ['>', size, ['+', ['left'], 4]]]
  return [
    { field: `${role}.HeaderSize`, type: 'u32', unit: 'bytes' },
    refuse('ADDRESS_SIZE', size, sizeWrong, `must be at least ${ADDRESS_HEADER_SIZE}, and fit into the packet`),
    { field: `${role}.HeaderID`, type: 'u16', hex: true },
    refuse('SECTION_ID', id, ['not', ['=', id, expectedId]], `must be ${expectedId}`),
    { field: `${role}.Reserved`, type: 'u16', hex: true },
    { field: `${role}.ElementCount`, type: 'u32' },
    refuse(
      'ADDRESS_COUNT',
      count,
      ['>', ['*', ELEMENT_SIZE_MIN, count], ['-', size, ADDRESS_HEADER_SIZE]],
      'too many for HeaderSize',
    ),
    {
      within: ['+', ['offset', size], size],
      parts: [
        { each: count, parts: elementParts(`${role}.Elements.#`) },
        { field: `${role}.Rest`, type: 'bytes', size: ['left'] },
      ],
    },
    { padding: 4 },
  ]
}

function elementParts(element: string): readonly LayoutPart[] {
  const path = `MultiQueueFormatHeader.${element}`
  const type = `${path}.FormatType`
  const { PUBLIC, PRIVATE, DIRECT, DISTRIBUTION_LIST } = MQF_FORMAT_TYPE
  const allowed = [PUBLIC, PRIVATE, DIRECT, DISTRIBUTION_LIST]
  const nameSize: Expression = ['nullWithin', ['left']]
  return [
    { field: `${element}.FormatType`, type: 'u16', values: MQF_FORMAT_TYPE },
    refuse('FORMAT_TYPE', type, ['not', ['in', type, ...allowed]], 'must be 1, 2, 3 or 6'),
    {
      when: ['=', type, PUBLIC],
      parts: [{ padding: 4 }, { field: `${element}.PublicQueueIdentifier`, type: 'guid' }],
    },
    {
      when: ['=', type, PRIVATE],
      parts: [
        { padding: 4 },
        { field: `${element}.SourceQueueManager`, type: 'guid' },
        { field: `${element}.PrivateQueueIdentifier`, type: 'u32' },
      ],
    },
    {
      when: ['=', type, DIRECT],
      parts: [
        refuse(
          'STRING_UNTERMINATED',
          `${path}.DirectFormatName`,
          ['=', nameSize, 0],
          'has no null before HeaderSize ends',
        ),
        { field: `${element}.DirectFormatName`, type: 'text', size: nameSize },
      ],
    },
    {
      when: ['=', type, DISTRIBUTION_LIST],
      parts: [{ padding: 4 }, { field: `${element}.DistributionListIdentifier`, type: 'guid' }],
    },
  ]
}

function signatureParts(): readonly LayoutPart[] {
  const id = 'MultiQueueFormatHeader.Signature.ID'
  const size = 'MultiQueueFormatHeader.Signature.Size'
  return [
    { field: 'Signature.ID', type: 'u16', hex: true },
    refuse('SECTION_ID', id, ['not', ['=', id, MQF_HEADER_ID.SIGNATURE]], `must be ${MQF_HEADER_ID.SIGNATURE}`),
    { field: 'Signature.Reserved', type: 'u16', hex: true },
    { field: 'Signature.Size', type: 'u32', unit: 'bytes' },
    refuse('TRUNCATED', size, ['>', size, ['left']], 'more than the packet has left'),
    { field: 'Signature.Signature', type: 'bytes', size },
    { padding: 4 },
  ]
}

export type MqfElement =
  | { formatType: 1; guid: Guid; padding: number }
  | { formatType: 2; queueManager: Guid; number: number; padding: number }
  | { formatType: 3; name: string }
  | { formatType: 6; guid: Guid; padding: number }

/** The elements stay in their bytes, for a packet can hold a million of them; {@link mqfElements} reads them. */
export interface MqfAddressHeader {
  headerId: number
  reserved: number
  elementCount: number
  /** HeaderSize - 12 bytes: the elements, and perhaps padding. A view. */
  list: Buffer
  /** The 0..3 bytes up to a multiple of 4, little-endian. */
  padding: number
}

export interface MqfSignatureHeader {
  id: number
  reserved: number
  /** A view. */
  signature: Buffer
  padding: number
}

export interface MultiQueueFormatHeader {
  destination: MqfAddressHeader
  administration: MqfAddressHeader
  response: MqfAddressHeader
  signature: MqfSignatureHeader
}

/** `MSMQ_DECODE_ADDRESS_SIZE`, `MSMQ_DECODE_ADDRESS_COUNT`, `MSMQ_DECODE_FORMAT_TYPE`, `MSMQ_DECODE_SECTION_ID`,
 *  `MSMQ_DECODE_STRING_*`. */
export function decodeMultiQueueFormatHeader(reader: ByteReader): MultiQueueFormatHeader {
  reader.enter('MultiQueueFormatHeader', SECTION)
  const destination = decodeAddressHeader(reader, 'Destination', MQF_HEADER_ID.DESTINATION)
  const administration = decodeAddressHeader(reader, 'Administration', MQF_HEADER_ID.ADMINISTRATION)
  const response = decodeAddressHeader(reader, 'Response', MQF_HEADER_ID.RESPONSE)
  return { destination, administration, response, signature: decodeSignatureHeader(reader) }
}

function decodeAddressHeader(reader: ByteReader, role: string, expectedId: number): MqfAddressHeader {
  const start = reader.offset
  const headerSize = reader.u32(`${role}.HeaderSize`)
  if (headerSize < ADDRESS_HEADER_SIZE || headerSize > reader.limit - start) {
    const what = `${headerSize}, must be ${ADDRESS_HEADER_SIZE} to ${reader.limit - start}`
    reader.fail('MSMQ_DECODE_ADDRESS_SIZE', `${role}.HeaderSize`, what, start)
  }
  const headerId = reader.u16(`${role}.HeaderID`)
  if (headerId !== expectedId) {
    reader.fail('MSMQ_DECODE_SECTION_ID', `${role}.HeaderID`, `${headerId}, must be ${expectedId}`, start + 4)
  }
  const reserved = reader.u16(`${role}.Reserved`)
  const elementCount = reader.u32(`${role}.ElementCount`)
  if (elementCount > (headerSize - ADDRESS_HEADER_SIZE) / ELEMENT_SIZE_MIN) {
    const what = `${elementCount}, too many for HeaderSize ${headerSize}`
    reader.fail('MSMQ_DECODE_ADDRESS_COUNT', `${role}.ElementCount`, what, start + 8)
  }
  const listOffset = reader.offset
  const outerLimit = reader.limit
  reader.limit = start + headerSize
  for (let index = 0; index < elementCount; index++) {
    const end = reader.sink === null ? endOfElement(reader.bytes, reader.offset, reader.limit) : -1
    // The slow way names each field, whether to a sink or in the error.
    if (end < 0) decodeElement(reader, `${role}.Elements.${index}`)
    else reader.offset = end
  }
  if (reader.remaining > 0) reader.view(`${role}.Rest`, reader.remaining)
  const list = reader.bytes.subarray(listOffset, reader.limit)
  reader.limit = outerLimit
  return { headerId, reserved, elementCount, list, padding: reader.padding() }
}

// Offset after a well-formed element, or -1.
function endOfElement(bytes: Buffer, start: number, limit: number): number {
  if (start + 2 > limit) return -1
  const formatType = u16At(bytes, start)
  const at = start + 2
  if (formatType === MQF_FORMAT_TYPE.DIRECT) {
    const size = wideTextSizeWithin(bytes, at, limit - at)
    return size === 0 ? -1 : at + size
  }
  const size = MQF_DATA_SIZE[formatType]
  const end = size === undefined ? -1 : align4(at) + size
  return end > limit ? -1 : end
}

/** The elements of an address header that was decoded, in order. */
export function mqfElements(header: MqfAddressHeader): MqfElement[] {
  const reader = new ByteReader(header.list)
  reader.enter('MQFAddressHeader', SECTION)
  return Array.from({ length: header.elementCount }, (_, index) => decodeElement(reader, String(index)))
}

/** An address header that holds `elements`; `headerId` from {@link MQF_HEADER_ID}. */
export function createMqfAddressHeader(headerId: number, elements: readonly MqfElement[]): MqfAddressHeader {
  const writer = new ByteWriter(Buffer.allocUnsafe(sizeOfElements(elements)))
  writer.enter('MQFAddressHeader')
  for (const element of elements) encodeElement(writer, element)
  return { headerId, reserved: 0, elementCount: elements.length, list: writer.bytes, padding: 0 }
}

/** A header of these addresses, without a signature. */
export function createMultiQueueFormatHeader(
  destination: MqfAddressHeader,
  administration: MqfAddressHeader,
  response: MqfAddressHeader,
): MultiQueueFormatHeader {
  const signature = { id: MQF_HEADER_ID.SIGNATURE, reserved: 0, signature: Buffer.alloc(0), padding: 0 }
  return { destination, administration, response, signature }
}

function decodeElement(reader: ByteReader, path: string): MqfElement {
  const formatType = reader.u16(`${path}.FormatType`)
  switch (formatType) {
    case MQF_FORMAT_TYPE.PUBLIC: {
      const padding = reader.padding()
      return { formatType, guid: reader.guid(`${path}.PublicQueueIdentifier`), padding }
    }
    case MQF_FORMAT_TYPE.PRIVATE: {
      const padding = reader.padding()
      const queueManager = reader.guid(`${path}.SourceQueueManager`)
      return { formatType, queueManager, number: reader.u32(`${path}.PrivateQueueIdentifier`), padding }
    }
    case MQF_FORMAT_TYPE.DIRECT: {
      const size = wideTextSizeWithin(reader.bytes, reader.offset, reader.remaining)
      if (size === 0) {
        const what = 'no null before HeaderSize ends'
        reader.fail('MSMQ_DECODE_STRING_UNTERMINATED', `${path}.DirectFormatName`, what)
      }
      return { formatType, name: reader.wideText(`${path}.DirectFormatName`, size) }
    }
    case MQF_FORMAT_TYPE.DISTRIBUTION_LIST: {
      const padding = reader.padding()
      return { formatType, guid: reader.guid(`${path}.DistributionListIdentifier`), padding }
    }
    default:
      return reader.fail(
        'MSMQ_DECODE_FORMAT_TYPE',
        `${path}.FormatType`,
        `${formatType}, must be 1, 2, 3 or 6`,
        reader.offset - 2,
      )
  }
}

function decodeSignatureHeader(reader: ByteReader): MqfSignatureHeader {
  reader.section = '[MS-MQMQ] 2.2.20.3'
  const start = reader.offset
  const id = reader.u16('Signature.ID')
  if (id !== MQF_HEADER_ID.SIGNATURE) {
    reader.fail('MSMQ_DECODE_SECTION_ID', 'Signature.ID', `${id}, must be ${MQF_HEADER_ID.SIGNATURE}`, start)
  }
  const reserved = reader.u16('Signature.Reserved')
  const size = reader.u32('Signature.Size')
  if (size > reader.remaining) {
    reader.fail('MSMQ_DECODE_TRUNCATED', 'Signature.Size', `${size}, only ${reader.remaining} left`, start + 4)
  }
  return { id, reserved, signature: reader.view('Signature.Signature', size), padding: reader.padding() }
}

// Elements follow each other on even offsets; a GUID inside one starts on a multiple of 4. The list itself starts on one,
// of its header and of the packet, so offsets inside it align alike.
function sizeOfElements(elements: readonly MqfElement[]): number {
  let at = 0
  for (const element of elements) {
    at += 2
    if (element.formatType === 3) at += 2 * (element.name.length + 1)
    else at = align4(at) + MQF_DATA_SIZE[element.formatType]!
  }
  return at
}

/** HeaderSize as written: without the padding that follows it. */
export function sizeOfAddressHeader(header: MqfAddressHeader): number {
  return ADDRESS_HEADER_SIZE + header.list.length
}

export function sizeOfMultiQueueFormatHeader(header: MultiQueueFormatHeader): number {
  return (
    align4(sizeOfAddressHeader(header.destination)) +
    align4(sizeOfAddressHeader(header.administration)) +
    align4(sizeOfAddressHeader(header.response)) +
    align4(8 + header.signature.signature.length)
  )
}

export function encodeMultiQueueFormatHeader(writer: ByteWriter, header: MultiQueueFormatHeader): void {
  writer.enter('MultiQueueFormatHeader')
  encodeAddressHeader(writer, header.destination)
  encodeAddressHeader(writer, header.administration)
  encodeAddressHeader(writer, header.response)
  writer.u16('Signature.ID', header.signature.id)
  writer.u16('Signature.Reserved', header.signature.reserved)
  writer.u32('Signature.Size', header.signature.signature.length)
  writer.view(header.signature.signature)
  writer.padding(header.signature.padding)
}

function encodeAddressHeader(writer: ByteWriter, header: MqfAddressHeader): void {
  writer.u32('HeaderSize', sizeOfAddressHeader(header))
  writer.u16('HeaderID', header.headerId)
  writer.u16('Reserved', header.reserved)
  writer.u32('ElementCount', header.elementCount)
  writer.view(header.list)
  writer.padding(header.padding)
}

function encodeElement(writer: ByteWriter, element: MqfElement): void {
  writer.u16('FormatType', element.formatType)
  if (element.formatType === 3) {
    writer.wideText('DirectFormatName', element.name)
    return
  }
  writer.padding(element.padding)
  if (element.formatType === 2) {
    writer.guid(element.queueManager)
    writer.u32('PrivateQueueIdentifier', element.number)
  } else {
    writer.guid(element.guid)
  }
}
