import { existsSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { PACKET_TABLES, type PacketTable, type StoreTable } from '../queue-manager/actions.js'
import { checkStructure } from './lmdb-file.js'
import type { PacketIndex } from './packet-index.js'
import { hasBit } from './packet-segment.js'
import { checkCounts, readHeadValues, readIndex, readPackets } from './packet-tables.js'
import { decodeRow, TABLES, tableOfNumber } from './row.js'
import { StoreContents } from './store-contents.js'
import { type Databases, pagesUsed } from './store-databases.js'
import { dataFile, openCheckedFile, type StoreIdentity } from './store-directory.js'
import { corrupt, noStore } from './store-errors.js'
import { holderOf } from './store-lock.js'
import { isIntact } from './stored-value.js'

/** Sizes in bytes. */
export interface StoreReport {
  readonly file: string
  /** Process that has the store open; null when none has, or none that says so. */
  readonly holder: number | null
  readonly version: number
  readonly createdMs: number
  readonly identity: StoreIdentity | null
  readonly fileBytes: number
  readonly usedBytes: number
  /** Free space inside the file, which is used before it grows. */
  readonly freeBytes: number
  /** Free space on the disk. */
  readonly diskBytes: number
  /** Address space that LMDB has for the file now; it widens it as needed. */
  readonly mapBytes: number
  readonly pageBytes: number
  /** Commits since the store was made. */
  readonly transactions: number
  /** Whether every page was looked at: LMDB's structure is checked only while nobody writes. */
  readonly structureChecked: boolean
  /** Packets that were read and compared with their checksums; null when that was not asked for. */
  readonly packetsVerified: number | null
  readonly tables: readonly TableReport[]
  readonly contents: StoreContents
}

export interface TableReport {
  readonly table: StoreTable
  readonly rows: number
  /** Of keys and values. */
  readonly bytes: number
  readonly packetBytes: number
  /** Of deleted rows that share a segment with others. */
  readonly deletedPacketBytes: number
}

/**
 * Reads a store without changing it, also while a queue manager has it open: what was committed when this began. With
 * `verify` every packet is read too. StoreError as `LmdbStore.open`, but never `MSMQ_STORE_LOCKED`.
 */
export async function inspectStore(directory: string, verify: boolean): Promise<StoreReport> {
  const file = dataFile(directory)
  if (!existsSync(file)) throw noStore(directory)
  const holder = await holderOf(directory)
  if (holder === null) checkStructure(file)
  const { databases, format } = openCheckedFile(directory, true)
  try {
    const { bavail, bsize } = await statfs(directory)
    // All that follows is one snapshot: LMDB's read transaction lasts for a turn of the event loop.
    const stats = databases.root.getStats() as Stats
    const usedBytes = pagesUsed(databases) * stats.pageSize
    const contents = new StoreContents()
    const tables = readRows(databases, file, contents)
    let packetsVerified = 0
    const indexes: PacketIndex[] = []
    for (const table of PACKET_TABLES) {
      const index = readIndex(databases, table, file)
      indexes.push(index)
      tables.push(readPacketTable(databases, table, index, file, contents))
      if (verify) packetsVerified += verifyPackets(databases, table, index, file)
    }
    checkCounts(databases, indexes, file)
    return {
      file,
      holder: holder === 'silent' ? null : holder,
      ...format,
      fileBytes: statSync(file).size,
      usedBytes,
      freeBytes: Math.max(0, statSync(file).size - usedBytes),
      diskBytes: bavail * bsize,
      mapBytes: stats.mapSize,
      pageBytes: stats.pageSize,
      transactions: stats.lastTxnId,
      structureChecked: holder === null,
      packetsVerified: verify ? packetsVerified : null,
      tables,
      contents,
    }
  } finally {
    await databases.root.close()
  }
}

interface Stats {
  readonly pageSize: number
  readonly mapSize: number
  readonly lastTxnId: number
}

function readRows(databases: Databases, file: string, contents: StoreContents): TableReport[] {
  const rows = new Map<StoreTable, number>()
  const bytes = new Map<StoreTable, number>()
  for (const { key, value: record } of databases.rows.getRange()) {
    const table = tableOfNumber(key[0]!)
    if (table === undefined || !isIntact(key, record))
      throw corrupt(file, `the row with key ${key.toString('hex')} is damaged`)
    rows.set(table, (rows.get(table) ?? 0) + 1)
    bytes.set(table, (bytes.get(table) ?? 0) + key.length + record.length)
    contents.add({ table, ...decodeRow(key, record) })
  }
  return TABLES.filter(table => !PACKET_TABLES.includes(table as PacketTable)).map(table => ({
    table,
    rows: rows.get(table) ?? 0,
    bytes: bytes.get(table) ?? 0,
    packetBytes: 0,
    deletedPacketBytes: 0,
  }))
}

function readPacketTable(
  databases: Databases,
  table: PacketTable,
  index: PacketIndex,
  file: string,
  contents: StoreContents,
): TableReport {
  let bytes = 0
  for (let place = 0; place < index.length; place++) {
    const { values, headBytes } = readHeadValues(databases, table, index.baseAt(place), file)
    bytes += headBytes
    const gone = index.goneAt(place)
    for (const [row, key] of index.keysAt(place).entries())
      if (gone === null || !hasBit(gone, row)) contents.add({ table, key, value: values[row]! })
  }
  const { rowCount, liveBytes, deadBytes } = index
  return { table, rows: rowCount, bytes, packetBytes: liveBytes, deletedPacketBytes: deadBytes }
}

function verifyPackets(databases: Databases, table: PacketTable, index: PacketIndex, file: string): number {
  for (let place = 0; place < index.length; place++)
    readPackets(databases, table, index.baseAt(place), index.countAt(place), file)
  return index.rowCount
}
