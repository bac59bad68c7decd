import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import type { Context } from './context.js'
import { packetOf } from './outgoing-message.js'
import type { OutgoingQueue, OutgoingQueueState } from './outgoing-queue.js'
import type { ConnectionAttempt } from './outgoing-route.js'

/** How far a transactional sequence has come: the EOD properties of [MS-MQDMPR] 3.1.1.4. Times are wall clock ms. */
export interface SequenceView {
  /** TxSequenceID as `timeStamp:ordinal`. */
  readonly id: string
  /** Number of the oldest and of the newest message without an order ack; null when there is none (EodFirstNonAck, EodLastNonAck). */
  readonly firstUnacknowledged: number | null
  readonly lastUnacknowledged: number | null
  /** Number that the next message gets (EodNextSeq). */
  readonly nextNumber: number
  /** The highest number that was acknowledged in this sequence, 0 for none; when, and how often since (EodLastAck…). */
  readonly lastAcknowledged: number
  readonly lastAckMs: number | null
  readonly lastAckCount: number
  /** Times that everything unacknowledged was sent again since the last progress, and when it will be next (EodResend…). */
  readonly resendCount: number
  readonly resendIntervalMs: number
  readonly resendAtMs: number | null
}

/** An outgoing queue as an administrator sees it. */
export interface OutgoingQueueView {
  readonly formatName: string
  readonly state: OutgoingQueueState
  /** On hold by an administrator. */
  readonly paused: boolean
  /** Messages in the queue: waiting, under way, or without their order ack. */
  readonly messages: number
  readonly bytes: number
  readonly inFlight: number
  /** Transactional messages without their order ack (EodNoAckCount). */
  readonly unacknowledged: number
  /** Journaled transactional messages that were taken, and not read so far (EodNoReadCount). They are not in `messages`. */
  readonly unprocessed: number
  /** Addresses at which the destination was last found. */
  readonly nextHops: readonly string[]
  /** The address and port of the session, while there is one. */
  readonly peer: string | null
  /** Expiries of the resend timer since the last progress. */
  readonly resendStage: number
  readonly lastFailure: string | null
  /** The last attempts to connect, oldest first. */
  readonly connectionHistory: readonly ConnectionAttempt[]
  /** Null while no transactional message is under way. */
  readonly sequence: SequenceView | null
}

export function outgoingQueueView(context: Context, queue: OutgoingQueue): OutgoingQueueView {
  const { session, sequence, route } = queue
  return {
    formatName: queue.text,
    state: queue.state,
    paused: queue.paused,
    messages: queue.size,
    bytes: queue.bytes,
    inFlight: session?.inFlight ?? 0,
    unacknowledged: sequence.size,
    unprocessed: context.acknowledgements.awaited.sizeOf(queue.text),
    nextHops: route.nextHops,
    peer: session === null ? null : `${session.peer.address}:${session.peer.port}`,
    resendStage: sequence.resendStage,
    lastFailure: queue.lastFailure,
    connectionHistory: route.history.map(attempt => ({ ...attempt })),
    sequence: sequenceView(context, queue),
  }
}

function sequenceView({ now }: Context, { sequence }: OutgoingQueue): SequenceView | null {
  const { id, first, last, resendDeadlineMs } = sequence
  if (id === null) return null
  return {
    id: sequenceIdText(id),
    firstUnacknowledged: first?.place?.number ?? null,
    lastUnacknowledged: last?.place?.number ?? null,
    nextNumber: sequence.nextNumber,
    lastAcknowledged: sequence.lastAcknowledged,
    lastAckMs: sequence.lastAckMs,
    lastAckCount: sequence.lastAckCount,
    resendCount: sequence.resendStage,
    resendIntervalMs: sequence.resendDelayMs,
    resendAtMs: resendDeadlineMs === null ? null : now.wallMs + (resendDeadlineMs - now.monotonicMs),
  }
}

/** A message still in an outgoing queue. */
export interface WaitingMessage {
  readonly formatName: string
  readonly messageId: number
  readonly transactional: boolean
  readonly attempts: number
  /** A view of the packet. */
  readonly body: Buffer
}

export function* waitingMessages(context: Context): Iterable<WaitingMessage> {
  for (const queue of context.outgoingQueues)
    for (const message of queue.messages()) {
      const { messageId, place, attempts } = message
      const packet = packetOf(context, message)
      if (packet === null) continue
      const { body } = (decodePacket(packet) as UserMessagePacket).properties
      yield { formatName: queue.text, messageId, transactional: place !== null, attempts, body }
    }
}
