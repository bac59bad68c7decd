import { privateNameText } from '../format-name.js'
import type { Guid } from '../guid.js'
import type { ByteReader } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'
import { type LayoutPart, refuse } from './layout.js'
import { sizeOfWideText } from './wide-text.js'

/* The name of a destination, administration or response queue inside the UserHeader. Its layout follows from a type in
 * UserHeader.Flags. Source: [MS-MQMQ] 2.2.19.2, 2.2.18.1.5, 2.2.18.1.7.
 *   0, 1     nothing
 *   2, 3, 4  PrivateQueueIdentifier 4
 *   5        PublicQueueIdentifier 16
 *   6        SourceQueueManager 16, PrivateQueueIdentifier 4
 *   7        Count 2, DirectFormatName Count bytes with terminator, padding to 4 */

/** Values of UserHeader.Flags.DQ, AQ and RQ. */
export const QUEUE_TYPE = {
  NONE: 0,
  /** Response queue only: the administration queue. */
  SAME_AS_ADMIN: 1,
  /** Private queue of the queue manager that sent the message. */
  PRIVATE_ON_SOURCE: 2,
  /** Private queue of the queue manager that receives the message. */
  PRIVATE_ON_DESTINATION: 3,
  /** Response queue only: private queue of the queue manager that hosts the administration queue. */
  PRIVATE_ON_ADMIN: 4,
  PUBLIC: 5,
  /** Private queue of any other queue manager. */
  PRIVATE: 6,
  DIRECT: 7,
} as const

export interface DirectQueueFormatName {
  type: 'DirectQueueFormatName'
  /** Wire text, without `DIRECT=`, such as `OS:server1\private$\q`. */
  name: string
  /** Bytes of the name with its terminator. */
  count: number
  /** The 0 or 2 bytes up to a multiple of 4, little-endian; may hold anything. */
  padding: number
}

export interface PrivateQueueFormatNameId {
  type: 'PrivateQueueFormatNameId'
  number: number
}

export interface PrivateQueueFormatName {
  type: 'PrivateQueueFormatName'
  queueManager: Guid
  number: number
}

export interface PublicQueueFormatName {
  type: 'PublicQueueFormatName'
  guid: Guid
}

export type QueueName =
  | DirectQueueFormatName
  | PrivateQueueFormatNameId
  | PrivateQueueFormatName
  | PublicQueueFormatName

interface QueueNameFields {
  count: string
  name: string
  number: string
  public: string
  queueManager: string
}

// Joined once: a name is decoded for every message and must not build its field names each time.
const fieldsOf = (queue: string): QueueNameFields => ({
  count: `${queue}.Count`,
  name: `${queue}.DirectFormatName`,
  number: `${queue}.PrivateQueueIdentifier`,
  public: `${queue}.PublicQueueIdentifier`,
  queueManager: `${queue}.SourceQueueManager`,
})
export const DESTINATION_QUEUE = fieldsOf('DestinationQueue')
export const ADMIN_QUEUE = fieldsOf('AdminQueue')
export const RESPONSE_QUEUE = fieldsOf('ResponseQueue')

/** A name in the UserHeader; `flag` says its type. */
export function queueNameParts(fields: QueueNameFields, flag: 'DQ' | 'AQ' | 'RQ'): readonly LayoutPart[] {
  const type = `UserHeader.Flags.${flag}`
  const count = `UserHeader.${fields.count}`
  const { DIRECT, PRIVATE_ON_SOURCE, PRIVATE_ON_DESTINATION, PRIVATE_ON_ADMIN, PUBLIC, PRIVATE } = QUEUE_TYPE
  return [
    {
      when: ['=', type, DIRECT],
      parts: [
        { field: fields.count, type: 'u16', unit: 'bytes' },
        refuse('NAME_SIZE', count, ['or', ['<', count, 2], ['bits', 1, count]], 'must be even and at least 2'),
        refuse('TRUNCATED', count, ['>', count, ['left']], 'more than the packet has left'),
        { field: fields.name, type: 'text', size: count },
        { padding: 4 },
      ],
    },
    {
      when: ['in', type, PRIVATE_ON_SOURCE, PRIVATE_ON_DESTINATION, PRIVATE_ON_ADMIN],
      parts: [{ field: fields.number, type: 'u32' }],
    },
    { when: ['=', type, PUBLIC], parts: [{ field: fields.public, type: 'guid' }] },
    {
      when: ['=', type, PRIVATE],
      parts: [
        { field: fields.queueManager, type: 'guid' },
        { field: fields.number, type: 'u32' },
      ],
    },
  ]
}

/** Null for types 0 and 1, which take no bytes. `MSMQ_DECODE_NAME_SIZE`, `MSMQ_DECODE_STRING_*`. */
export function decodeQueueName(reader: ByteReader, type: number, fields: QueueNameFields): QueueName | null {
  switch (type) {
    case QUEUE_TYPE.DIRECT: {
      const count = reader.u16(fields.count)
      if (count < 2 || (count & 1) !== 0) {
        reader.fail('MSMQ_DECODE_NAME_SIZE', fields.count, `${count}, must be even and at least 2`, reader.offset - 2)
      }
      if (count > reader.remaining) {
        const what = `${count} bytes needed, ${reader.remaining} left`
        reader.fail('MSMQ_DECODE_TRUNCATED', fields.count, what, reader.offset - 2)
      }
      const name = reader.wideText(fields.name, count)
      return { type: 'DirectQueueFormatName', name, count, padding: reader.padding() }
    }
    case QUEUE_TYPE.PRIVATE_ON_SOURCE:
    case QUEUE_TYPE.PRIVATE_ON_DESTINATION:
    case QUEUE_TYPE.PRIVATE_ON_ADMIN:
      return { type: 'PrivateQueueFormatNameId', number: reader.u32(fields.number) }
    case QUEUE_TYPE.PUBLIC:
      return { type: 'PublicQueueFormatName', guid: reader.guid(fields.public) }
    case QUEUE_TYPE.PRIVATE: {
      const queueManager = reader.guid(fields.queueManager)
      return { type: 'PrivateQueueFormatName', queueManager, number: reader.u32(fields.number) }
    }
    default:
      return null
  }
}

/** As a format name; `machine` is where a private queue is that is named by its number alone. */
export function queueNameText(name: QueueName, machine: Guid): string {
  switch (name.type) {
    case 'DirectQueueFormatName':
      return `DIRECT=${name.name}`
    case 'PublicQueueFormatName':
      return `PUBLIC=${name.guid}`
    case 'PrivateQueueFormatName':
      return privateNameText(name.queueManager, name.number)
    case 'PrivateQueueFormatNameId':
      return privateNameText(machine, name.number)
  }
}

/** Bytes on the wire, padding included. */
export function sizeOfQueueName(queue: QueueName | null): number {
  if (queue === null) return 0
  switch (queue.type) {
    case 'DirectQueueFormatName':
      return align4(2 + sizeOfWideText(queue.name))
    case 'PrivateQueueFormatNameId':
      return 4
    case 'PublicQueueFormatName':
      return 16
    case 'PrivateQueueFormatName':
      return 20
  }
}

/** Writes the name; the count written is that of the name, whatever `count` says. */
export function encodeQueueName(writer: ByteWriter, queue: QueueName | null, fields: QueueNameFields): void {
  if (queue === null) return
  switch (queue.type) {
    case 'DirectQueueFormatName':
      writer.u16(fields.count, sizeOfWideText(queue.name))
      writer.wideText(fields.name, queue.name)
      writer.padding(queue.padding)
      return
    case 'PrivateQueueFormatNameId':
      writer.u32(fields.number, queue.number)
      return
    case 'PublicQueueFormatName':
      writer.guid(queue.guid)
      return
    case 'PrivateQueueFormatName':
      writer.guid(queue.queueManager)
      writer.u32(fields.number, queue.number)
      return
  }
}
