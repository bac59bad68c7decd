import type { Context } from './context.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { Timer } from './timers.js'

const PERIOD_MS = 1_000

/**
 * Keeps in the store how many express messages this queue manager holds, which is how many a restart loses (MQ-2): once
 * a second if it changed, so that express messages themselves cost the store nothing.
 */
export class ExpressSurvey implements StoredState {
  readonly #context: Context
  readonly #timer: Timer
  #stored = 0

  constructor(context: Context) {
    this.#context = context
    this.#timer = context.timers.create('express survey', () => this.#check())
  }

  /** What a former run held is gone. */
  restore(held: number): void {
    this.#stored = held
  }

  /** Begins to work: tells what was lost. */
  start(): void {
    const { counters, log, now } = this.#context
    if (this.#stored > 0) {
      counters.expressLost += this.#stored
      if (log.noting) log.note(now, { kind: 'express-lost', count: this.#stored })
    }
    this.#check()
  }

  /** Stores the number for whoever opens the store next. */
  stop(): void {
    this.#timer.stop()
    this.#storeChange()
  }

  save(batch: StoreBatch): void {
    this.#stored = this.#context.counters.expressHeld
    batch.put('state', 'express-held', { held: this.#stored })
  }

  #check(): void {
    this.#storeChange()
    this.#timer.start(this.#context.now, PERIOD_MS)
  }

  #storeChange(): void {
    const { batch, counters } = this.#context
    if (counters.expressHeld !== this.#stored) batch.changed(this)
  }
}
