import type { ByteReader } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'
import { refuse, type Structure } from './layout.js'

/* CompoundMessageHeader, with UserHeader.Flags.AH, after the SRMPEnvelopeHeader. Source: [MS-MQRR] 2.2.5.1.2.2.
 *    0  2  HeaderId
 *    2  2  Reserved
 *    4  4  HTTPBodySize   bytes of Data
 *    8  4  MsgBodySize    bytes of the message body inside Data
 *   12  4  MsgBodyOffset  where in Data it starts
 *   16     Data, padding to 4 */

export interface CompoundMessageHeader {
  headerId: number
  reserved: number
  /** Bytes. */
  msgBodySize: number
  /** Bytes from the start of `data`. */
  msgBodyOffset: number
  /** HTTPBodySize bytes, a view. */
  data: Buffer
  /** The 0..3 bytes up to a multiple of 4, little-endian. */
  padding: number
}

/** Without Data and padding. */
export const COMPOUND_MESSAGE_FIXED_SIZE = 16

const SECTION = '[MS-MQRR] 2.2.5.1.2.2'

const HTTP_SIZE = 'CompoundMessageHeader.HTTPBodySize'
const BODY_SIZE = 'CompoundMessageHeader.MsgBodySize'
const BODY_OFFSET = 'CompoundMessageHeader.MsgBodyOffset'

export const COMPOUND_MESSAGE_LAYOUT: Structure = {
  structure: 'CompoundMessageHeader',
  section: SECTION,
  parts: [
    { field: 'HeaderId', type: 'u16' },
    { field: 'Reserved', type: 'u16', hex: true },
    { field: 'HTTPBodySize', type: 'u32', unit: 'bytes' },
    { field: 'MsgBodySize', type: 'u32', unit: 'bytes' },
    { field: 'MsgBodyOffset', type: 'u32', unit: 'bytes' },
    refuse('HTTP_BODY', HTTP_SIZE, ['>', HTTP_SIZE, ['left']], 'more than the packet has left'),
    refuse('HTTP_BODY', BODY_SIZE, ['>', BODY_SIZE, HTTP_SIZE], 'more than HTTPBodySize'),
    refuse('HTTP_BODY', BODY_OFFSET, ['>', ['+', BODY_OFFSET, BODY_SIZE], HTTP_SIZE], 'the body would end outside'),
    { field: 'Data', type: 'bytes', size: HTTP_SIZE },
    { padding: 4 },
  ],
}

/** `MSMQ_DECODE_HTTP_BODY`. */
export function decodeCompoundMessageHeader(reader: ByteReader): CompoundMessageHeader {
  reader.enter('CompoundMessageHeader', SECTION)
  const start = reader.offset
  const headerId = reader.u16('HeaderId')
  const reserved = reader.u16('Reserved')
  const httpBodySize = reader.u32('HTTPBodySize')
  const msgBodySize = reader.u32('MsgBodySize')
  const msgBodyOffset = reader.u32('MsgBodyOffset')
  if (httpBodySize > reader.remaining) {
    reader.fail('MSMQ_DECODE_HTTP_BODY', 'HTTPBodySize', `${httpBodySize}, only ${reader.remaining} left`, start + 4)
  }
  if (msgBodySize > httpBodySize) {
    reader.fail('MSMQ_DECODE_HTTP_BODY', 'MsgBodySize', `${msgBodySize}, more than HTTPBodySize`, start + 8)
  }
  if (msgBodyOffset + msgBodySize > httpBodySize) {
    reader.fail('MSMQ_DECODE_HTTP_BODY', 'MsgBodyOffset', `${msgBodyOffset}, the body would end outside`, start + 12)
  }
  const data = reader.view('Data', httpBodySize)
  return { headerId, reserved, msgBodySize, msgBodyOffset, data, padding: reader.padding() }
}

export function sizeOfCompoundMessageHeader(header: CompoundMessageHeader): number {
  return align4(COMPOUND_MESSAGE_FIXED_SIZE + header.data.length)
}

export function encodeCompoundMessageHeader(writer: ByteWriter, header: CompoundMessageHeader): void {
  writer.enter('CompoundMessageHeader')
  writer.u16('HeaderId', header.headerId)
  writer.u16('Reserved', header.reserved)
  writer.u32('HTTPBodySize', header.data.length)
  writer.u32('MsgBodySize', header.msgBodySize)
  writer.u32('MsgBodyOffset', header.msgBodyOffset)
  writer.view(header.data)
  writer.padding(header.padding)
}
