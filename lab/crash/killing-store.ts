import type { PacketTable, StoreOperation } from '../../queue-manager/actions.js'
import type { Store } from '../../store/store.js'

/**
 * Where a process ends itself, as by SIGKILL from outside but at a chosen place: before its nth write is handed to the
 * store, right after (the store is at it, how far is chance), or when it is durable and nobody was told.
 */
export interface KillPlace {
  readonly write: number
  readonly when: 'before' | 'under way' | 'durable'
}

/** A store whose process dies at `place`, if there is one, and that tells of writes that failed. */
export class KillingStore implements Store {
  readonly #store: Store
  readonly #place: KillPlace | undefined
  readonly #onFailure: (error: Error) => void
  #writes = 0

  constructor(store: Store, place: KillPlace | undefined, onFailure: (error: Error) => void) {
    this.#store = store
    this.#place = place
    this.#onFailure = onFailure
  }

  load(): Iterable<StoreOperation> {
    return this.#store.load()
  }

  packet(table: PacketTable, key: number): Uint8Array {
    return this.#store.packet(table, key)
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    this.#writes += 1
    const told = (error: Error | null): void => {
      if (error !== null) this.#onFailure(error)
      done(error)
    }
    const when = this.#writes === this.#place?.write ? this.#place.when : null
    if (when === 'before') killSelf()
    this.#store.write(operations, when === 'durable' ? killSelf : told)
    if (when === 'under way') setImmediate(killSelf)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL')
}
