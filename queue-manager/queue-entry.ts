import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { SECURITY_FLAGS } from '../protocol/binary/security-header.js'
import type { TransactionHeader } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import type { IncomingSequence, SequenceState } from './incoming-sequence.js'
import type { LocalQueue } from './local-queue.js'
import type { Arrival } from './local-queues.js'
import { type TxPlace, txPlace } from './notes.js'
import { reportReceived } from './reports.js'

/** Who brought a message, and hears what became of it: a session, or an HTTP request. */
export interface Carrier {
  readonly connection: number
  /** Address of the machine at the other end. */
  readonly peer: string
  /** It is where it belongs, durably where it must be: it may be acknowledged. */
  taken(): void
  /** The store could not take it: it must come again. */
  failed(reason: string): void
  /** The sender is to be told how far the sequence has come. */
  acknowledgeSequence(sequence: IncomingSequence): void
}

/** Recoverable for the session counters: DM 1, which transactional messages must have. */
export function isRecoverable(packet: UserMessagePacket): boolean {
  return (packet.user.flags & USER_FLAGS.DM) !== 0
}

/** A message from another machine on its way into a queue of this one, with its place in a sequence if it has one. */
export class QueueEntry implements Arrival {
  readonly #context: Context
  readonly #carrier: Carrier
  readonly #packet: UserMessagePacket
  readonly #bytes: Buffer
  /** Its identifier is remembered, so that it is known when it comes again. */
  readonly #isRemembered: boolean
  readonly #queue: LocalQueue
  readonly #sequence: IncomingSequence | null
  readonly #taken: SequenceState | null
  readonly #generation: number

  /** @param sequence it has taken its place there. */
  constructor(
    context: Context,
    carrier: Carrier,
    packet: UserMessagePacket,
    bytes: Buffer,
    queue: LocalQueue,
    sequence: IncomingSequence | null,
    isRemembered: boolean,
  ) {
    this.#context = context
    this.#carrier = carrier
    this.#packet = packet
    this.#bytes = bytes
    this.#queue = queue
    this.#isRemembered = isRemembered
    this.#sequence = sequence
    this.#taken = sequence === null ? null : sequence.taken
    this.#generation = sequence === null ? 0 : sequence.generation
  }

  /** Puts it into the batch of the moment, with what is known of it. @param finalAckTo where its end is to be told; null: to nobody. */
  enter(finalAckTo: string | null): void {
    const { acknowledgements, batch, identifiers, incomingSequences, localQueues } = this.#context
    const { sourceQueueManager, messageId } = this.#packet.user
    if (this.#sequence !== null) {
      incomingSequences.keep(this.#sequence)
      batch.changed(this.#sequence)
    }
    const recoverable = isRecoverable(this.#packet)
    if (this.#isRemembered && recoverable) identifiers.store(batch, sourceQueueManager, messageId)
    const authenticated = ((this.#packet.security?.flags ?? 0) & SECURITY_FLAGS.AS) !== 0
    // stored with the message, so that a crash leaves both or none; and before it, for a read may wait for the message
    acknowledgements.sendArrivalAck(this.#packet, MessageClass.ACK_REACH_QUEUE)
    localQueues.put(this.#queue, this.#packet, this.#bytes, recoverable, finalAckTo, this, authenticated)
  }

  /** The queue has it for good, or the store failed. */
  settled(error: string | null): boolean {
    const { batch, counters } = this.#context
    const sequence = this.#sequence
    if (error !== null) {
      sequence?.rollBack()
      this.#forget()
      this.#carrier.failed(`store: ${error}`)
      return false
    }
    if (sequence !== null && this.#taken !== null) {
      if (sequence.generation !== this.#generation) {
        batch.changed(sequence)
        this.#forget()
        this.#carrier.failed('store: an earlier message of the sequence was not taken')
        return false
      }
      sequence.durable = this.#taken
    }
    counters.delivered += 1
    // before the ack in the history too, which may leave at once
    this.#noteArrival()
    if (sequence !== null) this.#carrier.acknowledgeSequence(sequence)
    if (this.#packet.base.flags & BASE_FLAGS.TR) reportReceived(this.#context, this.#packet)
    this.#carrier.taken()
    return true
  }

  /** It was not taken, so that it is no duplicate when it comes again. */
  #forget(): void {
    if (!this.#isRemembered) return
    const { sourceQueueManager, messageId } = this.#packet.user
    this.#context.identifiers.forget(this.#context.batch, sourceQueueManager, messageId)
  }

  #noteArrival(): void {
    const { log, now } = this.#context
    if (!log.noting) return
    const { user, transaction } = this.#packet
    log.note(now, {
      kind: 'arrived',
      connection: this.#carrier.connection,
      peer: this.#carrier.peer,
      source: user.sourceQueueManager,
      messageId: user.messageId,
      queue: this.#queue.name,
      tx: transactionPlace(transaction),
    })
  }
}

export function transactionPlace(transaction: TransactionHeader | null): TxPlace | null {
  return transaction === null
    ? null
    : txPlace(transaction.sequenceId, transaction.sequenceNumber, transaction.previousSequenceNumber)
}
