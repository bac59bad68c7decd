import { Deque } from '../../queue-manager/deque.js'

/** Bytes that wait, in the pieces in which they were written; taken in pieces of any size. */
export class ByteQueue {
  readonly #chunks = new Deque<Buffer>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** Copies the next `count` bytes, of those that are there, and forgets them. */
  take(count: number): Buffer {
    const taken = Buffer.allocUnsafe(count)
    let filled = 0
    while (filled < count) {
      const first = this.#chunks.shift()!
      const copied = first.copy(taken, filled, 0, Math.min(first.length, count - filled))
      filled += copied
      if (copied < first.length) this.#chunks.pushFront(first.subarray(copied))
    }
    this.#bytes -= count
    return taken
  }

  clear(): void {
    this.#chunks.clear()
    this.#bytes = 0
  }
}
