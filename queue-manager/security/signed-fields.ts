import { BASE_FLAGS } from '../../protocol/binary/base-header.js'
import type { MqfAddressHeader } from '../../protocol/binary/multi-queue-format-header.js'
import type { UserMessagePacket } from '../../protocol/binary/packet.js'
import { QUEUE_TYPE, type QueueName, queueNameText } from '../../protocol/binary/queue-name.js'
import { USER_FLAGS } from '../../protocol/binary/user-header.js'
import { encodeGuid, GUID_SIZE, type Guid, NIL_GUID } from '../../protocol/guid.js'

/** Signatures of MSMQ 1.0, 2.0 and 3.0. */
export type SignatureVersion = 1 | 2 | 3

/**
 * What a signature covers, in order. The specification lists fields and not their form; the form is a reading of ours
 * (decision 0016): numbers little-endian, GUIDs as on the wire, texts UTF-16LE with their terminator, queues as format
 * names, what is absent as the empty text or the zero GUID. The body is the clear text.
 * Source: [MS-MQMQ] 2.5.1 to 2.5.3.
 */
export function signedFields(packet: UserMessagePacket, version: SignatureVersion): Buffer[] {
  const { properties, user } = packet
  const fields = [
    properties.correlationId,
    numbers([4, properties.applicationTag]),
    properties.body.subarray(0, properties.messageSize),
    wideText(properties.label),
    queueText(packet, user.responseQueue, queueType(user.flags, USER_FLAGS.RQ, USER_FLAGS.RQ_SHIFT)),
    queueText(packet, user.adminQueue, queueType(user.flags, USER_FLAGS.AQ, USER_FLAGS.AQ_SHIFT)),
  ]
  if (version === 1) return fields
  if (version === 3) {
    fields.push(properties.extensionData)
    const lists = packet.multiQueueFormat
    if (lists !== null) fields.push(...[lists.destination, lists.administration, lists.response].flatMap(addressList))
  }
  fields.push(
    guid(user.sourceQueueManager),
    numbers(
      [1, (user.flags & USER_FLAGS.DM) >>> USER_FLAGS.DM_SHIFT],
      [1, packet.base.flags & BASE_FLAGS.PR],
      [1, (flag(user.flags, USER_FLAGS.JP) << 1) | flag(user.flags, USER_FLAGS.JN)],
      [1, properties.flags & 0x0f],
      [2, properties.messageClass],
      [4, properties.bodyType],
    ),
    guid(user.connectorType ?? NIL_GUID),
  )
  if (version === 2)
    fields.push(queueText(packet, user.destinationQueue, queueType(user.flags, USER_FLAGS.DQ, USER_FLAGS.DQ_SHIFT)))
  return fields
}

/** The list of a MultiQueueFormatHeader with its own 12 bytes in front, which say where it ends. */
function addressList({ headerId, reserved, elementCount, list }: MqfAddressHeader): Buffer[] {
  return [numbers([4, 12 + list.length], [2, headerId], [2, reserved], [4, elementCount]), list]
}

/** The same number means another queue with another type, so the name is put together from both. */
function queueText(packet: UserMessagePacket, name: QueueName | null, type: number): Buffer {
  const { adminQueue, flags } = packet.user
  const adminType = queueType(flags, USER_FLAGS.AQ, USER_FLAGS.AQ_SHIFT)
  if (type === QUEUE_TYPE.SAME_AS_ADMIN) return queueText(packet, adminQueue, adminType)
  if (name === null) return wideText('')
  const machine =
    type === QUEUE_TYPE.PRIVATE_ON_ADMIN
      ? hostOfPrivate(packet, adminQueue, adminType)
      : hostOfPrivate(packet, name, type)
  return wideText(queueNameText(name, machine))
}

function hostOfPrivate(packet: UserMessagePacket, name: QueueName | null, type: number): Guid {
  if (name?.type === 'PrivateQueueFormatName') return name.queueManager
  if (type === QUEUE_TYPE.PRIVATE_ON_SOURCE) return packet.user.sourceQueueManager
  if (type === QUEUE_TYPE.PRIVATE_ON_DESTINATION) return packet.user.queueManagerAddress
  return NIL_GUID
}

function queueType(flags: number, mask: number, shift: number): number {
  return (flags & mask) >>> shift
}

function flag(flags: number, mask: number): 0 | 1 {
  return (flags & mask) === 0 ? 0 : 1
}

function wideText(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf16le')
}

function guid(value: Guid): Buffer {
  const bytes = Buffer.alloc(GUID_SIZE)
  encodeGuid(bytes, 0, value)
  return bytes
}

function numbers(...fields: readonly (readonly [size: 1 | 2 | 4, value: number])[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [size]) => sum + size, 0))
  let at = 0
  for (const [size, value] of fields) at = bytes.writeUIntLE(value, at, size)
  return bytes
}
