import {
  isPacketTable,
  PACKET_TABLES,
  type PacketTable,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
} from '../queue-manager/actions.js'
import type { PacketIndex } from './packet-index.js'
import {
  bitCount,
  cut,
  decodeKeys,
  encodeGone,
  encodeHead,
  encodePackets,
  type PacketRow,
  segmentKey,
  setBit,
} from './packet-segment.js'
import type { RecordSpace } from './record-space.js'
import { rowKey, rowRecord } from './row.js'

/** Heads: keys and values of packet tables. Gone: which of their rows are not there any more. Rows: all other tables. */
export type Database = 'heads' | 'packets' | 'gone' | 'rows'

/** One change to one of the databases; `record` null removes. */
export interface Change {
  readonly database: Database
  readonly key: Buffer
  readonly record: Buffer | null
}

/** The rows of a segment that are still there, read back; null when they cannot be. */
export type SegmentReader = (table: PacketTable, base: number) => PacketRow[] | null

/** Space that deleted packets may take up: as much as those that are there, or this, */
const DEAD_BYTES_MAX = 4 * 1024 * 1024
/** and what one commit rewrites at most to win it back, */
const REWRITTEN_BYTES_MAX = 1024 * 1024
/** looking at so many segments at most. */
const SEGMENTS_VISITED_MAX = 4_096

/**
 * What one commit does: the operations of many writes brought down to few changes. Rows that come and go within it never
 * reach the disk. Nothing but the plan changes until `apply`, which brings the indexes up to what was committed.
 */
export class CommitPlan {
  readonly changes: Change[] = []
  readonly #indexes: ReadonlyMap<PacketTable, PacketIndex>
  readonly #space: RecordSpace
  readonly #added = new Map<PacketTable, (PacketRow | null)[]>()
  readonly #addedKeys = new Map<PacketTable, number[]>()
  /** By place of the segment. */
  readonly #gone = new Map<PacketTable, Map<number, Uint8Array>>()
  readonly #rows = new Map<StoreTable, Map<StoreKey, StoredValue | null>>()
  readonly #onApply: (() => void)[] = []
  readonly #forgotten: { table: PacketTable; base: number }[] = []

  /** Records are in `space`, which nothing else uses until the plan is committed or given up. */
  constructor(indexes: ReadonlyMap<PacketTable, PacketIndex>, space: RecordSpace) {
    this.#indexes = indexes
    this.#space = space
    space.reset()
  }

  /** Segments whose packets are not on disk any more, or others by now. */
  get forgotten(): readonly { table: PacketTable; base: number }[] {
    return this.#forgotten
  }

  /** Pages that committing may take at most: the records themselves, a page of each tree level on the way to each, and
   *  LMDB's own. */
  pagesMax(pageBytes: number): number {
    const LEVELS = 3
    const OWN_PAGES = 32
    let pages = OWN_PAGES
    for (const { record } of this.changes) pages += Math.ceil((record?.length ?? 0) / pageBytes) + LEVELS
    return pages
  }

  add(operations: readonly StoreOperation[]): void {
    for (let at = 0; at < operations.length; at++) {
      const operation = operations[at]!
      const { table, key, value } = operation
      if (!isPacketTable(table)) entryOf(this.#rows, table, newMap<StoreKey, StoredValue | null>).set(key, value)
      else if (value === null) this.#remove(table, key as number)
      else {
        entryOf(this.#added, table, newList<PacketRow | null>).push(operation as PacketRow)
        entryOf(this.#addedKeys, table, newList<number>).push(key as number)
      }
    }
  }

  /** Turns all that was added into changes. Once. */
  finish(read: SegmentReader, cursors: Map<PacketTable, number>): void {
    for (const table of PACKET_TABLES) {
      this.#finishGone(table)
      this.#rewrite(table, read, cursors)
      this.#finishAdded(table)
    }
    for (const [table, rows] of this.#rows)
      for (const [key, value] of rows) {
        const bytes = rowKey(table, key)
        this.changes.push({ database: 'rows', key: bytes, record: value && rowRecord(bytes, key, value) })
      }
  }

  /** The changes are committed. */
  apply(): void {
    for (const apply of this.#onApply) apply()
    for (const index of this.#indexes.values()) index.sweep()
  }

  #remove(table: PacketTable, key: number): void {
    const at = indexOf(this.#addedKeys.get(table) ?? [], key)
    if (at >= 0) {
      this.#added.get(table)![at] = null
      return
    }
    const index = this.#indexes.get(table)!
    const found = index.find(key)
    if (found === null) return
    const touched = entryOf(this.#gone, table, newMap<number, Uint8Array>)
    let gone = touched.get(found.place)
    if (gone === undefined) {
      gone = new Uint8Array((index.countAt(found.place) + 7) >> 3)
      const before = index.goneAt(found.place)
      if (before !== null) gone.set(before)
      touched.set(found.place, gone)
    }
    setBit(gone, found.row)
  }

  #finishGone(table: PacketTable): void {
    const index = this.#indexes.get(table)!
    for (const [place, gone] of this.#gone.get(table) ?? []) {
      const goneCount = bitCount(gone)
      if (goneCount === index.countAt(place)) this.#empty(table, index, place)
      else {
        const key = segmentKey(table, index.baseAt(place))
        this.changes.push({ database: 'gone', key, record: encodeGone(key, gone) })
        this.#onApply.push(() => index.setGone(place, gone, goneCount))
      }
    }
  }

  #empty(table: PacketTable, index: PacketIndex, place: number): void {
    const base = index.baseAt(place)
    const key = segmentKey(table, base)
    this.changes.push({ database: 'heads', key, record: null }, { database: 'packets', key, record: null })
    if (index.goneAt(place) !== null) this.changes.push({ database: 'gone', key, record: null })
    this.#forgotten.push({ table, base })
    this.#onApply.push(() => index.empty(place))
  }

  /** When deleted packets take up too much, some segments that are at least half gone are written anew without them. */
  #rewrite(table: PacketTable, read: SegmentReader, cursors: Map<PacketTable, number>): void {
    const index = this.#indexes.get(table)!
    if (index.deadBytes <= Math.max(DEAD_BYTES_MAX, index.liveBytes)) return
    let bytes = 0
    let place = cursors.get(table) ?? 0
    const visits = Math.min(index.length, SEGMENTS_VISITED_MAX)
    for (let visit = 0; visit < visits && bytes < REWRITTEN_BYTES_MAX; visit++, place++) {
      if (place >= index.length) place = 0
      const live = index.liveCountAt(place)
      if (live === 0 || live * 2 > index.countAt(place) || this.#gone.get(table)?.has(place)) continue
      const base = index.baseAt(place)
      const rows = read(table, base)
      if (rows === null) continue
      const key = segmentKey(table, base)
      const [head, packets] = [encodeHead(this.#space, key, base, rows), encodePackets(this.#space, key, rows)]
      this.changes.push({ database: 'heads', key, record: head }, { database: 'packets', key, record: packets })
      this.changes.push({ database: 'gone', key, record: null })
      this.#forgotten.push({ table, base })
      const entry = { ...decodeKeys(head), gone: null, goneCount: 0 }
      const at = place
      this.#onApply.push(() => index.replace(at, entry))
      bytes += packets.length
    }
    cursors.set(table, place)
  }

  #finishAdded(table: PacketTable): void {
    const rows = this.#added.get(table)?.filter(row => row !== null) ?? []
    const index = this.#indexes.get(table)!
    for (const segment of cut(rows)) {
      const base = segment[0]!.key
      const key = segmentKey(table, base)
      const [head, packets] = [encodeHead(this.#space, key, base, segment), encodePackets(this.#space, key, segment)]
      this.changes.push({ database: 'heads', key, record: head }, { database: 'packets', key, record: packets })
      const entry = { base, ...decodeKeys(head), gone: null, goneCount: 0 }
      this.#onApply.push(() => index.append(entry))
    }
  }
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map()
}

function newList<Item>(): Item[] {
  return []
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = create()
    map.set(key, value)
  }
  return value
}

/** Of a key in a rising list; −1 when it is not there. */
function indexOf(keys: readonly number[], key: number): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low < keys.length && keys[low] === key ? low : -1
}
