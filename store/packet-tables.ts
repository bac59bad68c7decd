import type { PacketTable, StoredValue } from '../queue-manager/actions.js'
import { PacketIndex } from './packet-index.js'
import {
  baseOf,
  bitCount,
  decodeGone,
  decodeHeadValues,
  decodeKeys,
  hasBit,
  type PacketRow,
  packetAt,
  packetCount,
  segmentKey,
} from './packet-segment.js'
import { tableNumber } from './row.js'
import { type BinaryDatabase, type Databases, entryCount } from './store-databases.js'
import { corrupt } from './store-errors.js'
import { isIntact } from './stored-value.js'

/* Reading what is stored of packet tables. Every record is checked, and must fit the others of its segment.
 * All throw `MSMQ_STORE_CORRUPT`, naming the file by `path`. */

export interface StoredRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/** From the heads and the records of rows that are gone; the packets are not read. */
export function readIndex(
  databases: Databases,
  table: PacketTable,
  path: string,
  heads: Iterable<StoredRecord> = rangeOf(databases.heads, table),
): PacketIndex {
  const gone = new Map<number, Uint8Array>()
  for (const { key, value: record } of rangeOf(databases.gone, table)) {
    if (!isIntact(key, record)) throw corrupt(path, `the list of deleted rows of ${table} ${baseOf(key)} is damaged`)
    gone.set(baseOf(key), decodeGone(record))
  }
  const index = new PacketIndex()
  for (const { key, value: record } of heads) {
    const base = baseOf(key)
    if (!isIntact(key, record)) throw corrupt(path, `the head of ${table} ${base} is damaged`)
    const { count, distances, bytes } = decodeKeys(record)
    const bits = gone.get(base) ?? null
    const goneCount = bits === null ? 0 : bitCount(bits)
    const fits = base > index.lastKey && count > 0 && goneCount < count
    if (!fits || (bits !== null && bits.length !== (count + 7) >> 3))
      throw corrupt(path, `the head of ${table} ${base} contradicts others`)
    index.append({ base, count, distances, gone: bits, goneCount, bytes })
    gone.delete(base)
  }
  for (const base of gone.keys()) throw corrupt(path, `the head of ${table} ${base} is missing`)
  return index
}

/** Every record belongs to a segment of one of the tables, and every segment has its packets: a key that was damaged may
 *  lie outside all tables. */
export function checkCounts(databases: Databases, indexes: Iterable<PacketIndex>, path: string): void {
  let segments = 0
  let withGone = 0
  for (const index of indexes) {
    segments += index.segmentCount
    for (let place = 0; place < index.length; place++) if (index.goneAt(place) !== null) withGone++
  }
  const expected = { heads: segments, packets: segments, gone: withGone }
  for (const [name, count] of Object.entries(expected)) {
    const found = entryCount(databases[name as keyof typeof expected])
    if (found !== count) throw corrupt(path, `${found} records in the database "${name}", ${count} are accounted for`)
  }
}

export function readHeadValues(
  databases: Databases,
  table: PacketTable,
  base: number,
  path: string,
): { values: readonly StoredValue[]; headBytes: number } {
  const record = read(databases.heads, 'head', table, base, path)
  return { values: decodeHeadValues(record), headBytes: record.length }
}

/** The packets of a segment that has so many rows. */
export function readPackets(
  databases: Databases,
  table: PacketTable,
  base: number,
  count: number,
  path: string,
): Buffer {
  const record = read(databases.packets, 'packets', table, base, path)
  if (packetCount(record) !== count) throw corrupt(path, `the packets of ${table} ${base} are not those of its head`)
  return record
}

/** The rows of a segment that are still there. */
export function readRows(databases: Databases, table: PacketTable, base: number, path: string): PacketRow[] {
  const head = read(databases.heads, 'head', table, base, path)
  const { count, distances } = decodeKeys(head)
  const values = decodeHeadValues(head)
  const packets = readPackets(databases, table, base, count, path)
  const goneRecord = databases.gone.getBinary(segmentKey(table, base))
  const gone = goneRecord === undefined ? null : decodeGone(goneRecord)
  const rows: PacketRow[] = []
  for (let row = 0; row < count; row++) {
    if (gone !== null && hasBit(gone, row)) continue
    const key = base + (distances === null ? row : distances[row]!)
    rows.push({ key, value: values[row]!, packet: packetAt(packets, row) })
  }
  return rows
}

function read(database: BinaryDatabase, what: string, table: PacketTable, base: number, path: string): Buffer {
  const key = segmentKey(table, base)
  const record = database.getBinary(key)
  if (record === undefined) throw corrupt(path, `the ${what} of ${table} ${base} is missing`)
  if (!isIntact(key, record)) throw corrupt(path, `the ${what} of ${table} ${base} is damaged`)
  return record
}

function rangeOf(database: BinaryDatabase, table: PacketTable): Iterable<StoredRecord> {
  const number = tableNumber(table)
  return database.getRange({ start: Buffer.of(number), end: Buffer.of(number + 1) })
}
