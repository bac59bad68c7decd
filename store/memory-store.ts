import type { StoredValue, StoreKey, StoreOperation, StoreTable } from '../queue-manager/actions.js'
import { type Store, StoreError } from './store.js'

/**
 * A store that lives as long as the object. Writes are persisted at once, within the call. After `close` it can be
 * reopened, which stands for restarting a queue manager over the same disk.
 */
export class MemoryStore implements Store {
  readonly #tables = new Map<StoreTable, Map<StoreKey, StoredValue>>()
  #open = true

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    if (!this.#open) {
      done(new StoreError('MSMQ_STORE_CLOSED', 'the store is closed'))
      return
    }
    for (const { table, key, value } of operations) {
      if (value === null) this.#tables.get(table)?.delete(key)
      else this.#rows(table).set(key, value)
    }
    done(null)
  }

  *load(): Iterable<StoreOperation> {
    for (const [table, rows] of this.#tables) for (const [key, value] of rows) yield { table, key, value }
  }

  async close(): Promise<void> {
    this.#open = false
  }

  reopen(): void {
    this.#open = true
  }

  #rows(table: StoreTable): Map<StoreKey, StoredValue> {
    let rows = this.#tables.get(table)
    if (rows === undefined) {
      rows = new Map()
      this.#tables.set(table, rows)
    }
    return rows
  }
}
