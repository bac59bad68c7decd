import {
  isPacketTable,
  PACKET_TABLES,
  type PacketTable,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
} from '../queue-manager/actions.js'
import { type Store, StoreError } from './store.js'

interface Row {
  readonly value: StoredValue
  readonly packet: Uint8Array | undefined
}

/**
 * A store that lives as long as the object. Writes are persisted at once, within the call. After `close` it can be
 * reopened, which stands for restarting a queue manager over the same disk.
 */
export class MemoryStore implements Store {
  readonly #tables = new Map<StoreTable, Map<StoreKey, Row>>()
  #open = true

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    if (!this.#open) {
      done(new StoreError('MSMQ_STORE_CLOSED', 'the store is closed'))
      return
    }
    for (const { table, key, value, packet } of operations) {
      if (value === null) this.#tables.get(table)?.delete(key)
      else this.#rows(table).set(key, { value, packet })
    }
    done(null)
  }

  *load(): Iterable<StoreOperation> {
    for (const [table, rows] of this.#tables)
      if (!isPacketTable(table)) for (const [key, { value }] of rows) yield { table, key, value }
    for (const table of PACKET_TABLES)
      for (const [key, { value }] of this.#tables.get(table) ?? []) yield { table, key, value }
  }

  packet(table: PacketTable, key: number): Uint8Array {
    const packet = this.#tables.get(table)?.get(key)?.packet
    if (packet === undefined) throw new StoreError('MSMQ_STORE_MISSING', `no packet ${key} in the table ${table}`)
    return packet
  }

  async close(): Promise<void> {
    this.#open = false
  }

  reopen(): void {
    this.#open = true
  }

  #rows(table: StoreTable): Map<StoreKey, Row> {
    let rows = this.#tables.get(table)
    if (rows === undefined) {
      rows = new Map()
      this.#tables.set(table, rows)
    }
    return rows
  }
}
