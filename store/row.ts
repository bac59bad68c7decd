import { createHash } from 'node:crypto'
import type { StoredValue, StoreKey, StoreTable } from '../queue-manager/actions.js'
import { CHECKSUM_BYTES, decodeValue, encodeShared, seal } from './stored-value.js'

/* Keys on disk begin with the number of their table, so that a table is a range of keys. */

const TABLE_NUMBERS: { readonly [table in StoreTable]: number } = {
  state: 1,
  queue: 2,
  message: 3,
  'message-state': 4,
  outgoing: 5,
  'outgoing-queue': 6,
  'incoming-sequence': 7,
  'outgoing-sequence': 8,
  'awaiting-final-ack': 9,
  identifier: 10,
}

export const TABLES = Object.keys(TABLE_NUMBERS) as readonly StoreTable[]

export const tableNumber = (table: StoreTable): number => TABLE_NUMBERS[table]

export const tableOfNumber = (number: number): StoreTable | undefined =>
  TABLES.find(table => TABLE_NUMBERS[table] === number)

const NUMBER_KEY = 1
const TEXT_KEY = 2
/** Of a text that is too long to be a key: its SHA-256. The text is in the record then. */
const HASHED_KEY = 3

/** LMDB's own limit is 1978 bytes for pages of 4 KB. */
const TEXT_KEY_BYTES_MAX = 1_024

/** Orders numbers as numbers: an IEEE 754 double with its sign bit turned over, all bits when negative. */
export function rowKey(table: StoreTable, key: StoreKey): Buffer {
  if (typeof key === 'number') {
    const bytes = Buffer.allocUnsafe(10)
    bytes[1] = NUMBER_KEY
    bytes.writeDoubleBE(key === 0 ? 0 : key, 2)
    if (key < 0) for (let at = 2; at < 10; at++) bytes[at] = ~bytes[at]! & 0xff
    else bytes[2] = bytes[2]! ^ 0x80
    bytes[0] = tableNumber(table)
    return bytes
  }
  const text = Buffer.from(key, 'utf8')
  const long = text.length > TEXT_KEY_BYTES_MAX
  const bytes = long ? createHash('sha256').update(text).digest() : text
  return Buffer.concat([Buffer.of(tableNumber(table), long ? HASHED_KEY : TEXT_KEY), bytes])
}

export function rowRecord(keyBytes: Buffer, key: StoreKey, value: StoredValue): Buffer {
  const encoded = encodeShared(keyBytes[1] === HASHED_KEY ? [key, value] : value)
  const record = Buffer.allocUnsafe(CHECKSUM_BYTES + encoded.length)
  record.set(encoded, CHECKSUM_BYTES)
  return seal(keyBytes, record)
}

/** The key and value of an intact record. */
export function decodeRow(keyBytes: Buffer, record: Buffer): { key: StoreKey; value: StoredValue } {
  const value = decodeValue(record.subarray(CHECKSUM_BYTES)) as StoredValue
  if (keyBytes[1] === HASHED_KEY) {
    const [key, hashed] = value as unknown as [string, StoredValue]
    return { key, value: hashed }
  }
  if (keyBytes[1] === TEXT_KEY) return { key: keyBytes.toString('utf8', 2), value }
  const bytes = Buffer.from(keyBytes.subarray(2))
  if (bytes[0]! & 0x80) bytes[0] = bytes[0]! ^ 0x80
  else for (let at = 0; at < bytes.length; at++) bytes[at] = ~bytes[at]! & 0xff
  return { key: bytes.readDoubleBE(0), value }
}
