/** What unfinished packets and requests of all connections may take together. */
const HELD_SIZE_MAX = 64 * 1024 * 1024
const BUFFER_SIZE_MIN = 4096
const BUFFER_BITS_MIN = 12
/** Larger buffers are left to the garbage collector. */
const KEPT_SIZE_MAX = 256 * 1024
const KEPT_COUNT_MAX = 8

/** Holds bytes, and can let go of them. */
export interface Holder {
  /** Too much waits, and this has waited longest: everything it holds is to be released. */
  giveUp(): void
}

/** One of those that wait, in the order in which they began to. */
export interface Waiting {
  readonly holder: Holder
  older: Waiting | null
  newer: Waiting | null
}

/**
 * The buffers of all connections of a capture. Many connections end in the middle of a packet, each packet is short-lived:
 * buffers go from one to the next, and who waits longest gives way when there are too many bytes.
 */
export class HeldMemory {
  readonly #sizeMax: number
  /** By their sizes: 4096, 8192, … */
  readonly #kept: Buffer[][] = []
  #oldest: Waiting | null = null
  #newest: Waiting | null = null
  #size = 0

  constructor(sizeMax = HELD_SIZE_MAX) {
    this.#sizeMax = sizeMax
    for (let size = BUFFER_SIZE_MIN; size <= KEPT_SIZE_MAX; size *= 2) this.#kept.push([])
  }

  /** Bytes of the buffers that are given out, and those reserved. */
  get size(): number {
    return this.#size
  }

  /** A buffer of at least `size` bytes. Others that wait may be told to give up before it returns. */
  acquire(waiting: Waiting, size: number): Buffer {
    const order = size <= BUFFER_SIZE_MIN ? 0 : 32 - Math.clz32(size - 1) - BUFFER_BITS_MIN
    const capacity = BUFFER_SIZE_MIN << order
    this.reserve(waiting, capacity)
    return this.#kept[order]?.pop() ?? Buffer.allocUnsafeSlow(capacity)
  }

  /** Counts `size` bytes that are not a buffer of this memory. Others that wait may be told to give up before it returns. */
  reserve(waiting: Waiting, size: number): void {
    this.#size += size
    if (this.#size > this.#sizeMax) this.#makeRoom(waiting)
  }

  /** Bytes that were reserved are gone. */
  free(size: number): void {
    this.#size -= size
  }

  /** Takes a buffer back. */
  release(buffer: Buffer): void {
    this.free(buffer.length)
    const kept = this.#kept[31 - Math.clz32(buffer.length) - BUFFER_BITS_MIN]
    if (kept !== undefined && kept.length < KEPT_COUNT_MAX) kept.push(buffer)
  }

  /** It begins to wait. */
  join(waiting: Waiting): void {
    waiting.older = this.#newest
    if (this.#newest === null) this.#oldest = waiting
    else this.#newest.newer = waiting
    this.#newest = waiting
  }

  /** It waits no more. */
  leave(waiting: Waiting): void {
    const { older, newer } = waiting
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
    waiting.older = null
    waiting.newer = null
  }

  #makeRoom(newcomer: Waiting): void {
    let waiting = this.#oldest
    while (waiting !== null && this.#size > this.#sizeMax) {
      const { newer } = waiting
      if (waiting !== newcomer) waiting.holder.giveUp()
      waiting = newer
    }
  }
}
