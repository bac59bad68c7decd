import type { FrameRef } from '../frame.js'
import { HEADROOM, type HeldMemory, type Holder, type Room, type Waiting } from './held-memory.js'

const EMPTY = Buffer.alloc(0)
const NOTHING: Room = { whole: EMPTY, data: EMPTY, packet: EMPTY }
/** Longer lists of frames are not kept for the next packet. */
const FRAMES_KEPT_MAX = 64

/** Bytes of one direction of a stream that wait for more, and the frames that they came in. */
export class HeldBytes implements Waiting {
  readonly holder: Holder
  older: Waiting | null = null
  newer: Waiting | null = null
  readonly #memory: HeldMemory
  #room = NOTHING
  #size = 0
  /** Where the bytes of each frame begin, and that frame; the first `#count` of both are in use. */
  #starts: number[] = []
  #frames: FrameRef[] = []
  #count = 0

  constructor(memory: HeldMemory, holder: Holder) {
    this.#memory = memory
    this.holder = holder
  }

  get size(): number {
    return this.#size
  }

  /** The buffer that they are in, from its start on; behind `size` anything. Valid until the next change. */
  get buffer(): Buffer {
    return this.#room.data
  }

  /** All of them as one view, valid as long as the buffer is. */
  get whole(): Buffer {
    const room = this.#room
    if (room.packet.length !== this.#size) room.packet = room.data.subarray(0, this.#size)
    return room.packet
  }

  append(bytes: Buffer, start: number, end: number, frame: FrameRef): void {
    if (end === start) return
    if (this.#size + (end - start) > this.#room.data.length) this.#grow(this.#size + (end - start))
    const { whole, data } = this.#room
    const at = HEADROOM + this.#size - start
    // The whole segment, when there is room for what is not wanted of it before and behind: a part of it takes a view.
    if (
      start <= (this.#size === 0 ? HEADROOM : 0) &&
      bytes.length - end <= HEADROOM &&
      at + bytes.length <= whole.length
    ) {
      whole.set(bytes, at)
    } else bytes.copy(data, this.#size, start, end)
    this.#starts[this.#count] = this.#size
    this.#frames[this.#count] = frame
    this.#count += 1
    this.#size += end - start
  }

  /** The frame that the byte at `offset` came in. */
  frameAt(offset: number): FrameRef {
    return this.#frames[this.#indexAt(offset)]!
  }

  /** Bytes from `offset` on that came in one frame, when they are all that came in it; 0 when it began before. */
  segmentSizeAt(offset: number): number {
    const index = this.#indexAt(offset)
    if (this.#starts[index] !== offset) return 0
    return (index + 1 < this.#count ? this.#starts[index + 1]! : this.#size) - offset
  }

  /** Lets go of the first `count` bytes. */
  drop(count: number): void {
    if (count >= this.#size) {
      this.clear()
      return
    }
    if (count === 0) return
    this.#room.data.copyWithin(0, count, this.#size)
    this.#size -= count
    const first = this.#indexAt(count)
    // A frame of which the first bytes are gone keeps a start below 0: nothing begins a segment there any more.
    for (let i = first; i < this.#count; i++) {
      this.#starts[i - first] = this.#starts[i]! - count
      this.#frames[i - first] = this.#frames[i]!
    }
    this.#count -= first
  }

  clear(): void {
    this.#size = 0
    if (this.#count > FRAMES_KEPT_MAX) {
      this.#starts = []
      this.#frames = []
    }
    this.#count = 0
    if (this.#room === NOTHING) return
    this.#memory.release(this.#room)
    this.#memory.leave(this)
    this.#room = NOTHING
  }

  #grow(size: number): void {
    const isFirst = this.#room === NOTHING
    if (isFirst) this.#memory.join(this)
    const room = this.#memory.acquire(this, size)
    // Another that gave up for this one may have told what makes these bytes useless, too: then they are gone.
    const held = this.#room
    if (held !== NOTHING) {
      held.data.copy(room.data, 0, 0, this.#size)
      this.#memory.release(held)
    } else if (!isFirst) this.#memory.join(this)
    this.#room = room
  }

  #indexAt(offset: number): number {
    const starts = this.#starts
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
