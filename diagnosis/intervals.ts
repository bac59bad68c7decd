/** So many separate stretches are kept; beyond that the lowest quarter is forgotten, at once since all others move for it. */
const STRETCHES_MAX = 4_096
const FORGOTTEN = STRETCHES_MAX / 4

/**
 * A set of whole numbers that mostly come in order, kept as stretches. Memory follows the gaps, not the numbers. Where
 * there are too many gaps the lowest stretches are forgotten, and `has` answers false for what was in them.
 */
export class Intervals {
  /** From, to, from, to, … inclusive, ascending, with gaps between. */
  readonly #bounds: number[] = []

  get highest(): number {
    return this.#bounds.at(-1) ?? 0
  }

  get lowest(): number {
    return this.#bounds[0] ?? 0
  }

  has(number: number): boolean {
    const at = this.#stretchUpTo(number)
    return at >= 0 && number <= this.#bounds[at + 1]!
  }

  /** False when it was there. */
  add(number: number): boolean {
    const bounds = this.#bounds
    const last = bounds.length - 1
    if (last > 0 && bounds[last] === number - 1) {
      bounds[last] = number
      return true
    }
    const at = this.#stretchUpTo(number)
    if (at >= 0 && number <= bounds[at + 1]!) return false
    const joinsBelow = at >= 0 && bounds[at + 1] === number - 1
    const joinsAbove = bounds[at + 2] === number + 1
    if (joinsBelow && joinsAbove) bounds.splice(at + 1, 2)
    else if (joinsBelow) bounds[at + 1] = number
    else if (joinsAbove) bounds[at + 2] = number
    else {
      bounds.splice(at + 2, 0, number, number)
      if (bounds.length > 2 * STRETCHES_MAX) bounds.splice(0, 2 * FORGOTTEN)
    }
    return true
  }

  /** How many numbers from `from` to `to` are in it. */
  countWithin(from: number, to: number): number {
    let count = 0
    for (let at = Math.max(0, this.#stretchUpTo(from)); at < this.#bounds.length; at += 2) {
      const low = Math.max(from, this.#bounds[at]!)
      if (low > to) break
      count += Math.max(0, Math.min(to, this.#bounds[at + 1]!) - low + 1)
    }
    return count
  }

  /** Stretches that lie in `from` to `to`, cut to that. */
  *within(from: number, to: number): Generator<readonly [from: number, to: number]> {
    for (let at = Math.max(0, this.#stretchUpTo(from)); at < this.#bounds.length; at += 2) {
      const low = Math.max(from, this.#bounds[at]!)
      const high = Math.min(to, this.#bounds[at + 1]!)
      if (low > to) return
      if (low <= high) yield [low, high]
    }
  }

  /** Index of the last stretch that begins at `number` or below; -2 when there is none. */
  #stretchUpTo(number: number): number {
    const bounds = this.#bounds
    let high = bounds.length / 2 - 1
    if (high < 0 || bounds[2 * high]! <= number) return 2 * high
    let low = -1
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (bounds[2 * middle]! <= number) low = middle
      else high = middle
    }
    return 2 * low
  }
}
