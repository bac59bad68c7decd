import type { LabEvent } from './history.js'

/** On sockets, how much later than another machine's the lab may hear of an event. */
const WINDOW_MS = 2_000
/** Events are put in order so many at a time. */
const STEP = 4_096

/**
 * Puts events that come about in the order of time into that order, holding back those of the last two seconds. What
 * comes later than that keeps its place behind what has been given already.
 */
export class TimeOrder {
  readonly #windowMs: number
  #held: LabEvent[] = []
  #newestMs = Number.NEGATIVE_INFINITY
  #sorted = 0

  /** @param world of the run: in the simulated one they come in order */
  constructor(world: string) {
    this.#windowMs = world === 'sim' ? 0 : WINDOW_MS
  }

  /** Those that nothing can come before any more. */
  add(events: readonly LabEvent[]): readonly LabEvent[] {
    if (this.#windowMs === 0) return events
    for (const event of events) {
      this.#held.push(event)
      if (event.atMs > this.#newestMs) this.#newestMs = event.atMs
    }
    return this.#held.length - this.#sorted < STEP ? [] : this.#release(this.#newestMs - this.#windowMs)
  }

  /** Those that nothing can come before, although they are few. */
  settled(): readonly LabEvent[] {
    return this.#release(this.#newestMs - this.#windowMs)
  }

  /** All that is held: nothing more comes, or nobody wants to wait for it. */
  end(): readonly LabEvent[] {
    return this.#release(Number.POSITIVE_INFINITY)
  }

  #release(untilMs: number): readonly LabEvent[] {
    this.#held.sort((a, b) => a.atMs - b.atMs)
    let count = 0
    while (count < this.#held.length && this.#held[count]!.atMs <= untilMs) count += 1
    const released = this.#held.slice(0, count)
    this.#held = this.#held.slice(count)
    this.#sorted = this.#held.length
    return released
  }
}
