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

/* SoapHeader, with UserHeader.Flags.HH: two application-defined texts, each a section of counted-text.ts.
 * That each is padded to 4 follows from the general rule of PacketSize. Source: [MS-MQMQ] 2.2.20.7. */

export const SOAP_SECTION_ID = { HEADER: 0x0320, BODY: 0x0384 } as const

const HEADER = { id: 'HeaderSectionID', reserved: 'Reserved', length: 'HeaderDataLength', text: 'Header' }
const BODY = { id: 'BodySectionID', reserved: 'Reserved1', length: 'BodyDataLength', text: 'Body' }

const SECTION = '[MS-MQMQ] 2.2.20.7'

export const SOAP_LAYOUT: Structure = {
  structure: 'SoapHeader',
  section: SECTION,
  parts: [
    ...countedTextParts('SoapHeader', HEADER, SOAP_SECTION_ID.HEADER),
    ...countedTextParts('SoapHeader', BODY, SOAP_SECTION_ID.BODY),
  ],
}

export interface SoapHeader {
  header: CountedText
  body: CountedText
}

export function decodeSoapHeader(reader: ByteReader): SoapHeader {
  reader.enter('SoapHeader', SECTION)
  const header = decodeCountedText(reader, HEADER, SOAP_SECTION_ID.HEADER)
  return { header, body: decodeCountedText(reader, BODY, SOAP_SECTION_ID.BODY) }
}

export function sizeOfSoapHeader(soap: SoapHeader): number {
  return sizeOfCountedText(soap.header) + sizeOfCountedText(soap.body)
}

export function encodeSoapHeader(writer: ByteWriter, soap: SoapHeader): void {
  writer.enter('SoapHeader')
  encodeCountedText(writer, HEADER, soap.header)
  encodeCountedText(writer, BODY, soap.body)
}
