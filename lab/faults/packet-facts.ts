import { decodeFinalAckBody } from '../../protocol/binary/final-ack.js'
import { decodeOrderAckBody } from '../../protocol/binary/order-ack.js'
import { decodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { DecodeError } from '../../protocol/errors.js'
import type { Guid } from '../../protocol/guid.js'
import { MessageClass, messageKind } from '../../protocol/message-class.js'
import type { TxSequenceId } from '../../protocol/sequence-id.js'
import { readTrackedBody } from '../../protocol/tracked-body.js'
import type { HttpRequest } from '../../queue-manager/actions.js'
import type { PacketKind } from './fault-schema.js'

/** What a fault script can tell a packet by. Plain data: it goes into the history. */
export interface PacketFacts {
  readonly kind: PacketKind
  /** QMId of the queue manager that sent the message first. */
  readonly source?: Guid
  readonly messageId?: number
  readonly messageClass?: number
  /** Sender of a workload, and its number for the message. */
  readonly sender?: number
  readonly message?: number
  /** The message's place; of order and final acks, the place that they speak of. */
  readonly sequence?: TxSequenceId
  readonly number?: number
}

/** Facts of one whole packet of a session; null for one that the decoder refuses. */
export function packetFacts(bytes: Buffer): PacketFacts | null {
  try {
    const packet = decodePacket(bytes)
    if ('user' in packet) return userFacts(packet)
    return { kind: INTERNAL[packet.packetType] }
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

const INTERNAL = {
  EstablishConnection: 'establish',
  ConnectionParameters: 'connection-parameters',
  SessionAck: 'session-ack',
} as const

function userFacts(packet: UserMessagePacket): PacketFacts {
  const { messageClass, body } = packet.properties
  const { sourceQueueManager: source, messageId } = packet.user
  const common = { source, messageId, messageClass }
  if (packet.packetType === 'OrderAck') {
    const { sequenceId: sequence, sequenceNumber: number } = decodeOrderAckBody(body)
    return { kind: 'order-ack', ...common, sequence, number }
  }
  if (packet.packetType === 'FinalAck') {
    const { sequenceId: sequence, sequenceNumber: number } = decodeFinalAckBody(body)
    return { kind: 'final-ack', ...common, sequence, number }
  }
  const isAcknowledgement = messageKind(messageClass) === 'Acknowledgment'
  const { transaction } = packet
  return {
    kind: isAcknowledgement ? 'admin-ack' : 'user-message',
    ...common,
    ...(isAcknowledgement ? {} : tracked(body)),
    ...(transaction === null ? {} : { sequence: transaction.sequenceId, number: transaction.sequenceNumber }),
  }
}

function tracked(body: Buffer): Pick<PacketFacts, 'sender' | 'message'> {
  const identity = readTrackedBody(body)
  return identity === null ? {} : { sender: identity.sender, message: identity.number }
}

const TRACKED_MAGIC = Buffer.from('mqlb')

/** Facts of a message that is posted. */
export function postFacts({ body }: HttpRequest): PacketFacts {
  const bytes = body.length === 1 ? body[0]! : Buffer.concat(body)
  if (bytes.includes('<streamReceipt>')) return { kind: 'stream-receipt', messageClass: MessageClass.ORDER_ACK }
  const at = bytes.indexOf(TRACKED_MAGIC)
  return { kind: 'http-post', ...(at < 0 ? {} : tracked(bytes.subarray(at))) }
}
