import type { Guid } from '../protocol/guid.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { StoredRow } from './stored-row.js'

export const IDENTIFIERS_PER_PAGE = 64
/** MessageID and the index of its source. */
const ENTRY_BYTES = 8

export interface StoredIdentifier {
  readonly source: Guid
  readonly messageId: number
}

/** Some of the identifiers that survive a restart. They are stored by the page, once a batch: a row for each would cost as
 *  much as the message it belongs to. */
export class IdentifierPage implements StoredState {
  /** Called when the store is done with it, or failed. */
  settled: (() => void) | null = null
  /** Pages are numbered in the order in which they were begun. */
  readonly order: number
  readonly #key: number
  readonly #sources: Guid[] = []
  readonly #sourceIndexes = new Map<Guid, number>()
  readonly #entries = Buffer.alloc(IDENTIFIERS_PER_PAGE * ENTRY_BYTES)
  #count = 0
  /** Times that the store is at it. */
  #saving = 0

  constructor(order: number, key: number) {
    this.order = order
    this.#key = key
  }

  get isFull(): boolean {
    return this.#count === IDENTIFIERS_PER_PAGE
  }

  add(source: Guid, messageId: number): void {
    let index = this.#sourceIndexes.get(source)
    if (index === undefined) {
      index = this.#sources.length
      this.#sources.push(source)
      this.#sourceIndexes.set(source, index)
    }
    this.#entries.writeUInt32LE(messageId, this.#count * ENTRY_BYTES)
    this.#entries.writeUInt32LE(index, this.#count * ENTRY_BYTES + 4)
    this.#count += 1
  }

  /** Takes an identifier out again, if it is here. */
  drop(source: Guid, messageId: number): boolean {
    const index = this.#sourceIndexes.get(source)
    for (let at = 0; at < this.#count * ENTRY_BYTES; at += ENTRY_BYTES) {
      if (this.#entries.readUInt32LE(at) !== messageId || this.#entries.readUInt32LE(at + 4) !== index) continue
      this.#entries.copyWithin(at, at + ENTRY_BYTES, this.#count * ENTRY_BYTES)
      this.#count -= 1
      return true
    }
    return false
  }

  *[Symbol.iterator](): Iterator<StoredIdentifier> {
    for (let at = 0; at < this.#count * ENTRY_BYTES; at += ENTRY_BYTES)
      yield {
        source: this.#sources[this.#entries.readUInt32LE(at + 4)] as Guid,
        messageId: this.#entries.readUInt32LE(at),
      }
  }

  save(batch: StoreBatch): void {
    // copies: the store may still be writing this while the page goes on filling
    const entries = Buffer.from(this.#entries.subarray(0, this.#count * ENTRY_BYTES))
    batch.put('identifier', this.#key, { order: this.order, sources: [...this.#sources], entries })
    this.#saving += 1
    batch.whenDurable(() => {
      this.#saving -= 1
      if (this.#saving === 0) this.settled?.()
    })
  }

  static restored(row: StoredRow): IdentifierPage {
    const page = new IdentifierPage(row.whole('order'), row.numberKey)
    const sources = row.list('sources')
    const entries = Buffer.from(row.bytes('entries'))
    if (entries.length % ENTRY_BYTES !== 0 || entries.length > IDENTIFIERS_PER_PAGE * ENTRY_BYTES)
      throw row.wrong('entries', `at most ${IDENTIFIERS_PER_PAGE} entries of ${ENTRY_BYTES} bytes`)
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const source = sources[entries.readUInt32LE(at + 4)]
      if (typeof source !== 'string') throw row.wrong('sources', 'a list with every source of the entries')
      page.add(source, entries.readUInt32LE(at))
    }
    return page
  }
}
