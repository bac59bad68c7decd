import type { Guid } from '../protocol/guid.js'
import type { StoredValue } from './actions.js'
import type { StoreBatch } from './store-batch.js'

/**
 * The memory of identifiers of plain messages received ([MS-MQQB] 3.1.5.8.1, 3.1.6.7): (SourceQueueManager, MessageID),
 * at most `size` of them, the oldest leaving first, and none older than the cleanup age. Those of recoverable messages
 * survive a restart: their sender keeps them until it hears of our acknowledgement, and so sends them again after one.
 */
export class IdentifierMemory {
  readonly #size: number
  readonly #bySource = new Map<Guid, Map<number, number>>()
  readonly #sources: (Guid | undefined)[]
  readonly #ids: Float64Array
  #oldest = 0
  #count = 0
  /** Identifiers put into the store so far; they go round its `size` rows. */
  #stored = 0

  constructor(size: number) {
    this.#size = size
    this.#sources = []
    this.#ids = new Float64Array(size)
  }

  get count(): number {
    return this.#count
  }

  /** Whether this identifier was met before; it is remembered, or its time refreshed, either way. */
  seen(source: Guid, messageId: number, atMs: number): boolean {
    if (this.#size === 0) return false
    let ids = this.#bySource.get(source)
    if (ids === undefined) {
      ids = new Map()
      this.#bySource.set(source, ids)
    }
    const known = ids.has(messageId)
    ids.set(messageId, atMs)
    if (known) return true
    if (this.#count === this.#size) this.#forgetOldest()
    const slot = (this.#oldest + this.#count) % this.#size
    this.#sources[slot] = source
    this.#ids[slot] = messageId
    this.#count += 1
    return false
  }

  /** Keeps an identifier with the message it belongs to, in place of the oldest one kept. */
  store(batch: StoreBatch, source: Guid, messageId: number): void {
    if (this.#size === 0) return
    batch.put('identifier', String(this.#stored % this.#size), { source, messageId, order: this.#stored })
    this.#stored += 1
  }

  /** Takes back what the store kept; they count as met at the start of this run. */
  restore(rows: readonly StoredValue[]): void {
    for (const { source, messageId, order } of rows.toSorted(
      (one, other) => (one.order as number) - (other.order as number),
    )) {
      this.seen(source as Guid, messageId as number, 0)
      this.#stored = (order as number) + 1
    }
  }

  /** The message was not kept after all: it may come again. */
  forget(source: Guid, messageId: number): void {
    this.#drop(source, messageId)
  }

  /** Forgets what is older than `beforeMs`; the periodic cleanup. */
  forgetBefore(beforeMs: number): void {
    for (let left = this.#count; left > 0; left -= 1) {
      const ids = this.#bySource.get(this.#sources[this.#oldest] as Guid)
      const atMs = ids?.get(this.#ids[this.#oldest] as number)
      if (atMs !== undefined && atMs >= beforeMs) return
      this.#forgetOldest()
    }
  }

  #forgetOldest(): void {
    this.#drop(this.#sources[this.#oldest] as Guid, this.#ids[this.#oldest] as number)
    this.#sources[this.#oldest] = undefined
    this.#oldest = (this.#oldest + 1) % this.#size
    this.#count -= 1
  }

  /** A source of which nothing is left goes too: a peer can invent them without end. */
  #drop(source: Guid, messageId: number): void {
    const ids = this.#bySource.get(source)
    if (ids === undefined) return
    ids.delete(messageId)
    if (ids.size === 0) this.#bySource.delete(source)
  }
}
