import { decodeFinalAckBody } from '../../protocol/binary/final-ack.js'
import { INTERNAL_FLAGS } from '../../protocol/binary/internal-header.js'
import { decodeOrderAckBody } from '../../protocol/binary/order-ack.js'
import type { Packet, UserMessagePacket } from '../../protocol/binary/packet.js'
import { USER_FLAGS } from '../../protocol/binary/user-header.js'
import { NIL_GUID } from '../../protocol/guid.js'
import { MessageClass, messageClassName } from '../../protocol/message-class.js'
import { sequenceIdText } from '../../protocol/sequence-id.js'
import { messageText, queueText } from '../packet-facts.js'

/** A packet in one line, without what it acknowledges of its session. `direction` 0 is from who opened the connection. */
export function packetLine(packet: Packet, direction: 0 | 1): string {
  switch (packet.packetType) {
    case 'EstablishConnection': {
      const refused = (packet.internal.flags & INTERNAL_FLAGS.CS) !== 0 ? ', REFUSED' : ''
      const wanted = packet.serverGuid === NIL_GUID ? 'whoever is there' : packet.serverGuid
      return direction === 0
        ? `EstablishConnection request of ${packet.clientGuid} to ${wanted}, ${(packet.timeStamp / 1000).toFixed(3)} s after its system started`
        : `EstablishConnection response of ${packet.serverGuid}${refused}`
    }
    case 'ConnectionParameters': {
      const refused = (packet.internal.flags & INTERNAL_FLAGS.CS) !== 0 ? ', REFUSED' : ''
      const kind = direction === 0 ? 'request' : 'response'
      return `ConnectionParameters ${kind}: window ${packet.windowSize}, ack timeout ${packet.ackTimeout} ms, recoverable ${packet.recoverableAckTimeout} ms${refused}`
    }
    case 'SessionAck':
      return 'SessionAck'
    case 'OrderAck': {
      const { sequenceId, sequenceNumber } = decodeOrderAckBody(packet.properties.body)
      return `OrderAck up to number ${sequenceNumber} of sequence ${sequenceIdText(sequenceId)} ${addressed(packet)}`
    }
    case 'FinalAck': {
      const { sourceGuid, messageId } = decodeFinalAckBody(packet.properties.body)
      const name = messageClassName(packet.properties.messageClass)
      return `FinalAck ${name} for message ${messageText(sourceGuid, messageId)} ${addressed(packet)}`
    }
    case 'UserMessage':
      return userMessageLine(packet)
  }
}

function userMessageLine(packet: UserMessagePacket): string {
  const { user, transaction, properties } = packet
  const kind = transaction !== null ? 'transactional' : (user.flags & USER_FLAGS.DM) !== 0 ? 'recoverable' : 'express'
  const place =
    transaction === null
      ? ''
      : `, number ${transaction.sequenceNumber} of sequence ${sequenceIdText(transaction.sequenceId)}`
  const { messageClass, messageSize } = properties
  const name = messageClass === MessageClass.NORMAL ? '' : ` ${messageClassName(messageClass)}`
  return `UserMessage${name} ${user.messageId}, ${kind}, ${messageSize} bytes${place}, ${addressed(packet)}`
}

const addressed = ({ user }: UserMessagePacket) =>
  `from ${user.sourceQueueManager} to ${queueText(user.destinationQueue, user.queueManagerAddress)}`
