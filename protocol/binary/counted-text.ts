import type { ByteReader } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'
import { type LayoutPart, refuse } from './layout.js'

/* A section of text as SoapHeader and SRMPEnvelopeHeader hold it:
 *   0  2  section identifier
 *   2  2  reserved
 *   4  4  length in characters with terminator; 0 = no text
 *   8     UTF-16LE text, padding to 4
 * Doubling the length wraps 32 bits when its top bit is set, the fault behind CVE-2023-21554: it is compared with half
 * of what is left, never doubled before. */

export interface CountedText {
  id: number
  reserved: number
  /** Null when the length is 0, which differs from an empty text of length 1. */
  text: string | null
  /** The 0 or 2 bytes up to a multiple of 4, little-endian; may hold anything. */
  padding: number
}

export interface CountedTextFields {
  id: string
  reserved: string
  length: string
  text: string
}

export function countedTextParts(
  structure: string,
  fields: CountedTextFields,
  expectedId: number | null,
): readonly LayoutPart[] {
  const id = `${structure}.${fields.id}`
  const length = `${structure}.${fields.length}`
  return [
    { field: fields.id, type: 'u16', hex: true },
    ...(expectedId === null ? [] : [refuse('SECTION_ID', id, ['not', ['=', id, expectedId]], `must be ${expectedId}`)]),
    { field: fields.reserved, type: 'u16', hex: true },
    { field: fields.length, type: 'u32', unit: 'characters' },
    refuse('WCHAR_COUNT', length, ['>', ['*', 2, length], ['left']], 'more than the packet has left'),
    { field: fields.text, type: 'text', size: ['*', 2, length] },
    { padding: 4 },
  ]
}

/** `expectedId` null accepts any. `MSMQ_DECODE_SECTION_ID`, `MSMQ_DECODE_WCHAR_COUNT`, `MSMQ_DECODE_STRING_*`. */
export function decodeCountedText(
  reader: ByteReader,
  fields: CountedTextFields,
  expectedId: number | null,
): CountedText {
  const id = reader.u16(fields.id)
  if (expectedId !== null && id !== expectedId) {
    reader.fail('MSMQ_DECODE_SECTION_ID', fields.id, `${id}, must be ${expectedId}`, reader.offset - 2)
  }
  const reserved = reader.u16(fields.reserved)
  const length = reader.u32(fields.length)
  if (length > reader.remaining / 2) {
    const what = `${length} characters, ${reader.remaining} bytes left`
    reader.fail('MSMQ_DECODE_WCHAR_COUNT', fields.length, what, reader.offset - 4)
  }
  const text = length === 0 ? null : reader.wideText(fields.text, 2 * length)
  return { id, reserved, text, padding: reader.padding() }
}

export function sizeOfCountedText(section: CountedText): number {
  return 8 + (section.text === null ? 0 : align4(2 * (section.text.length + 1)))
}

export function encodeCountedText(writer: ByteWriter, fields: CountedTextFields, section: CountedText): void {
  writer.u16(fields.id, section.id)
  writer.u16(fields.reserved, section.reserved)
  writer.u32(fields.length, section.text === null ? 0 : section.text.length + 1)
  if (section.text !== null) writer.wideText(fields.text, section.text)
  writer.padding(section.padding)
}
