import type { FrameRef } from '../frame.js'
import type { HeldMemory, Holder } from './held-memory.js'

const NOTHING = Buffer.alloc(0)

/** Bytes of one direction of a stream that wait for more, and the frames that they came in. */
export class HeldBytes {
  readonly #memory: HeldMemory
  readonly #holder: Holder
  #buffer: Buffer = NOTHING
  #size = 0
  /** Where the bytes of each frame begin, and that frame. */
  readonly #starts: number[] = []
  readonly #frames: FrameRef[] = []

  constructor(memory: HeldMemory, holder: Holder) {
    this.#memory = memory
    this.#holder = holder
  }

  get size(): number {
    return this.#size
  }

  /** The buffer that they are in, from its start on; behind `size` anything. Valid until the next change. */
  get buffer(): Buffer {
    return this.#buffer
  }

  append(bytes: Buffer, start: number, end: number, frame: FrameRef): void {
    if (end === start) return
    const size = this.#size + (end - start)
    if (size > this.#buffer.length) this.#grow(size)
    bytes.copy(this.#buffer, this.#size, start, end)
    this.#starts.push(this.#size)
    this.#frames.push(frame)
    this.#size = size
  }

  /** The frame that the byte at `offset` came in. */
  frameAt(offset: number): FrameRef {
    return this.#frames[this.#indexAt(offset)]!
  }

  /** Bytes from `offset` on that came in one frame, when they are all that came in it; 0 when it began before. */
  segmentSizeAt(offset: number): number {
    const index = this.#indexAt(offset)
    if (this.#starts[index] !== offset) return 0
    return (this.#starts[index + 1] ?? this.#size) - offset
  }

  /** Lets go of the first `count` bytes. */
  drop(count: number): void {
    if (count >= this.#size) {
      this.clear()
      return
    }
    if (count === 0) return
    this.#buffer.copyWithin(0, count, this.#size)
    this.#size -= count
    const first = this.#indexAt(count)
    // A frame of which the first bytes are gone keeps a start below 0: nothing begins a segment there any more.
    for (let i = first; i < this.#starts.length; i++) {
      this.#starts[i - first] = this.#starts[i]! - count
      this.#frames[i - first] = this.#frames[i]!
    }
    this.#starts.length -= first
    this.#frames.length -= first
  }

  clear(): void {
    this.#size = 0
    this.#starts.length = 0
    this.#frames.length = 0
    if (this.#buffer === NOTHING) return
    this.#memory.release(this.#buffer)
    this.#memory.leave(this.#holder)
    this.#buffer = NOTHING
  }

  #grow(size: number): void {
    const buffer = this.#memory.acquire(this.#holder, size)
    if (this.#buffer !== NOTHING) {
      this.#buffer.copy(buffer, 0, 0, this.#size)
      this.#memory.release(this.#buffer)
    }
    this.#buffer = buffer
  }

  #indexAt(offset: number): number {
    const starts = this.#starts
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
