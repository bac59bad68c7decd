import { Deque } from '../../queue-manager/deque.js'

/** What `Scheduler.at` gives back; `cancel` after the event ran is harmless. */
export interface ScheduledEvent {
  readonly atMs: number
  cancel(): void
}

class Entry implements ScheduledEvent {
  readonly atMs: number
  readonly order: number
  run: (() => void) | null

  constructor(atMs: number, order: number, run: () => void) {
    this.atMs = atMs
    this.order = order
    this.run = run
  }

  cancel(): void {
    this.run = null
  }
}

/**
 * The one event queue of a simulation. Time is virtual milliseconds from 0 and moves only here: to the next event.
 * Events of the same millisecond run in the order they were scheduled, so a run depends on nothing but its inputs.
 */
export class Scheduler {
  #nowMs = 0
  #order = 0
  /** Of later moments, and of this one what was scheduled before it came. Binary heap, earliest first. */
  readonly #heap: Entry[] = []
  /** Of this moment, scheduled since it came: after all of it that is in the heap. */
  readonly #present = new Deque<Entry>()

  get nowMs(): number {
    return this.#nowMs
  }

  /** Runs `run` at `atMs`, or next if that is past. */
  at(atMs: number, run: () => void): ScheduledEvent {
    if (Number.isNaN(atMs)) throw new RangeError('an event needs a time')
    const entry = new Entry(Math.max(atMs, this.#nowMs), this.#order++, run)
    if (atMs <= this.#nowMs) this.#present.push(entry)
    else this.#push(entry)
    return entry
  }

  after(delayMs: number, run: () => void): ScheduledEvent {
    return this.at(this.#nowMs + delayMs, run)
  }

  /** Runs the next event, if it is due by `limitMs`. Returns false when there is none; the clock then stays. */
  step(limitMs = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const next = this.#take(limitMs)
      if (next === undefined) return false
      const { run } = next
      if (run === null) continue
      this.#nowMs = next.atMs
      run()
      return true
    }
  }

  /** Runs everything due by `untilMs` and leaves the clock there. */
  runUntil(untilMs: number): void {
    while (this.step(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  runFor(durationMs: number): void {
    this.runUntil(this.#nowMs + durationMs)
  }

  /**
   * Runs until `done` holds, looking after every event. Returns whether it came to hold within `limitMs` from now;
   * if not, the clock stands at that limit.
   */
  runUntilDone(done: () => boolean, limitMs: number): boolean {
    const endMs = this.#nowMs + limitMs
    while (!done()) {
      if (this.step(endMs)) continue
      this.#nowMs = Math.max(this.#nowMs, endMs)
      return false
    }
    return true
  }

  #take(limitMs: number): Entry | undefined {
    const first = this.#heap[0]
    if (this.#present.size > 0 && (first === undefined || first.atMs > this.#nowMs))
      return this.#nowMs <= limitMs ? this.#present.shift() : undefined
    if (first === undefined || first.atMs > limitMs) return undefined
    this.#pop()
    return first
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
