import { closeSync, openSync, readSync } from 'node:fs'
import { PACKET_TABLES, type PacketTable } from '../queue-manager/actions.js'
import { baseOf, SEGMENT_KEY_BYTES, segmentKey } from './packet-segment.js'
import { tableNumber } from './row.js'

/**
 * Where the heads of segments are in a file that nobody has written to since it was checked. Reading them there, and not
 * through LMDB's map of the file, keeps the pages around them out of the process: the system maps 64 KB at a touch, and
 * heads lie between packets.
 */
export class HeadPlaces {
  readonly #handle: number
  readonly #bases = new Map<PacketTable, number[]>()
  readonly #positions = new Map<PacketTable, number[]>()
  readonly #lengths = new Map<PacketTable, number[]>()

  constructor(path: string) {
    this.#handle = openSync(path, 'r')
    for (const table of PACKET_TABLES) {
      this.#bases.set(table, [])
      this.#positions.set(table, [])
      this.#lengths.set(table, [])
    }
  }

  /** In the order of the keys. */
  add(key: Buffer, position: number, length: number): void {
    const table = PACKET_TABLES.find(each => tableNumber(each) === key[0])
    if (table === undefined || key.length !== SEGMENT_KEY_BYTES) return
    this.#bases.get(table)!.push(baseOf(key))
    this.#positions.get(table)!.push(position)
    this.#lengths.get(table)!.push(length)
  }

  *records(table: PacketTable): Iterable<{ key: Buffer; value: Buffer }> {
    for (const [at, base] of this.#bases.get(table)!.entries())
      yield { key: segmentKey(table, base), value: this.read(table, at) }
  }

  /** The record of the segment at a place of a new index. */
  read(table: PacketTable, at: number): Buffer {
    const record = Buffer.allocUnsafe(this.#lengths.get(table)![at]!)
    readSync(this.#handle, record, 0, record.length, this.#positions.get(table)![at]!)
    return record
  }

  close(): void {
    closeSync(this.#handle)
  }
}
