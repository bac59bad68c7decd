import { MqlabError } from '../protocol/errors.js'
import type { PacketSource, PacketTable, StoreOperation } from '../queue-manager/actions.js'

/**
 * Where a queue manager keeps what must outlive it: rows of plain data in a few tables, by key.
 *
 * "Persisted" means: whoever opens the store after this moment finds the change, whatever happens to the process in
 * between, and for a durable store whatever happens to the machine. The queue manager acknowledges a message to its
 * peer only after that, so a store that says it too early loses messages that were promised. A store in memory can
 * only say it of the object itself: it outlives a queue manager, not the process.
 *
 * Values belong to the store from `write` on: the caller does not change them, nor the buffers inside.
 *
 * The rows of packet tables are in two parts: the value, which loading gives back, and the packet, which stays where it
 * is until it is asked for.
 */
export interface Store extends PacketSource {
  /** All rows, each as the operation that would write it, but without packets. The packet tables come last, each with its
   *  rows in the order of their keys, so that a reader can take millions of them one by one; other tables in any order. */
  load(): Iterable<StoreOperation>
  /** The packet of a persisted row. `MSMQ_STORE_MISSING` when there is no such row, `MSMQ_STORE_CORRUPT` when the bytes
   *  on disk are not those that were written. */
  packet(table: PacketTable, key: number): Uint8Array
  /**
   * Applies the operations together, all or none, later ones over earlier ones. `done` is called once, with null when
   * they are persisted, or with the reason why none was applied; in the order of the calls; possibly before `write`
   * returns. Deleting what is not there is no error. `MSMQ_STORE_CLOSED` after `close`; `MSMQ_STORE_FULL` when there is
   * no room, which later writes may find again; `MSMQ_STORE_IO` when the system reports any other error.
   *
   * When a write fails, every write with packets that was asked for before its `done` was called fails too, with the same
   * error: it may rest on what the failed one would have brought. Writes without packets are not held up by that, so that
   * a full store can be emptied.
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
