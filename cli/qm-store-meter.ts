import type { PacketTable, StoreOperation } from '../queue-manager/actions.js'
import type { Store } from '../store/store.js'
import { Histogram, type MetricsText } from '../transport/metrics-text.js'

/** Seconds from a write to its being durable. */
const LATENCY_BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** A store, with its writes counted and timed on the way. */
export class StoreMeter implements Store {
  readonly #store: Store
  readonly #commits: { readonly commits: number } | null
  readonly #onFailure: (error: Error) => void
  readonly #latency = new Histogram(LATENCY_BOUNDS_S)
  #operations = 0
  #pending = 0
  #failures = 0

  /** `commits`: the store's own count of them, where several writes share one. */
  constructor(store: Store, commits: { readonly commits: number } | null, onFailure: (error: Error) => void) {
    this.#store = store
    this.#commits = commits
    this.#onFailure = onFailure
  }

  /** Writes that are not durable yet. */
  get pending(): number {
    return this.#pending
  }

  load(): Iterable<StoreOperation> {
    return this.#store.load()
  }

  packet(table: PacketTable, key: number): Uint8Array {
    return this.#store.packet(table, key)
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    const startedMs = performance.now()
    this.#pending += 1
    this.#operations += operations.length
    this.#store.write(operations, error => {
      this.#pending -= 1
      if (error === null) this.#latency.observe((performance.now() - startedMs) / 1000)
      else {
        this.#failures += 1
        this.#onFailure(error)
      }
      done(error)
    })
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  writeTo(text: MetricsText): void {
    this.#latency.writeTo(text, 'mqlab_store_write_seconds', 'Time from a write to its being durable.')
    if (this.#commits !== null)
      text.single('mqlab_store_commits_total', 'counter', 'Transactions of the store.', this.#commits.commits)
    text.single('mqlab_store_operations_total', 'counter', 'Rows written to the store or deleted.', this.#operations)
    text.single('mqlab_store_writes_pending', 'gauge', 'Writes that are not durable yet.', this.#pending)
    text.single('mqlab_store_failures_total', 'counter', 'Writes that the store refused or failed.', this.#failures)
  }
}
