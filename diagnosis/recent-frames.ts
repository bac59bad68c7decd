import type { FrameRef } from '../capture/frame.js'

const SLOTS_MIN = 16
const SLOTS_MAX = 4_096

/** The frames in which the last few thousand numbered things were seen: a ring by number, which grows with what it is given. */
export class RecentFrames {
  #numbers = new Float64Array(SLOTS_MIN)
  #frames: (FrameRef | undefined)[] = new Array<undefined>(SLOTS_MIN)

  set(number: number, frame: FrameRef): void {
    for (;;) {
      const slot = number % this.#frames.length
      if (this.#frames[slot] === undefined || this.#numbers[slot] === number || this.#frames.length === SLOTS_MAX) {
        this.#numbers[slot] = number
        this.#frames[slot] = frame
        return
      }
      this.#grow()
    }
  }

  /** Null when it is unknown or too long ago. */
  get(number: number): FrameRef | null {
    const slot = number % this.#frames.length
    return this.#numbers[slot] === number ? (this.#frames[slot] ?? null) : null
  }

  #grow(): void {
    const numbers = this.#numbers
    const frames = this.#frames
    const size = 4 * frames.length
    this.#numbers = new Float64Array(size)
    this.#frames = new Array<undefined>(size)
    frames.forEach((frame, slot) => {
      if (frame === undefined) return
      const number = numbers[slot]!
      this.#numbers[number % size] = number
      this.#frames[number % size] = frame
    })
  }
}
