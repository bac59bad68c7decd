import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { type CountedText, decodeCountedText, encodeCountedText, sizeOfCountedText } from './counted-text.js'

/* SRMPEnvelopeHeader, with UserHeader.Flags.AH: HeaderId 2, Reserved 2, DataLength 4, Data. No sender may set AH on this
 * wire, so all it needs is exact bounds. DataLength counts characters. Source: [MS-MQRR] 2.2.5.1.2.1. */

const FIELDS = { id: 'HeaderId', reserved: 'Reserved', length: 'DataLength', text: 'Data' }

export type SrmpEnvelopeHeader = CountedText

export function decodeSrmpEnvelopeHeader(reader: ByteReader): SrmpEnvelopeHeader {
  reader.enter('SRMPEnvelopeHeader', '[MS-MQRR] 2.2.5.1.2.1')
  return decodeCountedText(reader, FIELDS, null)
}

export function sizeOfSrmpEnvelopeHeader(header: SrmpEnvelopeHeader): number {
  return sizeOfCountedText(header)
}

export function encodeSrmpEnvelopeHeader(writer: ByteWriter, header: SrmpEnvelopeHeader): void {
  writer.enter('SRMPEnvelopeHeader')
  encodeCountedText(writer, FIELDS, header)
}
