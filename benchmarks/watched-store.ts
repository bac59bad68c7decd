import type { PacketTable, StoreOperation } from '../queue-manager/actions.js'
import type { Store } from '../store/store.js'
import { monotonicUs } from './latency.js'

/** What a store has done since it was opened. */
export interface StoreWork {
  /** Transactions, each flushed before it counts. */
  readonly commits: number
  /** Microseconds in which at least one write was asked for and not yet durable. */
  readonly busyUs: number
}

type CountingStore = Store & { readonly commits: number }

/** A store that is watched at its work. It is the same store: it gathers writes and commits as it does by itself. */
export class WatchedStore implements Store {
  readonly #store: CountingStore
  #pending = 0
  #busyUs = 0
  #busySinceUs = 0

  constructor(store: CountingStore) {
    this.#store = store
  }

  work(): StoreWork {
    const presentUs = this.#pending > 0 ? monotonicUs() - this.#busySinceUs : 0
    return { commits: this.#store.commits, busyUs: this.#busyUs + presentUs }
  }

  load(): Iterable<StoreOperation> {
    return this.#store.load()
  }

  packet(table: PacketTable, key: number): Uint8Array {
    return this.#store.packet(table, key)
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    if (this.#pending++ === 0) this.#busySinceUs = monotonicUs()
    this.#store.write(operations, error => {
      if (--this.#pending === 0) this.#busyUs += monotonicUs() - this.#busySinceUs
      done(error)
    })
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
