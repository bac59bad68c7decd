import type { Now } from './clock.js'

/**
 * A named timer of the engine. `deadlineMs` is monotonic; null while stopped. Restarting to a later moment, which every
 * acknowledgement does, only moves the deadline: the heap is put right when the earlier moment comes round.
 */
export class Timer {
  readonly name: string
  readonly fire: (now: Now) => void
  deadlineMs: number | null = null
  /** Position in time at which the heap holds this timer; never later than the deadline. */
  heapMs = 0
  heapIndex = -1
  readonly #timers: Timers

  constructor(timers: Timers, name: string, fire: (now: Now) => void) {
    this.#timers = timers
    this.name = name
    this.fire = fire
  }

  get running(): boolean {
    return this.deadlineMs !== null
  }

  start(now: Now, delayMs: number): void {
    this.startAt(now.monotonicMs + delayMs)
  }

  startAt(deadlineMs: number): void {
    this.deadlineMs = deadlineMs
    this.#timers.schedule(this)
  }

  stop(): void {
    this.deadlineMs = null
  }

  /** Stops for good, and leaves nothing behind: a stopped timer keeps what it would have fired alive until its moment. */
  discard(): void {
    this.deadlineMs = null
    this.#timers.remove(this)
  }
}

/** All timers of one engine: a binary heap by moment. Stopped timers leave it when their moment passes, discarded ones at once. */
export class Timers {
  readonly #heap: Timer[] = []

  create(name: string, fire: (now: Now) => void): Timer {
    return new Timer(this, name, fire)
  }

  /** The monotonic moment to wake at, or null. It may be early (a timer was put off): waking then does nothing. */
  nextWake(): number | null {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined) return null
      if (first.deadlineMs === null) this.remove(first)
      else if (first.deadlineMs > first.heapMs) this.#move(first, first.deadlineMs)
      else return first.heapMs
    }
  }

  /** Fires everything that is due. A timer that a firing timer starts for now or the past waits for the next wake. */
  wake(now: Now): void {
    const due: Timer[] = []
    for (let next = this.nextWake(); next !== null && next <= now.monotonicMs; next = this.nextWake()) {
      const timer = this.#heap[0] as Timer
      this.remove(timer)
      due.push(timer)
    }
    for (const timer of due) {
      if (timer.deadlineMs === null || timer.deadlineMs > now.monotonicMs) continue
      timer.deadlineMs = null
      timer.fire(now)
    }
  }

  schedule(timer: Timer): void {
    const deadlineMs = timer.deadlineMs as number
    if (timer.heapIndex < 0) {
      timer.heapMs = deadlineMs
      timer.heapIndex = this.#heap.length
      this.#heap.push(timer)
      this.#up(timer)
    } else if (deadlineMs < timer.heapMs) this.#move(timer, deadlineMs)
  }

  #move(timer: Timer, heapMs: number): void {
    timer.heapMs = heapMs
    this.#up(timer)
    this.#down(timer)
  }

  /** Takes a timer out of the heap, if it is there. */
  remove(timer: Timer): void {
    const index = timer.heapIndex
    if (index < 0) return
    const last = this.#heap.pop() as Timer
    timer.heapIndex = -1
    if (last === timer) return
    this.#heap[index] = last
    last.heapIndex = index
    this.#up(last)
    this.#down(last)
  }

  #up(timer: Timer): void {
    while (timer.heapIndex > 0) {
      const parent = this.#heap[(timer.heapIndex - 1) >> 1] as Timer
      if (parent.heapMs <= timer.heapMs) return
      this.#swap(parent, timer)
    }
  }

  #down(timer: Timer): void {
    for (;;) {
      const left = this.#heap[timer.heapIndex * 2 + 1]
      const right = this.#heap[timer.heapIndex * 2 + 2]
      const child = right !== undefined && left !== undefined && right.heapMs < left.heapMs ? right : left
      if (child === undefined || child.heapMs >= timer.heapMs) return
      this.#swap(timer, child)
    }
  }

  #swap(one: Timer, other: Timer): void {
    const index = one.heapIndex
    one.heapIndex = other.heapIndex
    other.heapIndex = index
    this.#heap[one.heapIndex] = one
    this.#heap[other.heapIndex] = other
  }
}
