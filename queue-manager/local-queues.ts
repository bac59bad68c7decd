import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import { MP_FLAGS } from '../protocol/binary/message-properties-header.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { MqlabError } from '../protocol/errors.js'
import { MessageClass } from '../protocol/message-class.js'
import type { StoredValue } from './actions.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import { endNote } from './message-notes.js'
import type { NoteBody } from './notes.js'
import { PersistentCounter } from './persistent-counter.js'
import { DEADLETTER_QUEUE, DEADXACT_QUEUE, MACHINE_JOURNAL, QueueRegistry } from './queue-registry.js'
import { correlationHash, QUEUED, type QueuedContents, QueuedMessage } from './queued-message.js'
import { deadLetterSent } from './source-journal.js'
import type { DurableWaiter } from './store-batch.js'
import type { StoredRow } from './stored-row.js'

const INFINITE_S = 0xffffffff
/** Messages of one queue whose decoded form is kept until they are received. */
const DECODED_MAX = 10_000
const ORDERS_RESERVED = 10_000
/** Fields of a stored message, by place: many rows have them, so they go without names. */
const FIELD = {
  QUEUE: 0,
  SUFFIX: 1,
  PRIORITY: 2,
  SIZE: 3,
  ARRIVED: 4,
  LIFE: 5,
  MESSAGE_ID: 6,
  CORRELATION: 7,
  FLAGS: 8,
  FINAL_ACK_TO: 9,
} as const

interface RestoredState {
  readonly row: StoredRow
  readonly suffix: string
  readonly abortCount: number
  readonly moveCount: number
}

/** How a message stands towards a full queue ([MS-MQDMPR] 3.1.7.1.9). */
export type QuotaVerdict = 'fits' | 'queue-quota' | 'machine-quota'

/** Who brings a message into a queue. */
export interface Arrival {
  /**
   * The message is durable where it must be; or, with a reason, the store failed and it is not here. Says whether the queue
   * shows it.
   */
  settled(error: string | null): boolean
}

/** What nobody hears of. */
export const UNHEARD: Arrival = { settled: error => error === null }

/** Called when messages are out of their queues for good; or, with a reason, when the store failed and they are back. */
export type Removed = (error: string | null) => void

/**
 * What is in the queues of this machine: how messages come in, stay and leave ([MS-MQDMPR] 3.1.7.1.9, 3.1.7.2.1). Who
 * leaves with a class tells those who asked to know; a message that an application received is copied to the journal.
 */
export class LocalQueues {
  readonly registry: QueueRegistry
  readonly #context: Context
  readonly #order: PersistentCounter
  /** Why locked messages will leave when they are given back. */
  readonly #leaving = new Map<QueuedMessage, number>()
  /** Rows of `message-state` whose messages have yet to be restored. */
  readonly #restoring = new Map<number, RestoredState>()

  constructor(context: Context) {
    this.#context = context
    this.registry = new QueueRegistry(context)
    this.#order = new PersistentCounter(context.batch, 'lookup-id', ORDERS_RESERVED)
  }

  byName(name: string): LocalQueue | null {
    return this.registry.byName(name)
  }

  byNumber(number: number): LocalQueue | null {
    return this.registry.byNumber(number)
  }

  [Symbol.iterator](): Iterator<LocalQueue> {
    return this.registry[Symbol.iterator]()
  }

  /** The first limit that is reached counts (MQ-12); system queues have one of their own (MQ-5). */
  quota(queue: LocalQueue, bytes: number): QuotaVerdict {
    const { counters, settings } = this.#context
    const used = queue.kind === 'subqueue' ? (queue.parent as LocalQueue) : queue
    if (used.quotaBytesUsed + bytes > used.quotaBytes) return 'queue-quota'
    if (queue.isSystem)
      return counters.systemBytes + bytes > settings.MachineJournalQuota * 1024 ? 'queue-quota' : 'fits'
    return counters.messageBytes + bytes > settings.MachineQuota * 1024 ? 'machine-quota' : 'fits'
  }

  /**
   * Stores a message (recoverable ones, together with whatever else is in the batch) and shows it in the queue once that is
   * durable. `arrival` is told when, or that the store failed and the message is not here; it says whether to show it.
   */
  put(
    queue: LocalQueue,
    message: UserMessagePacket,
    bytes: Buffer,
    recoverable: boolean,
    finalAckTo: string | null,
    arrival: Arrival,
    authenticated = false,
  ): void {
    const { batch, counters, now } = this.#context
    const { messageId, timeToBeReceived } = message.user
    const { flags } = message.properties
    const queued = new QueuedMessage(
      queue,
      this.#order.next(),
      message.base.flags & BASE_FLAGS.PR,
      bytes.length,
      now.wallMs,
      timeToBeReceived === INFINITE_S ? Infinity : timeToBeReceived,
      messageId,
      correlationHash(message.properties.correlationId),
      (recoverable ? QUEUED.RECOVERABLE : 0) |
        (authenticated ? QUEUED.AUTHENTICATED : 0) |
        (flags & MP_FLAGS.PR ? QUEUED.POSITIVE_ACK : 0) |
        (flags & MP_FLAGS.NR ? QUEUED.NEGATIVE_ACK : 0) |
        (message.user.flags & USER_FLAGS.JN ? QUEUED.DEAD_LETTER : 0) |
        (message.transaction === null ? 0 : QUEUED.TRANSACTIONAL),
      finalAckTo,
    )
    queued.packet = bytes
    if (queue.size < DECODED_MAX) queued.message = message
    this.#hold(queued)
    if (!recoverable) {
      counters.expressHeld += 1
      if (arrival.settled(null)) this.#show(queued)
      else this.#release(queued)
      return
    }
    this.registry.ensureStored(queue)
    batch.put('message', queued.order, storedHead(queued), bytes)
    batch.whenDurable(new Entering(this, queued, arrival))
  }

  /** The store has taken a message, or failed. */
  entered(queued: QueuedMessage, arrival: Arrival, error: string | null): void {
    if (arrival.settled(error) && error === null) {
      queued.settleInMemory(this.#context)
      this.#show(queued)
    } else {
      if (error === null) this.#context.batch.remove('message', queued.order)
      queued.packet = null
      this.#release(queued)
    }
  }

  /** Puts a message that came to nothing into a dead-letter queue of this machine. False when that is full. */
  deadLetter(message: UserMessagePacket, bytes: Buffer, transactional: boolean): boolean {
    return this.#putCopy(this.byName(transactional ? DEADXACT_QUEUE : DEADLETTER_QUEUE) as LocalQueue, message, bytes)
  }

  /** Puts a copy of a message that left this machine into its journal (MQ-7). False when that is full. */
  journalCopy(message: UserMessagePacket, bytes: Buffer): boolean {
    return this.#putCopy(this.byName(MACHINE_JOURNAL) as LocalQueue, message, bytes)
  }

  /** Takes messages out: in the store now, in memory when that is durable. Those that are on their way out are left to it. */
  remove(toRemove: readonly QueuedMessage[], messageClass: number, removed: Removed): void {
    const { batch } = this.#context
    const messages = toRemove.filter(({ state }) => state === 'available' || state === 'locked')
    const notes = this.#context.log.noting ? this.#endNotes(messages, messageClass) : []
    let stored = false
    for (const queued of messages) {
      queued.queue.line.lock(queued, 'leaving')
      if (this.#withdraw(queued, messageClass)) stored = true
    }
    const done = (error: string | null): void => {
      for (const queued of messages) {
        if (error === null) this.#finish(queued)
        else this.giveBack(queued)
      }
      const { log, now } = this.#context
      if (error === null) for (const note of notes) log.note(now, note)
      removed(error)
    }
    if (stored) batch.whenDurable(done)
    else done(null)
  }

  /** A message's packet, decoded too; null when the store cannot give it back. */
  read(queued: QueuedMessage): QueuedContents | null {
    try {
      return queued.read(this.#context)
    } catch (error) {
      if (!(error instanceof MqlabError)) throw error
      this.#context.counters.unreadablePackets += 1
      return null
    }
  }

  /** A locked message is available again, in its old place; or leaves, if it was purged or expired meanwhile. */
  giveBack(queued: QueuedMessage): void {
    if (queued.state === 'gone') return
    const messageClass = this.#leaving.get(queued)
    if (messageClass !== undefined) {
      this.#leaving.delete(queued)
      queued.queue.line.lock(queued, 'locked')
      this.#dismiss([queued], messageClass)
      return
    }
    // its time ran out, but the store failed: that is tried again, and the message can be received meanwhile
    const { now, settings } = this.#context
    if (queued.expiry?.running === false) queued.expiry.start(now, settings.TryConnectInterval)
    const { line } = queued.queue
    const wasEmpty = line.available === 0
    line.unlock(queued)
    this.#announce(queued, wasEmpty)
  }

  /** What a transaction that was aborted, or a move, changed is kept with the message. */
  storeState(queued: QueuedMessage): void {
    if (!queued.recoverable) return
    const { suffix } = queued.queue
    this.#context.batch.put('message-state', queued.order, [suffix, queued.abortCount, queued.moveCount])
  }

  /** Puts a message into another queue of its parent, with its identity and order. */
  move(queued: QueuedMessage, target: LocalQueue): void {
    const source = queued.queue
    this.#relocate(queued, target)
    queued.moveCount += 1
    this.storeState(queued)
    if (queued.recoverable)
      this.#context.batch.whenDurable(error => {
        if (error === null || queued.queue !== target || queued.state !== 'available') return
        queued.moveCount -= 1
        this.#relocate(queued, source)
      })
  }

  /** Takes everything out of a queue; what is locked leaves when it is given back. Returns how many left or will. */
  purge(queue: LocalQueue): number {
    const messages = [...queue.line]
    for (const queued of messages) if (queued.state === 'locked') this.#leaving.set(queued, MessageClass.NACK_Q_PURGED)
    this.#dismiss(
      messages.filter(({ state }) => state === 'available'),
      MessageClass.NACK_Q_PURGED,
    )
    return messages.length
  }

  /** Takes everything out of a queue that is deleted, locked or not, and out of its journal and subqueues. */
  empty(queue: LocalQueue): void {
    for (const part of this.registry.partsOf(queue)) this.#dismiss([...part.line], MessageClass.NACK_Q_DELETED)
  }

  /** Begins to work: what was restored was so before it was known what time it is. */
  start(): void {
    this.registry.start()
    for (const queue of this.registry.all())
      for (const queued of queue.line) if (queued.lifeS !== Infinity) this.#startExpiry(queued)
  }

  restoreOrder(row: StoredRow): void {
    this.#order.restore(row.whole('reserved'))
  }

  restoreMessage(row: StoredRow): void {
    const state = this.#restoring.get(row.numberKey)
    const main = this.byNumber(row.number(FIELD.QUEUE))
    if (main === null && this.registry.isDeleted(row.number(FIELD.QUEUE))) {
      this.#context.batch.remove('message', row.numberKey)
      if (this.#restoring.delete(row.numberKey)) this.#context.batch.remove('message-state', row.numberKey)
      return
    }
    if (main === null) throw row.wrong(FIELD.QUEUE, 'the number of a queue that is stored')
    const queue = this.registry.part(main, state?.suffix ?? row.text(FIELD.SUFFIX))
    const queued = new QueuedMessage(
      queue,
      row.numberKey,
      row.whole(FIELD.PRIORITY, 0, 7),
      row.whole(FIELD.SIZE, 1),
      row.number(FIELD.ARRIVED),
      row.number(FIELD.LIFE),
      row.whole(FIELD.MESSAGE_ID),
      row.whole(FIELD.CORRELATION),
      row.whole(FIELD.FLAGS, 0, 63),
      row.optional(FIELD.FINAL_ACK_TO, row.text),
    )
    if (state !== undefined) {
      queued.abortCount = state.abortCount
      queued.moveCount = state.moveCount
      this.#restoring.delete(queued.order)
    }
    this.#order.restore(queued.order)
    this.#hold(queued)
    queued.state = 'available'
    queue.line.insert(queued)
  }

  /** How often a message came back, and where it was moved to; given before the messages. */
  restoreState(row: StoredRow): void {
    this.#restoring.set(row.numberKey, { row, suffix: row.text(0), abortCount: row.whole(1), moveCount: row.whole(2) })
  }

  /** Everything was given back. */
  restored(): void {
    for (const { row } of this.#restoring.values()) throw row.wrong('the key', 'that of a message which is stored')
  }

  #relocate(queued: QueuedMessage, target: LocalQueue): void {
    const source = queued.queue
    source.line.extract(queued)
    source.bytes -= queued.size
    target.bytes += queued.size
    queued.queue = target
    this.#insert(queued)
  }

  #putCopy(queue: LocalQueue, message: UserMessagePacket, bytes: Buffer): boolean {
    if (this.quota(queue, bytes.length) !== 'fits') {
      this.#context.counters.copiesDropped += 1
      return false
    }
    this.put(queue, message, bytes, true, null, UNHEARD)
    return true
  }

  #show(queued: QueuedMessage): void {
    if (queued.queue.deleted || queued.queue.parent?.deleted) {
      this.#dismissUnseen(queued)
      return
    }
    if (queued.lifeS !== Infinity) this.#startExpiry(queued)
    this.#insert(queued)
  }

  #insert(queued: QueuedMessage): void {
    const { line } = queued.queue
    const wasEmpty = line.available === 0
    queued.state = 'available'
    line.insert(queued)
    this.#announce(queued, wasEmpty)
  }

  /** It became available: who waits for it gets it, and an application learns of the first in an empty queue. */
  #announce(queued: QueuedMessage, wasEmpty: boolean): void {
    const { log, reads } = this.#context
    const { line, name, waiting } = queued.queue
    if (waiting.size > 0) reads.serve(queued)
    if (wasEmpty && line.available > 0) log.push({ do: 'arrived', queue: name })
  }

  /** Its queue was deleted while the store took it. */
  #dismissUnseen(queued: QueuedMessage): void {
    queued.queue.line.insert(queued)
    this.#dismiss([queued], MessageClass.NACK_Q_DELETED)
  }

  #dismiss(messages: readonly QueuedMessage[], messageClass: number): void {
    if (messages.length === 0) return
    this.remove(messages, messageClass, () => undefined)
  }

  /** What to note once they are gone; nothing of the copies in journals and dead-letter queues. */
  #endNotes(messages: readonly QueuedMessage[], messageClass: number): NoteBody[] {
    return messages.flatMap(queued => {
      const contents = queued.queue.holdsCopies ? null : this.read(queued)
      return contents === null ? [] : [endNote(queued, contents, messageClass)]
    })
  }

  /** What the end of a message means to others, and to the store, all in one batch. Whether the store has to do with it. */
  #withdraw(queued: QueuedMessage, messageClass: number): boolean {
    const { acknowledgements, batch } = this.#context
    const { queue } = queued
    const received = messageClass === MessageClass.ACK_RECEIVE
    const journaled = received && queue.properties.journal && !queue.holdsCopies
    if (queued.recoverable) {
      batch.remove('message', queued.order)
      if (queued.abortCount > 0 || queued.moveCount > 0) batch.remove('message-state', queued.order)
    }
    const deadLettered = queued.isDeadLettered(messageClass)
    if (queue.holdsCopies || !(journaled || deadLettered || queued.isAwaited(messageClass))) return queued.recoverable
    const contents = this.read(queued)
    if (contents === null) return queued.recoverable
    const { message, packet } = contents
    if (queued.flags & (received ? QUEUED.POSITIVE_ACK : QUEUED.NEGATIVE_ACK))
      acknowledgements.sendAdminAck(message, messageClass)
    if (queued.finalAckTo !== null) acknowledgements.sendFinalAckFor(message, queued.finalAckTo, messageClass)
    if (journaled) this.#putCopy(this.registry.journalOf(queue.parent ?? queue), message, packet)
    if (deadLettered) deadLetterSent(this.#context, packet, queue.name, messageClass, null)
    return queued.recoverable || journaled || deadLettered
  }

  /** It is out of the queue for good. */
  #finish(queued: QueuedMessage): void {
    if (queued.state === 'gone') return
    queued.queue.line.remove(queued)
    queued.expiry?.discard()
    this.#leaving.delete(queued)
    queued.release(this.#context)
    this.#release(queued)
  }

  #startExpiry(queued: QueuedMessage): void {
    const { now, timers } = this.#context
    if (queued.queue.holdsCopies) return
    queued.expiry ??= timers.create('time to be received', () => this.#expire(queued))
    queued.expiry.startAt(now.monotonicMs + queued.lifeS * 1000 - (now.wallMs - queued.arrivedMs))
  }

  /** Time-to-be-received ran out in the queue ([MS-MQDMPR] 3.1.2.4, 3.1.7.2.7). */
  #expire(queued: QueuedMessage): void {
    if (queued.state === 'available') this.#dismiss([queued], MessageClass.NACK_RECEIVE_TIMEOUT)
    else if (queued.state === 'locked') this.#leaving.set(queued, MessageClass.NACK_RECEIVE_TIMEOUT)
  }

  #hold({ queue, size }: QueuedMessage): void {
    const { counters } = this.#context
    queue.bytes += size
    if (queue.isSystem) counters.systemBytes += size
    else counters.messageBytes += size
  }

  #release({ queue, size, recoverable }: QueuedMessage): void {
    const { counters } = this.#context
    queue.bytes -= size
    if (queue.isSystem) counters.systemBytes -= size
    else counters.messageBytes -= size
    if (!recoverable) counters.expressHeld -= 1
    if ((queue.parent ?? queue).deleted) this.registry.emptied(queue.parent ?? queue)
  }
}

/** A message that the store is taking. */
class Entering implements DurableWaiter {
  readonly #queues: LocalQueues
  readonly #queued: QueuedMessage
  readonly #arrival: Arrival

  constructor(queues: LocalQueues, queued: QueuedMessage, arrival: Arrival) {
    this.#queues = queues
    this.#queued = queued
    this.#arrival = arrival
  }

  durable(error: string | null): void {
    this.#queues.entered(this.#queued, this.#arrival, error)
  }
}

function storedHead(queued: QueuedMessage): StoredValue {
  const { queue, priority, size, arrivedMs, lifeS, messageId, correlation, flags, finalAckTo } = queued
  return [queue.number, queue.suffix, priority, size, arrivedMs, lifeS, messageId, correlation, flags, finalAckTo]
}
