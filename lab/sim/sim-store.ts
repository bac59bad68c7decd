import {
  isPacketTable,
  PACKET_TABLES,
  type PacketTable,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
} from '../../queue-manager/actions.js'
import { Deque } from '../../queue-manager/deque.js'
import { type Store, StoreError } from '../../store/store.js'
import type { Random } from './random.js'
import type { ScheduledEvent, Scheduler } from './scheduler.js'
import { type StoredRow, StoredTable } from './stored-table.js'
import { copyOfValue, sizeOfRow } from './stored-values.js'
import { type FormerRow, WriteCache } from './write-cache.js'

export interface SimStoreOptions {
  /** From `write` to durable; each write takes its own, completions stay in order. */
  readonly delayMs?: number
  /** Up to this much more, drawn for each write. */
  readonly jitterMs?: number
}

interface PendingWrite {
  readonly operations: readonly StoreOperation[]
  /** Of each operation: a value of the disk's own. */
  readonly values: readonly (StoredValue | null)[]
  readonly done: (error: Error | null) => void
  readonly event: ScheduledEvent
  /** A write before it failed, and so does this one. */
  doom: StoreError | null
}

/**
 * The disk of one simulated machine, and the store on it. A write is durable some time after it was asked for, is atomic,
 * and may fail. It holds the queue manager to the contract of packet tables.
 *
 * A crash forgets what is not durable yet, except that the disk may have finished a few writes nobody heard of any more.
 * The last of them may be torn on the disk itself; but what is torn does not match its checks, so that who opens the store
 * finds that write whole or not at all.
 *
 * With `cacheMs` the disk lies: it says that a write is durable when it is only in a cache, for so long. That breaks what
 * the queue manager is promised. When power is lost then, the last few such writes are gone, and of the last that is
 * there a packet may be torn: it is damaged when it is read.
 *
 * Values are copied when written and when loaded, as a store of bytes on disk would. Packets are not: who changes one after
 * it was written finds it changed.
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
  /** For how long what was reported as durable is lost when power is. 0: the disk is honest. */
  cacheMs = 0
  /** While set no packet can be read, as on a disk that the system has taken away. */
  readsFailing = false
  /** Opening finds it corrupt. */
  unreadable = false
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #tables = new Map<StoreTable, StoredTable>()
  readonly #corrupt = new Set<string>()
  readonly #cache: WriteCache<StoredRow>
  readonly #pending = new Deque<PendingWrite>()
  /** Bytes that the rows take; null until somebody asks. */
  #bytes: number | null = null
  #lastCompletionMs = 0

  constructor(scheduler: Scheduler, random: Random, options: SimStoreOptions = {}) {
    this.#scheduler = scheduler
    this.#random = random
    this.#cache = new WriteCache(scheduler, random)
    this.delayMs = options.delayMs ?? 0
    this.jitterMs = options.jitterMs ?? 0
  }

  *load(): Iterable<StoreOperation> {
    if (this.unreadable) throw new StoreError('MSMQ_STORE_CORRUPT', 'the simulated disk cannot be read')
    const names = [...this.#tables.keys()].filter(name => !isPacketTable(name))
    for (const table of [...names, ...PACKET_TABLES])
      for (const [key, { value }] of this.#table(table).sorted()) yield { table, key, value: copyOfValue(value) }
  }

  /** Bytes that the rows take. */
  get bytes(): number {
    if (this.#bytes === null) {
      this.#bytes = 0
      for (const { rows } of this.#tables.values())
        for (const { value, packet } of rows.values()) this.#bytes += sizeOfRow(value, packet)
    }
    return this.#bytes
  }

  packet(table: PacketTable, key: number): Uint8Array {
    const packet = this.#table(table).rows.get(key)?.packet
    if (this.readsFailing) throw new StoreError('MSMQ_STORE_IO', 'the simulated disk cannot be read')
    if (packet === undefined) throw new StoreError('MSMQ_STORE_MISSING', `no packet ${key} in the table ${table}`)
    if (this.#corrupt.size > 0 && this.#corrupt.has(`${table} ${key}`))
      throw new StoreError('MSMQ_STORE_CORRUPT', `the packet ${key} in the table ${table} is damaged`)
    return packet
  }

  /** From now on the packet cannot be read. */
  corruptPacket(table: PacketTable, key: number): void {
    this.#corrupt.add(`${table} ${key}`)
  }

  /** Durable rows, for tests that damage or count them: keys in the order in which they were written. */
  keys(table: StoreTable): StoreKey[] {
    return [...this.#table(table).rows.keys()]
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    for (const operation of operations) this.#table(operation.table).check(operation)
    const values = operations.map(({ value }) => (value === null ? null : copyOfValue(value)))
    const wantedMs = this.#scheduler.nowMs + this.delayMs + this.#random.unit() * this.jitterMs
    this.#lastCompletionMs = Math.max(this.#lastCompletionMs, wantedMs)
    const event = this.#scheduler.at(this.#lastCompletionMs, this.#complete)
    this.#pending.push({ operations, values, done, event, doom: null })
  }

  /**
   * The machine stops: of the writes under way the first few, by chance, are durable; no `done` is called for any. What was
   * reported as durable is lost by loss of power only, and by no disk that is honest.
   * @returns packets of messages in queues that it had reported as durable, and that are gone
   */
  crash(how: 'process' | 'power' = 'power'): readonly Uint8Array[] {
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const { event } of pending) event.cancel()
    for (const { operations, values, doom } of pending.slice(0, this.#random.between(0, pending.length))) {
      if (doom !== null) continue
      if (this.#failureOf(operations) !== null) break
      this.#apply(operations, values)
    }
    const lost = how === 'power' ? this.#losePower() : []
    for (const table of this.#tables.values()) table.crash()
    return lost
  }

  async close(): Promise<void> {
    while (this.#pending.size > 0) this.#complete()
  }

  /** How many rows a table holds durably. */
  rowCount(table: StoreTable): number {
    return this.#table(table).rows.size
  }

  readonly #complete = (): void => {
    const write = this.#pending.shift()
    if (write === undefined) return
    const failure = write.doom ?? this.#failureOf(write.operations)
    if (failure === null) this.#apply(write.operations, write.values)
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
    const before = this.#table(table).rows.get(key)
    return (
      (value === null ? 0 : sizeOfRow(value, packet)) -
      (before === undefined ? 0 : sizeOfRow(before.value, before.packet))
    )
  }

  #apply(operations: readonly StoreOperation[], values: readonly (StoredValue | null)[]): void {
    this.writes++
    const former: FormerRow<StoredRow>[] | null = this.cacheMs > 0 ? [] : null
    for (let index = 0; index < operations.length; index++) {
      const { table: name, key, packet } = operations[index]!
      const value = values[index]!
      const table = this.#table(name)
      former?.push({ table: name, key, row: table.rows.get(key) })
      this.#count(table, key, -1)
      if (value === null) table.rows.delete(key)
      else table.put(key, { value, packet })
      this.#count(table, key, 1)
    }
    if (former !== null) this.#cache.keep(operations, former, this.cacheMs)
  }

  #count({ rows }: StoredTable, key: StoreKey, sign: 1 | -1): void {
    if (this.#bytes === null) return
    const row = rows.get(key)
    if (row !== undefined) this.#bytes += sign * sizeOfRow(row.value, row.packet)
  }

  #losePower(): readonly Uint8Array[] {
    const { former, torn } = this.#cache.lose()
    const forgotten: Uint8Array[] = []
    for (const { table: name, key, row } of former) {
      const table = this.#table(name)
      const packet = name === 'message' ? table.rows.get(key)?.packet : undefined
      if (row === undefined && packet !== undefined) forgotten.push(packet)
      this.#count(table, key, -1)
      if (row === undefined) table.forget(key)
      else table.put(key, row)
      this.#count(table, key, 1)
    }
    const packets = torn?.filter(({ packet }) => packet !== undefined) ?? []
    if (packets.length > 0) {
      const { table, key } = this.#random.pick(packets)
      this.#corrupt.add(`${table} ${key}`)
    }
    return forgotten
  }

  #table(name: StoreTable): StoredTable {
    let table = this.#tables.get(name)
    if (table === undefined) {
      table = new StoredTable(name)
      this.#tables.set(name, table)
    }
    return table
  }
}
