import type { PacketTable } from '../queue-manager/actions.js'

/** Reading in the order of the keys needs one; a few more serve queues that are read side by side. */
const SEGMENTS_MAX = 16

/** The packets of the segments that were read last. */
export class SegmentCache {
  readonly #records = new Map<string, Buffer>()

  get(table: PacketTable, base: number): Buffer | undefined {
    const name = nameOf(table, base)
    const record = this.#records.get(name)
    if (record === undefined) return undefined
    // The order of a Map is that of insertion: the last used is last.
    this.#records.delete(name)
    this.#records.set(name, record)
    return record
  }

  set(table: PacketTable, base: number, record: Buffer): void {
    this.#records.set(nameOf(table, base), record)
    if (this.#records.size <= SEGMENTS_MAX) return
    const [oldest] = this.#records.keys()
    this.#records.delete(oldest!)
  }

  forget(table: PacketTable, base: number): void {
    this.#records.delete(nameOf(table, base))
  }
}

const nameOf = (table: PacketTable, base: number): string => `${table} ${base}`
