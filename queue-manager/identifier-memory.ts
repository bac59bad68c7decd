import type { Guid } from '../protocol/guid.js'

/**
 * The memory of identifiers of plain messages received ([MS-MQQB] 3.1.5.8.1, 3.1.6.7): (SourceQueueManager, MessageID),
 * at most `size` of them, the oldest leaving first, and none older than the cleanup age.
 */
export class IdentifierMemory {
  readonly #size: number
  readonly #bySource = new Map<Guid, Map<number, number>>()
  readonly #sources: (Guid | undefined)[]
  readonly #ids: Float64Array
  #oldest = 0
  #count = 0

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
