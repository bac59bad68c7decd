import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import {
  type CountedText,
  countedTextParts,
  decodeCountedText,
  encodeCountedText,
  sizeOfCountedText,
} from './counted-text.js'
import type { Structure } from './layout.js'

/* SRMPEnvelopeHeader, with UserHeader.Flags.AH: HeaderId 2, Reserved 2, DataLength 4, Data. No sender may set AH on this
 * wire, so all it needs is exact bounds. DataLength counts characters. Source: [MS-MQRR] 2.2.5.1.2.1. */

const FIELDS = { id: 'HeaderId', reserved: 'Reserved', length: 'DataLength', text: 'Data' }

const SECTION = '[MS-MQRR] 2.2.5.1.2.1'

export const SRMP_ENVELOPE_LAYOUT: Structure = {
  structure: 'SRMPEnvelopeHeader',
  section: SECTION,
  parts: countedTextParts('SRMPEnvelopeHeader', FIELDS, null),
}

export type SrmpEnvelopeHeader = CountedText

export function decodeSrmpEnvelopeHeader(reader: ByteReader): SrmpEnvelopeHeader {
  reader.enter('SRMPEnvelopeHeader', SECTION)
  return decodeCountedText(reader, FIELDS, null)
}

export function sizeOfSrmpEnvelopeHeader(header: SrmpEnvelopeHeader): number {
  return sizeOfCountedText(header)
}

export function encodeSrmpEnvelopeHeader(writer: ByteWriter, header: SrmpEnvelopeHeader): void {
  writer.enter('SRMPEnvelopeHeader')
  encodeCountedText(writer, FIELDS, header)
}
