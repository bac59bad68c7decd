import { directWireName, type FormatName, formatNameText, isHttp } from '../protocol/format-name.js'
import { MessageClass } from '../protocol/message-class.js'
import { urlText } from '../protocol/srmp/from-packet.js'
import type { Context } from './context.js'
import { Deque } from './deque.js'
import { noteGivenUp } from './message-notes.js'
import { leaveMemory, OUTGOING_FLAGS, type OutgoingMessage, packetOf, settleInMemory } from './outgoing-message.js'
import { OutgoingRoute } from './outgoing-route.js'
import { OutgoingSequence } from './outgoing-sequence.js'
import type { OutgoingSession } from './outgoing-session.js'
import { journalSent } from './source-journal.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { Timer } from './timers.js'

/** States of an outgoing queue as the management view names them ([MS-MQMQ] 2.3.12.11). */
export type OutgoingQueueState = 'INACTIVE' | 'NEED VALIDATION' | 'WAITING' | 'CONNECTED' | 'DISCONNECTED' | 'ONHOLD'

const PRIORITIES = 8

/**
 * Messages bound for one destination format name, exactly as written, and the session that serves it
 * ([MS-MQQB] 1.1, 3.1.5.2). Plain messages leave by priority, then age, and are gone on the session ack; transactional
 * ones keep their order and are gone on the order ack only.
 */
export class OutgoingQueue implements StoredState {
  readonly formatName: FormatName
  readonly text: string
  /** Stands for the name in stored messages. */
  readonly number: number
  readonly sequence: OutgoingSequence
  readonly route: OutgoingRoute
  state: OutgoingQueueState = 'INACTIVE'
  session: OutgoingSession | null = null
  bytes = 0
  /** Messages that the store is taking, which will be added. */
  entering = 0
  /** Its row is durable: messages may refer to its number. */
  isStored = false
  /** Ended for good, while it was idle: a message that still means it needs a new one. */
  isDiscarded = false
  /** Set by the first attempt: what kind of failure or success the last attempts met (connection history). */
  lastFailure: string | null = null
  #paused = false
  /** The row of a message that could not be read stays in the store. */
  #leftRow = false
  readonly #context: Context
  readonly #plain: Deque<OutgoingMessage>[] = []
  #plainCount = 0
  readonly #expiryTimer: Timer

  constructor(context: Context, formatName: FormatName, number: number) {
    this.#context = context
    this.formatName = formatName
    this.text = formatNameText(formatName)
    this.number = number
    for (let priority = 0; priority < PRIORITIES; priority += 1) this.#plain.push(new Deque())
    this.sequence = new OutgoingSequence(context, this.text, this.isHttp, () => this.attend())
    this.route = new OutgoingRoute(context, this)
    this.#expiryTimer = context.timers.create('time to reach queue', () => this.#expire())
  }

  get isDirect(): boolean {
    return this.formatName.kind === 'direct'
  }

  /** Messages go by SRMP, and acknowledgements come as receipts. */
  get isHttp(): boolean {
    return isHttp(this.formatName)
  }

  /** Of a queue over HTTP: the destination. */
  get url(): string {
    return this.formatName.kind === 'direct' ? (urlText(directWireName(this.formatName)) ?? '') : ''
  }

  /** Messages in the queue, sent or not. */
  get size(): number {
    return this.#plainCount + this.sequence.size
  }

  /** On hold: nothing is sent, whatever comes in ([MS-MQQB] 3.1.7.13). */
  get paused(): boolean {
    return this.#paused
  }

  *messages(): Iterable<OutgoingMessage> {
    yield* this.sequence
    if (this.session !== null)
      for (const sent of this.session.outstanding()) if (sent.place === null && !sent.gone) yield sent
    for (const deque of this.#plain) yield* deque
  }

  /** Takes in a message that is durable (or need not be), and sends what can be sent. */
  add(message: OutgoingMessage): void {
    settleInMemory(this.#context, message)
    if (message.place === null) {
      this.#plain[message.priority]?.push(message)
      this.#plainCount += 1
    } else this.sequence.add(message)
    this.bytes += message.size
    if (message.expiresMs !== Infinity) this.#watchExpiry(message.expiresMs)
  }

  /** Begins to work with what `restore` took over. */
  start(): void {
    this.sequence.start()
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
    this.bytes += message.size
  }

  /** The queue was on hold when a former run ended. */
  restorePaused(): void {
    this.#paused = true
    this.state = 'ONHOLD'
  }

  /** Sends what waits, connecting first when there is no session. Called after anything that may let messages go. */
  attend(): void {
    if (this.session !== null) this.session.dispatch()
    else if (!this.route.isBusy && this.#nextMessage() !== null) this.connect()
  }

  /** The next message for the session: higher priority first, then age. Expired ones leave on the way. */
  next(): OutgoingMessage | null {
    for (;;) {
      const message = this.#nextMessage()
      if (message === null || message.expiresMs > this.#context.now.wallMs) return message
      this.#expire()
    }
  }

  /**
   * The packet of the next message as it is sent now: a transactional one names the message before it. Null when the store
   * cannot give it back; then the message leaves the queue, but its row stays for whoever looks into the store.
   */
  packetToSend(message: OutgoingMessage): Buffer | null {
    const packet = packetOf(this.#context, message)
    const toSend = packet === null || message.place === null ? packet : this.sequence.stamped(message, packet)
    if (toSend !== null) return toSend
    this.#leave(message, true)
    this.#leftRow = true
    if (message.place === null) this.#plain[message.priority]?.shift()
    else {
      this.sequence.leaveRow()
      this.sequence.sweep(1)
    }
    return null
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
      if ((message.flags & OUTGOING_FLAGS.JP) !== 0) this.#journal(message)
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
      const isOnTheWay = this.session !== null && !message.sessionAcknowledged && !message.waiting
      // the numbers of a session count it until it is acknowledged; a post stands for itself
      if (isOnTheWay && !this.isHttp) continue
      this.#takenInOrder(message)
      removed += 1
    }
    this.sequence.sweep(removed)
    return removed
  }

  /** The next machine will never take it ([MC-MQSRM] 3.1.7.2.5). */
  refused(message: OutgoingMessage, messageClass: number): void {
    if (message.gone) return
    this.#abandon(message, messageClass)
    if (message.place !== null) this.sequence.sweep(1)
  }

  /** Takes a transactional message out before its order ack: a final ack says what became of it. */
  finallyAcknowledged(message: OutgoingMessage): void {
    this.sequence.finallyAcknowledged(message)
    this.#remove(message)
  }

  /** A session is being opened for this queue. */
  connecting(session: OutgoingSession): void {
    this.session = session
    this.state = 'WAITING'
  }

  /** It is open. */
  connected(): void {
    this.state = this.#paused ? 'ONHOLD' : 'CONNECTED'
    this.lastFailure = null
    this.route.established()
  }

  /** The session is over: what it had not acknowledged waits again, in the old order. */
  sessionEnded(outstanding: readonly OutgoingMessage[]): void {
    this.session = null
    this.state = this.#paused ? 'ONHOLD' : 'DISCONNECTED'
    const transactional: OutgoingMessage[] = []
    const purged: OutgoingMessage[] = []
    for (let index = outstanding.length - 1; index >= 0; index -= 1) {
      const message = outstanding[index] as OutgoingMessage
      if (message.gone) continue
      if (message.place !== null) transactional.push(message)
      else if (message.purging) purged.push(message)
      else {
        this.#plain[message.priority]?.pushFront(message)
        if (message.expiresMs !== Infinity) this.#watchExpiry(message.expiresMs)
      }
    }
    this.sequence.sessionEnded(transactional)
    for (const message of transactional)
      if (message.orderAcknowledged && !message.gone) this.#orderAcknowledged(message)
    this.#giveUp(purged.reverse(), MessageClass.NACK_DELETED)
    if (this.#nextMessage() !== null) this.route.retryLater()
  }

  /** Finds the destination's addresses and opens a session to the next of them ([MS-MQQB] 3.1.5.2). */
  connect(isRetry = false): void {
    if (this.session === null && this.#nextMessage() !== null) this.route.open(isRetry)
  }

  /** Nothing more is sent until {@link resume}; what is under way may be acknowledged. It stays so across restarts. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.state = 'ONHOLD'
    this.route.stop()
    this.session?.hold()
    this.#context.batch.changed(this)
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.state = this.session?.isOpen === true ? 'CONNECTED' : this.session === null ? 'INACTIVE' : 'WAITING'
    this.#context.batch.changed(this)
    this.attend()
  }

  /**
   * Takes everything out ([MS-MQDMPR] 3.1.7.1.7). What a session has sent and the peer has yet to acknowledge goes if it
   * comes back. Returns how many messages left at once.
   */
  purge(): number {
    for (const sent of this.session?.outstanding() ?? []) if (sent.place === null) sent.purging = true
    const messages = [...this.sequence, ...this.#plain.flatMap(deque => [...deque])].filter(({ gone }) => !gone)
    this.#giveUp(messages, MessageClass.NACK_DELETED)
    return messages.length
  }

  stop(): void {
    this.route.stop()
  }

  /** Nothing is in it or on its way into it, nothing serves it, and no row of the store refers to it. */
  get isIdle(): boolean {
    const inUse = this.session !== null || this.route.isResolving || this.#paused || this.#leftRow
    const { awaited } = this.#context.acknowledgements
    return !inUse && this.size === 0 && this.entering === 0 && awaited.sizeOf(this.text) === 0
  }

  /** Ends an idle queue for good. */
  discard(): void {
    this.isDiscarded = true
    this.route.discard()
    this.#expiryTimer.discard()
    this.sequence.discard()
    const { batch, outgoingQueues } = this.#context
    if (this.isStored) outgoingQueues.removals.afterwards(() => batch.remove('outgoing-queue', this.number))
  }

  save(batch: StoreBatch): void {
    if (!this.isDiscarded) batch.put('outgoing-queue', this.number, { formatName: this.text, paused: this.#paused })
  }

  #nextMessage(): OutgoingMessage | null {
    if (this.#paused) return null
    const transactional = this.sequence.next()
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const plain = this.#plain[priority]?.at(0)
      if (plain === undefined) continue
      return priority === 0 && transactional !== null && transactional.order < plain.order ? transactional : plain
    }
    return transactional
  }

  #journal(message: OutgoingMessage): void {
    const packet = packetOf(this.#context, message)
    if (packet !== null) journalSent(this.#context, packet)
  }

  /** The order ack covers it: it leaves the queue; one that is journaled awaits its final ack elsewhere. */
  #takenInOrder(message: OutgoingMessage): void {
    this.#leave(message, this.#context.acknowledgements.transactionalMessageTaken(message, this))
  }

  #orderAcknowledged(message: OutgoingMessage): void {
    this.#takenInOrder(message)
    this.sequence.sweep(1)
  }

  #remove(message: OutgoingMessage): void {
    if (message.gone) return
    this.#leave(message, false)
    if (message.place !== null) this.sequence.sweep(1)
  }

  /**
   * It is gone; the line it stands in is swept by the caller, once for all that go together. With `stillStored` its row
   * stays, for whoever took it over.
   */
  #leave(message: OutgoingMessage, stillStored: boolean): void {
    message.gone = true
    this.bytes -= message.size
    if (message.place === null) this.#plainCount -= 1
    this.#context.outgoingQueues.forget(message, stillStored)
    leaveMemory(this.#context, message)
  }

  /** They will not be delivered, for the reason that the class names ([MS-MQQB] 3.1.7.1.2). */
  #giveUp(messages: readonly OutgoingMessage[], messageClass: number): void {
    if (messages.length === 0) return
    let transactional = 0
    for (const message of messages) {
      this.#abandon(message, messageClass)
      if (message.place !== null) transactional += 1
    }
    this.sequence.sweep(transactional)
    if (transactional < messages.length) for (const deque of this.#plain) deque.filterInPlace(kept => !kept.gone)
  }

  /** It leaves; the line that it stands in is the caller's to sweep. */
  #abandon(message: OutgoingMessage, messageClass: number): void {
    const packet = packetOf(this.#context, message)
    this.#leave(message, packet === null)
    if (packet === null) {
      this.#leftRow = true
      if (message.place !== null) this.sequence.leaveRow()
      return
    }
    noteGivenUp(this.#context, this.text, message, messageClass)
    const { acknowledgements } = this.#context
    acknowledgements.messageGivenUp(packet, this.text, messageClass, message.deadLetterQueue)
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
