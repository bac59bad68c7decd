import { MqlabError } from '../protocol/errors.js'
import type { StoreOperation } from '../queue-manager/actions.js'

/**
 * Where a queue manager keeps what must outlive it: rows of plain data in a few tables, by key.
 *
 * "Persisted" means: whoever opens the store after this moment finds the change, whatever happens to the process in
 * between, and for a durable store whatever happens to the machine. The queue manager acknowledges a message to its
 * peer only after that, so a store that says it too early loses messages that were promised. A store in memory can
 * only say it of the object itself: it outlives a queue manager, not the process.
 *
 * Values belong to the store from `write` on: the caller does not change them, nor the buffers inside.
 */
export interface Store {
  /** All rows, each as the operation that would write it: tables in no particular order, rows of a table in the
   *  order in which their keys were first written. */
  load(): Iterable<StoreOperation>
  /**
   * Applies the operations together, all or none, later ones over earlier ones. `done` is called once, with null when
   * they are persisted, or with the reason why none was applied; in the order of the calls; possibly before `write`
   * returns. Deleting what is not there is no error. `MSMQ_STORE_CLOSED` after `close`.
   */
  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void
  /** Waits for what was written before and lets go of the resources. Calling it again is harmless. */
  close(): Promise<void>
}

/** A store cannot do what was asked. */
export class StoreError extends MqlabError {
  constructor(code: `MSMQ_STORE_${string}`, message: string, options?: ErrorOptions) {
    super(code, message, true, options)
  }
}
