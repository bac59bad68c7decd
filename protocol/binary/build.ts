import { EncodeError } from '../errors.js'
import { encodeGuid, type Guid, NIL_GUID } from '../guid.js'
import { MessageClass } from '../message-class.js'
import type { TxSequenceId } from '../sequence-id.js'
import {
  BASE_FLAGS,
  BASE_HEADER_SIZE,
  COMPOUND_SIZE_MAX,
  INFINITE,
  PACKET_SIGNATURE,
  PACKET_SIZE_MAX,
  VERSION_NUMBER,
} from './base-header.js'
import { align4, ByteWriter } from './byte-writer.js'
import { COMPOUND_MESSAGE_FIXED_SIZE } from './compound-message-header.js'
import { CONNECTION_PARAMETERS_SIZE } from './connection-parameters.js'
import { ESTABLISH_CONNECTION_SIZE, ESTABLISH_PADDING_SIZE } from './establish-connection.js'
import { buildFinalAckBody, type FinalAckBody } from './final-ack.js'
import { INTERNAL_FLAGS, PACKET_TYPE } from './internal-header.js'
import { CORRELATION_ID_SIZE, LABEL_LENGTH_MAX, MESSAGE_PROPERTIES_FIXED_SIZE } from './message-properties-header.js'
import {
  encodeMultiQueueFormatHeader,
  type MultiQueueFormatHeader,
  sizeOfMultiQueueFormatHeader,
} from './multi-queue-format-header.js'
import { buildOrderAckBody, ORDER_ACK_LABEL } from './order-ack.js'
import { QUEUE_TYPE } from './queue-name.js'
import { SESSION_ACK_SIZE } from './session-ack.js'
import { encodeSessionHeader, SESSION_HEADER_SIZE, type SessionHeader } from './session-header.js'
import { TRANSACTION_HEADER_SIZE } from './transaction-header.js'
import { USER_FLAGS, USER_HEADER_FIXED_SIZE } from './user-header.js'
import {
  BASE_FLAGS_OFFSET,
  MESSAGE_ID_OFFSET,
  PACKET_SIZE_OFFSET,
  propertiesHeaderOffset,
  transactionHeaderOffset,
  USER_FLAGS_OFFSET,
} from './user-message-layout.js'
import { sizeOfWideText } from './wide-text.js'

/* Packets with the values a queue manager of ours sends. What another one sent, with its reserved bits and padding, is
 * re-encoded by encodePacket instead. */

/** A queue name to be written into a UserHeader; `type` is the value of DQ, AQ or RQ. */
export type QueueNameSpec =
  | { type: 1 }
  | { type: 2 | 3 | 4; number: number }
  | { type: 5; guid: Guid }
  | { type: 6; queueManager: Guid; number: number }
  | { type: 7; name: string }

export interface TransactionSpec {
  /** Raw, see TX_FLAGS; CG is not supported here. */
  flags: number
  sequenceId: TxSequenceId
  /** 0 while unknown: {@link stampTransaction} fills it in. A packet sent with 0 is malformed. */
  sequenceNumber: number
  previousSequenceNumber: number
}

/** Everything a user message of ours says. Times in seconds, sizes follow from what is given. */
export interface UserMessageSpec {
  /** 0..7; must be 0 with a transaction. */
  priority: number
  tracing?: boolean | undefined
  timeToReachQueue: number
  sourceQueueManager: Guid
  queueManagerAddress: Guid
  timeToBeReceived: number
  sentTime: number
  messageId: number
  delivery: 'express' | 'recoverable'
  journalNegative?: boolean | undefined
  journalPositive?: boolean | undefined
  hopCount?: number | undefined
  destination: QueueNameSpec
  admin?: QueueNameSpec | undefined
  response?: QueueNameSpec | undefined
  connectorType?: Guid | undefined
  transaction?: TransactionSpec | undefined
  /** MessagePropertiesHeader.Flags, see MP_FLAGS. */
  acknowledgements: number
  /** '' writes no label; at most 249 characters. */
  label: string
  messageClass: number
  /** 20 bytes; zero when absent. */
  correlationId?: Uint8Array | undefined
  bodyType: number
  applicationTag: number
  /** Default SHA-1, 0x8004. */
  hashAlgorithm?: number | undefined
  /** Default RC4, 0x6801. */
  encryptionAlgorithm?: number | undefined
  extension?: Uint8Array | undefined
  body: Uint8Array
  /** Public queue that trace reports go to; writes a DebugHeader. Needed for `tracing`. */
  debugQueue?: Guid | undefined
  /** The HTTP request that brought the message; writes SRMPEnvelopeHeader and CompoundMessageHeader ([MS-MQRR] 2.2.5.1). */
  compound?: CompoundSpec | undefined
  /** Every destination of a message that goes to several; writes a MultiQueueFormatHeader. */
  multiQueueFormat?: MultiQueueFormatHeader | undefined
}

/** An HTTP request without the bytes of the message's body, which the message holds already, and where they stood. */
export interface CompoundSpec {
  readonly pieces: readonly Buffer[]
  readonly bodyOffset: number
}

const HASH_SHA1 = 0x8004
const ENCRYPTION_RC4 = 0x6801
const INTERNAL_BASE_FLAGS = 3 | BASE_FLAGS.IN
// Windows puts 0x5A into this arbitrary byte, and scanners recognise a queue manager by it.
const BASE_RESERVED = 0x5a
const ESTABLISH_FILL = 0x5a
const EMPTY_ENVELOPE_SIZE = 8

function beginInternal(size: number, baseFlags: number, internalFlags: number): ByteWriter {
  const writer = new ByteWriter(Buffer.allocUnsafe(size))
  beginPacket(writer, BASE_RESERVED, baseFlags, size, INFINITE)
  writer.u16('Reserved', 0)
  writer.u16('Flags', internalFlags)
  return writer
}

function beginPacket(writer: ByteWriter, reserved: number, flags: number, size: number, lifetimeS: number): void {
  writer.u8('VersionNumber', VERSION_NUMBER)
  writer.u8('Reserved', reserved)
  writer.u16('Flags', flags)
  writer.u32('Signature', PACKET_SIGNATURE)
  writer.u32('PacketSize', size)
  writer.u32('TimeToReachQueue', lifetimeS)
}

/** EstablishConnection request or response, 572 bytes. A response echoes the request's fields but the ServerGuid.
 *  Source: [MS-MQQB] 2.2.3. */
export function buildEstablishConnection(spec: {
  response: boolean
  refused?: boolean
  clientGuid: Guid
  serverGuid: Guid
  /** Milliseconds, taken modulo 2^32. */
  timeStamp: number
  operatingSystem: number
}): Buffer {
  const refused = spec.refused === true ? INTERNAL_FLAGS.CS : 0
  const size = ESTABLISH_CONNECTION_SIZE
  const writer = beginInternal(size, INTERNAL_BASE_FLAGS, PACKET_TYPE.ESTABLISH_CONNECTION | refused)
  writer.guid(spec.clientGuid)
  writer.guid(spec.serverGuid)
  writer.u32('TimeStamp', spec.timeStamp >>> 0)
  writer.u16('OperatingSystem', spec.operatingSystem)
  writer.u16('Reserved', 0)
  writer.bytes.fill(ESTABLISH_FILL, size - ESTABLISH_PADDING_SIZE)
  return writer.bytes
}

/** ConnectionParameters, 32 bytes. Timeouts in milliseconds, window in packets. Source: [MS-MQQB] 2.2.2. */
export function buildConnectionParameters(spec: {
  recoverableAckTimeout: number
  ackTimeout: number
  windowSize: number
  refused?: boolean
}): Buffer {
  const refused = spec.refused === true ? INTERNAL_FLAGS.CS : 0
  const flags = PACKET_TYPE.CONNECTION_PARAMETERS | refused
  const writer = beginInternal(CONNECTION_PARAMETERS_SIZE, INTERNAL_BASE_FLAGS, flags)
  writer.u32('RecoverableAckTimeout', spec.recoverableAckTimeout)
  writer.u32('AckTimeout', spec.ackTimeout)
  writer.u16('Reserved', 0)
  writer.u16('WindowSize', spec.windowSize)
  return writer.bytes
}

/** SessionAck, 36 bytes. Source: [MS-MQQB] 2.2.6. */
export function buildSessionAck(session: SessionHeader): Buffer {
  const writer = beginInternal(SESSION_ACK_SIZE, INTERNAL_BASE_FLAGS | BASE_FLAGS.SH, PACKET_TYPE.SESSION_ACK)
  encodeSessionHeader(writer, session)
  return writer.bytes
}

/** A user message without SessionHeader, in memory that `allocate` gives. The body is copied in. `MSMQ_ENCODE_RANGE`, `MSMQ_ENCODE_SIZE`.
 *  Source: [MS-MQMQ] 2.2.20. */
export function buildUserMessage(
  spec: UserMessageSpec,
  allocate: (size: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const labelLength = spec.label === '' ? 0 : spec.label.length + 1
  const extensionSize = spec.extension === undefined ? 0 : spec.extension.length
  const compoundSize = spec.compound === undefined ? 0 : sum(spec.compound.pieces)
  const packetSize =
    BASE_HEADER_SIZE +
    USER_HEADER_FIXED_SIZE +
    sizeOfSpec(spec.destination) +
    (spec.admin === undefined ? 0 : sizeOfSpec(spec.admin)) +
    (spec.response === undefined ? 0 : sizeOfSpec(spec.response)) +
    (spec.connectorType === undefined ? 0 : 16) +
    (spec.transaction === undefined ? 0 : TRANSACTION_HEADER_SIZE) +
    align4(MESSAGE_PROPERTIES_FIXED_SIZE + 2 * labelLength + extensionSize + spec.body.length) +
    (spec.debugQueue === undefined ? 0 : 20) +
    (spec.compound === undefined ? 0 : EMPTY_ENVELOPE_SIZE + align4(COMPOUND_MESSAGE_FIXED_SIZE + compoundSize)) +
    (spec.multiQueueFormat === undefined ? 0 : sizeOfMultiQueueFormatHeader(spec.multiQueueFormat))
  // what came over HTTP does not go over this wire again
  const packetSizeMax = PACKET_SIZE_MAX + (spec.compound === undefined ? 0 : COMPOUND_SIZE_MAX)
  if (packetSize > packetSizeMax) {
    throw new EncodeError('MSMQ_ENCODE_SIZE', 'BaseHeader', 'PacketSize', `${packetSize}, at most ${packetSizeMax}`)
  }
  const writer = new ByteWriter(allocate(packetSize))
  writer.enter('BaseHeader')
  if (spec.priority > 7 || (spec.transaction !== undefined && spec.priority !== 0)) {
    writer.refuse('Flags.PR', `${spec.priority}, must be 0 to 7, and 0 in a transaction`)
  }
  if (spec.tracing === true && spec.debugQueue === undefined) writer.refuse('Flags.TR', 'needs a debug queue')
  const tracing = spec.tracing === true ? BASE_FLAGS.TR : 0
  const debug = spec.debugQueue === undefined ? 0 : BASE_FLAGS.DH
  beginPacket(writer, 0, spec.priority | tracing | debug, packetSize, spec.timeToReachQueue)
  writeUserHeader(writer, spec)
  if (spec.transaction !== undefined) writeTransactionHeader(writer, spec.transaction)
  writeMessageProperties(writer, spec, labelLength, extensionSize)
  if (spec.debugQueue !== undefined) {
    writer.u16('Flags', 1)
    writer.u16('Reserved', 0)
    writer.guid(spec.debugQueue)
  }
  if (spec.compound !== undefined) writeCompound(writer, spec.compound, compoundSize)
  if (spec.multiQueueFormat !== undefined) encodeMultiQueueFormatHeader(writer, spec.multiQueueFormat)
  return writer.bytes
}

function writeCompound(writer: ByteWriter, { pieces, bodyOffset }: CompoundSpec, size: number): void {
  // the envelope is in the request
  writer.zeros(EMPTY_ENVELOPE_SIZE)
  writer.enter('CompoundMessageHeader')
  writer.u32('HeaderId', 0)
  writer.u32('HTTPBodySize', size)
  writer.u32('MsgBodySize', 0)
  writer.u32('MsgBodyOffset', bodyOffset)
  for (const piece of pieces) writer.view(piece)
  writer.padding(0)
}

function sum(pieces: readonly Buffer[]): number {
  return pieces.reduce((size, { length }) => size + length, 0)
}

function sizeOfSpec(queue: QueueNameSpec): number {
  switch (queue.type) {
    case 7:
      return align4(2 + sizeOfWideText(queue.name))
    case 5:
      return 16
    case 6:
      return 20
    case 1:
      return 0
    default:
      return 4
  }
}

function writeUserHeader(writer: ByteWriter, spec: UserMessageSpec): void {
  writer.enter('UserHeader')
  writer.guid(spec.sourceQueueManager)
  writer.guid(spec.queueManagerAddress)
  writer.u32('TimeToBeReceived', spec.timeToBeReceived)
  writer.u32('SentTime', spec.sentTime)
  writer.u32('MessageID', spec.messageId)
  let flags = USER_FLAGS.MP | (spec.destination.type << USER_FLAGS.DQ_SHIFT)
  if (spec.hopCount !== undefined) flags |= spec.hopCount & USER_FLAGS.RC
  if (spec.delivery === 'recoverable') flags |= USER_FLAGS.RECOVERABLE
  if (spec.journalNegative === true) flags |= USER_FLAGS.JN
  if (spec.journalPositive === true) flags |= USER_FLAGS.JP
  if (spec.admin !== undefined) flags |= spec.admin.type << USER_FLAGS.AQ_SHIFT
  if (spec.response !== undefined) flags |= spec.response.type << USER_FLAGS.RQ_SHIFT
  if (spec.connectorType !== undefined) flags |= USER_FLAGS.CQ
  if (spec.compound !== undefined) flags |= USER_FLAGS.AH
  if (spec.multiQueueFormat !== undefined) flags |= USER_FLAGS.MQ
  if (spec.transaction !== undefined) {
    if (spec.delivery === 'express') writer.refuse('Flags.DM', 'a transactional message must be recoverable')
    flags |= USER_FLAGS.TH
  }
  writer.u32('Flags', flags)
  writeQueueName(writer, spec.destination)
  if (spec.admin !== undefined) writeQueueName(writer, spec.admin)
  if (spec.response !== undefined) writeQueueName(writer, spec.response)
  if (spec.connectorType !== undefined) writer.guid(spec.connectorType)
}

function writeQueueName(writer: ByteWriter, queue: QueueNameSpec): void {
  switch (queue.type) {
    case 7:
      writer.u16('Count', sizeOfWideText(queue.name))
      writer.wideText('DirectFormatName', queue.name)
      writer.padding(0)
      return
    case 5:
      writer.guid(queue.guid)
      return
    case 6:
      writer.guid(queue.queueManager)
      writer.u32('PrivateQueueIdentifier', queue.number)
      return
    case 1:
      return
    default:
      writer.u32('PrivateQueueIdentifier', queue.number)
  }
}

function writeTransactionHeader(writer: ByteWriter, transaction: TransactionSpec): void {
  writer.enter('TransactionHeader')
  writer.u32('Flags', transaction.flags)
  writer.u32('TxSequenceID.Ordinal', transaction.sequenceId.ordinal)
  writer.u32('TxSequenceID.TimeStamp', transaction.sequenceId.timeStamp)
  writer.u32('TxSequenceNumber', transaction.sequenceNumber)
  writer.u32('PreviousTxSequenceNumber', transaction.previousSequenceNumber)
}

function writeMessageProperties(
  writer: ByteWriter,
  spec: UserMessageSpec,
  labelLength: number,
  extensionSize: number,
): void {
  writer.enter('MessagePropertiesHeader')
  if (labelLength > LABEL_LENGTH_MAX) writer.refuse('Label', `${spec.label.length} characters, at most 249`)
  writer.u8('Flags', spec.acknowledgements)
  writer.u8('LabelLength', labelLength)
  writer.u16('MessageClass', spec.messageClass)
  if (spec.correlationId === undefined) writer.zeros(CORRELATION_ID_SIZE)
  else writer.sized('CorrelationID', spec.correlationId, CORRELATION_ID_SIZE)
  writer.u32('BodyType', spec.bodyType)
  writer.u32('ApplicationTag', spec.applicationTag)
  writer.u32('MessageSize', spec.body.length)
  writer.u32('AllocationBodySize', spec.body.length)
  writer.u32('PrivacyLevel', 0)
  writer.u32('HashAlgorithm', spec.hashAlgorithm ?? HASH_SHA1)
  writer.u32('EncryptionAlgorithm', spec.encryptionAlgorithm ?? ENCRYPTION_RC4)
  writer.u32('ExtensionSize', extensionSize)
  if (labelLength > 0) writer.wideText('Label', spec.label)
  if (spec.extension !== undefined) writer.view(spec.extension)
  writer.view(spec.body)
  writer.padding(0)
}

/** What order and final acknowledgements share. `destination` is the sender's order queue: a direct name that ends in
 *  `\PRIVATE$\order_queue$` with a zero address, or {type: 3, number: 4} with the sender's GUID as address. */
export interface AcknowledgementSpec {
  sourceQueueManager: Guid
  queueManagerAddress?: Guid
  destination: QueueNameSpec
  sentTime: number
  messageId: number
}

/** OrderAck: `sequenceId` was taken in order up to `sequenceNumber`. Source: [MS-MQQB] 2.2.4. */
export function buildOrderAck(
  spec: AcknowledgementSpec & { sequenceId: TxSequenceId; sequenceNumber: number },
): Buffer {
  const body = buildOrderAckBody(spec.sequenceId, spec.sequenceNumber)
  return buildAcknowledgement(spec, 'express', MessageClass.ORDER_ACK, body)
}

/** FinalAck of a message that was read (ACK_RECEIVE) or came to a bad end (a NACK class). Source: [MS-MQQB] 2.2.5. */
export function buildFinalAck(
  spec: AcknowledgementSpec & { messageClass: number; acknowledged: FinalAckBody },
): Buffer {
  return buildAcknowledgement(spec, 'recoverable', spec.messageClass, buildFinalAckBody(spec.acknowledged))
}

function buildAcknowledgement(
  spec: AcknowledgementSpec,
  delivery: UserMessageSpec['delivery'],
  messageClass: number,
  body: Buffer,
): Buffer {
  return buildUserMessage({
    priority: 0,
    timeToReachQueue: INFINITE,
    sourceQueueManager: spec.sourceQueueManager,
    queueManagerAddress: spec.queueManagerAddress ?? NIL_GUID,
    timeToBeReceived: INFINITE,
    sentTime: spec.sentTime,
    messageId: spec.messageId,
    delivery,
    destination: spec.destination,
    acknowledgements: 0,
    label: ORDER_ACK_LABEL,
    messageClass,
    bodyType: 0,
    applicationTag: 0,
    body,
  })
}

/** The name that acknowledgements to a queue manager at an IP address are sent to; IPv6 stands without brackets. */
export function orderQueueAt(address: string): QueueNameSpec {
  return { type: QUEUE_TYPE.DIRECT, name: `TCP:${address}\\PRIVATE$\\order_queue$` }
}

/** 20-byte message identifier, as CorrelationID of an administration acknowledgement. Source: [MS-MQMQ] 2.2.18.1.3. */
export function buildMessageIdentifier(queueManager: Guid, messageId: number): Buffer {
  const bytes = Buffer.allocUnsafe(CORRELATION_ID_SIZE)
  encodeGuid(bytes, 0, queueManager)
  bytes.writeUInt32LE(messageId, 16)
  return bytes
}

/** Whether a packet, which may be damaged, has room for the place in the sequence where it says that is. */
export function hasTransactionHeader(packet: Buffer): boolean {
  const at = transactionHeaderOffset(packet)
  return at >= 0 && at + TRANSACTION_HEADER_SIZE <= packet.length
}

/** Puts the place in the sequence into an encoded transactional message, in place. */
export function stampTransaction(packet: Buffer, sequenceId: TxSequenceId, number: number, previous: number): void {
  const at = transactionHeaderOffset(packet)
  if (at < 0) throw new EncodeError('MSMQ_ENCODE_RANGE', 'UserHeader', 'Flags.TH', 'the message is not transactional')
  packet.writeUInt32LE(sequenceId.ordinal, at + 4)
  packet.writeUInt32LE(sequenceId.timeStamp, at + 8)
  packet.writeUInt32LE(number, at + 12)
  packet.writeUInt32LE(previous, at + 16)
}

/** A copy with SH set and the SessionHeader behind PacketSize. A SessionHeader already there is replaced.
 *  Source: [MS-MQMQ] 2.2.19.1, 2.2.20.4. */
export function withSessionHeader(packet: Buffer, session: SessionHeader): Buffer {
  const packetSize = packet.readUInt32LE(PACKET_SIZE_OFFSET)
  const bytes = Buffer.allocUnsafe(packetSize + SESSION_HEADER_SIZE)
  packet.copy(bytes, 0, 0, packetSize)
  bytes[BASE_FLAGS_OFFSET] = bytes[BASE_FLAGS_OFFSET]! | BASE_FLAGS.SH
  encodeSessionHeader(new ByteWriter(bytes, packetSize), session)
  return bytes
}

/** The packet without the SessionHeader behind its PacketSize, which belonged to one session only: a view, SH cleared in place. */
export function withoutSessionHeader(packet: Buffer): Buffer {
  packet[BASE_FLAGS_OFFSET] = packet[BASE_FLAGS_OFFSET]! & ~BASE_FLAGS.SH
  return packet.subarray(0, packet.readUInt32LE(PACKET_SIZE_OFFSET))
}

/** Sets UserHeader.Flags.RC in place; 0..31. */
export function setHopCount(packet: Buffer, hopCount: number): void {
  packet[USER_FLAGS_OFFSET] = (packet[USER_FLAGS_OFFSET]! & ~USER_FLAGS.RC) | (hopCount & USER_FLAGS.RC)
}

/** Sets TransactionHeader.Flags of a transactional message in place. */
export function setTransactionFlags(packet: Buffer, flags: number): void {
  packet.writeUInt32LE(flags, transactionHeaderOffset(packet))
}

/** Sets MessagePropertiesHeader.MessageClass in place. */
export function setMessageClass(packet: Buffer, messageClass: number): void {
  packet.writeUInt16LE(messageClass, propertiesHeaderOffset(packet) + 2)
}

/** Sets UserHeader.MessageID in place. */
export function setMessageId(packet: Buffer, messageId: number): void {
  packet.writeUInt32LE(messageId, MESSAGE_ID_OFFSET)
}
