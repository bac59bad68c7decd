import type { Context } from './context.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { Timer } from './timers.js'

const RETRY_MS = 1_000

/**
 * Rows of messages that left their outgoing queues. They are deleted with the batch of the moment; if that fails, for there
 * is no room for what is stored beside them, again and again until it is done: a row left behind would be sent once more
 * after a restart.
 */
export class OutgoingRemovals implements StoredState {
  readonly #context: Context
  readonly #retryTimer: Timer
  #orders: number[] = []

  constructor(context: Context) {
    this.#context = context
    this.#retryTimer = context.timers.create('outgoing row removal', () => context.batch.changed(this))
  }

  /** The row with this key of table `outgoing` goes. */
  add(order: number): void {
    this.#orders.push(order)
    this.#context.batch.changed(this)
  }

  save(batch: StoreBatch): void {
    const orders = this.#orders
    if (orders.length === 0) return
    this.#orders = []
    for (const order of orders) batch.remove('outgoing', order)
    batch.whenDurable(error => {
      if (error === null) return
      for (const order of orders) this.#orders.push(order)
      if (!this.#retryTimer.running) this.#retryTimer.start(this.#context.now, RETRY_MS)
    })
  }
}
