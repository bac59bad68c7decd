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
  /** Batches under way with rows that go. */
  #inFlight = 0
  /** Among `#orders` are some whose deletion failed. */
  #failed = false
  #afterwards: (() => void)[] = []

  constructor(context: Context) {
    this.#context = context
    this.#retryTimer = context.timers.create('outgoing row removal', () => context.batch.changed(this))
  }

  /** The row with this key of table `outgoing` goes. */
  add(order: number): void {
    this.#orders.push(order)
    this.#context.batch.changed(this)
  }

  /**
   * Runs `remove`, which deletes a row that rows of messages refer to, together with those that go now, but not before
   * those that were to go earlier are gone: one that is left without it would make the store unreadable.
   */
  afterwards(remove: () => void): void {
    if (this.#inFlight === 0 && !this.#failed) remove()
    else this.#afterwards.push(remove)
  }

  save(batch: StoreBatch): void {
    const orders = this.#orders
    if (orders.length === 0) return
    this.#orders = []
    this.#failed = false
    this.#inFlight += 1
    for (const order of orders) batch.remove('outgoing', order)
    batch.whenDurable(error => {
      this.#inFlight -= 1
      if (error === null) this.#settle()
      else {
        for (const order of orders) this.#orders.push(order)
        this.#failed = true
        if (!this.#retryTimer.running) this.#retryTimer.start(this.#context.now, RETRY_MS)
      }
    })
  }

  #settle(): void {
    if (this.#inFlight > 0 || this.#failed || this.#afterwards.length === 0) return
    for (const remove of this.#afterwards.splice(0)) remove()
  }
}
