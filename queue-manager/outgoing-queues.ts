import { setTransactionFlags, stampTransaction } from '../protocol/binary/build.js'
import type { FinalAckBody } from '../protocol/binary/final-ack.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { OptionError } from '../protocol/errors.js'
import { type FormatName, formatNameText, parseFormatName } from '../protocol/format-name.js'
import { MessageClass } from '../protocol/message-class.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'
import type { StoredValue } from './actions.js'
import { endTransactional } from './awaited-final-acks.js'
import type { Context } from './context.js'
import { ExpressSurvey } from './express-survey.js'
import { InternalMessages, type Passage } from './internal-messages.js'
import type { LocalQueue } from './local-queue.js'
import { UNHEARD } from './local-queues.js'
import { MessageIdentifiers } from './message-identifiers.js'
import { noteAccepted } from './message-notes.js'
import { buildMessage, type MessageToSend, type TransactionPart } from './message-to-send.js'
import { EnteringMessage } from './outgoing-entering.js'
import { type OutgoingMessage, outgoingRow, packetOf, readOutgoingRow } from './outgoing-message.js'
import { OutgoingQueue } from './outgoing-queue.js'
import { OutgoingRemovals } from './outgoing-removals.js'
import { OutgoingTargets, type Target } from './outgoing-targets.js'
import { PersistentCounter } from './persistent-counter.js'
import { isAuthenticated } from './security/message-security.js'
import { journalSent } from './source-journal.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import { StoredRow } from './stored-row.js'

/** The answer to a send: its outcome comes as the action `outcome` with this request. */
export interface SendTicket {
  readonly request: number
  readonly messageIds: readonly number[]
}

/** A message that is built and has its way, but no place yet: nothing was changed for it, and it may be dropped. */
export interface Prepared {
  readonly message: OutgoingMessage
  readonly target: Target
  /** The target's outgoing queue; another one of that name once the message has entered, if it was given up meanwhile. */
  queue: OutgoingQueue | null
  /** It has a TransactionHeader of this machine. */
  readonly transactional: boolean
}

/** Outgoing queues, above which none is made for a destination that only a peer named. */
const QUEUES_FOR_PEERS_MAX = 4_096
const ORDERS_RESERVED = 1_000_000
const TRANSACTION_ID_MAX = 0xfffff

/** Every outgoing queue of a queue manager, what applications and the engine itself put into them, and their sequences. */
export class OutgoingQueues implements StoredState {
  readonly targets: OutgoingTargets
  readonly messageIds: MessageIdentifiers
  readonly removals: OutgoingRemovals
  /** Express messages of the whole queue manager, which a restart loses. */
  readonly express: ExpressSurvey
  /** Messages that no application sent. */
  readonly internal: InternalMessages
  readonly #context: Context
  readonly #timeStamp: number
  readonly #part: TransactionPart
  readonly #byName = new Map<string, OutgoingQueue>()
  readonly #byNumber = new Map<number, OutgoingQueue>()
  readonly #sequences = new Map<string, OutgoingQueue>()
  readonly #orders: PersistentCounter
  #lastQueueNumber = 0
  #ordinal = 0
  /** No sequence up to this ordinal will be begun again after a crash. */
  #ordinalDurable = 0
  #transaction = 0

  /** @param timeStamp TxSequenceID.TimeStamp: the time of installation, the same for the life of a queue manager. */
  constructor(context: Context, timeStamp: number) {
    this.#context = context
    this.#timeStamp = timeStamp
    this.#part = { timeStamp }
    this.targets = new OutgoingTargets(context, formatName => this.#queue(formatName))
    this.messageIds = new MessageIdentifiers(context.batch)
    this.#orders = new PersistentCounter(context.batch, 'outgoing-order', ORDERS_RESERVED)
    this.removals = new OutgoingRemovals(context)
    this.express = new ExpressSurvey(context)
    this.internal = new InternalMessages(context, this)
  }

  [Symbol.iterator](): IterableIterator<OutgoingQueue> {
    return this.#byName.values()
  }

  /** The outgoing queue of a format name, as it was sent to; null when there is none. */
  find(formatName: string): OutgoingQueue | null {
    return this.#byName.get(formatNameText(parseFormatName(formatName))) ?? null
  }

  /** The same. @throws OptionError MSMQ_OPTION_QUEUE when there is none, MSMQ_OPTION_FORMAT_NAME. */
  existing(formatName: string): OutgoingQueue {
    const queue = this.find(formatName)
    if (queue === null)
      throw new OptionError('MSMQ_OPTION_QUEUE', 'outgoing queue', formatName, 'a format name that was sent to')
    return queue
  }

  /** Begins to work: what a former run left to send is sent. */
  start(): void {
    this.messageIds.start()
    this.express.start()
    this.#context.acknowledgements.awaited.start()
    for (const queue of this) queue.start()
  }

  /** No more attempts to connect are made; how many express messages will be lost is stored. */
  stop(): void {
    for (const queue of this) queue.stop()
    this.express.stop()
  }

  /** Names of local queues changed: what was looked up may be wrong. */
  forgetTargets(): void {
    this.targets.forget()
  }

  /** Sends one message outside of transactions, as {@link submit} does. Most go to one queue, and need no lists. */
  submitOne(message: MessageToSend): SendTicket {
    const targets = this.targets.all(message.destination)
    const [target] = targets
    if (target === undefined || targets.length > 1) return this.submit([message], false)
    const request = this.#context.nextRequest()
    const built = this.#refusal(message, targets, false, 0) ?? this.#build(message, target, targets, null)
    if (typeof built === 'string') {
      this.#context.log.outcome(request, built)
      return { request, messageIds: [] }
    }
    const queue = this.#admit(built, target, target.outgoing, false)
    if (this.#mustWait(built)) this.#context.batch.whenDurable(new EnteringMessage(this, built, queue, request))
    else this.entered(built, queue, request, null)
    return { request, messageIds: [built.messageId] }
  }

  /**
   * Sends messages; as one internal transaction, all or none, when `transactional`. Accepted means durable where it must be.
   * @throws OptionError for a destination that cannot be sent to, or message properties out of range.
   */
  submit(messages: readonly MessageToSend[], transactional: boolean): SendTicket {
    const request = this.#context.nextRequest()
    const prepared: Prepared[] = []
    let bytes = 0
    for (const message of messages) {
      const copies = this.prepare(message, transactional, bytes)
      if (typeof copies === 'string') {
        this.#context.log.outcome(request, copies)
        return { request, messageIds: [] }
      }
      for (const copy of copies) {
        prepared.push(copy)
        bytes += copy.message.size
      }
    }
    const messageIds: number[] = []
    for (const { message } of prepared) messageIds.push(message.messageId)
    this.enter(prepared, request)
    return { request, messageIds }
  }

  /**
   * Makes everything of a message that can fail: a copy for each destination, encoded. No place in a sequence is taken and
   * nothing is stored, so a bad message spoils nothing, and what is prepared may be dropped. Why not, where there is no room
   * for it or a queue of this machine wants it otherwise.
   * @param bytesBefore bytes of messages that were prepared, and have yet to {@link enter}.
   * @throws OptionError, EncodeError as {@link submit}.
   */
  prepare(message: MessageToSend, transactional: boolean, bytesBefore = 0): Prepared[] | MqErrorName {
    const targets = this.targets.all(message.destination)
    const refusal = this.#refusal(message, targets, transactional, bytesBefore)
    if (refusal !== null) return refusal
    const prepared: Prepared[] = []
    const part = transactional ? this.#part : null
    for (const target of targets) {
      const built = this.#build(message, target, targets, part)
      if (typeof built === 'string') return built
      prepared.push({ message: built, target, queue: target.outgoing, transactional })
    }
    return prepared
  }

  #refusal(
    message: MessageToSend,
    targets: readonly Target[],
    transactional: boolean,
    bytesBefore: number,
  ): MqErrorName | null {
    const { counters, settings } = this.#context
    for (const { local } of targets)
      if (local !== null && local.transactional !== transactional) return 'MQ_ERROR_TRANSACTION_USAGE'
    const bytes = bytesBefore + message.body.length * targets.length
    return counters.messageBytes + bytes > settings.MachineQuota * 1024 ? 'MQ_ERROR_INSUFFICIENT_RESOURCES' : null
  }

  #build(
    message: MessageToSend,
    target: Target,
    targets: readonly Target[],
    part: TransactionPart | null,
  ): OutgoingMessage | MqErrorName {
    const built = buildMessage(this.#context, message, target, targets, this.messageIds.next(), part)
    if (typeof built === 'string' || target.local === null) return built
    return this.#context.localQueues.quota(target.local, built.size) === 'fits'
      ? built
      : 'MQ_ERROR_INSUFFICIENT_RESOURCES'
  }

  /**
   * Puts prepared messages on their ways, together: those of a transaction get their places in sequences, what must be
   * durable goes into the batch of the moment, and they show in their queues once it is. Answers the request, if there is one.
   */
  enter(prepared: readonly Prepared[], request: number | null): void {
    this.#numberTransaction(prepared)
    let mustWait = false
    for (const each of prepared) {
      if (this.#mustWait(each.message)) mustWait = true
      each.queue = this.#admit(each.message, each.target, each.queue, each.transactional)
    }
    if (mustWait) this.#context.batch.whenDurable(error => this.#enteredAll(prepared, request, error))
    else this.#enteredAll(prepared, request, null)
  }

  /** It may not leave before the store has it, or the reservation of its identifier. */
  #mustWait({ recoverable, messageId }: OutgoingMessage): boolean {
    return recoverable || !this.messageIds.isDurable(messageId)
  }

  /** Gives a message its order and place, and puts it into the batch if it must be durable. Returns its queue. */
  #admit(
    message: OutgoingMessage,
    target: Target,
    prepared: OutgoingQueue | null,
    transactional: boolean,
  ): OutgoingQueue | null {
    const { batch } = this.#context
    message.order = this.#orders.next()
    // into the same batch as the rest: a transaction is whole on this machine, too
    if (target.local !== null) this.#deliverLocally(message, target.local)
    // an idle queue may have been given up since the message was prepared
    const queue = prepared?.isDiscarded === true ? this.#queue(target.formatName) : prepared
    if (queue === null) return null
    if (transactional) this.#place(message, queue)
    this.#track(message)
    queue.entering += 1
    if (!message.recoverable) return queue
    if (!queue.isStored) batch.changed(queue)
    batch.put('outgoing', message.order, outgoingRow(message, queue.number), message.packet as Buffer)
    return queue
  }

  /** First and last message of a transaction say so, and all of them its number ([MS-MQDMPR] 3.1.4.4). */
  #numberTransaction(prepared: readonly Prepared[]): void {
    let last: Prepared | null = null
    for (const each of prepared) {
      if (!each.transactional) continue
      if (last === null) this.#transaction = (this.#transaction % TRANSACTION_ID_MAX) + 1
      const flags = (this.#transaction << TX_FLAGS.ID_SHIFT) | (last === null ? TX_FLAGS.FM : 0)
      setTransactionFlags(each.message.packet as Buffer, flags)
      last = each
    }
    if (last === null) return
    const single = prepared.find(each => each.transactional) === last ? TX_FLAGS.FM : 0
    const flags = (this.#transaction << TX_FLAGS.ID_SHIFT) | TX_FLAGS.LM | single
    setTransactionFlags(last.message.packet as Buffer, flags)
  }

  #place(message: OutgoingMessage, { sequence }: OutgoingQueue): void {
    const place = sequence.nextPlace()
    message.place = place
    message.previous = place.number - 1
    stampTransaction(message.packet as Buffer, place.id, place.number, message.previous)
    this.#context.batch.changed(sequence)
    if (place.id.ordinal > this.#ordinalDurable) this.#context.batch.changed(this)
  }

  /** They are durable, or need not be; or the store failed. */
  #enteredAll(prepared: readonly Prepared[], request: number | null, error: string | null): void {
    for (const { message, queue } of prepared) if (queue !== null) this.#settle(message, queue, error)
    if (request !== null && error === null)
      for (const { message, queue } of prepared) if (queue !== null) noteAccepted(this.#context, queue, message)
    if (request !== null) this.#context.log.stored(request, error)
    let attended: OutgoingQueue | null = null
    for (const { queue } of prepared) {
      if (queue !== null && queue !== attended) queue.attend()
      attended = queue
    }
  }

  /** The same of one that went by itself. */
  entered(message: OutgoingMessage, queue: OutgoingQueue | null, request: number, error: string | null): void {
    if (queue !== null) this.#settle(message, queue, error)
    if (queue !== null && error === null) noteAccepted(this.#context, queue, message)
    this.#context.log.stored(request, error)
    queue?.attend()
  }

  #settle(message: OutgoingMessage, queue: OutgoingQueue, error: string | null): void {
    queue.entering -= 1
    if (error === null) {
      if (message.recoverable) queue.isStored = true
      if (message.place !== null) this.#ordinalDurable = Math.max(this.#ordinalDurable, message.place.id.ordinal)
      queue.add(message)
    } else {
      if (message.place !== null) queue.sequence.abandonPlace()
      // nothing of it came into the store
      this.#untrack(message)
    }
  }

  /** For a queue of this machine: it has reached its target when it is in it. */
  #deliverLocally(message: OutgoingMessage, queue: LocalQueue): void {
    const { acknowledgements, localQueues } = this.#context
    const bytes = message.packet as Buffer
    const packet = decodePacket(bytes) as UserMessagePacket
    // before the message, for a read may wait for it
    acknowledgements.sendArrivalAck(packet, MessageClass.ACK_REACH_QUEUE)
    localQueues.put(queue, packet, bytes, message.recoverable, null, UNHEARD, isAuthenticated(packet))
    if (packet.user.flags & USER_FLAGS.JP) journalSent(this.#context, bytes)
  }

  /** A message of another queue manager on its way: see {@link InternalMessages.forward}. */
  forward(packet: UserMessagePacket, bytes: Buffer, hopCount: number): Passage {
    return this.internal.forward(packet, bytes, hopCount)
  }

  /** Whether a destination that a peer named may have an outgoing queue; idle ones make room for it. */
  hasRoomFor(formatName: string): boolean {
    if (this.#byName.size < QUEUES_FOR_PEERS_MAX || this.targets.knows(formatName)) return true
    for (const [name, queue] of this.#byName) {
      if (!queue.isIdle) continue
      queue.discard()
      this.#byName.delete(name)
      this.#byNumber.delete(queue.number)
      this.targets.forget()
    }
    return this.#byName.size < QUEUES_FOR_PEERS_MAX || this.find(formatName) !== null
  }

  /** An order ack arrived: finds the sequence by its id among this machine's own. */
  orderAcknowledged(
    id: TxSequenceId,
    number: number,
  ): { result: 'matched' | 'stale' | 'unknown-sequence' | 'never-sent'; removed: number } {
    const queue = this.#sequences.get(sequenceIdText(id))
    if (queue !== undefined) {
      const removed = queue.orderAcknowledged(number)
      return removed === null ? { result: 'never-sent', removed: 0 } : { result: 'matched', removed }
    }
    const ours = id.timeStamp === this.#timeStamp && id.ordinal >= 1 && id.ordinal <= this.#ordinal
    return { result: ours ? 'stale' : 'unknown-sequence', removed: 0 }
  }

  /**
   * A final ack came for a transactional message that may still wait for its order ack: it leaves, and is journaled as the
   * class says. False when there is no such message, or it never left: then nobody can know anything of it.
   */
  finallyAcknowledged(ack: FinalAckBody, messageClass: number): boolean {
    const queue = this.#sequences.get(sequenceIdText(ack.sequenceId))
    const message = queue?.sequence.find(ack.sequenceNumber)
    if (queue === undefined || message === undefined) return false
    // over HTTP it is known by its place alone ([MC-MQSRM] 3.1.5.1.9)
    if ((!queue.isHttp && message.messageId !== ack.messageId) || message.attempts === 0) return false
    endTransactional(this.#context, message, queue.text, messageClass)
    queue.finallyAcknowledged(message)
    return true
  }

  /** Ids never repeat, and each is greater than all before ([MS-MQQB] 3.1.1.3.1.1 <35>). */
  openSequence(queueText: string): TxSequenceId {
    this.#ordinal += 1
    const id = { ordinal: this.#ordinal, timeStamp: this.#timeStamp }
    this.#sequences.set(sequenceIdText(id), this.#byName.get(queueText) as OutgoingQueue)
    return id
  }

  closeSequence(id: TxSequenceId): void {
    this.#sequences.delete(sequenceIdText(id))
  }

  /** A message left its queue. Its row stays with `stillStored`. */
  forget(message: OutgoingMessage, stillStored: boolean): void {
    this.#untrack(message)
    if (message.recoverable && !stillStored) this.removals.add(message.order)
  }

  /** The ordinal, stored again until it is durable: a batch may fail. */
  save(batch: StoreBatch): void {
    batch.put('state', 'sequence-ordinal', { ordinal: this.#ordinal })
  }

  restoreState(key: string, value: StoredValue): void {
    const row = new StoredRow({ table: 'state', key, value })
    if (key === 'sequence-ordinal') this.#restoreOrdinal(row.whole('ordinal'))
    if (key === 'message-id') this.messageIds.restore(row.whole('reserved'))
    if (key === 'express-held') this.express.restore(row.whole('held'))
    if (key === 'outgoing-order') this.#orders.restore(row.whole('reserved'))
  }

  #restoreOrdinal(ordinal: number): void {
    this.#ordinal = Math.max(this.#ordinal, ordinal)
    this.#ordinalDurable = this.#ordinal
  }

  restoreQueue(number: number, value: StoredValue): void {
    const row = new StoredRow({ table: 'outgoing-queue', key: number, value })
    this.#lastQueueNumber = Math.max(this.#lastQueueNumber, number)
    const queue = this.#add(parseFormatName(row.text('formatName')), number)
    queue.isStored = true
    if (row.flag('paused')) queue.restorePaused()
  }

  restoreSequence(queueText: string, value: StoredValue): void {
    const row = new StoredRow({ table: 'outgoing-sequence', key: queueText, value })
    const queue = this.#queue(parseFormatName(queueText))
    const id = { ordinal: row.whole('ordinal'), timeStamp: row.whole('timeStamp') }
    const renewed = row.optional('renewed', row.list)
    const [ordinal, base] = renewed ?? []
    if (renewed !== null && (typeof ordinal !== 'number' || typeof base !== 'number'))
      throw row.wrong('renewed', 'an ordinal and a number')
    const renewal = { id: { ordinal: Number(ordinal), timeStamp: id.timeStamp }, base: Number(base) }
    queue.sequence.restore(
      id,
      row.whole('nextNumber'),
      row.whole('lastAcknowledged'),
      renewed === null ? null : renewal,
    )
    const told = queue.sequence.idTold ?? id
    this.#sequences.set(sequenceIdText(told), queue)
    if (id.timeStamp === this.#timeStamp) this.#restoreOrdinal(Math.max(id.ordinal, told.ordinal))
  }

  /** Messages must be given in the order of their keys, which is that of their sending; after all other tables. */
  restoreMessage(key: number, value: StoredValue): void {
    const { acknowledgements } = this.#context
    const { queueNumber, sequenceNumber, sequenceOrdinal, message } = readOutgoingRow(key, value)
    this.#orders.restore(key)
    const queue = this.#byNumber.get(queueNumber)
    const row = new StoredRow({ table: 'outgoing', key, value })
    if (queue === undefined) throw row.wrong(0, 'the number of an outgoing queue')
    if (acknowledgements.awaited.restoreMessage(message, queue.text)) return
    if (sequenceNumber > 0) {
      const { id } = queue.sequence
      if (id === null) throw row.wrong(1, `a place in a sequence of ${queue.text}`)
      message.place = { id, number: sequenceNumber }
      // a row that was to be deleted, of a message taken, perhaps in a sequence that has ended since
      if (id.ordinal !== sequenceOrdinal || queue.sequence.isAcknowledged(message.place)) {
        const isDone = !acknowledgements.transactionalMessageTaken(message, queue)
        // one that cannot be read may never have left
        if (isDone && packetOf(this.#context, message) !== null) this.removals.add(key)
        return
      }
    }
    queue.restore(message)
    this.#track(message)
  }

  /** Two spellings of one destination are two outgoing queues, with a session and a sequence each ([MS-MQQB] 1.1). */
  #queue(formatName: FormatName): OutgoingQueue {
    const known = this.#byName.get(formatNameText(formatName))
    if (known !== undefined) return known
    this.#lastQueueNumber += 1
    return this.#add(formatName, this.#lastQueueNumber)
  }

  #add(formatName: FormatName, number: number): OutgoingQueue {
    const queue = new OutgoingQueue(this.#context, formatName, number)
    this.#byName.set(queue.text, queue)
    this.#byNumber.set(number, queue)
    return queue
  }

  #track(message: OutgoingMessage): void {
    const { counters } = this.#context
    if (!message.recoverable) counters.expressHeld += 1
    counters.outgoingMessages += 1
    counters.messageBytes += message.size
  }

  #untrack(message: OutgoingMessage): void {
    const { counters } = this.#context
    if (!message.recoverable) counters.expressHeld -= 1
    counters.outgoingMessages -= 1
    counters.messageBytes -= message.size
  }
}
