import { decodeGuid, type Guid } from '../guid.js'
import { type ByteReader, u32At } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { type Field, fixedLayoutOf, refuse, type Structure } from './layout.js'
import {
  ADMIN_QUEUE,
  DESTINATION_QUEUE,
  decodeQueueName,
  encodeQueueName,
  QUEUE_TYPE,
  type QueueName,
  queueNameParts,
  RESPONSE_QUEUE,
  sizeOfQueueName,
} from './queue-name.js'

/* UserHeader, at byte 16 of a user message. Source: [MS-MQMQ] 2.2.19.2.
 *    0  16   SourceQueueManager   queue manager that sent the message first
 *   16  16   QueueManagerAddress  destination queue manager; zero for direct names
 *   32   4   TimeToBeReceived     seconds
 *   36   4   SentTime             seconds since 1970 UTC
 *   40   4   MessageID
 *   44   4   Flags                USER_FLAGS
 *   48  var  DestinationQueue, AdminQueue, ResponseQueue
 *       16   ConnectorType        with Flags.CQ */

export const USER_HEADER_OFFSET = 16
export const USER_HEADER_FIXED_SIZE = 48
export const USER_HEADER_SECTION = '[MS-MQMQ] 2.2.19.2'
/** Routing servers a message may pass. */
export const HOP_COUNT_MAX = 0x1d

export const USER_FLAGS = {
  /** Routing servers passed. */
  RC: 0x0000001f,
  /** Delivery mode: 0 express, 1 recoverable. */
  DM: 0x00000060,
  DM_SHIFT: 5,
  RECOVERABLE: 0x00000020,
  X1: 0x00000080,
  /** Negative source journaling. */
  JN: 0x00000100,
  /** Positive source journaling. */
  JP: 0x00000200,
  DQ: 0x00001c00,
  DQ_SHIFT: 10,
  AQ: 0x0000e000,
  AQ_SHIFT: 13,
  RQ: 0x00070000,
  RQ_SHIFT: 16,
  /** SecurityHeader present. */
  SH: 0x00080000,
  /** TransactionHeader present. */
  TH: 0x00100000,
  /** MessagePropertiesHeader present; always set. */
  MP: 0x00200000,
  /** ConnectorType present. */
  CQ: 0x00400000,
  /** MultiQueueFormatHeader present. */
  MQ: 0x00800000,
  X2: 0x01000000,
  /** Came over HTTP; must not be set on this wire. */
  AH: 0x02000000,
  X3: 0x0c000000,
  X3_SHIFT: 26,
  /** SoapHeader present. */
  HH: 0x10000000,
  X4: 0xe0000000,
  X4_SHIFT: 29,
} as const

export interface UserHeader {
  sourceQueueManager: Guid
  queueManagerAddress: Guid
  /** Seconds. */
  timeToBeReceived: number
  /** Seconds since 1970 UTC. */
  sentTime: number
  messageId: number
  /** Raw, see {@link USER_FLAGS}. */
  flags: number
  destinationQueue: QueueName | null
  adminQueue: QueueName | null
  responseQueue: QueueName | null
  connectorType: Guid | null
}

// Bit n set: type n is allowed. RQ allows all eight.
const DESTINATION_TYPES = 0b10101001
const ADMIN_TYPES = 0b11101101

const FIELDS: readonly Field[] = [
  { field: 'SourceQueueManager', type: 'guid' },
  { field: 'QueueManagerAddress', type: 'guid' },
  { field: 'TimeToBeReceived', type: 'u32', unit: 's' },
  { field: 'SentTime', type: 'u32', unit: 's' },
  { field: 'MessageID', type: 'u32' },
  {
    field: 'Flags',
    type: 'u32',
    flags: USER_FLAGS,
    about: {
      RC: 'routing servers passed',
      DM: 'delivery mode',
      X1: 'reserved',
      JN: 'negative source journaling',
      JP: 'positive source journaling',
      DQ: 'type of the destination queue',
      AQ: 'type of the administration queue',
      RQ: 'type of the response queue',
      SH: 'SecurityHeader present',
      TH: 'TransactionHeader present',
      MP: 'MessagePropertiesHeader present',
      CQ: 'ConnectorType present',
      MQ: 'MultiQueueFormatHeader present',
      X2: 'reserved',
      AH: 'came over HTTP',
      X3: 'reserved',
      HH: 'SoapHeader present',
      X4: 'reserved',
    },
    flagValues: { DM: { EXPRESS: 0, RECOVERABLE: 1 }, DQ: QUEUE_TYPE, AQ: QUEUE_TYPE, RQ: QUEUE_TYPE },
  },
]
const LAYOUT = fixedLayoutOf(FIELDS)

const FLAGS = 'UserHeader.Flags'
const MODE = `${FLAGS}.DM`

export const USER_HEADER_LAYOUT: Structure = {
  structure: 'UserHeader',
  section: USER_HEADER_SECTION,
  parts: [
    ...FIELDS,
    refuse('DELIVERY_MODE', MODE, ['>', MODE, 1], 'must be 0 or 1'),
    refuse('QUEUE_TYPE', `${FLAGS}.DQ`, ['not', ['in', `${FLAGS}.DQ`, 0, 3, 5, 7]], 'must be 0, 3, 5 or 7'),
    refuse('QUEUE_TYPE', `${FLAGS}.AQ`, ['in', `${FLAGS}.AQ`, 1, 4], 'must be 0, 2, 3, 5, 6 or 7'),
    refuse('TRANSACTION_EXPRESS', MODE, ['and', `${FLAGS}.TH`, ['=', MODE, 0]], '0 with a TransactionHeader'),
    refuse('PROPERTIES_MISSING', `${FLAGS}.MP`, ['not', `${FLAGS}.MP`], 'must be set'),
    {
      rule: 'note',
      when: ['bits', USER_FLAGS.X1 + USER_FLAGS.X2 + USER_FLAGS.X3 + USER_FLAGS.X4, FLAGS],
      code: 'RESERVED_BITS',
      field: FLAGS,
      why: 'reserved bits are set',
    },
    ...queueNameParts(DESTINATION_QUEUE, 'DQ'),
    ...queueNameParts(ADMIN_QUEUE, 'AQ'),
    ...queueNameParts(RESPONSE_QUEUE, 'RQ'),
    { when: `${FLAGS}.CQ`, parts: [{ field: 'ConnectorType', type: 'guid' }] },
  ],
}

/** `MSMQ_DECODE_DELIVERY_MODE`, `MSMQ_DECODE_QUEUE_TYPE`, `MSMQ_DECODE_TRANSACTION_EXPRESS`,
 *  `MSMQ_DECODE_PROPERTIES_MISSING`, and those of {@link decodeQueueName}. */
export function decodeUserHeader(reader: ByteReader): UserHeader {
  reader.enter('UserHeader', USER_HEADER_SECTION)
  const start = reader.fixed(LAYOUT, USER_HEADER_FIXED_SIZE)
  const bytes = reader.bytes
  const flags = u32At(bytes, start + 44)
  const dq = (flags & USER_FLAGS.DQ) >>> USER_FLAGS.DQ_SHIFT
  const aq = (flags & USER_FLAGS.AQ) >>> USER_FLAGS.AQ_SHIFT
  const rq = (flags & USER_FLAGS.RQ) >>> USER_FLAGS.RQ_SHIFT
  checkFlags(reader, flags, dq, aq)
  return {
    sourceQueueManager: decodeGuid(bytes, start),
    queueManagerAddress: decodeGuid(bytes, start + 16),
    timeToBeReceived: u32At(bytes, start + 32),
    sentTime: u32At(bytes, start + 36),
    messageId: u32At(bytes, start + 40),
    flags,
    destinationQueue: decodeQueueName(reader, dq, DESTINATION_QUEUE),
    adminQueue: aq === 0 ? null : decodeQueueName(reader, aq, ADMIN_QUEUE),
    responseQueue: rq === 0 ? null : decodeQueueName(reader, rq, RESPONSE_QUEUE),
    connectorType: (flags & USER_FLAGS.CQ) !== 0 ? reader.guid('ConnectorType') : null,
  }
}

function checkFlags(reader: ByteReader, flags: number, dq: number, aq: number): void {
  const at = reader.offset - 4
  const deliveryMode = (flags & USER_FLAGS.DM) >>> USER_FLAGS.DM_SHIFT
  if (deliveryMode > 1) reader.fail('MSMQ_DECODE_DELIVERY_MODE', 'Flags.DM', `${deliveryMode}, must be 0 or 1`, at)
  if (((DESTINATION_TYPES >> dq) & 1) === 0) {
    reader.fail('MSMQ_DECODE_QUEUE_TYPE', 'Flags.DQ', `${dq}, must be 0, 3, 5 or 7`, at)
  }
  if (((ADMIN_TYPES >> aq) & 1) === 0) {
    reader.fail('MSMQ_DECODE_QUEUE_TYPE', 'Flags.AQ', `${aq}, must be 0, 2, 3, 5, 6 or 7`, at)
  }
  if ((flags & USER_FLAGS.TH) !== 0 && deliveryMode === 0) {
    reader.fail('MSMQ_DECODE_TRANSACTION_EXPRESS', 'Flags.DM', '0 with a TransactionHeader', at)
  }
  if ((flags & USER_FLAGS.MP) === 0) {
    reader.fail('MSMQ_DECODE_PROPERTIES_MISSING', 'Flags.MP', 'clear, must be set', at)
  }
}

export function sizeOfUserHeader(header: UserHeader): number {
  return (
    USER_HEADER_FIXED_SIZE +
    sizeOfQueueName(header.destinationQueue) +
    sizeOfQueueName(header.adminQueue) +
    sizeOfQueueName(header.responseQueue) +
    (header.connectorType === null ? 0 : 16)
  )
}

export function encodeUserHeader(writer: ByteWriter, header: UserHeader): void {
  writer.enter('UserHeader')
  writer.guid(header.sourceQueueManager)
  writer.guid(header.queueManagerAddress)
  writer.u32('TimeToBeReceived', header.timeToBeReceived)
  writer.u32('SentTime', header.sentTime)
  writer.u32('MessageID', header.messageId)
  writer.u32('Flags', header.flags)
  encodeQueueName(writer, header.destinationQueue, DESTINATION_QUEUE)
  encodeQueueName(writer, header.adminQueue, ADMIN_QUEUE)
  encodeQueueName(writer, header.responseQueue, RESPONSE_QUEUE)
  if (header.connectorType !== null) writer.guid(header.connectorType)
}
