import type { ActionLog } from './action-log.js'
import type { PacketTable, StoredValue, StoreKey, StoreOperation, StoreTable } from './actions.js'

/** State of which only the newest value matters: put once for a whole batch, however often it changed. */
export interface StoredState {
  save(batch: StoreBatch): void
}

/** Called once what it waits for is durable (`error` null), or when the store could not make it so. */
export type WhenDurable = (error: string | null) => void

/** The same as an object: who waits for each of many messages makes no function for it. */
export interface DurableWaiter {
  durable(error: string | null): void
}

interface WaitingBatch {
  readonly waiters: (WhenDurable | DurableWaiter)[]
  readonly carriesPackets: boolean
}

/**
 * Changes gathered during one input, persisted together: many messages, one flush. Batches become durable in the order
 * in which they were made, so whoever waits for the newest one also waits for all before it. When one fails, those after
 * it that bring messages are not taken either (see `Store.write`): what they say may rest on what it brought.
 */
export class StoreBatch {
  readonly #log: ActionLog
  readonly #waiting = new Map<number, WaitingBatch>()
  #operations: StoreOperation[] = []
  #waiters: (WhenDurable | DurableWaiter)[] = []
  #carriesPackets = false
  readonly #changed = new Set<StoredState>()
  #lastTicket = 0
  /** Batches that the store failed to take. */
  failures = 0

  constructor(log: ActionLog) {
    this.#log = log
  }

  /** `packet` always in packet tables, and nowhere else. */
  put(table: PacketTable, key: number, value: StoredValue, packet: Uint8Array): void
  put(table: Exclude<StoreTable, PacketTable>, key: StoreKey, value: StoredValue): void
  put(table: StoreTable, key: StoreKey, value: StoredValue, packet?: Uint8Array): void {
    if (packet === undefined) this.#operations.push({ table, key, value })
    else {
      this.#operations.push({ table, key, value, packet })
      this.#carriesPackets = true
    }
  }

  remove(table: StoreTable, key: StoreKey): void {
    this.#operations.push({ table, key, value: null })
  }

  /** This state changed: what it is at the end of the batch is stored with the batch. */
  changed(state: StoredState): void {
    this.#changed.add(state)
  }

  /** Calls back when everything put so far is durable; at once when nothing is under way. */
  whenDurable(waiter: WhenDurable | DurableWaiter): void {
    if (this.#operations.length > 0 || this.#changed.size > 0) this.#waiters.push(waiter)
    else {
      const newest = this.#newest()
      if (newest === undefined) tell(waiter, null)
      else newest.waiters.push(waiter)
    }
  }

  #newest(): WaitingBatch | undefined {
    let newest = this.#waiting.get(this.#lastTicket)
    // that of the last ticket may have failed before its turn
    if (newest === undefined) for (const batch of this.#waiting.values()) newest = batch
    return newest
  }

  /** As {@link whenDurable}, but for one who relies on everything that is under way: the failure of any of it counts. */
  whenAllDurable(callback: WhenDurable): void {
    const { failures } = this
    this.whenDurable(error => callback(error ?? (this.failures === failures ? null : 'an earlier write failed')))
  }

  /** Turns what was gathered into one `persist` action. */
  flush(): void {
    if (this.#changed.size > 0) {
      for (const state of this.#changed) state.save(this)
      this.#changed.clear()
    }
    if (this.#operations.length === 0) return
    this.#lastTicket += 1
    this.#waiting.set(this.#lastTicket, { waiters: this.#waiters, carriesPackets: this.#carriesPackets })
    this.#log.push({ do: 'persist', ticket: this.#lastTicket, operations: this.#operations })
    this.#operations = []
    this.#waiters = []
    this.#carriesPackets = false
  }

  /**
   * The store has taken a batch, or failed. Of a failure everybody whom it concerns hears before anything new is stored:
   * else that could still claim what is about to be taken back.
   */
  settle(ticket: number, error: string | null): void {
    const batch = this.#waiting.get(ticket)
    if (batch === undefined) return
    this.#end(ticket, batch, error)
    if (error === null) return
    for (const [later, waiting] of this.#waiting) if (waiting.carriesPackets) this.#end(later, waiting, error)
  }

  #end(ticket: number, { waiters }: WaitingBatch, error: string | null): void {
    this.#waiting.delete(ticket)
    if (error !== null) this.failures += 1
    for (const waiter of waiters) tell(waiter, error)
  }
}

function tell(waiter: WhenDurable | DurableWaiter, error: string | null): void {
  if (typeof waiter === 'function') waiter(error)
  else waiter.durable(error)
}
