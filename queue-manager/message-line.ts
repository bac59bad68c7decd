import type { QueuedMessage } from './queued-message.js'

const PRIORITIES = 8
/** Places of messages that left, which may stand before the rest moves up, or as many as there are others. */
const EMPTY_MAX = 64

/**
 * The messages of one queue in delivery order: by priority, then arrival (MQ-6; [MS-MQDMPR] 3.1.1.2). A locked message
 * keeps its place, so that one given back is where it was.
 */
export class MessageLine {
  readonly #lanes: readonly Lane[] = Array.from({ length: PRIORITIES }, () => new Lane())
  #size = 0
  #available = 0

  /** Messages in the queue, locked ones too. */
  get size(): number {
    return this.#size
  }

  get available(): number {
    return this.#available
  }

  /** Takes a message in at the place that its priority and order give it. */
  insert(queued: QueuedMessage): void {
    this.#lane(queued).insert(queued)
    this.#size += 1
    if (queued.state === 'available') this.#available += 1
  }

  /** It cannot be read for now. */
  lock(queued: QueuedMessage, state: 'locked' | 'leaving'): void {
    if (queued.state === 'available') this.#available -= 1
    queued.state = state
  }

  unlock(queued: QueuedMessage): void {
    queued.state = 'available'
    this.#available += 1
    this.#lane(queued).becameAvailable(queued)
  }

  /** Takes it out for good. */
  remove(queued: QueuedMessage): void {
    if (queued.state === 'available') this.#available -= 1
    queued.state = 'gone'
    this.#size -= 1
    this.#lane(queued).sweep()
  }

  /** Takes it out to put it elsewhere; its state stays. */
  extract(queued: QueuedMessage): void {
    if (queued.state === 'available') this.#available -= 1
    this.#size -= 1
    this.#lane(queued).extract(queued)
  }

  /** The first message that can be read. */
  first(): QueuedMessage | null {
    if (this.#available === 0) return null
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
      const queued = (this.#lanes[priority] as Lane).first()
      if (queued !== null) return queued
    }
    return null
  }

  /** All that are not gone, from the first that can be read on. */
  *fromFirst(): Iterable<QueuedMessage> {
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) yield* (this.#lanes[priority] as Lane).fromFirst()
  }

  /** The message with this lookup identifier, in whatever state it is. */
  find(lookupId: number): QueuedMessage | null {
    for (const lane of this.#lanes) {
      const found = lane.find(lookupId)
      if (found !== null) return found
    }
    return null
  }

  /** All that are not gone, in delivery order. */
  *[Symbol.iterator](): Iterator<QueuedMessage> {
    for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) yield* this.#lanes[priority] as Lane
  }

  /** Those after `lookupId` in delivery order; or before it, the nearest first. */
  *from(lookupId: number, direction: 'next' | 'previous'): Iterable<QueuedMessage> {
    const forward = direction === 'next'
    for (let step = 0; step < PRIORITIES; step += 1) {
      const lane = this.#lanes[forward ? PRIORITIES - 1 - step : step] as Lane
      yield* forward ? lane.after(lookupId) : lane.before(lookupId)
    }
  }

  #lane(queued: QueuedMessage): Lane {
    return this.#lanes[queued.priority] as Lane
  }
}

/** The messages of one priority, by order. */
class Lane {
  #items: QueuedMessage[] = []
  /** Before it all are gone. */
  #head = 0
  /** Before it none is available. */
  #firstAvailable = 0
  #gone = 0

  insert(queued: QueuedMessage): void {
    const last = this.#items.at(-1)
    if (last === undefined || last.order < queued.order) this.#items.push(queued)
    else {
      const index = this.#indexFrom(queued.lookupId)
      this.#items.splice(index, 0, queued)
      if (index < this.#firstAvailable) this.#firstAvailable = index
    }
  }

  extract(queued: QueuedMessage): void {
    const index = this.#indexFrom(queued.lookupId)
    this.#items.splice(index, 1)
    if (index < this.#firstAvailable) this.#firstAvailable -= 1
  }

  becameAvailable(queued: QueuedMessage): void {
    this.#firstAvailable = Math.min(this.#firstAvailable, this.#indexFrom(queued.lookupId))
  }

  first(): QueuedMessage | null {
    for (; this.#firstAvailable < this.#items.length; this.#firstAvailable += 1) {
      const queued = this.#items[this.#firstAvailable] as QueuedMessage
      if (queued.state === 'available') return queued
    }
    return null
  }

  find(lookupId: number): QueuedMessage | null {
    const found = this.#items[this.#indexFrom(lookupId)]
    return found !== undefined && found.lookupId === lookupId && found.state !== 'gone' ? found : null
  }

  /** One more is gone. Its place is given up when it is the first, or when many are. */
  sweep(): void {
    this.#gone += 1
    const items = this.#items
    while (this.#head < items.length && (items[this.#head] as QueuedMessage).state === 'gone') {
      this.#head += 1
      this.#gone -= 1
    }
    const empty = this.#head + this.#gone
    if (empty < EMPTY_MAX || empty * 2 < items.length) return
    this.#items = items.filter(({ state }) => state !== 'gone')
    this.#head = 0
    this.#firstAvailable = 0
    this.#gone = 0
  }

  *[Symbol.iterator](): Iterator<QueuedMessage> {
    yield* this.#forward(this.#head)
  }

  *fromFirst(): Iterable<QueuedMessage> {
    if (this.first() !== null) yield* this.#forward(this.#firstAvailable)
  }

  *after(lookupId: number): Iterable<QueuedMessage> {
    yield* this.#forward(Math.max(this.#head, this.#indexFrom(lookupId + 1)))
  }

  *before(lookupId: number): Iterable<QueuedMessage> {
    for (let index = this.#indexFrom(lookupId) - 1; index >= this.#head; index -= 1) {
      const queued = this.#items[index] as QueuedMessage
      if (queued.state !== 'gone') yield queued
    }
  }

  *#forward(from: number): Iterable<QueuedMessage> {
    for (let index = from; index < this.#items.length; index += 1) {
      const queued = this.#items[index] as QueuedMessage
      if (queued.state !== 'gone') yield queued
    }
  }

  /** Where the first message stands whose lookup identifier is not below this one. */
  #indexFrom(lookupId: number): number {
    let low = this.#head
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#items[middle] as QueuedMessage).lookupId < lookupId) low = middle + 1
      else high = middle
    }
    return low
  }
}
