import {
  isPacketTable,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
} from '../../queue-manager/actions.js'

export interface StoredRow {
  readonly value: StoredValue
  readonly packet: Uint8Array | undefined
}

/** One table on a simulated disk: what is durable, and which keys of packet tables were used. */
export class StoredTable {
  readonly name: StoreTable
  readonly rows = new Map<StoreKey, StoredRow>()
  readonly #carriesPackets: boolean
  #highestWritten = -1
  #highestDurable = -1

  constructor(name: StoreTable) {
    this.name = name
    this.#carriesPackets = isPacketTable(name)
  }

  /** Throws where a put breaks the contract: rows of packet tables carry a packet, and their keys grow, across restarts too. */
  check({ key, value, packet }: StoreOperation): void {
    if (value === null || !this.#carriesPackets) {
      if (packet !== undefined) throw new Error(`the row ${key} of the table ${this.name} must not carry a packet`)
      return
    }
    if (packet === undefined) throw new Error(`the row ${key} of the table ${this.name} carries no packet`)
    if (typeof key !== 'number' || key <= this.#highestWritten)
      throw new Error(
        `the key ${key} of the table ${this.name} is not above ${this.#highestWritten}, which was put before`,
      )
    this.#highestWritten = key
  }

  put(key: StoreKey, row: StoredRow): void {
    this.rows.set(key, row)
    if (this.#carriesPackets && typeof key === 'number' && key > this.#highestDurable) this.#highestDurable = key
  }

  /** A row whose write was lost was never there; its key may be used again. */
  forget(key: StoreKey): void {
    this.rows.delete(key)
    if (this.#carriesPackets && typeof key === 'number' && key <= this.#highestDurable) this.#highestDurable = key - 1
  }

  /** What was asked for and is not durable is forgotten. */
  crash(): void {
    this.#highestWritten = this.#highestDurable
  }

  /** In the order of writing; of packet tables in that of their keys, which is another one where a write was lost. */
  sorted(): readonly (readonly [StoreKey, StoredRow])[] {
    const rows = [...this.rows]
    return this.#carriesPackets ? rows.sort(([one], [other]) => Number(one) - Number(other)) : rows
  }
}
