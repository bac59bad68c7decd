import { hasTransactionHeader, stampTransaction } from '../protocol/binary/build.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'
import type { Context } from './context.js'
import { Deque } from './deque.js'
import type { OutgoingMessage, SequencePlace } from './outgoing-message.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { Timer } from './timers.js'

/** Another sequence in place of the first one: the message after number `base` is its number 1. */
interface Renewal {
  readonly id: TxSequenceId
  readonly base: number
}

/**
 * The transactional half of one outgoing queue ([MS-MQQB] 3.1.1.6.2, 3.1.5.6, 3.1.6.5): its sequence id and numbers, the
 * messages without an order ack, and the resend schedule. Messages keep the order of their numbers; the ones to send
 * are found by a cursor that goes back to the front when a session is lost or the resend timer runs out.
 */
export class OutgoingSequence implements StoredState {
  readonly #context: Context
  readonly #queueKey: string
  readonly #isStream: boolean
  readonly #messages = new Deque<OutgoingMessage>()
  readonly #resendTimer: Timer
  readonly #resendDue: () => void
  #id: TxSequenceId | null = null
  /** What is told of it, where that is another sequence: see {@link #renew}. */
  #renewal: Renewal | null = null
  /** While the store is taking a renewal: the sequence that was told of until now. */
  #former: TxSequenceId | null = null
  #nextNumber = 1
  #lastAcknowledged = 0
  /** Highest number given to a session, now or by a former run. Later ones may exist, on their way into the store. */
  #lastSent = 0
  #cursor = 0
  /** Places given to messages that the store has yet to make durable. */
  #reserved = 0
  /** The row of a message of this sequence stays in the store although the message left: see {@link leaveRow}. */
  #leftRow = false
  /** Expiries of the resend timer without progress: the place on the schedule. */
  resendStage = 0
  /** Wall clock ms of the last order ack, and how often the same one came; null before the first. */
  lastAckMs: number | null = null
  lastAckCount = 0

  /** @param isStream of SRMP: only its first message begins it, so there must be one ([MC-MQSRM] 2.2.5.3.4). */
  constructor(context: Context, queueKey: string, isStream: boolean, resendDue: () => void) {
    this.#context = context
    this.#queueKey = queueKey
    this.#isStream = isStream
    this.#resendDue = resendDue
    this.#resendTimer = context.timers.create('transactional ack wait', () => this.#resend())
  }

  get size(): number {
    return this.#messages.size
  }

  get id(): TxSequenceId | null {
    return this.#id
  }

  /** As the other side knows it. */
  get idTold(): TxSequenceId | null {
    return this.#renewal?.id ?? this.#id
  }

  /** What numbers of places are more than those that the other side is told. */
  get #base(): number {
    return this.#renewal?.base ?? 0
  }

  /** The place of a message as the other side knows it. */
  placeTold({ number }: SequencePlace): SequencePlace {
    return { id: this.idTold as TxSequenceId, number: number - this.#base }
  }

  get first(): OutgoingMessage | undefined {
    return this.#messages.at(0)
  }

  get last(): OutgoingMessage | undefined {
    return this.#messages.at(this.#messages.size - 1)
  }

  /** The number of the next place. */
  get nextNumber(): number {
    return this.#nextNumber
  }

  /** The highest number that an order ack covered, or, of a stream, that a final receipt was for. */
  get lastAcknowledged(): number {
    return this.#lastAcknowledged
  }

  /** When everything unacknowledged is sent again, monotonic ms; null while nothing is under way. */
  get resendDeadlineMs(): number | null {
    return this.#resendTimer.deadlineMs
  }

  [Symbol.iterator](): Iterator<OutgoingMessage> {
    return this.#messages[Symbol.iterator]()
  }

  /**
   * The place of the next message. Given when the transaction commits and kept in the store with it, so that a restart
   * between sending and acknowledgement sends the same numbers again.
   */
  nextPlace(): SequencePlace {
    this.#id ??= this.#context.outgoingQueues.openSequence(this.#queueKey)
    const place = { id: this.#id, number: this.#nextNumber }
    this.#nextNumber += 1
    this.#reserved += 1
    return place
  }

  /** A message that is durable now takes the place it was given. */
  add(message: OutgoingMessage): void {
    this.#reserved -= 1
    this.#messages.push(message)
  }

  /** A message that a former run had in this sequence. It may have been sent, so an order ack for it is believed. */
  restoreMessage(message: OutgoingMessage): void {
    message.attempts = 1
    this.#lastSent = Math.max(this.#lastSent, message.place?.number ?? 0)
    this.#messages.push(message)
  }

  /** The store failed: the place stays a gap, which the next message bridges. */
  abandonPlace(): void {
    this.#reserved -= 1
    this.#endWhenEmpty()
  }

  /** Begins to work: a sequence of which no message is left is not gone on with, as the store may know too little of it. */
  start(): void {
    if (this.#id !== null) this.#endWhenEmpty()
  }

  /** Takes over from the store what a former run had reached. */
  restore(id: TxSequenceId, nextNumber: number, lastAcknowledged: number, renewal: Renewal | null): void {
    this.#id = id
    this.#renewal = renewal
    this.#nextNumber = nextNumber
    this.#lastAcknowledged = lastAcknowledged
  }

  /** Whether an order ack covered this place in a former run: it is not sent again, as nothing could come before it. */
  isAcknowledged({ number }: SequencePlace): boolean {
    return number <= this.#lastAcknowledged
  }

  /** The next message to send; null when none waits. */
  next(): OutgoingMessage | null {
    if (this.#former !== null) return null
    for (; this.#cursor < this.#messages.size; this.#cursor += 1) {
      const message = this.#messages.at(this.#cursor) as OutgoingMessage
      if (!message.waiting || message.orderAcknowledged) continue
      if (!this.#lacksStart(message)) return message
      this.#renew(message)
      return null
    }
    return null
  }

  /** All before it left without an acknowledgement: nothing that the other side may have is what it could follow. */
  #lacksStart({ place }: OutgoingMessage): boolean {
    const number = place?.number ?? 0
    return this.#isStream && this.#cursor === 0 && this.#lastAcknowledged <= this.#base && number - this.#base > 1
  }

  /** A new stream begins with this message (decision 0022), once the store knows: no identifier is ever told of two. */
  #renew({ place }: OutgoingMessage): void {
    const { batch, outgoingQueues } = this.#context
    const before = this.#renewal
    const former = this.idTold as TxSequenceId
    const renewal = { id: outgoingQueues.openSequence(this.#queueKey), base: (place?.number ?? 1) - 1 }
    this.#renewal = renewal
    this.#former = former
    for (const message of this.#messages) {
      if (message.attempts === 0) continue
      message.waiting = true
      message.sessionAcknowledged = false
    }
    batch.changed(this)
    batch.changed(outgoingQueues)
    batch.whenDurable(error => {
      if (this.#renewal === renewal) {
        this.#former = null
        outgoingQueues.closeSequence(error === null ? former : renewal.id)
        if (error !== null) this.#renewal = before
      }
      this.#resendDue()
    })
  }

  /** The message that the other side knows by this number; numbers grow along the queue. */
  find(numberTold: number): OutgoingMessage | undefined {
    // what is said now is of the former numbers, and the other side will hear of the new ones
    if (this.#former !== null) return undefined
    const number = numberTold + this.#base
    let low = 0
    let high = this.#messages.size
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#messages.at(middle)?.place?.number ?? 0) < number) low = middle + 1
      else high = middle
    }
    const found = this.#messages.at(low)
    return found?.place?.number === number && !found.gone ? found : undefined
  }

  /** The packet, naming the message now before it, which bridges what expired (decision A13). */
  stamped(message: OutgoingMessage, packet: Buffer): Buffer | null {
    // one from the store may be damaged, and then have no room for its place
    if (message.packet === null && !hasTransactionHeader(packet)) return null
    const before = this.#cursor > 0 ? this.#messages.at(this.#cursor - 1)?.place?.number : undefined
    const place = message.place as SequencePlace
    const previous = before ?? Math.min(this.#lastAcknowledged, place.number - 1)
    // what the store has was written when the place was given
    const carried = message.packet === null ? place.number - 1 : message.previous
    message.previous = previous
    if (this.#renewal === null && previous === carried) return packet
    // a copy, for an earlier sending may still be on its way to the socket
    const copy = Buffer.from(packet)
    const { id, number } = this.placeTold(place)
    stampTransaction(copy, id, number, Math.max(0, previous - this.#base))
    if (this.#renewal === null && message.packet !== null) message.packet = copy
    return copy
  }

  transmitted(message: OutgoingMessage): void {
    message.waiting = false
    this.#lastSent = Math.max(this.#lastSent, message.place?.number ?? 0)
    this.#cursor += 1
    if (!this.#resendTimer.running) this.#resendTimer.start(this.#context.now, this.resendDelayMs)
  }

  /**
   * Something is wrong on the way, and will be tried again after `retryMs`: the wait goes on from then ([MC-MQSRM] 3.1.7.2.5
   * stops it until something is sent, but it may be that all was answered, and nothing is left to send).
   */
  postponeResend(retryMs: number): void {
    if (this.#resendTimer.running) this.#resendTimer.start(this.#context.now, retryMs + this.resendDelayMs)
  }

  /** The session ended: what it had not acknowledged waits again; what the order ack had covered is done. */
  sessionEnded(outstanding: readonly OutgoingMessage[]): void {
    for (const message of outstanding) if (!message.gone && !message.sessionAcknowledged) message.waiting = true
    this.#cursor = 0
  }

  /**
   * An order ack for a number, as the other side knows it: what it covers, oldest first. Null when that number was never
   * sent, or is being given up for another.
   */
  acknowledge(numberTold: number): OutgoingMessage[] | null {
    const number = numberTold + this.#base
    if (number > this.#lastSent || this.#former !== null) return null
    const covered: OutgoingMessage[] = []
    for (const message of this.#messages) {
      const place = message.place as SequencePlace
      if (place.number > number) break
      covered.push(message)
    }
    this.lastAckMs = this.#context.now.wallMs
    this.lastAckCount = number === this.#lastAcknowledged ? this.lastAckCount + 1 : 1
    if (number > this.#lastAcknowledged) {
      this.#lastAcknowledged = number
      this.resendStage = 0
      this.#context.batch.changed(this)
      if (this.#resendTimer.running) this.#resendTimer.start(this.#context.now, this.resendDelayMs)
    }
    return covered
  }

  /** The end of a message of a stream: the other side had it, and what was before it, whatever became of the receipt for them. */
  finallyAcknowledged({ place }: OutgoingMessage): void {
    if (!this.#isStream || place === null || place.number <= this.#lastAcknowledged) return
    this.#lastAcknowledged = place.number
    this.#context.batch.changed(this)
  }

  /**
   * Takes out the messages that are gone, `count` of them; mostly they are the oldest. The last one ends the sequence, and
   * the next transaction begins a new one.
   */
  sweep(count: number): void {
    if (count === 0) return
    let swept = 0
    while (swept < count && this.#messages.at(0)?.gone === true) {
      this.#messages.shift()
      swept += 1
    }
    let beforeCursor = Math.min(swept, this.#cursor)
    if (swept < count) {
      let index = swept
      this.#messages.filterInPlace(kept => {
        if (kept.gone && index < this.#cursor) beforeCursor += 1
        index += 1
        return !kept.gone
      })
    }
    this.#cursor -= beforeCursor
    this.#endWhenEmpty()
  }

  /** A message whose packet cannot be read leaves, and its row does not: nor does that of the sequence, which it refers to. */
  leaveRow(): void {
    this.#leftRow = true
  }

  discard(): void {
    this.#resendTimer.discard()
  }

  #endWhenEmpty(): void {
    if (this.#messages.size > 0 || this.#reserved > 0) return
    this.#resendTimer.stop()
    this.resendStage = 0
    for (const id of [this.idTold, this.#former]) if (id !== null) this.#context.outgoingQueues.closeSequence(id)
    this.#id = null
    this.#renewal = null
    this.#former = null
    this.#nextNumber = 1
    this.#lastAcknowledged = 0
    this.lastAckCount = 0
    this.#lastSent = 0
    this.#cursor = 0
    const { batch, outgoingQueues } = this.#context
    const leftRow = this.#leftRow
    this.#leftRow = false
    outgoingQueues.removals.afterwards(() => {
      // the next sequence takes over the row
      if (this.#id === null && !leftRow) batch.remove('outgoing-sequence', this.#queueKey)
    })
  }

  /** What the store keeps of the sequence, beside its messages. */
  save(batch: StoreBatch): void {
    if (this.#id === null) return
    const { ordinal, timeStamp } = this.#id
    const row = { ordinal, timeStamp, nextNumber: this.#nextNumber, lastAcknowledged: this.#lastAcknowledged }
    const renewed = this.#renewal === null ? {} : { renewed: [this.#renewal.id.ordinal, this.#renewal.base] }
    batch.put('outgoing-sequence', this.#queueKey, { ...row, ...renewed })
  }

  #resend(): void {
    const { now, counters, log } = this.#context
    let messages = 0
    for (const message of this.#messages) {
      if (message.attempts === 0 || message.orderAcknowledged) continue
      message.waiting = true
      message.sessionAcknowledged = false
      messages += 1
    }
    this.#cursor = 0
    this.resendStage += 1
    counters.resends += messages
    const nextInMs = this.resendDelayMs
    this.#resendTimer.start(now, nextInMs)
    if (log.noting && this.#id !== null)
      log.note(now, {
        kind: 'resend',
        queue: this.#queueKey,
        sequence: sequenceIdText(this.idTold as TxSequenceId),
        stage: this.resendStage,
        messages,
        nextInMs,
      })
    this.#resendDue()
  }

  /** The schedule of [MS-MQQB] <24>: three times each of the first three settings, then the fourth for ever. */
  get resendDelayMs(): number {
    const { SeqResend13Time, SeqResend46Time, SeqResend79Time, SeqResend10Time } = this.#context.settings
    const steps = [SeqResend13Time, SeqResend46Time, SeqResend79Time]
    return (steps[Math.floor(this.resendStage / 3)] ?? SeqResend10Time) * 1000
  }
}
