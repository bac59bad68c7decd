import type { FrameRef } from '../capture/frame.js'

const SLOTS_MIN = 16
const SLOTS_MAX = 1_024
/** Numbers far apart would make a large ring for a few of them. */
const SLOTS_PER_VALUE = 64
const FREE = -1

/** What belongs to the last thousand of things that are numbered: a ring by number, which grows with what it is given. */
abstract class Ring {
  /** Of what is in each slot. */
  #numbers = new Float64Array(SLOTS_MIN).fill(FREE)
  #size = 0

  /** The slot for `number`, perhaps after growing; what is there yet has to go. */
  protected claim(number: number): number {
    for (;;) {
      const numbers = this.#numbers
      const slot = number % numbers.length
      const there = numbers[slot]
      if (there === FREE || there === number || this.#isLargeEnough()) {
        if (there === FREE) this.#size += 1
        numbers[slot] = number
        return slot
      }
      this.#grow()
    }
  }

  /** -1: it is unknown or too long ago. */
  protected find(number: number): number {
    const slot = number % this.#numbers.length
    return this.#numbers[slot] === number ? slot : -1
  }

  protected abstract resize(slots: number): (from: number, to: number) => void

  #isLargeEnough(): boolean {
    const slots = this.#numbers.length
    return slots === SLOTS_MAX || slots >= SLOTS_PER_VALUE * this.#size
  }

  #grow(): void {
    const numbers = this.#numbers
    const slots = 4 * numbers.length
    const larger = new Float64Array(slots).fill(FREE)
    const move = this.resize(slots)
    numbers.forEach((number, slot) => {
      if (number === FREE) return
      larger[number % slots] = number
      move(slot, number % slots)
    })
    this.#numbers = larger
  }
}

/** Values of numbered things. */
export class Recent<Value> extends Ring {
  #values: (Value | undefined)[] = new Array<undefined>(SLOTS_MIN)

  /** Returns what has to go for it, also what had this number; null when there was room. */
  set(number: number, value: Value): Value | null {
    const slot = this.claim(number)
    const there = this.#values[slot]
    this.#values[slot] = value
    return there ?? null
  }

  *values(): Generator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value
  }

  /** Null when it is unknown or too long ago. */
  get(number: number): Value | null {
    const slot = this.find(number)
    return slot === -1 ? null : (this.#values[slot] ?? null)
  }

  protected resize(slots: number): (from: number, to: number) => void {
    const values = this.#values
    const larger = new Array<Value | undefined>(slots)
    this.#values = larger
    return (from, to) => {
      larger[to] = values[from]
    }
  }
}

/** Frames of numbered things. As numbers: objects that live as long as these are what the collector takes longest for. */
export class RecentFrames extends Ring {
  // whole numbers stay whole: every frame there is would change its shape for one that is made of a fraction
  #frames = new Uint32Array(SLOTS_MIN)
  #files = new Uint32Array(SLOTS_MIN)
  #timesUs = new Float64Array(SLOTS_MIN)

  set(number: number, { number: frame, fileIndex, timeUs }: FrameRef): void {
    const slot = this.claim(number)
    this.#frames[slot] = frame
    this.#files[slot] = fileIndex
    this.#timesUs[slot] = timeUs
  }

  /** Null when it is unknown or too long ago. */
  get(number: number): FrameRef | null {
    const slot = this.find(number)
    if (slot === -1) return null
    return { number: this.#frames[slot]!, fileIndex: this.#files[slot]!, timeUs: this.#timesUs[slot]! }
  }

  protected resize(slots: number): (from: number, to: number) => void {
    const [frames, files, timesUs] = [this.#frames, this.#files, this.#timesUs]
    this.#frames = new Uint32Array(slots)
    this.#files = new Uint32Array(slots)
    this.#timesUs = new Float64Array(slots)
    return (from, to) => {
      this.#frames[to] = frames[from]!
      this.#files[to] = files[from]!
      this.#timesUs[to] = timesUs[from]!
    }
  }
}
