/** A double-ended queue on a ring that doubles: O(1) at both ends, no shifting, releases what leaves. */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The item at `index` from the front; undefined beyond the end. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#ring[(this.#head + index) & (this.#ring.length - 1)] : undefined
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size += 1
  }

  pushFront(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = item
    this.#size += 1
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size -= 1
    return item
  }

  /** Takes out every item for which `keep` is false, in order; the rest stays in order. */
  filterInPlace(keep: (item: T) => boolean): void {
    for (let left = this.#size; left > 0; left -= 1) {
      const item = this.shift() as T
      if (keep(item)) this.push(item)
    }
  }

  clear(): void {
    this.#ring = new Array(16)
    this.#head = 0
    this.#size = 0
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.#size; index += 1) yield this.at(index) as T
  }

  #grow(): void {
    const larger: (T | undefined)[] = new Array(this.#ring.length * 2)
    for (let index = 0; index < this.#size; index += 1) larger[index] = this.at(index)
    this.#ring = larger
    this.#head = 0
  }
}
