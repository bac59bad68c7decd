/** What unfinished packets and requests of all connections may take together. */
const HELD_SIZE_MAX = 64 * 1024 * 1024
const BUFFER_SIZE_MIN = 4096
/** Larger buffers are left to the garbage collector. */
const KEPT_SIZE_MAX = 256 * 1024
const KEPT_COUNT_MAX = 8

/** Holds bytes, and can let go of them. */
export interface Holder {
  /** Too much waits, and this has waited longest: everything it holds is to be released. */
  giveUp(): void
}

/**
 * The buffers of all connections of a capture. Many connections end in the middle of a packet, each packet is short-lived:
 * buffers go from one to the next, and who waits longest gives way when there are too many bytes.
 */
export class HeldMemory {
  readonly #sizeMax: number
  readonly #kept: Buffer[][] = []
  /** In the order in which they began to wait. */
  readonly #holders = new Set<Holder>()
  #size = 0

  constructor(sizeMax = HELD_SIZE_MAX) {
    this.#sizeMax = sizeMax
  }

  /** Bytes of the buffers that are given out. */
  get size(): number {
    return this.#size
  }

  /** A buffer of at least `size` bytes. Other holders may be told to give up before it returns. */
  acquire(holder: Holder, size: number): Buffer {
    let order = 0
    let capacity = BUFFER_SIZE_MIN
    while (capacity < size) {
      capacity *= 2
      order += 1
    }
    this.#holders.add(holder)
    this.#size += capacity
    if (this.#size > this.#sizeMax) this.#makeRoom(holder)
    return this.#kept[order]?.pop() ?? Buffer.allocUnsafeSlow(capacity)
  }

  /** Takes a buffer back. */
  release(buffer: Buffer): void {
    this.#size -= buffer.length
    if (buffer.length > KEPT_SIZE_MAX) return
    const order = Math.log2(buffer.length / BUFFER_SIZE_MIN)
    while (this.#kept.length <= order) this.#kept.push([])
    const kept = this.#kept[order]!
    if (kept.length < KEPT_COUNT_MAX) kept.push(buffer)
  }

  /** It waits no more. */
  leave(holder: Holder): void {
    this.#holders.delete(holder)
  }

  #makeRoom(newcomer: Holder): void {
    for (const holder of this.#holders) {
      if (holder === newcomer) continue
      holder.giveUp()
      if (this.#size <= this.#sizeMax) return
    }
  }
}
