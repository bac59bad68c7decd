import { MqlabError } from '../protocol/errors.js'
import type { TxSequenceId } from '../protocol/sequence-id.js'
import type { StoredValue } from './actions.js'
import type { Context } from './context.js'
import { StoredRow } from './stored-row.js'

/** Where a transactional message stands in its sequence; it keeps this place however often it is sent. */
export interface SequencePlace {
  readonly id: TxSequenceId
  readonly number: number
}

/** What is asked of a message's packet without reading it. */
export const OUTGOING_FLAGS = {
  /** Negative source journaling: to a dead-letter queue if it fails. */
  JN: 1,
  /** Positive source journaling: to the journal of this machine when it got there. */
  JP: 2,
  /** A report is due when it leaves. */
  TRACED: 4,
} as const

/** One message in an outgoing queue: what the engine must know of it without reading it, and its packet where that is in memory. */
export interface OutgoingMessage {
  /** Null while only the store has it: see {@link packetOf}. */
  packet: Buffer | null
  /** PacketSize. */
  readonly size: number
  readonly messageId: number
  readonly priority: number
  readonly recoverable: boolean
  /** Null for express and plain recoverable messages, and for those of other queue managers passing through. */
  place: SequencePlace | null
  /** Moment of time-to-reach-queue, wall clock ms; Infinity when none. */
  readonly expiresMs: number
  /** OUTGOING_FLAGS. */
  readonly flags: number
  /** Its own dead-letter queue, a local path; null for the system's. */
  readonly deadLetterQueue: string | null
  /** PreviousTxSequenceNumber as `packet` carries it. */
  previous: number
  /** Order among all that this queue manager sends, and the key under which the store keeps it if it is recoverable. */
  order: number
  /** Its packet counts among those that the engine keeps in memory although the store has them. */
  resident: boolean
  /** To be sent at the next chance. */
  waiting: boolean
  /** The session acknowledged it (transactional messages wait on for the order ack). */
  sessionAcknowledged: boolean
  /** The order ack came while the session had yet to acknowledge it. */
  orderAcknowledged: boolean
  attempts: number
  /** The queue was purged while it was under way: it does not come back into it. */
  purging: boolean
  /** Left the queue: acknowledged, expired or purged. */
  gone: boolean
}

/** A message that has not been sent, and has no place in the order of sending yet. `packet` null: only the store has it. */
export function createOutgoingMessage(
  packet: Buffer | null,
  size: number,
  messageId: number,
  priority: number,
  recoverable: boolean,
  expiresMs: number,
  flags: number,
  deadLetterQueue: string | null,
): OutgoingMessage {
  return {
    packet,
    size,
    messageId,
    priority,
    recoverable,
    place: null,
    expiresMs,
    flags,
    deadLetterQueue,
    previous: 0,
    order: 0,
    resident: false,
    waiting: true,
    sessionAcknowledged: false,
    orderAcknowledged: false,
    attempts: 0,
    purging: false,
    gone: false,
  }
}

/** The packet, read from the store when it is not in memory; null when the store cannot give it back. */
export function packetOf(context: Context, message: OutgoingMessage): Buffer | null {
  if (message.packet !== null) return message.packet
  try {
    const bytes = context.packets.packet('outgoing', message.order)
    return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    if (!(error instanceof MqlabError)) throw error
    context.counters.unreadablePackets += 1
    return null
  }
}

/** It is durable: the packet stays in memory while there is room for such. */
export function settleInMemory(context: Context, message: OutgoingMessage): void {
  if (!message.recoverable || message.packet === null) return
  if (context.residency.keep(message.size)) message.resident = true
  else message.packet = null
}

/** The packet is not needed any more, or seldom: if the store has it, it need not be in memory. */
export function leaveMemory(context: Context, message: OutgoingMessage): void {
  if (!message.resident) return
  context.residency.release(message.size)
  message.resident = false
  message.packet = null
}

/**
 * The part of a row of table `outgoing` that opening reads:
 * `[queue number, sequence number or 0, MessageID, priority, flags, expiry or 0, bytes, sequence ordinal or 0, dead-letter
 * queue?]`.
 */
export function outgoingRow(message: OutgoingMessage, queueNumber: number): StoredValue {
  const { place, messageId, priority, flags, expiresMs, size, deadLetterQueue } = message
  const expiry = expiresMs === Infinity ? 0 : expiresMs
  const number = place === null ? 0 : place.number
  const ordinal = place === null ? 0 : place.id.ordinal
  return deadLetterQueue === null
    ? [queueNumber, number, messageId, priority, flags, expiry, size, ordinal]
    : [queueNumber, number, messageId, priority, flags, expiry, size, ordinal, deadLetterQueue]
}

/** What {@link outgoingRow} kept; the place in the sequence is still to be made of it. */
export interface StoredOutgoing {
  readonly queueNumber: number
  readonly sequenceNumber: number
  readonly sequenceOrdinal: number
  readonly message: OutgoingMessage
}

/** @throws StoredRowError. */
export function readOutgoingRow(key: number, value: StoredValue): StoredOutgoing {
  const row = new StoredRow({ table: 'outgoing', key, value })
  const queueNumber = row.whole(0)
  const sequenceNumber = row.whole(1, 0, 0xffffffff)
  const messageId = row.whole(2, 0, 0xffffffff)
  const priority = row.whole(3, 0, 7)
  const flags = row.whole(4, 0, 7)
  const expiry = row.number(5)
  const expiresMs = expiry === 0 ? Infinity : expiry
  const size = row.whole(6)
  const sequenceOrdinal = row.whole(7)
  const deadLetterQueue = row.optional(8, row.text)
  const message = createOutgoingMessage(null, size, messageId, priority, true, expiresMs, flags, deadLetterQueue)
  message.previous = Math.max(0, sequenceNumber - 1)
  message.order = key
  return { queueNumber, sequenceNumber, sequenceOrdinal, message }
}
