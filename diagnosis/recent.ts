const SLOTS_MIN = 16
const SLOTS_MAX = 1_024
/** Numbers far apart would make a large ring for a few of them. */
const SLOTS_PER_VALUE = 64

/** What belongs to the last thousand of things that are numbered: a ring by number, which grows with what it is given. */
export class Recent<Value> {
  #numbers = new Float64Array(SLOTS_MIN)
  #values: (Value | undefined)[] = new Array<undefined>(SLOTS_MIN)
  #size = 0

  /** Returns what has to go for it, also what had this number; null when there was room. */
  set(number: number, value: Value): Value | null {
    for (;;) {
      const slot = number % this.#values.length
      const there = this.#values[slot]
      if (there === undefined || this.#numbers[slot] === number || this.#isLargeEnough()) {
        if (there === undefined) this.#size += 1
        this.#numbers[slot] = number
        this.#values[slot] = value
        return there ?? null
      }
      this.#grow()
    }
  }

  *values(): Generator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value
  }

  /** Null when it is unknown or too long ago. */
  get(number: number): Value | null {
    const slot = number % this.#values.length
    return this.#numbers[slot] === number ? (this.#values[slot] ?? null) : null
  }

  #isLargeEnough(): boolean {
    const slots = this.#values.length
    return slots === SLOTS_MAX || slots >= SLOTS_PER_VALUE * this.#size
  }

  #grow(): void {
    const numbers = this.#numbers
    const values = this.#values
    const size = 4 * values.length
    this.#numbers = new Float64Array(size)
    this.#values = new Array<undefined>(size)
    values.forEach((value, slot) => {
      if (value === undefined) return
      const number = numbers[slot]!
      this.#numbers[number % size] = number
      this.#values[number % size] = value
    })
  }
}
