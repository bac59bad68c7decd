import type { OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { OutgoingQueues } from './outgoing-queues.js'
import type { DurableWaiter } from './store-batch.js'

/** A message that waits for the store, and the request that is answered then. */
export class EnteringMessage implements DurableWaiter {
  readonly #queues: OutgoingQueues
  readonly #message: OutgoingMessage
  readonly #queue: OutgoingQueue | null
  readonly #request: number

  constructor(queues: OutgoingQueues, message: OutgoingMessage, queue: OutgoingQueue | null, request: number) {
    this.#queues = queues
    this.#message = message
    this.#queue = queue
    this.#request = request
  }

  durable(error: string | null): void {
    this.#queues.entered(this.#message, this.#queue, this.#request, error)
  }
}
