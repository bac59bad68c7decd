import { type ByteReader, u16At, u32At } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { type Field, fixedLayoutOf, type Structure } from './layout.js'

/* SessionHeader: at byte 20 of a SessionAck, or after everything else in a user message. Source: [MS-MQMQ] 2.2.20.4.
 *    0  2  AckSequenceNumber           user messages received on the session, modulo 65 536
 *    2  2  RecoverableMsgAckSeqNumber  recoverable number of bit 0 of the next field; 0 = nothing new
 *    4  4  RecoverableMsgAckFlags      bit k: recoverable message (that number + k) is on disk
 *    8  2  UserMsgSequenceNumber       user messages sent by the writer
 *   10  2  RecoverableMsgSeqNumber     recoverable ones sent by the writer
 *   12  2  WindowSize                  1..65 535
 *   14  2  Reserved                    anything */

export const SESSION_HEADER_SIZE = 16

export interface SessionHeader {
  ackSequenceNumber: number
  recoverableMsgAckSeqNumber: number
  recoverableMsgAckFlags: number
  userMsgSequenceNumber: number
  recoverableMsgSeqNumber: number
  /** Packets. */
  windowSize: number
  reserved: number
}

const SECTION = '[MS-MQMQ] 2.2.20.4'
const FIELDS: readonly Field[] = [
  { field: 'AckSequenceNumber', type: 'u16' },
  { field: 'RecoverableMsgAckSeqNumber', type: 'u16' },
  { field: 'RecoverableMsgAckFlags', type: 'u32', hex: true },
  { field: 'UserMsgSequenceNumber', type: 'u16' },
  { field: 'RecoverableMsgSeqNumber', type: 'u16' },
  { field: 'WindowSize', type: 'u16', unit: 'packets' },
  { field: 'Reserved', type: 'u16', hex: true },
]
const LAYOUT = fixedLayoutOf(FIELDS)

export const SESSION_HEADER_LAYOUT: Structure = { structure: 'SessionHeader', section: SECTION, parts: FIELDS }

export function decodeSessionHeader(reader: ByteReader): SessionHeader {
  reader.enter('SessionHeader', SECTION)
  const start = reader.fixed(LAYOUT, SESSION_HEADER_SIZE)
  const bytes = reader.bytes
  return {
    ackSequenceNumber: u16At(bytes, start),
    recoverableMsgAckSeqNumber: u16At(bytes, start + 2),
    recoverableMsgAckFlags: u32At(bytes, start + 4),
    userMsgSequenceNumber: u16At(bytes, start + 8),
    recoverableMsgSeqNumber: u16At(bytes, start + 10),
    windowSize: u16At(bytes, start + 12),
    reserved: u16At(bytes, start + 14),
  }
}

export function encodeSessionHeader(writer: ByteWriter, header: SessionHeader): void {
  writer.enter('SessionHeader')
  writer.u16('AckSequenceNumber', header.ackSequenceNumber)
  writer.u16('RecoverableMsgAckSeqNumber', header.recoverableMsgAckSeqNumber)
  writer.u32('RecoverableMsgAckFlags', header.recoverableMsgAckFlags)
  writer.u16('UserMsgSequenceNumber', header.userMsgSequenceNumber)
  writer.u16('RecoverableMsgSeqNumber', header.recoverableMsgSeqNumber)
  writer.u16('WindowSize', header.windowSize)
  writer.u16('Reserved', header.reserved)
}

/** Recoverable sequence numbers the header acknowledges, modulo 65 536, oldest first; at most 32. */
export function acknowledgedRecoverable(header: SessionHeader): number[] {
  const numbers: number[] = []
  for (let bit = 0; bit < 32; bit++) {
    if (((header.recoverableMsgAckFlags >>> bit) & 1) !== 0) {
      numbers.push((header.recoverableMsgAckSeqNumber + bit) & 0xffff)
    }
  }
  return numbers
}
