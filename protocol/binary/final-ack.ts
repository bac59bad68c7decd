import { decodeGuid, encodeGuid, type Guid } from '../guid.js'
import type { TxSequenceId } from '../sequence-id.js'
import type { Structure } from './layout.js'

/* Body of a FinalAck: a transactional message was read, or came to a bad end. Source: [MS-MQQB] 2.2.5.1.
 *    0   8  TxSequenceID              Ordinal 4, TimeStamp 4
 *    8   4  TxSequenceNumber          of the message
 *   12   4  TxPreviousSequenceNumber  from its TransactionHeader
 *   16  16  SourceGUID                queue manager that sent it
 *   32   4  MessageID */

export const FINAL_ACK_BODY_SIZE = 36

export const FINAL_ACK_BODY_LAYOUT: Structure = {
  structure: 'FinalAckBody',
  section: '[MS-MQQB] 2.2.5.1',
  inside: 'MessagePropertiesHeader.MessageBody',
  parts: [
    { field: 'TxSequenceID.Ordinal', type: 'u32' },
    { field: 'TxSequenceID.TimeStamp', type: 'u32' },
    { field: 'TxSequenceNumber', type: 'u32' },
    { field: 'TxPreviousSequenceNumber', type: 'u32' },
    { field: 'SourceGUID', type: 'guid' },
    { field: 'MessageID', type: 'u32' },
  ],
}

export interface FinalAckBody {
  sequenceId: TxSequenceId
  sequenceNumber: number
  previousSequenceNumber: number
  sourceGuid: Guid
  messageId: number
}

/** `body` is that of a packet with packetType 'FinalAck', which guarantees its 36 bytes. */
export function decodeFinalAckBody(body: Buffer): FinalAckBody {
  return {
    sequenceId: { ordinal: body.readUInt32LE(0), timeStamp: body.readUInt32LE(4) },
    sequenceNumber: body.readUInt32LE(8),
    previousSequenceNumber: body.readUInt32LE(12),
    sourceGuid: decodeGuid(body, 16),
    messageId: body.readUInt32LE(32),
  }
}

export function buildFinalAckBody(ack: FinalAckBody): Buffer {
  const body = Buffer.allocUnsafe(FINAL_ACK_BODY_SIZE)
  body.writeUInt32LE(ack.sequenceId.ordinal, 0)
  body.writeUInt32LE(ack.sequenceId.timeStamp, 4)
  body.writeUInt32LE(ack.sequenceNumber, 8)
  body.writeUInt32LE(ack.previousSequenceNumber, 12)
  encodeGuid(body, 16, ack.sourceGuid)
  body.writeUInt32LE(ack.messageId, 32)
  return body
}
