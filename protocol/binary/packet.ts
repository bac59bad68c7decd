import { EncodeError } from '../errors.js'
import { MessageClass } from '../message-class.js'
import {
  BASE_FLAGS,
  BASE_HEADER_SECTION,
  BASE_HEADER_SIZE,
  type BaseHeader,
  decodeBaseHeader,
  encodeBaseHeader,
  PACKET_SIZE_MAX,
} from './base-header.js'
import { ByteReader, type FieldSink } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import {
  type CompoundMessageHeader,
  decodeCompoundMessageHeader,
  encodeCompoundMessageHeader,
  sizeOfCompoundMessageHeader,
} from './compound-message-header.js'
import {
  type ConnectionParametersPacket,
  decodeConnectionParameters,
  encodeConnectionParametersHeader,
} from './connection-parameters.js'
import { type DebugHeader, decodeDebugHeader, encodeDebugHeader, sizeOfDebugHeader } from './debug-header.js'
import {
  decodeEstablishConnection,
  type EstablishConnectionPacket,
  encodeEstablishConnectionHeader,
} from './establish-connection.js'
import {
  decodeInternalHeader,
  encodeInternalHeader,
  INTERNAL_FLAGS,
  internalPacketSize,
  PACKET_TYPE,
} from './internal-header.js'
import {
  decodeMessagePropertiesHeader,
  encodeMessagePropertiesHeader,
  type MessagePropertiesHeader,
  sizeOfMessagePropertiesHeader,
} from './message-properties-header.js'
import {
  decodeMultiQueueFormatHeader,
  encodeMultiQueueFormatHeader,
  type MultiQueueFormatHeader,
  sizeOfMultiQueueFormatHeader,
} from './multi-queue-format-header.js'
import { isOrderQueue, ORDER_ACK_BODY_SIZE, ORDER_ACK_LABEL } from './order-ack.js'
import {
  decodeSecurityHeader,
  encodeSecurityHeader,
  type SecurityHeader,
  sizeOfSecurityHeader,
} from './security-header.js'
import { decodeSessionAck, type SessionAckPacket } from './session-ack.js'
import { decodeSessionHeader, encodeSessionHeader, SESSION_HEADER_SIZE, type SessionHeader } from './session-header.js'
import { decodeSoapHeader, encodeSoapHeader, type SoapHeader, sizeOfSoapHeader } from './soap-header.js'
import {
  decodeSrmpEnvelopeHeader,
  encodeSrmpEnvelopeHeader,
  type SrmpEnvelopeHeader,
  sizeOfSrmpEnvelopeHeader,
} from './srmp-envelope-header.js'
import {
  decodeTransactionHeader,
  encodeTransactionHeader,
  sizeOfTransactionHeader,
  type TransactionHeader,
} from './transaction-header.js'
import { decodeUserHeader, encodeUserHeader, sizeOfUserHeader, USER_FLAGS, type UserHeader } from './user-header.js'
import { propertiesHeaderOffset, USER_MESSAGE_SIZE_MIN } from './user-message-layout.js'

/** A user message with every header it can have, in wire order. Order and final acknowledgements are user messages by
 *  layout; `packetType` tells them by the rules of [MS-MQQB] 3.1.5.1.1, from the packet alone.
 *  Source: [MS-MQMQ] 2.2.20. */
export interface UserMessagePacket {
  packetType: 'UserMessage' | 'OrderAck' | 'FinalAck'
  base: BaseHeader
  user: UserHeader
  transaction: TransactionHeader | null
  security: SecurityHeader | null
  properties: MessagePropertiesHeader
  debug: DebugHeader | null
  srmpEnvelope: SrmpEnvelopeHeader | null
  compoundMessage: CompoundMessageHeader | null
  soap: SoapHeader | null
  multiQueueFormat: MultiQueueFormatHeader | null
  /** Unexplained bytes before PacketSize ends, perhaps an ExtensionHeader; a view, empty as a rule. */
  trailing: Buffer
  session: SessionHeader | null
  /** The SessionHeader lay inside PacketSize, as some senders may count it. Ours follows it. */
  sessionInside: boolean
}

export type InternalPacket = EstablishConnectionPacket | ConnectionParametersPacket | SessionAckPacket
export type Packet = InternalPacket | UserMessagePacket

/** Decodes exactly one whole packet, with the SessionHeader that may follow its PacketSize. Bodies, extensions and
 *  other byte strings are views of `bytes`: copy what outlives the buffer. `sink` sees every field.
 *  Throws nothing but DecodeError. Source: [MS-MQQB] 2.2, 3.1.5.1; [MS-MQMQ] 2.2.19, 2.2.20. */
export function decodePacket(bytes: Buffer, sink: FieldSink | null = null): Packet {
  const reader = new ByteReader(bytes, sink)
  const base = decodeBaseHeader(reader)
  if (base.packetSize > bytes.length) {
    reader.fail('MSMQ_DECODE_TRUNCATED', 'PacketSize', `${base.packetSize}, only ${bytes.length} bytes there`, 8)
  }
  return (base.flags & BASE_FLAGS.IN) !== 0 ? decodeInternal(reader, base) : decodeUserMessage(reader, base)
}

function decodeInternal(reader: ByteReader, base: BaseHeader): InternalPacket {
  reader.limit = base.packetSize
  const internal = decodeInternalHeader(reader)
  const packetType = internal.flags & INTERNAL_FLAGS.PT
  const size = internalPacketSize(packetType)
  if (base.packetSize !== size) {
    reader.enter('BaseHeader', BASE_HEADER_SECTION)
    reader.fail('MSMQ_DECODE_INTERNAL_SIZE', 'PacketSize', `${base.packetSize}, must be ${size} for this type`, 8)
  }
  if (reader.bytes.length > base.packetSize) excess(reader, base.packetSize)
  switch (packetType) {
    case PACKET_TYPE.ESTABLISH_CONNECTION:
      return decodeEstablishConnection(reader, base, internal)
    case PACKET_TYPE.CONNECTION_PARAMETERS:
      return decodeConnectionParameters(reader, base, internal)
    default:
      return decodeSessionAck(reader, base, internal)
  }
}

function decodeUserMessage(reader: ByteReader, base: BaseHeader): UserMessagePacket {
  if (base.packetSize < USER_MESSAGE_SIZE_MIN) {
    const what = `${base.packetSize}, a user message has at least ${USER_MESSAGE_SIZE_MIN}`
    reader.fail('MSMQ_DECODE_PACKET_SIZE', 'PacketSize', what, 8)
  }
  reader.limit = base.packetSize
  const user = decodeUserHeader(reader)
  const flags = user.flags
  const transaction = (flags & USER_FLAGS.TH) !== 0 ? decodeTransactionHeader(reader) : null
  const security = (flags & USER_FLAGS.SH) !== 0 ? decodeSecurityHeader(reader) : null
  const properties = decodeMessagePropertiesHeader(reader)
  const debug = (base.flags & BASE_FLAGS.DH) !== 0 ? decodeDebugHeader(reader) : null
  const srmpEnvelope = (flags & USER_FLAGS.AH) !== 0 ? decodeSrmpEnvelopeHeader(reader) : null
  const compoundMessage = srmpEnvelope !== null ? decodeCompoundMessageHeader(reader) : null
  const soap = (flags & USER_FLAGS.HH) !== 0 ? decodeSoapHeader(reader) : null
  const multiQueueFormat = (flags & USER_FLAGS.MQ) !== 0 ? decodeMultiQueueFormatHeader(reader) : null

  const hasSession = (base.flags & BASE_FLAGS.SH) !== 0
  const sessionInside = hasSession && reader.remaining === SESSION_HEADER_SIZE
  if (!sessionInside && reader.remaining > 0) reader.enter('UserMessage', '[MS-MQMQ] 2.2.20')
  const trailing = reader.view('Trailing', sessionInside ? 0 : reader.remaining)
  if (hasSession && !sessionInside) reader.limit = Math.min(reader.bytes.length, base.packetSize + SESSION_HEADER_SIZE)
  const session = hasSession ? decodeSessionHeader(reader) : null
  if (reader.bytes.length > reader.limit) excess(reader, reader.limit)
  return {
    packetType: userPacketType(reader, base, user, properties),
    base,
    user,
    transaction,
    security,
    properties,
    debug,
    srmpEnvelope,
    compoundMessage,
    soap,
    multiQueueFormat,
    trailing,
    session,
    sessionInside,
  }
}

function excess(reader: ByteReader, size: number): never {
  reader.enter('BaseHeader', BASE_HEADER_SECTION)
  return reader.fail('MSMQ_DECODE_EXCESS', 'PacketSize', `the packet takes ${size} of ${reader.bytes.length} bytes`, 8)
}

// Base flags that must be clear in an acknowledgement. Reserved bits are ignored, and a piggy-backed SessionHeader is
// tolerated although the text asks for all bits 0: acknowledgements travel on a session like other messages.
export const NOT_IN_ACKNOWLEDGMENT = BASE_FLAGS.PR | BASE_FLAGS.IN | BASE_FLAGS.DH | BASE_FLAGS.TR

function userPacketType(
  reader: ByteReader,
  base: BaseHeader,
  user: UserHeader,
  properties: MessagePropertiesHeader,
): UserMessagePacket['packetType'] {
  const messageClass = properties.messageClass
  const ordering = messageClass === MessageClass.ORDER_ACK
  if (!ordering && messageClass < MessageClass.ACK_RECEIVE) return 'UserMessage'
  if ((base.flags & NOT_IN_ACKNOWLEDGMENT) !== 0 || properties.label !== ORDER_ACK_LABEL) return 'UserMessage'
  if (!isOrderQueue(user.destinationQueue)) return 'UserMessage'
  const hasBody = properties.messageSize === ORDER_ACK_BODY_SIZE
  if (ordering) return hasBody ? 'OrderAck' : 'UserMessage'
  if (!hasBody) {
    reader.enter('MessagePropertiesHeader', '[MS-MQQB] 2.2.5')
    const offset = propertiesHeaderOffset(reader.bytes) + 32
    reader.fail('MSMQ_DECODE_BODY_SIZE', 'MessageSize', `${properties.messageSize}, must be 36 in a FinalAck`, offset)
  }
  return 'FinalAck'
}

/** Bytes the packet takes in the stream: PacketSize, and 16 more when a SessionHeader follows it. */
export function wireSizeOf(packet: Packet): number {
  if (!('user' in packet)) return packet.base.packetSize
  return packet.base.packetSize + (packet.session !== null && !packet.sessionInside ? SESSION_HEADER_SIZE : 0)
}

/** Encodes any packet; what {@link decodePacket} returned comes out byte for byte. PacketSize is written as computed.
 *  `MSMQ_ENCODE_RANGE`, `MSMQ_ENCODE_SIZE`. */
export function encodePacket(packet: Packet): Buffer {
  const bytes = Buffer.allocUnsafe(encodedSizeOf(packet))
  encodePacketInto(packet, bytes)
  return bytes
}

/** Bytes that {@link encodePacket} will write, judged from the contents and not from `base.packetSize`. */
export function encodedSizeOf(packet: Packet): number {
  if (!('user' in packet)) return internalPacketSize(packet.internal.flags & INTERNAL_FLAGS.PT) ?? 0
  return sizeOfUserMessage(packet) + (packet.session === null ? 0 : SESSION_HEADER_SIZE)
}

function sizeOfUserMessage(packet: UserMessagePacket): number {
  return (
    BASE_HEADER_SIZE +
    sizeOfUserHeader(packet.user) +
    (packet.transaction === null ? 0 : sizeOfTransactionHeader(packet.transaction)) +
    (packet.security === null ? 0 : sizeOfSecurityHeader(packet.security)) +
    sizeOfMessagePropertiesHeader(packet.properties) +
    (packet.debug === null ? 0 : sizeOfDebugHeader(packet.debug)) +
    (packet.srmpEnvelope === null ? 0 : sizeOfSrmpEnvelopeHeader(packet.srmpEnvelope)) +
    (packet.compoundMessage === null ? 0 : sizeOfCompoundMessageHeader(packet.compoundMessage)) +
    (packet.soap === null ? 0 : sizeOfSoapHeader(packet.soap)) +
    (packet.multiQueueFormat === null ? 0 : sizeOfMultiQueueFormatHeader(packet.multiQueueFormat)) +
    packet.trailing.length
  )
}

/** As {@link encodePacket}, into a buffer of exactly {@link encodedSizeOf} bytes. */
export function encodePacketInto(packet: Packet, bytes: Buffer): void {
  const writer = new ByteWriter(bytes)
  if ('user' in packet) {
    encodeUserMessage(writer, packet)
    return
  }
  encodeBaseHeader(writer, { ...packet.base, packetSize: bytes.length })
  encodeInternalHeader(writer, packet.internal)
  if (packet.packetType === 'EstablishConnection') encodeEstablishConnectionHeader(writer, packet)
  else if (packet.packetType === 'ConnectionParameters') encodeConnectionParametersHeader(writer, packet)
  else encodeSessionHeader(writer, packet.session)
}

function encodeUserMessage(writer: ByteWriter, packet: UserMessagePacket): void {
  const packetSize = writer.bytes.length - (packet.session !== null && !packet.sessionInside ? SESSION_HEADER_SIZE : 0)
  if (packetSize > PACKET_SIZE_MAX) {
    throw new EncodeError('MSMQ_ENCODE_SIZE', 'BaseHeader', 'PacketSize', `${packetSize}, at most ${PACKET_SIZE_MAX}`)
  }
  encodeBaseHeader(writer, { ...packet.base, packetSize })
  encodeUserHeader(writer, packet.user)
  if (packet.transaction !== null) encodeTransactionHeader(writer, packet.transaction)
  if (packet.security !== null) encodeSecurityHeader(writer, packet.security)
  encodeMessagePropertiesHeader(writer, packet.properties)
  if (packet.debug !== null) encodeDebugHeader(writer, packet.debug)
  if (packet.srmpEnvelope !== null) encodeSrmpEnvelopeHeader(writer, packet.srmpEnvelope)
  if (packet.compoundMessage !== null) encodeCompoundMessageHeader(writer, packet.compoundMessage)
  if (packet.soap !== null) encodeSoapHeader(writer, packet.soap)
  if (packet.multiQueueFormat !== null) encodeMultiQueueFormatHeader(writer, packet.multiQueueFormat)
  writer.view(packet.trailing)
  if (packet.session !== null) encodeSessionHeader(writer, packet.session)
}
