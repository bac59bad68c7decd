import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { type FormatName, formatNameText } from '../protocol/format-name.js'
import { NIL_GUID } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import { Deque } from './deque.js'
import type { OutgoingMessage } from './outgoing-message.js'
import { OutgoingSequence } from './outgoing-sequence.js'
import { Session } from './session.js'
import type { Timer } from './timers.js'

/** States of an outgoing queue as the management view names them ([MS-MQMQ] 2.3.12.11). */
export type OutgoingQueueState = 'INACTIVE' | 'NEED VALIDATION' | 'WAITING' | 'CONNECTED' | 'DISCONNECTED'

const PRIORITIES = 8

/**
 * Messages bound for one destination format name, exactly as written, and the session that serves it
 * ([MS-MQQB] 1.1, 3.1.5.2). Plain messages leave by priority, then age, and are gone on the session ack; transactional
 * ones keep their order and are gone on the order ack only.
 */
export class OutgoingQueue {
  readonly formatName: FormatName
  readonly text: string
  readonly sequence: OutgoingSequence
  state: OutgoingQueueState = 'INACTIVE'
  session: Session | null = null
  bytes = 0
  /** Messages that the store is taking, which will be added. */
  entering = 0
  /** Set by the first attempt: what kind of failure or success the last attempts met (connection history). */
  lastFailure: string | null = null
  readonly #context: Context
  readonly #plain: Deque<OutgoingMessage>[] = []
  #plainCount = 0
  readonly #retryTimer: Timer
  readonly #expiryTimer: Timer
  #nextHops: readonly string[] = []
  #hop = 0
  #resolving = false

  constructor(context: Context, formatName: FormatName) {
    this.#context = context
    this.formatName = formatName
    this.text = formatNameText(formatName)
    for (let priority = 0; priority < PRIORITIES; priority += 1) this.#plain.push(new Deque())
    this.sequence = new OutgoingSequence(context, this.text, () => this.attend())
    this.#retryTimer = context.timers.create('session retry connect', () => this.connect(true))
    this.#expiryTimer = context.timers.create('time to reach queue', () => this.#expire())
  }

  get isDirect(): boolean {
    return this.formatName.kind === 'direct'
  }

  /** Messages in the queue, sent or not. */
  get size(): number {
    return this.#plainCount + this.sequence.size
  }

  *messages(): Iterable<OutgoingMessage> {
    yield* this.sequence
    if (this.session !== null)
      for (const sent of this.session.outstanding()) if (sent.place === null && !sent.gone) yield sent
    for (const deque of this.#plain) yield* deque
  }

  /** Takes in a message that is durable (or need not be), and sends what can be sent. */
  add(message: OutgoingMessage): void {
    if (message.place === null) {
      this.#plain[message.priority]?.push(message)
      this.#plainCount += 1
    } else this.sequence.add(message)
    this.bytes += message.packet.length
    if (message.expiresMs !== Infinity) this.#watchExpiry(message.expiresMs)
  }

  /** Begins to work with what `restore` took over. */
  start(): void {
    for (const { expiresMs } of this.messages()) if (expiresMs !== Infinity) this.#watchExpiry(expiresMs)
    this.attend()
  }

  /** Takes over a message that the store kept. It is not known yet what time it is. */
  restore(message: OutgoingMessage): void {
    if (message.place !== null) this.sequence.restoreMessage(message)
    else {
      this.#plain[message.priority]?.push(message)
      this.#plainCount += 1
    }
    this.bytes += message.packet.length
  }

  /** Sends what waits, connecting first when there is no session. Called after anything that may let messages go. */
  attend(): void {
    if (this.session !== null) this.session.dispatch()
    else if (!this.#retryTimer.running && !this.#resolving && this.#nextMessage() !== null) this.connect()
  }

  /** The next message for the session: higher priority first, then age. Expired ones leave on the way. */
  next(): OutgoingMessage | null {
    for (;;) {
      const message = this.#nextMessage()
      if (message === null || message.expiresMs > this.#context.now.wallMs) return message
      this.#expire()
    }
  }

  /** The session took it: it is under way. */
  transmitted(message: OutgoingMessage): void {
    message.attempts += 1
    if (message.place !== null) this.sequence.transmitted(message)
    else this.#plain[message.priority]?.shift()
  }

  /** The session acknowledged it wholly. */
  sessionAcknowledged(message: OutgoingMessage): void {
    if (message.gone) return
    message.sessionAcknowledged = true
    const { log, now } = this.#context
    if (log.noting) log.note(now, { kind: 'session-acked', queue: this.text, messageId: message.messageId })
    if (message.place === null) {
      this.#remove(message)
    } else if (message.orderAcknowledged) this.#orderAcknowledged(message)
  }

  /** An order ack for `number` of this queue's sequence. Returns how many messages left, or null if it was never sent. */
  orderAcknowledged(number: number): number | null {
    const covered = this.sequence.acknowledge(number)
    if (covered === null) return null
    let removed = 0
    for (const message of covered) {
      message.orderAcknowledged = true
      if (this.session !== null && !message.sessionAcknowledged && !message.waiting) continue
      this.#context.acknowledgements.transactionalMessageTaken(message, this.text)
      this.#leave(message)
      removed += 1
    }
    this.sequence.sweep(removed)
    return removed
  }

  /** Takes a transactional message out before its order ack: a final ack says what became of it. */
  finallyAcknowledged(message: OutgoingMessage): void {
    this.#remove(message)
  }

  /** The session is over: what it had not acknowledged waits again, in the old order. */
  sessionEnded(outstanding: readonly OutgoingMessage[]): void {
    this.session = null
    this.state = 'DISCONNECTED'
    const transactional: OutgoingMessage[] = []
    for (let index = outstanding.length - 1; index >= 0; index -= 1) {
      const message = outstanding[index] as OutgoingMessage
      if (message.gone) continue
      if (message.place !== null) transactional.push(message)
      else {
        this.#plain[message.priority]?.pushFront(message)
        if (message.expiresMs !== Infinity) this.#watchExpiry(message.expiresMs)
      }
    }
    this.sequence.sessionEnded(transactional)
    for (const message of transactional)
      if (message.orderAcknowledged && !message.gone) this.#orderAcknowledged(message)
    if (this.#nextMessage() !== null) this.#retryLater()
  }

  /** Finds the destination's addresses and opens a session to the next of them ([MS-MQQB] 3.1.5.2). */
  connect(isRetry = false): void {
    if (this.session !== null || this.#resolving) return
    if (this.#nextMessage() === null) return
    if (this.#hop > 0 && this.#hop < this.#nextHops.length) {
      this.#open(isRetry)
      return
    }
    this.#hop = 0
    this.#resolving = true
    this.#context.destinations.findHops(this, (addresses, by) => {
      this.#resolving = false
      const { log, now } = this.#context
      if (log.noting) log.note(now, { kind: 'resolved', queue: this.text, addresses, by })
      this.#nextHops = addresses
      if (addresses.length > 0) this.#open(isRetry)
      else {
        this.state = 'NEED VALIDATION'
        this.lastFailure = 'no address found'
        this.#retryLater()
      }
    })
  }

  stop(): void {
    this.#retryTimer.stop()
  }

  /** Nothing is in it or on its way into it, and nothing serves it. */
  get isIdle(): boolean {
    return this.size === 0 && this.entering === 0 && this.session === null && !this.#resolving
  }

  /** Ends an idle queue for good. */
  discard(): void {
    this.#retryTimer.discard()
    this.#expiryTimer.discard()
    this.sequence.discard()
  }

  #open(isRetry: boolean): void {
    const address = this.#nextHops[this.#hop] as string
    this.#hop += 1
    this.state = 'WAITING'
    const wanted = this.formatName.kind === 'private' ? this.formatName.queueManager : NIL_GUID
    this.session = Session.initiate(this.#context, this, address, wanted, isRetry)
  }

  #retryLater(): void {
    const { TryConnectInterval, RoundTripDelay } = this.#context.settings
    if (!this.#retryTimer.running) this.#retryTimer.start(this.#context.now, TryConnectInterval + RoundTripDelay)
  }

  #nextMessage(): OutgoingMessage | null {
    const transactional = this.sequence.next()
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const plain = this.#plain[priority]?.at(0)
      if (plain === undefined) continue
      return priority === 0 && transactional !== null && transactional.order < plain.order ? transactional : plain
    }
    return transactional
  }

  #orderAcknowledged(message: OutgoingMessage): void {
    this.#context.acknowledgements.transactionalMessageTaken(message, this.text)
    this.#remove(message)
  }

  #remove(message: OutgoingMessage): void {
    if (message.gone) return
    this.#leave(message)
    if (message.place !== null) this.sequence.sweep(1)
  }

  /** It is gone; the line it stands in is swept by the caller, once for all that go together. */
  #leave(message: OutgoingMessage): void {
    message.gone = true
    this.bytes -= message.packet.length
    if (message.place === null) this.#plainCount -= 1
    this.#context.outgoingQueues.forget(message)
  }

  /** Time-to-reach-queue is over before the messages were taken ([MS-MQQB] 3.1.7.1.2). */
  #giveUp(messages: readonly OutgoingMessage[], messageClass: number): void {
    let transactional = 0
    for (const message of messages) {
      this.#leave(message)
      if (message.place !== null) transactional += 1
    }
    this.sequence.sweep(transactional)
    if (transactional < messages.length) for (const deque of this.#plain) deque.filterInPlace(kept => !kept.gone)
    for (const { packet } of messages) {
      const decoded = decodePacket(packet) as UserMessagePacket
      this.#context.acknowledgements.messageGivenUp(decoded, packet, this.text, messageClass)
    }
  }

  #watchExpiry(expiresMs: number): void {
    const { now } = this.#context
    const deadlineMs = now.monotonicMs + (expiresMs - now.wallMs)
    if (this.#expiryTimer.deadlineMs === null || deadlineMs < this.#expiryTimer.deadlineMs)
      this.#expiryTimer.startAt(deadlineMs)
  }

  /** Waiting messages and unacknowledged transactional ones expire; a plain one under way is the session's to settle. */
  #expire(): void {
    const wallMs = this.#context.now.wallMs
    const expired = [...this.sequence, ...this.#plain.flatMap(deque => [...deque])].filter(
      message => message.expiresMs <= wallMs,
    )
    this.#giveUp(expired, MessageClass.NACK_REACH_QUEUE_TIMEOUT)
    let earliest = Infinity
    for (const messages of [this.sequence, ...this.#plain])
      for (const message of messages) if (message.expiresMs < earliest) earliest = message.expiresMs
    if (earliest !== Infinity) this.#watchExpiry(earliest)
  }
}
