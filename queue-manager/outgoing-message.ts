import type { TxSequenceId } from '../protocol/sequence-id.js'

/** Where a transactional message stands in its sequence; it keeps this place however often it is sent. */
export interface SequencePlace {
  readonly id: TxSequenceId
  readonly number: number
}

/** One message in an outgoing queue: the encoded packet, and what the engine must know of it without decoding. */
export interface OutgoingMessage {
  packet: Buffer
  readonly messageId: number
  readonly priority: number
  readonly recoverable: boolean
  /** Null for express and plain recoverable messages, and for those of other queue managers passing through. */
  place: SequencePlace | null
  /** Moment of time-to-reach-queue, wall clock ms; Infinity when none. */
  readonly expiresMs: number
  /** JN or JP is set: a final ack is awaited after the order ack. */
  readonly journaled: boolean
  /** PreviousTxSequenceNumber as the packet carries it. */
  previous: number
  /** Order of arrival in this queue manager, and the key under which the store keeps it if it is recoverable. */
  readonly order: number
  /** To be sent at the next chance. */
  waiting: boolean
  /** The session acknowledged it (transactional messages wait on for the order ack). */
  sessionAcknowledged: boolean
  /** The order ack came while the session had yet to acknowledge it. */
  orderAcknowledged: boolean
  attempts: number
  /** Left the queue: acknowledged, expired or purged. */
  gone: boolean
}

/** A message that has not been sent. */
export function createOutgoingMessage(
  packet: Buffer,
  messageId: number,
  priority: number,
  recoverable: boolean,
  journaled: boolean,
  expiresMs: number,
  order: number,
): OutgoingMessage {
  return {
    packet,
    messageId,
    priority,
    recoverable,
    place: null,
    expiresMs,
    journaled,
    previous: 0,
    order,
    waiting: true,
    sessionAcknowledged: false,
    orderAcknowledged: false,
    attempts: 0,
    gone: false,
  }
}
