/** What unfinished packets and requests of all connections may take together. */
const HELD_SIZE_MAX = 64 * 1024 * 1024
const BUFFER_SIZE_MIN = 8192
const BUFFER_BITS_MIN = 13
/** Larger rooms are left to the garbage collector. */
const KEPT_SIZE_MAX = 256 * 1024
const KEPT_COUNT_MAX = 8

/** Bytes of a room before those that are held. */
export const HEADROOM = 2048

/** A buffer, and the view of it behind its headroom: views cost more than copies of some bytes. */
export interface Room {
  readonly whole: Buffer
  readonly data: Buffer
  /** The latest packet that it held: the next one is often as long. */
  packet: Buffer
}

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
 * The rooms of all connections of a capture. Many connections end in the middle of a packet, each packet is short-lived:
 * rooms go from one to the next, and who waits longest gives way when there are too many bytes.
 */
export class HeldMemory {
  readonly #sizeMax: number
  /** By their sizes: 8 KB, 16 KB, … */
  readonly #kept: Room[][] = []
  #oldest: Waiting | null = null
  #newest: Waiting | null = null
  /** Bytes of the rooms that are given out, and those reserved. */
  #size = 0

  constructor(sizeMax = HELD_SIZE_MAX) {
    this.#sizeMax = sizeMax
    for (let size = BUFFER_SIZE_MIN; size <= KEPT_SIZE_MAX; size *= 2) this.#kept.push([])
  }

  /** A room for at least `size` bytes. Others that wait may be told to give up before it returns. */
  acquire(waiting: Waiting, size: number): Room {
    const needed = HEADROOM + size
    const order = needed <= BUFFER_SIZE_MIN ? 0 : 32 - Math.clz32(needed - 1) - BUFFER_BITS_MIN
    const capacity = BUFFER_SIZE_MIN << order
    this.reserve(waiting, capacity)
    const kept = this.#kept[order]?.pop()
    if (kept !== undefined) return kept
    const whole = Buffer.allocUnsafeSlow(capacity)
    const data = whole.subarray(HEADROOM)
    return { whole, data, packet: data }
  }

  /** Counts `size` bytes that are not in a room. Others that wait may be told to give up before it returns. */
  reserve(waiting: Waiting, size: number): void {
    this.#size += size
    if (this.#size > this.#sizeMax) this.#makeRoom(waiting)
  }

  /** Bytes that were reserved are gone. */
  free(size: number): void {
    this.#size -= size
  }

  /** Takes a room back. */
  release(room: Room): void {
    const { length } = room.whole
    this.free(length)
    const kept = this.#kept[31 - Math.clz32(length) - BUFFER_BITS_MIN]
    if (kept !== undefined && kept.length < KEPT_COUNT_MAX) kept.push(room)
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
