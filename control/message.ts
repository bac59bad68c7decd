import { BASE_FLAGS, INFINITE } from '../protocol/binary/base-header.js'
import { CORRELATION_ID_SIZE, MP_FLAGS } from '../protocol/binary/message-properties-header.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE } from '../protocol/binary/security-header.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { decodeGuid, encodeGuid, type Guid, isGuid } from '../protocol/guid.js'
import { messageClassName } from '../protocol/message-class.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import { sidText } from '../protocol/sid.js'
import { wasEncrypted } from '../queue-manager/security/message-security.js'
import { type HttpMessage, httpMessageOf } from './http-message.js'
import { messageQueueNames } from './queue-name-text.js'
import type { MessageRow } from './requester.js'

/** A message in a queue, or received from it. Byte strings are its own. */
export interface Message {
  /** Names the message in its queue, and orders as the queue does. */
  readonly lookupId: number
  /** `guid\number`: the queue manager that sent it, and its number for it. */
  readonly id: string
  readonly label: string
  readonly body: Buffer
  /** A VARIANT type, such as 8 for a UTF-16 text; 0 when the sender did not say. */
  readonly bodyType: number
  /** 0..7; 0 for transactional messages. */
  readonly priority: number
  readonly delivery: 'express' | 'recoverable' | 'transactional'
  /** `NORMAL`, `ACK_REACH_QUEUE`, `NACK_BAD_DST_Q`, …; `0x1234` for a class that the specification does not list. */
  readonly class: string
  readonly classCode: number
  /** In answers and acknowledgements: the id of the message they are about. Null when there is none. */
  readonly correlationId: string | null
  readonly sentTime: Date
  readonly arrivedTime: Date
  /** From the sending on; null without limit. */
  readonly timeToReachQueueS: number | null
  /** From the arrival on; null without limit. */
  readonly timeToBeReceivedS: number | null
  /** Queue manager that sent it first. */
  readonly sourceQueueManager: Guid
  /** Format names. */
  readonly destination: string | null
  readonly adminQueue: string | null
  readonly responseQueue: string | null
  readonly acknowledgements: readonly Acknowledgement[]
  /** The sender wants a copy in its journal when the message is there, and a dead letter when it comes to nothing. */
  readonly journalPositive: boolean
  readonly journalNegative: boolean
  readonly applicationTag: number
  readonly extension: Buffer
  readonly trace: boolean
  /** Routing servers passed. */
  readonly hopCount: number
  /** SID of the sender as the message says it, or null; to be believed when `authenticated`. */
  readonly senderId: string | null
  /** It was signed, and the signature holds. */
  readonly authenticated: boolean
  /** The body was encrypted on its way. */
  readonly encrypted: boolean
  readonly transaction: MessageTransaction | null
  /** As it came, where it came over HTTP. */
  readonly http: HttpMessage | null
  /** Transactions that received it and were aborted. */
  readonly abortCount: number
  /** Moves between the queue and its subqueues. */
  readonly moveCount: number
}

/** The place of a message in its sender's sequence. */
export interface MessageTransaction {
  readonly sequence: string
  readonly number: number
  readonly previous: number
  readonly first: boolean
  readonly last: boolean
}

/** What the sender wants to be told, in its administration queue. */
export type Acknowledgement = 'reach' | 'receive' | 'not-reach' | 'not-receive'

export const ACKNOWLEDGEMENT_FLAGS: Readonly<Record<Acknowledgement, number>> = {
  reach: MP_FLAGS.PA,
  receive: MP_FLAGS.PR,
  'not-reach': MP_FLAGS.NA,
  'not-receive': MP_FLAGS.NR,
}

/** `here` is the queue manager that holds the message. */
export function messageOf(row: MessageRow, here: Guid): Message {
  const [lookupId, bytes, arrivedMs, abortCount, moveCount, authenticated] = row
  const packet = decodePacket(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as UserMessagePacket
  const { base, user, properties } = packet
  const names = messageQueueNames(packet, here)
  const recoverable = (user.flags & USER_FLAGS.DM) !== 0
  return {
    lookupId,
    id: `${user.sourceQueueManager}\\${user.messageId}`,
    label: properties.label,
    body: properties.body.subarray(0, properties.messageSize),
    bodyType: properties.bodyType,
    priority: base.flags & BASE_FLAGS.PR,
    delivery: packet.transaction !== null ? 'transactional' : recoverable ? 'recoverable' : 'express',
    class: messageClassName(properties.messageClass),
    classCode: properties.messageClass,
    correlationId: correlationIdText(properties.correlationId),
    sentTime: new Date(user.sentTime * 1000),
    arrivedTime: new Date(arrivedMs),
    timeToReachQueueS: base.timeToReachQueue === INFINITE ? null : base.timeToReachQueue,
    timeToBeReceivedS: user.timeToBeReceived === INFINITE ? null : user.timeToBeReceived,
    sourceQueueManager: user.sourceQueueManager,
    destination: names.destination,
    adminQueue: names.admin,
    responseQueue: names.response,
    acknowledgements: acknowledgementNames(properties.flags),
    journalPositive: (user.flags & USER_FLAGS.JP) !== 0,
    journalNegative: (user.flags & USER_FLAGS.JN) !== 0,
    applicationTag: properties.applicationTag,
    extension: properties.extensionData,
    trace: (base.flags & BASE_FLAGS.TR) !== 0,
    hopCount: user.flags & USER_FLAGS.RC,
    senderId: senderIdOf(packet),
    authenticated,
    encrypted: wasEncrypted(packet),
    transaction: transactionOf(packet),
    http: httpMessageOf(packet),
    abortCount,
    moveCount,
  }
}

function acknowledgementNames(flags: number): Acknowledgement[] {
  return (Object.keys(ACKNOWLEDGEMENT_FLAGS) as Acknowledgement[]).filter(
    name => (flags & ACKNOWLEDGEMENT_FLAGS[name]) !== 0,
  )
}

function senderIdOf({ security }: UserMessagePacket): string | null {
  if (security === null || (security.flags & SECURITY_FLAGS.ST) !== SENDER_ID_TYPE.SID) return null
  return sidText(security.securityId)
}

function transactionOf({ transaction }: UserMessagePacket): MessageTransaction | null {
  if (transaction === null) return null
  return {
    sequence: sequenceIdText(transaction.sequenceId),
    number: transaction.sequenceNumber,
    previous: transaction.previousSequenceNumber,
    first: (transaction.flags & TX_FLAGS.FM) !== 0,
    last: (transaction.flags & TX_FLAGS.LM) !== 0,
  }
}

/** Correlation identifiers are message ids: a GUID and a number. */
function correlationIdText(bytes: Buffer): string | null {
  if (bytes.every(byte => byte === 0)) return null
  return `${decodeGuid(bytes, 0)}\\${bytes.readUInt32LE(16)}`
}

/** The 20 bytes of a message id `guid\number`, or null when the text is none. */
export function correlationIdBytes(text: string): Buffer | null {
  const [, guid = '', number = ''] = /^\{?([0-9a-f-]{36})\}?\\(\d{1,10})$/i.exec(text) ?? []
  if (!isGuid(guid) || Number(number) > 0xffffffff) return null
  const bytes = Buffer.alloc(CORRELATION_ID_SIZE)
  encodeGuid(bytes, 0, guid.toLowerCase())
  bytes.writeUInt32LE(Number(number), 16)
  return bytes
}
