import type { PacketTable, StoredValue } from '../queue-manager/actions.js'
import { readValues } from './head-values.js'
import type { RecordSpace } from './record-space.js'
import { tableNumber } from './row.js'
import { CHECKSUM_BYTES, seal } from './stored-value.js'

/* The rows that one commit adds to a packet table are stored together, as segments: one record of the keys and values
 * (the head), which opening reads, and one of the packets, which it does not. Both, and the record of which rows are gone
 * by now, are stored under the segment's base: the key of its first row. */

/** A row that is to be stored. */
export interface PacketRow {
  readonly key: number
  readonly value: StoredValue
  readonly packet: Uint8Array
}

/** A segment takes no further row when it has so many, */
export const SEGMENT_ROWS_MAX = 256
/** or so many bytes of packets; a larger packet is a segment of its own. */
export const SEGMENT_BYTES_MAX = 65_536
/** Keys are stored as 32-bit distances from the base. */
const KEY_SPAN_MAX = 0xffffffff

/** Room for the checksum, the number of rows, whether their keys follow each other, and the bytes of the packets. */
const HEAD_BYTES = CHECKSUM_BYTES + 8
const CONSECUTIVE = 1

/** Cuts rows, in the order of their keys, into what will be a segment each. */
export function* cut(rows: readonly PacketRow[]): Iterable<readonly PacketRow[]> {
  let start = 0
  let bytes = 0
  for (let at = 0; at < rows.length; at++) {
    const { key, packet } = rows[at]!
    const full =
      at - start === SEGMENT_ROWS_MAX ||
      bytes + packet.length > SEGMENT_BYTES_MAX ||
      key - rows[start]!.key > KEY_SPAN_MAX
    if (full && at > start) {
      yield rows.slice(start, at)
      start = at
      bytes = 0
    }
    bytes += packet.length
  }
  if (start < rows.length) yield start === 0 ? rows : rows.slice(start)
}

/** The table's number and the base. */
export const SEGMENT_KEY_BYTES = 9

export function segmentKey(table: PacketTable, base: number): Buffer {
  const key = Buffer.allocUnsafe(SEGMENT_KEY_BYTES)
  key[0] = tableNumber(table)
  key.writeUInt32BE(Math.floor(base / 2 ** 32), 1)
  key.writeUInt32BE(base % 2 ** 32, 5)
  return key
}

export function baseOf(key: Buffer): number {
  return key.readUInt32BE(1) * 2 ** 32 + key.readUInt32BE(5)
}

/** Of rows that are not empty, with keys from `base` on. */
export function encodeHead(space: RecordSpace, key: Buffer, base: number, rows: readonly PacketRow[]): Buffer {
  const count = rows.length
  let packetBytes = 0
  for (let row = 0; row < count; row++) packetBytes += rows[row]!.packet.length
  // Keys rise.
  const consecutive = rows[count - 1]!.key === base + count - 1
  space.begin(HEAD_BYTES)
  space.uint16(count)
  space.uint16(consecutive ? CONSECUTIVE : 0)
  space.uint32(packetBytes)
  if (!consecutive) for (let row = 0; row < count; row++) space.uint32(rows[row]!.key - base)
  space.list(count)
  for (let row = 0; row < count; row++) space.value(rows[row]!.value)
  return space.end(key)
}

/** What opening needs of a head: `distances` of the keys from the base, null when they follow each other, which saves
 *  memory; `bytes` of the packets. */
export function decodeKeys(record: Buffer): { count: number; distances: Uint32Array | null; bytes: number } {
  const count = record.readUInt16LE(4)
  const bytes = record.readUInt32LE(8)
  if (record.readUInt16LE(6) === CONSECUTIVE) return { count, distances: null, bytes }
  const distances = new Uint32Array(count)
  for (let row = 0; row < count; row++) distances[row] = record.readUInt32LE(HEAD_BYTES + row * 4)
  return { count, distances, bytes }
}

/** The values of all rows, in order. */
export function decodeHeadValues(record: Buffer): readonly StoredValue[] {
  const count = record.readUInt16LE(4)
  const keyBytes = record.readUInt16LE(6) === CONSECUTIVE ? 0 : count * 4
  return readValues(record, HEAD_BYTES + keyBytes) as readonly StoredValue[]
}

/** Checksum, number of rows, where each packet ends, the packets. */
export function encodePackets(space: RecordSpace, key: Buffer, rows: readonly PacketRow[]): Buffer {
  const count = rows.length
  let end = CHECKSUM_BYTES + 4 + count * 4
  for (let row = 0; row < count; row++) end += rows[row]!.packet.length
  space.begin(end)
  space.uint32(count)
  end = CHECKSUM_BYTES + 4 + count * 4
  for (let row = 0; row < count; row++) {
    end += rows[row]!.packet.length
    space.uint32(end)
  }
  for (let row = 0; row < count; row++) space.bytes(rows[row]!.packet)
  return space.end(key)
}

export const packetCount = (record: Buffer): number => record.readUInt32LE(4)

/** A view. */
export function packetAt(record: Buffer, row: number): Buffer {
  const count = packetCount(record)
  const start = row === 0 ? CHECKSUM_BYTES + 4 + count * 4 : record.readUInt32LE(4 + row * 4)
  return record.subarray(start, record.readUInt32LE(8 + row * 4))
}

/** Which rows of a segment are gone: a bit for each. */
export function encodeGone(key: Buffer, gone: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(CHECKSUM_BYTES + gone.length)
  record.set(gone, CHECKSUM_BYTES)
  return seal(key, record)
}

export const decodeGone = (record: Buffer): Uint8Array => Uint8Array.from(record.subarray(CHECKSUM_BYTES))

export const hasBit = (bits: Uint8Array, at: number): boolean => (bits[at >> 3]! & (1 << (at & 7))) !== 0

export function setBit(bits: Uint8Array, at: number): void {
  bits[at >> 3] = bits[at >> 3]! | (1 << (at & 7))
}

export function bitCount(bits: Uint8Array): number {
  let count = 0
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count++
  return count
}
