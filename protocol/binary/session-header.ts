import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'

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

export function decodeSessionHeader(reader: ByteReader): SessionHeader {
  reader.enter('SessionHeader', '[MS-MQMQ] 2.2.20.4')
  return {
    ackSequenceNumber: reader.u16('AckSequenceNumber'),
    recoverableMsgAckSeqNumber: reader.u16('RecoverableMsgAckSeqNumber'),
    recoverableMsgAckFlags: reader.u32('RecoverableMsgAckFlags'),
    userMsgSequenceNumber: reader.u16('UserMsgSequenceNumber'),
    recoverableMsgSeqNumber: reader.u16('RecoverableMsgSeqNumber'),
    windowSize: reader.u16('WindowSize'),
    reserved: reader.u16('Reserved'),
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
