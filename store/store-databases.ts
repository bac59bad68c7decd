import { type Database as LmdbDatabase, open, type RootDatabase } from 'lmdb'
import type { Database } from './commit-plan.js'

/* How LMDB is used, in one place.
 *
 * Without `overlappingSync` a commit is the plain LMDB one, and the promise of `batch` means durable: the pages are
 * written, fdatasync, then the meta page through a descriptor opened with O_DSYNC. See docs/durability.md. */

export type BinaryDatabase = LmdbDatabase<Buffer, Buffer>

export interface Databases extends Readonly<Record<Database, BinaryDatabase>> {
  readonly root: RootDatabase
  /** The format record alone. */
  readonly about: BinaryDatabase
}

/** The address space to begin with; LMDB widens it when the file outgrows it. */
const MAP_BYTES = 64 * 1024 * 1024

/** When lmdb-js begins to write (its types leave these out): never amid a `batch` call, but after it as soon as anything
 *  more is asked for, which `startNow` does. */
const START = { batchStartThreshold: Number.MAX_SAFE_INTEGER, txnStartThreshold: 1 }

export function openDatabases(path: string, fileBytes: number, readOnly = false): Databases {
  const root = open({
    path,
    noSubdir: true,
    readOnly,
    overlappingSync: false,
    // Only what one `batch` call holds is one transaction; nothing is committed but by such calls.
    eventTurnBatching: false,
    ...START,
    maxDbs: 8,
    mapSize: Math.max(MAP_BYTES, fileBytes * 2),
    cache: false,
  })
  const database = (name: string): BinaryDatabase =>
    root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary', cache: false })
  return {
    root,
    about: database('about'),
    heads: database('heads'),
    packets: database('packets'),
    gone: database('gone'),
    rows: database('rows'),
  }
}

const NO_KEY = Buffer.of(0)

/**
 * Has the transaction of the `batch` call just before begin at once. lmdb-js would wait for the next turn of the event
 * loop, unless more is asked for than `txnStartThreshold`: this asks, within the same transaction, to remove what is not
 * there, which changes nothing.
 */
export function startNow({ about }: Databases): void {
  void about.remove(NO_KEY)
}

/** Pages in use by data and by LMDB itself: those of the file that are not free. */
export function pagesUsed(databases: Databases): number {
  const { root, ...named } = databases
  const { free } = root.getStats() as { free: Stat }
  const META_PAGES = 2
  return Object.values(named)
    .map(database => database.getStats() as Stat)
    .concat(free, (root.getStats() as { root: Stat }).root)
    .reduce((pages, stat) => pages + stat.treeBranchPageCount + stat.treeLeafPageCount + stat.overflowPages, META_PAGES)
}

export const entryCount = (database: BinaryDatabase): number => (database.getStats() as Stat).entryCount

interface Stat {
  readonly entryCount: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

/** Number of the last page that was ever used: the file need not be longer. */
export function lastPage(databases: Databases): number {
  return (databases.root.getStats() as { lastPageNumber: number }).lastPageNumber
}

export function pageBytes(databases: Databases): number {
  return (databases.root.getStats() as { pageSize: number }).pageSize
}
