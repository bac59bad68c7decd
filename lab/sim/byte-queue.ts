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
      const room = count - filled
      if (first.length > room) {
        taken.set(first.subarray(0, room), filled)
        this.#chunks.pushFront(first.subarray(room))
        break
      }
      taken.set(first, filled)
      filled += first.length
    }
    this.#bytes -= count
    return taken
  }

  clear(): void {
    this.#chunks.clear()
    this.#bytes = 0
  }
}
