import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'

export interface LmdbWriterOptions {
  /** Made when it is not there. */
  readonly folder: string
  readonly recordBytes: number
}

/** How a batch reaches LMDB. All of them are on disk before the next batch begins.
 *
 *  `sync`: `transactionSync`, the commit in the calling thread. `async`: `batch`, the commit in LMDB's own thread.
 *  `append`: `transactionSync` whose puts say that keys only grow, so that LMDB does not search for their place. */
export const LMDB_WAYS = ['sync', 'async', 'append'] as const
export type LmdbWay = (typeof LMDB_WAYS)[number]

export interface LmdbRun {
  readonly records: number
  readonly batchRecords: number
  readonly way: LmdbWay
}

export interface LmdbRunResult {
  readonly elapsedUs: number
  readonly processorUs: number
  /** Records found in the database afterwards, by a walk over it. */
  readonly found: number
  /** Of those, records that are not what was written under their key. */
  readonly altered: number
}

/** What the disk takes for a durable write of one small record, in turns. */
export interface FlushTimes {
  /** A page of 4 KiB written over an old one, then fdatasync. LMDB does two of these for a commit. */
  readonly fdatasync: LatencySummary
  /** One record put and committed, on disk when it counts. */
  readonly commit: LatencySummary
}

/** Different records that are written in turn: 4 MB, more than caches hold. */
const DIFFERENT_RECORDS = 4096
const PAGE_BYTES = 4096
/** Pages of the file that is flushed: written over and over, as LMDB reuses its pages. */
const FLUSHED_PAGES = 64
const PAUSE_MS = 2

/** Writes records to LMDB with nothing around it. Synchronous commits are those of lmdb-js without `overlappingSync`:
 *  pages, fdatasync, then the meta page through a descriptor with O_DSYNC. */
export async function startLmdbWriter({ folder, recordBytes }: LmdbWriterOptions) {
  const database: RootDatabase<Buffer, number> = open<Buffer, number>({
    path: folder,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'uint32',
    overlappingSync: false,
  })
  const records = Array.from({ length: DIFFERENT_RECORDS }, (_, index) => {
    const record = Buffer.alloc(recordBytes, index)
    record.writeUInt32LE(index, 0)
    return record
  })
  const record = (key: number) => records[key % DIFFERENT_RECORDS]!

  const writeBatch: Record<LmdbWay, (first: number, end: number) => unknown> = {
    sync: (first, end) =>
      database.transactionSync(() => {
        for (let key = first; key < end; key++) database.putSync(key, record(key))
      }),
    append: (first, end) =>
      database.transactionSync(() => {
        for (let key = first; key < end; key++) database.putSync(key, record(key), { append: true })
      }),
    async: (first, end) =>
      database.batch(() => {
        for (let key = first; key < end; key++) void database.put(key, record(key))
      }),
  }

  return {
    /** Empties the database, whose pages are then used again, and writes so many records, timed. */
    run: async ({ records, batchRecords, way }: LmdbRun): Promise<LmdbRunResult> => {
      database.clearSync()
      const write = writeBatch[way]
      const fromUs = monotonicUs()
      const processorFromUs = processorUs()
      for (let first = 0; first < records; first += batchRecords)
        await write(first, Math.min(first + batchRecords, records))
      const elapsedUs = monotonicUs() - fromUs
      const usedUs = processorUs() - processorFromUs
      let found = 0
      let altered = 0
      for (const { key, value } of database.getRange({ snapshot: true })) {
        found += 1
        if (!record(key).equals(value)) altered += 1
      }
      return { elapsedUs, processorUs: usedUs, found, altered }
    },
    /** Lone durable writes of both kinds, in turns, with a rest between them as lone messages have. */
    flushes: async (count: number): Promise<FlushTimes> => {
      const fdatasync = new LatencyRecorder()
      const commit = new LatencyRecorder()
      const file = openSync(join(folder, 'flushed'), 'w')
      const page = Buffer.alloc(PAGE_BYTES, 1)
      for (let index = 0; index < FLUSHED_PAGES; index++) writeSync(file, page, 0, PAGE_BYTES, index * PAGE_BYTES)
      fdatasyncSync(file)
      for (let index = 0; index < count; index++) {
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
        let fromUs = monotonicUs()
        writeSync(file, page, 0, PAGE_BYTES, (index % FLUSHED_PAGES) * PAGE_BYTES)
        fdatasyncSync(file)
        fdatasync.record(monotonicUs() - fromUs)
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
        fromUs = monotonicUs()
        await database.put(index, record(index))
        commit.record(monotonicUs() - fromUs)
      }
      closeSync(file)
      return { fdatasync: fdatasync.summary(), commit: commit.summary() }
    },
    close: (): Promise<void> => database.close(),
  }
}
