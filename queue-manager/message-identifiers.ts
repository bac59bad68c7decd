import type { StoreBatch } from './store-batch.js'

/** Reserved in the store by the thousand: a restart skips some, and repeats none. */
const RESERVED = 1_000

/** MessageIDs of one queue manager: 32 bits, none twice, restarts included ([MS-MQQB] 3.1.7.1.1). */
export class MessageIdentifiers {
  readonly #batch: StoreBatch
  #last = 0
  #reserved = 0
  /** Below this, a MessageID will not be used again after a crash. */
  #durable = 0

  constructor(batch: StoreBatch) {
    this.#batch = batch
  }

  /** Begins to work: after this, hardly a message has to wait for the store because of its identifier. */
  start(): void {
    this.#reserve()
  }

  /** Half used up, the next thousand is reserved. */
  next(): number {
    this.#last = (this.#last + 1) >>> 0 || 1
    if (this.#last + RESERVED / 2 >= this.#reserved) this.#reserve()
    return this.#last
  }

  /** Whether a message with this identifier may leave: a crash would not make it be used again. */
  isDurable(messageId: number): boolean {
    return messageId < this.#durable
  }

  restore(reserved: number): void {
    this.#last = reserved
    this.#reserved = reserved
    this.#durable = reserved
  }

  #reserve(): void {
    const reserved = this.#last + RESERVED
    this.#reserved = reserved
    this.#batch.put('state', 'message-id', { reserved })
    this.#batch.whenDurable(error => {
      if (error === null) this.#durable = reserved
      else this.#reserved = this.#durable
    })
  }
}
