import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import type { TransactionHeader } from '../protocol/binary/transaction-header.js'
import { HOP_COUNT_MAX, USER_FLAGS } from '../protocol/binary/user-header.js'
import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import type { IncomingSequence } from './incoming-sequence.js'
import type { LocalQueue } from './local-queue.js'
import type { DiscardReason } from './notes.js'
import { type Carrier, QueueEntry, transactionPlace } from './queue-entry.js'
import type { Receipt } from './receive-window.js'
import { reportReceived } from './reports.js'
import type { Session } from './session.js'
import { deadLetterSent } from './source-journal.js'

const INFINITE_S = 0xffffffff
/** Why a plain message that wants it goes to the dead-letter queue of the machine where it failed (MQ-8): not for want of rights. */
const DEAD_LETTERED: ReadonlySet<number> = new Set([
  MessageClass.NACK_BAD_DST_Q,
  MessageClass.NACK_REACH_QUEUE_TIMEOUT,
  MessageClass.NACK_Q_EXCEED_QUOTA,
  MessageClass.NACK_HOP_COUNT_EXCEEDED,
  MessageClass.NACK_NOT_TRANSACTIONAL_MSG,
])

/** Time-to-reach-queue is over ([MS-MQMQ] 2.2.19.1): whole seconds since SentTime, on this machine's wall clock. */
export function hasExpired(packet: UserMessagePacket, wallMs: number): boolean {
  const { timeToReachQueue } = packet.base
  return timeToReachQueue !== INFINITE_S && Math.floor(wallMs / 1000) - packet.user.sentTime > timeToReachQueue
}

/**
 * What a queue manager does with a user message that came on an open session ([MS-MQQB] 3.1.5.8, in the order of its
 * steps). The receipt is settled, and so may be acknowledged, when the message is durable where it must be, delivered,
 * or refused for good. Returns whether a queue keeps `bytes`.
 */
export function receiveUserMessage(
  context: Context,
  session: Session,
  packet: UserMessagePacket,
  bytes: Buffer,
  receipt: Receipt,
): boolean {
  const { user } = packet
  if (user.destinationQueue?.type === 'DirectQueueFormatName') session.directFormatSession = true
  learnSource(context, session, packet)
  const reception = new Reception(context, session, packet, bytes, receipt)

  if (
    packet.transaction === null &&
    context.identifiers.seen(user.sourceQueueManager, user.messageId, context.now.monotonicMs)
  ) {
    context.counters.duplicatesRejected += 1
    reception.discard('duplicate', null)
    return false
  }
  const location = context.destinations.locate(user)
  switch (location.kind) {
    case 'order-queue':
      context.acknowledgements.received(session, packet)
      reception.settleAfterStore()
      break
    case 'elsewhere':
      reception.passOn()
      break
    case 'missing':
      reception.discard('queue-not-found', MessageClass.NACK_BAD_DST_Q)
      break
    case 'foreign-name':
      context.counters.discardedByNameValidation += 1
      reception.discardForeignName()
      break
    case 'queue':
      reception.intoQueue(location.queue)
  }
  return reception.kept
}

function learnSource(context: Context, session: Session, packet: UserMessagePacket): void {
  const { cache, guid, log, now } = context
  const source = packet.user.sourceQueueManager
  const change = cache.learn(now, source, session.peer.address)
  if (log.noting && change !== 'known' && source !== guid)
    log.note(now, { kind: 'qmid-cached', guid: source, address: session.peer.address, change })
}

/** One message on its way in: the steps share the session, the packet and the receipt. */
class Reception implements Carrier {
  readonly #context: Context
  readonly #session: Session
  #packet: UserMessagePacket
  #bytes: Buffer
  readonly #receipt: Receipt
  /** A queue has the bytes now. */
  kept = false
  /** The bytes are no longer those that came. */
  #decrypted = false

  constructor(context: Context, session: Session, packet: UserMessagePacket, bytes: Buffer, receipt: Receipt) {
    this.#context = context
    this.#session = session
    this.#packet = packet
    this.#bytes = bytes
    this.#receipt = receipt
  }

  /** Acknowledges once all that is under way in the store is durable. If it fails, the message may come again. */
  settleAfterStore(isDuplicate = false): void {
    this.#context.batch.whenAllDurable(error => {
      if (error === null) this.#session.settle(this.#receipt)
      else {
        if (!isDuplicate) this.#forget()
        this.#session.close(`store: ${error}`)
      }
    })
  }

  /** It was not taken, so that it is no duplicate when it comes again. */
  #forget(): void {
    const { sourceQueueManager, messageId } = this.#packet.user
    if (this.#packet.transaction === null)
      this.#context.identifiers.forget(this.#context.batch, sourceQueueManager, messageId)
  }

  /** There is no room: the sender keeps the message, and tries again ([MS-MQQB] 3.1.5.8.8). */
  #refuse(reason: string): void {
    this.#context.counters.quotaCloses += 1
    this.#forget()
    this.#session.close(reason)
  }

  /**
   * Drops the message for good: the session ack covers it. With a class, the negative administration ack and the final
   * ack of that class go out where they are due. A duplicate waits for the store, which may still be taking the original.
   */
  discard(reason: DiscardReason, messageClass: number | null): void {
    const { acknowledgements, counters } = this.#context
    if (reason !== 'duplicate' && reason !== 'name-validation') counters.discardedOtherwise += 1
    this.#note(reason)
    if (messageClass !== null) {
      acknowledgements.sendArrivalAck(this.#packet, messageClass)
      if (this.#packet.transaction !== null)
        acknowledgements.sendFinalAckFor(
          this.#packet,
          acknowledgements.orderQueueOf(this.#session, this.#packet),
          messageClass,
        )
      else if (DEAD_LETTERED.has(messageClass))
        deadLetterSent(this.#context, this.#bytes, destinationText(this.#packet), messageClass, null)
    }
    this.settleAfterStore(reason === 'duplicate')
  }

  /**
   * A name that is not this machine's: an administration ack if asked for, but no final ack, so that transactional
   * messages stay at the sender, as they are seen to (KB306785; decision 0011).
   */
  discardForeignName(): void {
    this.#context.acknowledgements.sendArrivalAck(this.#packet, MessageClass.NACK_BAD_DST_Q)
    this.discard('name-validation', null)
  }

  /** For another queue manager: one hop further ([MS-MQQB] 3.1.5.8.2). */
  passOn(): void {
    const hops = this.#packet.user.flags & USER_FLAGS.RC
    if (hops >= HOP_COUNT_MAX) {
      this.discard('hop-count', MessageClass.NACK_HOP_COUNT_EXCEEDED)
      return
    }
    const passage = this.#context.outgoingQueues.forward(this.#packet, this.#bytes, hops + 1)
    if (passage === 'no-room') this.#refuse('no room for messages on their way')
    else if (passage === 'passed') {
      this.kept = true
      if (this.#packet.base.flags & BASE_FLAGS.TR) reportReceived(this.#context, this.#packet)
      this.settleAfterStore()
    } else this.discard('queue-not-found', MessageClass.NACK_BAD_DST_Q)
  }

  intoQueue(queue: LocalQueue): void {
    const { transaction, user } = this.#packet
    if (transaction !== null && !queue.transactional) {
      this.discard('not-transactional-queue', MessageClass.NACK_NOT_TRANSACTIONAL_Q)
    } else if (transaction === null && queue.transactional) {
      this.discard('not-transactional-message', MessageClass.NACK_NOT_TRANSACTIONAL_MSG)
    } else if (!this.#passesSecurity(queue)) {
      return
    } else if (hasExpired(this.#packet, this.#context.now.wallMs) || user.timeToBeReceived === 0) {
      this.discard('expired', MessageClass.NACK_REACH_QUEUE_TIMEOUT)
    } else if (transaction === null) this.#enqueue(queue, null)
    else this.#takeInSequence(queue, transaction)
  }

  /** Signature, encryption and access ([MS-MQQB] 3.1.5.8.3); an encrypted message goes on in the clear. */
  #passesSecurity(queue: LocalQueue): boolean {
    const { now, security } = this.#context
    const judged = security.checkIncoming(now.monotonicMs, this.#packet, this.#bytes, queue.properties)
    if (judged === null) return true
    if ('messageClass' in judged) {
      this.discard(judged.reason === 'access-denied' ? 'access-denied' : 'security', judged.messageClass)
      return false
    }
    this.#packet = judged.packet
    this.#bytes = judged.bytes
    this.#decrypted = true
    return true
  }

  /** [MS-MQQB] 3.1.5.8.6. Taken or not, an order ack for the stored state will follow. */
  #takeInSequence(queue: LocalQueue, transaction: TransactionHeader): void {
    const { incomingSequences, counters } = this.#context
    const { sequenceId, sequenceNumber, previousSequenceNumber } = transaction
    if (sequenceNumber <= previousSequenceNumber) {
      counters.protocolViolations += 1
      this.#session.close(
        `TxSequenceNumber ${sequenceNumber} is not above PreviousTxSequenceNumber ${previousSequenceNumber}`,
      )
      return
    }
    const sequence = incomingSequences.find('binary', this.#packet.user.sourceQueueManager, queue.number)
    if (sequence.taken.number === 0 && incomingSequences.isFull) {
      this.#refuse('too many incoming sequences')
      return
    }
    const verdict = sequence.judge(sequenceId, sequenceNumber, previousSequenceNumber)
    if (verdict === 'accept') {
      this.#enqueue(queue, sequence)
      return
    }
    if (verdict === 'duplicate') counters.duplicatesRejected += 1
    else counters.outOfSequenceRejected += 1
    this.#session.scheduleOrderAck(sequence)
    this.discard(verdict, null)
  }

  #enqueue(queue: LocalQueue, sequence: IncomingSequence | null): void {
    const { acknowledgements, localQueues } = this.#context
    const bytes = this.#bytes
    const quota = localQueues.quota(queue, bytes.length)
    if (quota === 'machine-quota') {
      this.#refuse('machine quota reached')
      return
    }
    if (quota === 'queue-quota') {
      this.discard('queue-quota', MessageClass.NACK_Q_EXCEED_QUOTA)
      return
    }
    const { transaction } = this.#packet
    let finalAckTo: string | null = null
    if (sequence !== null && transaction !== null) {
      sequence.take({ id: transaction.sequenceId, number: transaction.sequenceNumber, receipts: null })
      if (acknowledgements.wantsFinalAck(this.#packet))
        finalAckTo = acknowledgements.orderQueueOf(this.#session, this.#packet)
    }
    this.kept = !this.#decrypted
    new QueueEntry(this.#context, this, this.#packet, bytes, queue, sequence, sequence === null).enter(finalAckTo)
  }

  // what the queue has to say of it

  get connection(): number {
    return this.#session.connection
  }

  get peer(): string {
    return this.#session.peer.address
  }

  taken(): void {
    this.#session.settle(this.#receipt)
  }

  failed(reason: string): void {
    this.#session.close(reason)
  }

  acknowledgeSequence(sequence: IncomingSequence): void {
    this.#session.scheduleOrderAck(sequence)
  }

  #note(reason: DiscardReason): void {
    const { counters, log, now } = this.#context
    counters.discardedByReason[reason] = (counters.discardedByReason[reason] ?? 0) + 1
    if (!log.noting) return
    const { user, transaction } = this.#packet
    log.note(now, {
      kind: 'discarded',
      connection: this.#session.connection,
      peer: this.#session.peer.address,
      source: user.sourceQueueManager,
      messageId: user.messageId,
      destination: destinationText(this.#packet),
      reason,
      tx: transactionPlace(transaction),
    })
  }
}

/** The destination as a format name, for people. */
export function destinationText(packet: UserMessagePacket): string {
  const { destinationQueue, queueManagerAddress } = packet.user
  if (destinationQueue === null) return 'none'
  if (destinationQueue.type === 'DirectQueueFormatName') return `DIRECT=${destinationQueue.name}`
  if (destinationQueue.type === 'PublicQueueFormatName') return `PUBLIC=${destinationQueue.guid}`
  return `PRIVATE=${queueManagerAddress}\\${destinationQueue.number.toString(16)}`
}
