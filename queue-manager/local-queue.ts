import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { Deque } from './deque.js'
import type { Timer } from './timers.js'

/** A message in a local queue. `packet` is the queue's own copy; the decoded body is a view of it. */
export interface QueuedMessage {
  readonly lookupId: number
  readonly packet: Buffer
  readonly message: UserMessagePacket
  /** Wall clock. */
  readonly arrivedMs: number
  /** Key under which the store keeps it; null for express messages. */
  readonly storeKey: number | null
  /** Format name of the order queue that a final ack would go to; null for plain messages. */
  readonly finalAckTo: string | null
  /** Runs time-to-be-received; null when that is infinite. */
  expiry: Timer | null
}

export interface LocalQueueOptions {
  /** Path without the computer: `private$\orders`. */
  readonly name: string
  /** Private queue number, as in PRIVATE=guid\number. */
  readonly number: number
  readonly transactional: boolean
  /** Bytes; Infinity for none. */
  readonly quotaBytes: number
}

const PRIORITIES = 8
/** Removed messages that may stand in the line, or as many as there are others. */
const GONE_MAX = 64

/** A queue on this machine: by priority, then arrival (MQ-6). It holds only what is durable, or need not be. */
export class LocalQueue {
  readonly name: string
  readonly number: number
  readonly transactional: boolean
  readonly quotaBytes: number
  /** Bytes in the queue, or promised to messages that the store is taking. */
  bytes = 0
  readonly #byPriority: Deque<QueuedMessage>[] = []
  #size = 0
  /** Removed from the middle, and skipped until the queue is swept: a line that is searched for each gets slow. */
  readonly #gone = new Set<QueuedMessage>()

  constructor(options: LocalQueueOptions) {
    this.name = options.name
    this.number = options.number
    this.transactional = options.transactional
    this.quotaBytes = options.quotaBytes
    for (let priority = 0; priority < PRIORITIES; priority += 1) this.#byPriority.push(new Deque())
  }

  get size(): number {
    return this.#size
  }

  insert(queued: QueuedMessage): void {
    this.#of(queued).push(queued)
    this.#size += 1
  }

  /** A receive that did not come about: the message is the first again. */
  putBack(queued: QueuedMessage): void {
    this.#of(queued).pushFront(queued)
    this.#size += 1
  }

  /** Takes up to `max` messages out, in delivery order. */
  take(max: number): QueuedMessage[] {
    const taken: QueuedMessage[] = []
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const deque = this.#byPriority[priority] as Deque<QueuedMessage>
      while (taken.length < max && deque.size > 0) {
        const queued = deque.shift() as QueuedMessage
        if (!this.#gone.delete(queued)) taken.push(queued)
      }
    }
    this.#size -= taken.length
    return taken
  }

  /** The first `max` messages in delivery order, left where they are. */
  peek(max: number): QueuedMessage[] {
    const seen: QueuedMessage[] = []
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1)
      for (const queued of this.#byPriority[priority] as Deque<QueuedMessage>) {
        if (seen.length >= max) return seen
        if (!this.#gone.has(queued)) seen.push(queued)
      }
    return seen
  }

  /** Takes one message, which must be in the queue, out of its place. */
  remove(queued: QueuedMessage): void {
    this.#size -= 1
    this.#gone.add(queued)
    if (this.#gone.size < GONE_MAX || this.#gone.size < this.#size) return
    for (const deque of this.#byPriority) deque.filterInPlace(kept => !this.#gone.has(kept))
    this.#gone.clear()
  }

  #of(queued: QueuedMessage): Deque<QueuedMessage> {
    return this.#byPriority[queued.message.base.flags & BASE_FLAGS.PR] as Deque<QueuedMessage>
  }
}
