interface Deed {
  readonly atMs: number
  readonly order: number
  readonly run: (atMs: number) => void
}

/** What is to be done at its time: the earliest first, and of one moment in the order in which it was asked for. */
export class DeedQueue {
  readonly #heap: Deed[] = []
  #order = 0

  at(atMs: number, run: (atMs: number) => void): void {
    const deed = { atMs, order: this.#order++, run }
    const heap = this.#heap
    let place = heap.push(deed) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(deed, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = deed
  }

  /** Does all that is due by `untilMs`, also what that asks for. */
  runUntil(untilMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= untilMs; first = this.#heap[0]) {
      this.#removeFirst()
      first.run(first.atMs)
    }
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
  }
}

function isBefore(one: Deed, other: Deed): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}
