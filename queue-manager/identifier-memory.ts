import type { Guid } from '../protocol/guid.js'
import { IDENTIFIERS_PER_PAGE, IdentifierPage } from './identifier-page.js'
import type { StoreBatch } from './store-batch.js'
import type { StoredRow } from './stored-row.js'

interface Source {
  readonly guid: Guid
  readonly index: number
  /** Identifiers remembered of it. */
  count: number
}

/**
 * The memory of identifiers of plain messages received ([MS-MQQB] 3.1.5.8.1, 3.1.6.7): (SourceQueueManager, MessageID),
 * at most `size` of them, the oldest leaving first, and none older than the cleanup age. Those of recoverable messages
 * survive a restart: their sender keeps them until it hears of our acknowledgement, and so sends them again after one.
 *
 * Every plain message passes here, so it is a ring of numbers with a hash table over it (open addressing, linear
 * probing), and not a map of objects.
 */
export class IdentifierMemory {
  readonly #size: number
  readonly #sources = new Map<Guid, Source>()
  readonly #sourceByIndex: (Source | undefined)[] = []
  readonly #freeIndexes: number[] = []
  /** The ring, by slot: source index + 1 (0: forgotten), MessageID, time. */
  readonly #ringSource: Uint32Array
  readonly #ringId: Uint32Array
  readonly #ringTime: Float64Array
  /** Slot + 1 by hash; 0 is free. */
  readonly #table: Uint32Array
  #oldest = 0
  #count = 0
  /** The page that is being filled; full ones are in the store. */
  #page: IdentifierPage
  /** Full pages that the store is taking. */
  readonly #entering = new Set<IdentifierPage>()

  constructor(size: number) {
    this.#size = size
    this.#page = this.#newPage(0)
    this.#ringSource = new Uint32Array(size)
    this.#ringId = new Uint32Array(size)
    this.#ringTime = new Float64Array(size)
    this.#table = new Uint32Array(size === 0 ? 0 : 2 ** Math.ceil(Math.log2(size * 2 + 2)))
  }

  get count(): number {
    return this.#count
  }

  /** Whether this identifier was met before; it is remembered, or its time refreshed, either way. */
  seen(guid: Guid, messageId: number, atMs: number): boolean {
    if (this.#size === 0) return false
    const source = this.#sources.get(guid) ?? this.#addSource(guid)
    const position = this.#find(source.index, messageId)
    const known = this.#table[position] as number
    if (known !== 0) {
      this.#ringTime[known - 1] = atMs
      return true
    }
    source.count += 1
    if (this.#count === this.#size) this.#forgetOldest()
    const slot = (this.#oldest + this.#count) % this.#size
    this.#ringSource[slot] = source.index + 1
    this.#ringId[slot] = messageId
    this.#ringTime[slot] = atMs
    this.#count += 1
    // forgetting may have moved entries: the place is looked up anew
    this.#table[this.#find(source.index, messageId)] = slot + 1
    return false
  }

  /** Keeps an identifier with the message it belongs to, in place of the oldest ones kept. */
  store(batch: StoreBatch, source: Guid, messageId: number): void {
    if (this.#size === 0) return
    const page = this.#page
    page.add(source, messageId)
    batch.changed(page)
    if (!page.isFull) return
    this.#entering.add(page)
    page.settled = () => this.#entering.delete(page)
    this.#page = this.#newPage(page.order + 1)
  }

  /** Takes back what the store kept; they count as met at the start of this run. */
  restore(rows: readonly StoredRow[]): void {
    const pages = rows.map(row => IdentifierPage.restored(row)).sort((one, other) => one.order - other.order)
    for (const page of pages) for (const { source, messageId } of page) this.seen(source, messageId, 0)
    const last = pages.at(-1)
    if (last !== undefined) this.#page = this.#newPage(last.order + 1)
  }

  /** Pages go round: a new one takes the place of the oldest. */
  #newPage(order: number): IdentifierPage {
    return new IdentifierPage(order, order % (Math.ceil(this.#size / IDENTIFIERS_PER_PAGE) + 1))
  }

  /** The message was not kept after all: it may come again, also after a restart. */
  forget(batch: StoreBatch, guid: Guid, messageId: number): void {
    for (const page of [this.#page, ...this.#entering]) if (page.drop(guid, messageId)) batch.changed(page)
    const source = this.#sources.get(guid)
    if (source === undefined) return
    const known = this.#table[this.#find(source.index, messageId)] as number
    if (known !== 0) this.#drop(known - 1)
  }

  /** Forgets what is older than `beforeMs`; the periodic cleanup. */
  forgetBefore(beforeMs: number): void {
    while (this.#count > 0) {
      const forgotten = this.#ringSource[this.#oldest] === 0
      if (!forgotten && (this.#ringTime[this.#oldest] as number) >= beforeMs) return
      this.#forgetOldest()
    }
  }

  #forgetOldest(): void {
    if (this.#ringSource[this.#oldest] !== 0) this.#drop(this.#oldest)
    this.#oldest = (this.#oldest + 1) % this.#size
    this.#count -= 1
  }

  /** Takes a slot's identifier out of the table, and leaves the slot empty in the ring. */
  #drop(slot: number): void {
    const source = this.#sourceByIndex[(this.#ringSource[slot] as number) - 1] as Source
    this.#clear(this.#find(source.index, this.#ringId[slot] as number))
    this.#ringSource[slot] = 0
    source.count -= 1
    if (source.count > 0) return
    // of a source of which nothing is left nothing stays: a peer can invent them without end
    this.#sources.delete(source.guid)
    this.#sourceByIndex[source.index] = undefined
    this.#freeIndexes.push(source.index)
  }

  #addSource(guid: Guid): Source {
    const index = this.#freeIndexes.pop() ?? this.#sourceByIndex.length
    const source = { guid, index, count: 0 }
    this.#sources.set(guid, source)
    this.#sourceByIndex[index] = source
    return source
  }

  /** The position in the table that holds this identifier, or the free one where it belongs. */
  #find(sourceIndex: number, messageId: number): number {
    const mask = this.#table.length - 1
    for (let position = hash(sourceIndex, messageId) & mask; ; position = (position + 1) & mask) {
      const entry = this.#table[position] as number
      if (entry === 0) return position
      if (this.#ringId[entry - 1] === messageId && this.#ringSource[entry - 1] === sourceIndex + 1) return position
    }
  }

  /** Frees a position and moves back what probed past it. */
  #clear(position: number): void {
    const mask = this.#table.length - 1
    let hole = position
    for (let next = (hole + 1) & mask; this.#table[next] !== 0; next = (next + 1) & mask) {
      const slot = (this.#table[next] as number) - 1
      const home = hash((this.#ringSource[slot] as number) - 1, this.#ringId[slot] as number) & mask
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      this.#table[hole] = this.#table[next] as number
      hole = next
    }
    this.#table[hole] = 0
  }
}

/** MessageIDs of one source are consecutive; the multiplications spread them, and the sources. */
function hash(sourceIndex: number, messageId: number): number {
  const mixed = Math.imul(messageId, 0x9e3779b1) ^ Math.imul(sourceIndex + 1, 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
