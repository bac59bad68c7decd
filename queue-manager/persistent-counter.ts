import type { StoreBatch, StoredState } from './store-batch.js'

/**
 * A counter whose values are never given out twice, restarts included. It is kept by reserving ahead: a restart skips the
 * rest of what was reserved. The reservation goes into the same batch as what is stored under the values, as long as it is
 * not durable, so nobody has to wait for it.
 */
export class PersistentCounter implements StoredState {
  readonly #batch: StoreBatch
  readonly #key: string
  readonly #reserve: number
  #value = 0
  #reserved = 0
  /** Up to here no value will be given out again after a crash. */
  #durable = 0

  /** @param key row of the table `state`. @param reserve values reserved at a time. */
  constructor(batch: StoreBatch, key: string, reserve: number) {
    this.#batch = batch
    this.#key = key
    this.#reserve = reserve
  }

  /** The next value, starting at 1; for something that goes into the batch of the moment, if anywhere. */
  next(): number {
    this.#value += 1
    if (this.#value > this.#reserved) this.#reserved = this.#value + this.#reserve
    if (this.#value > this.#durable) this.#batch.changed(this)
    return this.#value
  }

  save(batch: StoreBatch): void {
    const reserved = this.#reserved
    batch.put('state', this.#key, { reserved })
    batch.whenDurable(error => {
      if (error === null) this.#durable = Math.max(this.#durable, reserved)
    })
  }

  /** Values up to this one may have been given out by a former run. */
  restore(value: number): void {
    this.#value = Math.max(this.#value, value)
  }
}
