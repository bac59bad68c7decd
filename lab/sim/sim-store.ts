import type {
  PacketTable,
  StoredField,
  StoredRecord,
  StoredValue,
  StoreKey,
  StoreOperation,
  StoreTable,
} from '../../queue-manager/actions.js'
import { type Store, StoreError } from '../../store/store.js'
import type { Random } from './random.js'
import type { ScheduledEvent, Scheduler } from './scheduler.js'

export interface SimStoreOptions {
  /** From `write` to durable; each write takes its own, completions stay in order. */
  readonly delayMs?: number
  /** Up to this much more, drawn for each write. */
  readonly jitterMs?: number
}

interface StoredRow {
  readonly value: StoredValue
  readonly packet: Uint8Array | undefined
}

interface PendingWrite {
  readonly operations: readonly StoreOperation[]
  readonly done: (error: Error | null) => void
  readonly event: ScheduledEvent
}

/**
 * The disk of one simulated machine. A write is durable some time after it was asked for, is atomic, and may fail;
 * a crash forgets what is not durable yet, except that the disk may have finished a few writes nobody heard of any more.
 * Values are copied when written and when loaded, as a store of bytes on disk would.
 */
export class SimStore implements Store {
  delayMs: number
  jitterMs: number
  /** Writes to fail from now on. */
  failuresLeft = 0
  /** Writes that became durable. */
  writes = 0
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #tables = new Map<StoreTable, Map<StoreKey, StoredRow>>()
  #pending: PendingWrite[] = []
  #lastCompletionMs = 0

  constructor(scheduler: Scheduler, random: Random, options: SimStoreOptions = {}) {
    this.#scheduler = scheduler
    this.#random = random
    this.delayMs = options.delayMs ?? 0
    this.jitterMs = options.jitterMs ?? 0
  }

  *load(): Iterable<StoreOperation> {
    for (const [table, rows] of this.#tables)
      for (const [key, { value }] of rows) yield { table, key, value: copyOf(value) }
  }

  packet(table: PacketTable, key: number): Uint8Array {
    const packet = this.#tables.get(table)?.get(key)?.packet
    if (packet === undefined) throw new StoreError('MSMQ_STORE_MISSING', `no packet ${key} in the table ${table}`)
    return packet
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    const copied = operations.map(({ table, key, value, packet }) => ({
      table,
      key,
      value: value === null ? null : copyOf(value),
      ...(packet === undefined ? {} : { packet: Uint8Array.from(packet) }),
    }))
    const wantedMs = this.#scheduler.nowMs + this.delayMs + this.#random.unit() * this.jitterMs
    this.#lastCompletionMs = Math.max(this.#lastCompletionMs, wantedMs)
    const event = this.#scheduler.at(this.#lastCompletionMs, () => this.#complete())
    this.#pending.push({ operations: copied, done, event })
  }

  /** The machine stops: of the writes under way the first few, by chance, are durable; no `done` is called for any. */
  crash(): void {
    const pending = this.#pending
    this.#pending = []
    const finished = this.#random.between(0, pending.length)
    pending.forEach(({ operations, event }, index) => {
      event.cancel()
      if (index < finished) this.#apply(operations)
    })
  }

  async close(): Promise<void> {
    while (this.#pending.length > 0) this.#complete()
  }

  /** How many rows a table holds durably. */
  rowCount(table: StoreTable): number {
    return this.#tables.get(table)?.size ?? 0
  }

  #complete(): void {
    const write = this.#pending.shift()
    if (write === undefined) return
    if (this.failuresLeft > 0) {
      this.failuresLeft--
      write.done(new Error('simulated disk failure'))
      return
    }
    this.#apply(write.operations)
    write.done(null)
  }

  #apply(operations: readonly StoreOperation[]): void {
    this.writes++
    for (const { table, key, value, packet } of operations) {
      const rows = this.#tables.get(table) ?? new Map<StoreKey, StoredRow>()
      this.#tables.set(table, rows)
      if (value === null) rows.delete(key)
      else rows.set(key, { value, packet })
    }
  }
}

function copyOf(value: StoredValue): StoredValue {
  return isList(value) ? value.map(copyOfField) : copyOfRecord(value)
}

function copyOfRecord(record: StoredRecord): StoredRecord {
  return Object.fromEntries(Object.entries(record).map(([name, field]) => [name, copyOfField(field)]))
}

/** Bytes come back as plain Uint8Array, whatever they were written as. */
function copyOfField(field: StoredField): StoredField {
  if (field === null || typeof field !== 'object') return field
  if (field instanceof Uint8Array) return Uint8Array.from(field)
  return copyOf(field)
}

function isList(field: StoredValue): field is readonly StoredField[] {
  return Array.isArray(field)
}
