import type { ActionLog } from './action-log.js'
import type { PacketTable, StoredValue, StoreKey, StoreOperation, StoreTable } from './actions.js'

/** State of which only the newest value matters: put once for a whole batch, however often it changed. */
export interface StoredState {
  save(batch: StoreBatch): void
}

/** Called once what it waits for is durable (`error` null), or when the store could not make it so. */
export type WhenDurable = (error: string | null) => void

/**
 * Changes gathered during one input, persisted together: many messages, one flush. Batches become durable in the order
 * in which they were made, so whoever waits for the newest one also waits for all before it.
 */
export class StoreBatch {
  readonly #log: ActionLog
  readonly #waiting = new Map<number, WhenDurable[]>()
  #operations: StoreOperation[] = []
  #callbacks: WhenDurable[] = []
  readonly #changed = new Set<StoredState>()
  #lastTicket = 0

  constructor(log: ActionLog) {
    this.#log = log
  }

  /** `packet` always in packet tables, and nowhere else. */
  put(table: PacketTable, key: number, value: StoredValue, packet: Uint8Array): void
  put(table: Exclude<StoreTable, PacketTable>, key: StoreKey, value: StoredValue): void
  put(table: StoreTable, key: StoreKey, value: StoredValue, packet?: Uint8Array): void {
    this.#operations.push(packet === undefined ? { table, key, value } : { table, key, value, packet })
  }

  remove(table: StoreTable, key: StoreKey): void {
    this.#operations.push({ table, key, value: null })
  }

  /** This state changed: what it is at the end of the batch is stored with the batch. */
  changed(state: StoredState): void {
    this.#changed.add(state)
  }

  /** Calls back when everything put so far is durable; at once when nothing is under way. */
  whenDurable(callback: WhenDurable): void {
    if (this.#operations.length > 0 || this.#changed.size > 0) this.#callbacks.push(callback)
    else {
      const newest = this.#waiting.get(this.#lastTicket)
      if (newest === undefined) callback(null)
      else newest.push(callback)
    }
  }

  /** Turns what was gathered into one `persist` action. */
  flush(): void {
    if (this.#changed.size > 0) {
      for (const state of this.#changed) state.save(this)
      this.#changed.clear()
    }
    if (this.#operations.length === 0) return
    this.#lastTicket += 1
    this.#waiting.set(this.#lastTicket, this.#callbacks)
    this.#log.push({ do: 'persist', ticket: this.#lastTicket, operations: this.#operations })
    this.#operations = []
    this.#callbacks = []
  }

  settle(ticket: number, error: string | null): void {
    const callbacks = this.#waiting.get(ticket)
    if (callbacks === undefined) return
    this.#waiting.delete(ticket)
    for (const callback of callbacks) callback(error)
  }
}
