import type { TxSequenceId } from '../sequence-id.js'
import type { Expression, Structure } from './layout.js'
import type { QueueName } from './queue-name.js'

/* Body of an OrderAck: transactional messages were taken in order up to a number. Source: [MS-MQQB] 2.2.4.1.
 *    0   8  TxSequenceID              Ordinal 4, TimeStamp 4
 *    8   4  TxSequenceNumber          highest number taken
 *   12   4  TxPreviousSequenceNumber  that number - 1
 *   16  20  Reserved                  anything */

export const ORDER_ACK_BODY_SIZE = 36
/** Label of order and final acknowledgements. */
export const ORDER_ACK_LABEL = 'QM Ordering Ack'
/** Number of the private queue `order_queue$` in every queue manager. Source: [MS-MQQB] 2.2.4. */
export const ORDER_QUEUE_NUMBER = 4

export const ORDER_ACK_BODY_LAYOUT: Structure = {
  structure: 'OrderAckBody',
  section: '[MS-MQQB] 2.2.4.1',
  inside: 'MessagePropertiesHeader.MessageBody',
  parts: [
    { field: 'TxSequenceID.Ordinal', type: 'u32' },
    { field: 'TxSequenceID.TimeStamp', type: 'u32' },
    { field: 'TxSequenceNumber', type: 'u32' },
    { field: 'TxPreviousSequenceNumber', type: 'u32' },
    { field: 'Reserved', type: 'bytes', size: 20 },
    {
      rule: 'warn',
      when: ['=', 'OrderAckBody.TxSequenceNumber', 0],
      code: 'ACK_OF_NOTHING',
      field: 'OrderAckBody.TxSequenceNumber',
      why: 'acknowledges no message: numbers start at 1',
    },
  ],
}

export interface OrderAckBody {
  sequenceId: TxSequenceId
  sequenceNumber: number
  previousSequenceNumber: number
  /** 20 bytes, a view. */
  reserved: Buffer
}

const ORDER_QUEUE_SUFFIX = '\\private$\\order_queue$'

/** Does the destination name the queue that acknowledgements of transactional messages go to? Case is free. */
export function isOrderQueue(queue: QueueName | null): boolean {
  if (queue === null) return false
  if (queue.type === 'PrivateQueueFormatNameId') return queue.number === ORDER_QUEUE_NUMBER
  if (queue.type !== 'DirectQueueFormatName') return false
  return queue.name.slice(-ORDER_QUEUE_SUFFIX.length).toLowerCase() === ORDER_QUEUE_SUFFIX
}

/** As {@link isOrderQueue}. */
export const DESTINATION_IS_ORDER_QUEUE: Expression = [
  'or',
  [
    'and',
    ['in', 'UserHeader.Flags.DQ', 2, 3, 4],
    ['=', 'UserHeader.DestinationQueue.PrivateQueueIdentifier', ORDER_QUEUE_NUMBER],
  ],
  ['endsWith', 'UserHeader.DestinationQueue.DirectFormatName', ORDER_QUEUE_SUFFIX],
]

/** `body` is that of a packet with packetType 'OrderAck', which guarantees its 36 bytes. */
export function decodeOrderAckBody(body: Buffer): OrderAckBody {
  return {
    sequenceId: { ordinal: body.readUInt32LE(0), timeStamp: body.readUInt32LE(4) },
    sequenceNumber: body.readUInt32LE(8),
    previousSequenceNumber: body.readUInt32LE(12),
    reserved: body.subarray(16, ORDER_ACK_BODY_SIZE),
  }
}

/** The 36 bytes that acknowledge `sequenceId` up to `sequenceNumber` (at least 1). */
export function buildOrderAckBody(sequenceId: TxSequenceId, sequenceNumber: number): Buffer {
  const body = Buffer.alloc(ORDER_ACK_BODY_SIZE)
  body.writeUInt32LE(sequenceId.ordinal, 0)
  body.writeUInt32LE(sequenceId.timeStamp, 4)
  body.writeUInt32LE(sequenceNumber, 8)
  body.writeUInt32LE(sequenceNumber - 1, 12)
  return body
}
