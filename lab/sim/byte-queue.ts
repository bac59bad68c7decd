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

  /** A view of up to `count` of the next bytes, as far as they came in one piece; they stay. */
  peek(count: number): Buffer {
    const first = this.#chunks.at(0)
    return first === undefined ? Buffer.alloc(0) : first.subarray(0, count)
  }

  clear(): void {
    this.#chunks.clear()
    this.#bytes = 0
  }
}
