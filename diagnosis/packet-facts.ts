import type { FrameRef } from '../capture/frame.js'
import { decodeFinalAckBody } from '../protocol/binary/final-ack.js'
import { decodeOrderAckBody } from '../protocol/binary/order-ack.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import type { QueueName } from '../protocol/binary/queue-name.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { decodeGuid, type Guid, NIL_GUID } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import type { MachineEnd, SeenFinalAck, SeenMessage, SeenOrderAck } from './seen-message.js'
import type { Session } from './session.js'

/** Where and how a packet was seen. */
export interface Sighting {
  readonly session: Session
  readonly direction: 0 | 1
  readonly first: FrameRef
  readonly last: FrameRef
  readonly relayed: boolean
  readonly from: MachineEnd
}

/** What a user message says, without views of it. */
export function messageFacts(sighting: Sighting, packet: UserMessagePacket, sessionNumber: number): SeenMessage {
  const { user, transaction, properties, base } = packet
  const flags = transaction === null ? 0 : transaction.flags
  const { session, direction, first, last, relayed, from } = sighting
  return {
    session,
    direction,
    first,
    last,
    relayed,
    from,
    source: user.sourceQueueManager,
    messageId: user.messageId,
    forwarded: from.qmId !== null && from.qmId !== user.sourceQueueManager,
    messageClass: properties.messageClass,
    recoverable: (user.flags & USER_FLAGS.DM) !== 0,
    destination: queueText(user.destinationQueue, user.queueManagerAddress),
    transaction:
      transaction === null
        ? null
        : {
            sequence: sequenceIdText(transaction.sequenceId),
            number: transaction.sequenceNumber,
            previous: transaction.previousSequenceNumber,
            isFirst: (flags & TX_FLAGS.FM) !== 0,
            isLast: (flags & TX_FLAGS.LM) !== 0,
            index: (flags & TX_FLAGS.ID) >>> TX_FLAGS.ID_SHIFT,
          },
    sessionNumber,
    sentTimeS: user.sentTime,
    timeToReachQueueS: base.timeToReachQueue,
    bodySize: properties.messageSize,
    priority: base.flags & 7,
    about: properties.messageClass === MessageClass.NORMAL ? null : correlatedMessage(properties.correlationId),
    adminQueue: user.adminQueue === null ? null : queueText(user.adminQueue, user.sourceQueueManager),
    hops: user.flags & USER_FLAGS.RC,
  }
}

/* Fields are listed one by one: to spread an object costs ten times as much. */

export function orderAckFacts(sighting: Sighting, packet: UserMessagePacket): SeenOrderAck {
  const { session, direction, first, last, relayed, from } = sighting
  const { user, properties } = packet
  const body = decodeOrderAckBody(properties.body)
  return {
    session,
    direction,
    first,
    last,
    relayed,
    from,
    source: user.sourceQueueManager,
    messageId: user.messageId,
    sequence: sequenceIdText(body.sequenceId),
    number: body.sequenceNumber,
    forSource: null,
    destination: queueText(user.destinationQueue, user.queueManagerAddress),
  }
}

export function finalAckFacts(sighting: Sighting, packet: UserMessagePacket): SeenFinalAck {
  const { session, direction, first, last, relayed, from } = sighting
  const { user, properties } = packet
  const body = decodeFinalAckBody(properties.body)
  return {
    session,
    direction,
    first,
    last,
    relayed,
    from,
    source: user.sourceQueueManager,
    messageId: user.messageId,
    sequence: sequenceIdText(body.sequenceId),
    number: body.sequenceNumber,
    messageClass: properties.messageClass,
    about: messageText(body.sourceGuid, body.messageId),
    destination: queueText(user.destinationQueue, user.queueManagerAddress),
  }
}

/** `guid\id`: how people and tools name a message. */
export function messageText(source: Guid, messageId: number): string {
  return `${source}\\${messageId}`
}

function correlatedMessage(correlationId: Buffer): string | null {
  const source = decodeGuid(correlationId, 0)
  return source === NIL_GUID ? null : messageText(source, correlationId.readUInt32LE(16))
}

/** As format names go, without `DIRECT=`. `queueManager` is whom a bare number belongs to. */
export function queueText(queue: QueueName | null, queueManager: Guid): string {
  switch (queue?.type) {
    case 'DirectQueueFormatName':
      return queue.name
    case 'PrivateQueueFormatNameId':
      return `PRIVATE=${queueManager}\\${queue.number.toString(16)}`
    case 'PrivateQueueFormatName':
      return `PRIVATE=${queue.queueManager}\\${queue.number.toString(16)}`
    case 'PublicQueueFormatName':
      return `PUBLIC=${queue.guid}`
    default:
      return 'no queue'
  }
}

/** A number that two packets share only when they are the same, as good as surely. Of the first 512 bytes (FNV-1a). */
export function packetHash(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 ^ bytes.length
  const end = Math.min(bytes.length, 512)
  for (let at = 0; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash >>> 0
}
