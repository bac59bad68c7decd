import {
  isPacketTable,
  type PacketTable,
  type StoredField,
  type StoredRecord,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
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
  /** A write before it failed, and so does this one. */
  doom: StoreError | null
}

/**
 * The disk of one simulated machine. A write is durable some time after it was asked for, is atomic, and may fail;
 * a crash forgets what is not durable yet, except that the disk may have finished a few writes nobody heard of any more:
 * the last of them is there whole or not at all, however torn it was. Values are copied when written and when loaded, as
 * a store of bytes on disk would. It holds the queue manager to the contract of packet tables.
 */
export class SimStore implements Store {
  delayMs: number
  jitterMs: number
  /** Writes to fail from now on. */
  failuresLeft = 0
  /** While set every write fails, as on a disk that the system has taken away. */
  failing = false
  /** A write after which the rows would be larger than this, and larger than before it, fails with `MSMQ_STORE_FULL`. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Writes that became durable. */
  writes = 0
  /** Writes that failed, by the code of the error. */
  readonly failures: Record<string, number> = {}
  /** Bytes that the rows take. */
  bytes = 0
  /** Opening finds it corrupt. */
  unreadable = false
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #tables = new Map<StoreTable, Map<StoreKey, StoredRow>>()
  readonly #corrupt = new Set<string>()
  readonly #highestKeys = new Map<PacketTable, { written: number; durable: number }>()
  #pending: PendingWrite[] = []
  #lastCompletionMs = 0

  constructor(scheduler: Scheduler, random: Random, options: SimStoreOptions = {}) {
    this.#scheduler = scheduler
    this.#random = random
    this.delayMs = options.delayMs ?? 0
    this.jitterMs = options.jitterMs ?? 0
  }

  *load(): Iterable<StoreOperation> {
    if (this.unreadable) throw new StoreError('MSMQ_STORE_CORRUPT', 'the simulated disk cannot be read')
    const tables = [...this.#tables].sort(([one], [other]) => Number(isPacketTable(one)) - Number(isPacketTable(other)))
    for (const [table, rows] of tables) for (const [key, { value }] of rows) yield { table, key, value: copyOf(value) }
  }

  packet(table: PacketTable, key: number): Uint8Array {
    const packet = this.#tables.get(table)?.get(key)?.packet
    if (packet === undefined) throw new StoreError('MSMQ_STORE_MISSING', `no packet ${key} in the table ${table}`)
    if (this.#corrupt.has(`${table} ${key}`))
      throw new StoreError('MSMQ_STORE_CORRUPT', `the packet ${key} in the table ${table} is damaged`)
    return packet
  }

  /** From now on the packet cannot be read. */
  corruptPacket(table: PacketTable, key: number): void {
    this.#corrupt.add(`${table} ${key}`)
  }

  /** Durable rows, for tests that damage or count them: keys in the order in which they were written. */
  keys(table: StoreTable): StoreKey[] {
    return [...(this.#tables.get(table)?.keys() ?? [])]
  }

  /** Puts a row as a fault of the disk or of another program would: no contract is checked. `null` takes it away. */
  overwrite(table: StoreTable, key: StoreKey, value: StoredValue | null, packet?: Uint8Array): void {
    this.#apply([{ table, key, value, ...(packet !== undefined && { packet }) }])
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    for (const operation of operations) this.#checkPacketPut(operation)
    const copied = operations.map(({ table, key, value, packet }) => ({
      table,
      key,
      value: value === null ? null : copyOf(value),
      ...(packet === undefined ? {} : { packet: Uint8Array.from(packet) }),
    }))
    const wantedMs = this.#scheduler.nowMs + this.delayMs + this.#random.unit() * this.jitterMs
    this.#lastCompletionMs = Math.max(this.#lastCompletionMs, wantedMs)
    const event = this.#scheduler.at(this.#lastCompletionMs, () => this.#complete())
    this.#pending.push({ operations: copied, done, event, doom: null })
  }

  /** The machine stops: of the writes under way the first few, by chance, are durable; no `done` is called for any. */
  crash(): void {
    const pending = this.#pending
    this.#pending = []
    for (const { event } of pending) event.cancel()
    for (const { operations, doom } of pending.slice(0, this.#random.between(0, pending.length))) {
      if (doom !== null) continue
      if (this.#failureOf(operations) !== null) break
      this.#apply(operations)
    }
    for (const highest of this.#highestKeys.values()) highest.written = highest.durable
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
    const failure = write.doom ?? this.#failureOf(write.operations)
    if (failure === null) this.#apply(write.operations)
    else if (write.doom === null) {
      this.failures[failure.code] = (this.failures[failure.code] ?? 0) + 1
      for (const later of this.#pending)
        if (later.operations.some(({ packet }) => packet !== undefined)) later.doom ??= failure
    }
    write.done(failure)
  }

  #failureOf(operations: readonly StoreOperation[]): StoreError | null {
    if (this.failing || this.failuresLeft > 0) {
      if (!this.failing) this.failuresLeft--
      return new StoreError('MSMQ_STORE_IO', 'simulated disk failure')
    }
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return null
    const growth = operations.reduce((sum, operation) => sum + this.#growth(operation), 0)
    return growth > 0 && this.bytes + growth > this.capacityBytes
      ? new StoreError('MSMQ_STORE_FULL', `the simulated disk holds ${this.capacityBytes} bytes`)
      : null
  }

  /** Of a write that changes each key once; one that comes back to a key is taken for larger or smaller than it is. */
  #growth({ table, key, value, packet }: StoreOperation): number {
    const before = this.#tables.get(table)?.get(key)
    return (
      (value === null ? 0 : sizeOf(value, packet)) - (before === undefined ? 0 : sizeOf(before.value, before.packet))
    )
  }

  #apply(operations: readonly StoreOperation[]): void {
    this.writes++
    for (const operation of operations) {
      const { table, key, value, packet } = operation
      const rows = this.#tables.get(table) ?? new Map<StoreKey, StoredRow>()
      this.#tables.set(table, rows)
      this.bytes += this.#growth(operation)
      if (value === null) rows.delete(key)
      else rows.set(key, { value, packet })
      if (value !== null && isPacketTable(table) && typeof key === 'number') {
        const highest = this.#highestKey(table)
        highest.durable = Math.max(highest.durable, key)
      }
    }
  }

  /** Rows of packet tables carry a packet, and their keys grow, across restarts too. */
  #checkPacketPut({ table, key, value, packet }: StoreOperation): void {
    if (value === null || !isPacketTable(table)) {
      if (packet !== undefined) throw new Error(`the row ${key} of the table ${table} must not carry a packet`)
      return
    }
    const highest = this.#highestKey(table)
    if (packet === undefined) throw new Error(`the row ${key} of the table ${table} carries no packet`)
    if (typeof key !== 'number' || key <= highest.written)
      throw new Error(`the key ${key} of the table ${table} is not above ${highest.written}, which was put before`)
    highest.written = key
  }

  #highestKey(table: PacketTable): { written: number; durable: number } {
    let highest = this.#highestKeys.get(table)
    if (highest === undefined) {
      highest = { written: -1, durable: -1 }
      this.#highestKeys.set(table, highest)
    }
    return highest
  }
}

const ROW_BYTES = 16
const FIELD_BYTES = 8

/** About what a row takes on a disk. */
function sizeOf(value: StoredField, packet?: Uint8Array): number {
  return ROW_BYTES + fieldSize(value) + (packet?.length ?? 0)
}

function fieldSize(field: StoredField): number {
  if (typeof field === 'string') return field.length
  if (field === null || typeof field !== 'object') return FIELD_BYTES
  if (field instanceof Uint8Array) return field.length
  return Object.values(field).reduce<number>((sum, each) => sum + fieldSize(each), FIELD_BYTES)
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
