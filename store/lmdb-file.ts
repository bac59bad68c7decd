import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { corrupt, foreign, ioError } from './store-errors.js'

/* The data file as LMDB lays it out (data version 2, as lmdb-js has it): pages of equal size, the first two of which are
 * meta pages; B+ trees of branch and leaf pages; values too large for a leaf on overflow pages. All numbers are in the
 * machine's order, little-endian on everything this runs on. */

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const PAGE_HEADER_BYTES = 24
const NODE_HEADER_BYTES = 8
const TREE_BYTES = 48
const META_PAGES = 2
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** What a page is, in its flags. */
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
const META = 0x08

/** What a leaf node holds, in its flags: a reference to overflow pages, a tree. */
const BIG_DATA = 0x01
const SUB_TREE = 0x02

/** Keys are numbers, and LMDB's own note that the file is not in a directory of its own. */
const FREE_TREE_FLAGS = 0x4008

/** Trees are less deep than this, or they are not trees. */
const DEPTH_MAX = 32
/** More than any address space. */
const MAP_BYTES_MAX = 2 ** 48

interface Tree {
  readonly name: string
  readonly flags: number
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly overflowPages: number
  readonly entries: number
  /** null: empty. */
  readonly root: number | null
}

interface Meta {
  readonly pageBytes: number
  readonly transaction: number
  readonly lastPage: number
  readonly free: Tree
  readonly main: Tree
}

/** What the file says of itself. */
export interface FileSummary {
  readonly fileBytes: number
  readonly pageBytes: number
  readonly pages: number
  readonly freePages: number
  /** Rows by database. */
  readonly entries: ReadonlyMap<string, number>
}

/** Told of each record of each database, in the order of the keys: where in the file its bytes are. The key is valid for
 *  the time of the call. */
export type TakeRecord = (database: string, key: Buffer, position: number, length: number) => void

/**
 * Reads all of the structure: meta pages, every branch and leaf page, the heads of overflow pages, the list of free
 * pages; not what the overflow pages hold. LMDB does not check what it reads and crashes the process on a page that makes
 * no sense, or reads beyond the file's end and is killed with SIGBUS; whatever passes here does neither, and no page has
 * two uses, so that nothing will be written over what is in use. Throws `MSMQ_STORE_FOREIGN`, `MSMQ_STORE_CORRUPT`.
 */
export function checkStructure(path: string, take: TakeRecord = () => {}): FileSummary {
  let handle: number
  try {
    handle = openSync(path, 'r')
  } catch (error) {
    throw ioError(`cannot open ${path}`, error)
  }
  try {
    return new FileReader(path, handle).check(take)
  } finally {
    closeSync(handle)
  }
}

class FileReader {
  readonly #path: string
  readonly #handle: number
  readonly #fileBytes: number
  #meta: Meta
  readonly #head = Buffer.allocUnsafe(PAGE_HEADER_BYTES)
  /** A bit for each page that something uses. */
  #used = new Uint8Array(0)

  constructor(path: string, handle: number) {
    this.#path = path
    this.#handle = handle
    this.#fileBytes = fstatSync(handle).size
    this.#meta = this.#readMetas()
  }

  check(take: TakeRecord): FileSummary {
    const { pageBytes, lastPage, main, free } = this.#meta
    this.#used = new Uint8Array((lastPage >> 3) + 1)
    const entries = new Map<string, number>()
    const trees: Tree[] = []
    this.#walk(main, SUB_TREE, (key, position, length) => {
      if (length !== TREE_BYTES) throw this.#corrupt('the list of databases is damaged')
      trees.push(this.#tree(key.toString('latin1').replace(/\0$/, ''), this.#read(position, length), 0))
    })
    for (const tree of trees) {
      this.#walk(tree, 0, (key, position, length) => take(tree.name, key, position, length))
      entries.set(tree.name, tree.entries)
    }
    let freePages = 0
    this.#walk(free, 0, (_key, position, length) => {
      freePages += this.#markFree(this.#read(position, length))
    })
    return { fileBytes: this.#fileBytes, pageBytes, pages: lastPage + 1, freePages, entries }
  }

  /** The newer one. A transaction writes one of the two, by its number: they are one transaction apart. */
  #readMetas(): Meta {
    const first = this.#read(0, Math.min(this.#fileBytes, PAGE_HEADER_BYTES + 24 + 2 * TREE_BYTES + 24))
    if (first.length < PAGE_HEADER_BYTES + 24 + 2 * TREE_BYTES + 24) throw this.#truncated()
    const stated = first.readUInt32LE(PAGE_HEADER_BYTES + 24)
    const pageBytes = stated >= 512 && stated <= 65_536 && (stated & (stated - 1)) === 0 ? stated : 4_096
    if (this.#fileBytes < pageBytes * META_PAGES) throw this.#truncated()
    const pages = [this.#read(0, pageBytes), this.#read(pageBytes, pageBytes)]
    const isLmdb = (page: Buffer) => page.readUInt32LE(PAGE_HEADER_BYTES) === MAGIC
    if (!pages.some(isLmdb)) throw foreign(this.#path)
    const [a, b] = pages.map((page, number) => this.#metaOf(page, number, pageBytes)) as [Meta, Meta]
    const apart = Math.abs(a.transaction - b.transaction)
    const newer = a.transaction > b.transaction ? a : b
    if (apart > 1 || (apart === 1 && newer.transaction % 2 !== (newer === a ? 0 : 1)))
      throw this.#corrupt('the two meta pages do not belong together')
    return newer
  }

  #metaOf(page: Buffer, number: number, pageBytes: number): Meta {
    const at = PAGE_HEADER_BYTES
    const mapBytes = this.#number(page, at + 16, 'a meta page')
    const meta: Meta = {
      pageBytes: page.readUInt32LE(at + 24),
      free: this.#tree('free pages', page.subarray(at + 24), FREE_TREE_FLAGS),
      main: this.#tree('databases', page.subarray(at + 24 + TREE_BYTES), 0),
      lastPage: this.#number(page, at + 24 + 2 * TREE_BYTES, 'a meta page'),
      transaction: this.#number(page, at + 32 + 2 * TREE_BYTES, 'a meta page'),
    }
    const sound =
      this.#number(page, 0, 'a meta page') === number &&
      page.readUInt16LE(18) === META &&
      page.readUInt32LE(at) === MAGIC &&
      page.readUInt32LE(at + 4) === DATA_VERSION &&
      page.readBigUInt64LE(at + 8) === 0n &&
      meta.pageBytes === pageBytes &&
      meta.lastPage >= META_PAGES - 1 &&
      mapBytes <= MAP_BYTES_MAX &&
      (meta.lastPage + 1) * pageBytes <= MAP_BYTES_MAX
    if (!sound) throw this.#corrupt(`meta page ${number} is damaged`)
    return meta
  }

  #tree(name: string, bytes: Buffer, flags: number): Tree {
    const what = `the description of the tree "${name}"`
    const root = bytes.readBigUInt64LE(40)
    const tree: Tree = {
      name,
      flags: bytes.readUInt16LE(4),
      depth: bytes.readUInt16LE(6),
      branchPages: this.#number(bytes, 8, what),
      leafPages: this.#number(bytes, 16, what),
      overflowPages: this.#number(bytes, 24, what),
      entries: this.#number(bytes, 32, what),
      root: root === NO_PAGE ? null : this.#number(bytes, 40, what),
    }
    const empty = tree.depth + tree.branchPages + tree.leafPages + tree.overflowPages + tree.entries === 0
    if (tree.flags !== flags || tree.depth > DEPTH_MAX || empty !== (tree.root === null))
      throw this.#corrupt(`${what} is damaged`)
    return tree
  }

  /** Gives each entry, in order, and where its value is; `kind` is what leaf nodes say that are not of large values. */
  #walk(tree: Tree, kind: number, take: (key: Buffer, position: number, length: number) => void): void {
    const counted = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
    const wrong = (what: string) => this.#corrupt(`the tree "${tree.name}" is damaged: ${what}`)
    const { pageBytes } = this.#meta
    // One buffer for each level, and one for the last key before the page at hand.
    const pages = Array.from({ length: tree.depth }, () => Buffer.allocUnsafe(pageBytes))
    const previous = Buffer.allocUnsafe(pageBytes)
    let previousBytes = -1
    const visit = (number: number, depth: number): void => {
      this.#mark(number, 1)
      const page = this.#readInto(pages[depth - 1]!, number * pageBytes)
      const leaf = depth === tree.depth
      if (!this.#isPage(page, number, leaf ? LEAF : BRANCH)) throw wrong(`page ${number}`)
      counted[leaf ? 'leafPages' : 'branchPages']++
      const nodes = this.#nodesOf(page)
      if (nodes === null || nodes.length < (leaf ? 1 : 2)) throw wrong(`page ${number}`)
      for (const [at, node] of nodes.entries()) {
        const flags = page.readUInt16LE(node + 4)
        const keyStart = node + NODE_HEADER_BYTES
        const keyEnd = keyStart + page.readUInt16LE(node + 6)
        const low = page.readUInt32LE(node)
        const integerKey = tree.flags !== 0 && (leaf || at > 0)
        if (integerKey && keyEnd - keyStart !== 8) throw wrong('a key of another kind')
        // The first key of a branch page stands for everything before the second.
        if (previousBytes >= 0 && (leaf || at > 0)) {
          const order = integerKey
            ? compareNumbers(page, keyStart, previous)
            : page.compare(previous, 0, previousBytes, keyStart, keyEnd)
          if (order <= 0) throw wrong('keys out of order')
        }
        if (!leaf) {
          visit(flags * 2 ** 32 + low, depth + 1)
          continue
        }
        page.copy(previous, 0, keyStart, keyEnd)
        previousBytes = keyEnd - keyStart
        counted.entries++
        const key = page.subarray(keyStart, keyEnd)
        if (flags === kind) take(key, number * pageBytes + keyEnd, low)
        else if (flags === BIG_DATA) {
          const [first, pagesTaken] = this.#overflow(page, keyEnd, low, wrong)
          counted.overflowPages += pagesTaken
          take(key, first * pageBytes + PAGE_HEADER_BYTES, low)
        } else throw wrong(`page ${number}`)
      }
    }
    if (tree.root !== null) visit(tree.root, 1)
    for (const [name, count] of Object.entries(counted))
      if (tree[name as keyof typeof counted] !== count)
        throw wrong(`${tree[name as keyof typeof counted]} ${name} stated, ${count} found`)
  }

  /** Where the nodes of a page begin; null when they are not within it, or not side by side as they should be. */
  #nodesOf(page: Buffer): number[] | null {
    // Places within a page are counted from the end of its header.
    const lower = PAGE_HEADER_BYTES + page.readUInt16LE(20)
    const upper = PAGE_HEADER_BYTES + page.readUInt16LE(22)
    if (lower % 2 !== 0 || upper < lower || upper > page.length) return null
    const leaf = page.readUInt16LE(18) === LEAF
    const nodes: number[] = []
    let bytes = 0
    for (let at = PAGE_HEADER_BYTES; at < lower; at += 2) {
      const node = PAGE_HEADER_BYTES + page.readUInt16LE(at)
      if (node < upper || node + NODE_HEADER_BYTES > page.length) return null
      let size = NODE_HEADER_BYTES + page.readUInt16LE(node + 6)
      if (leaf) size += page.readUInt16LE(node + 4) & BIG_DATA ? 24 : page.readUInt32LE(node)
      if (node + size > page.length) return null
      bytes += size + (size % 2)
      nodes.push(node)
    }
    return bytes === page.length - upper ? nodes : null
  }

  /** First page and number of pages of a large value, from what the leaf says of them and their own head. */
  #overflow(page: Buffer, at: number, bytes: number, wrong: (what: string) => Error): [number, number] {
    const first = this.#number(page, at, 'a reference to overflow pages')
    const pages = this.#number(page, at + 16, 'a reference to overflow pages')
    if (pages !== Math.floor((PAGE_HEADER_BYTES - 1 + bytes) / this.#meta.pageBytes) + 1) throw wrong('a large value')
    this.#mark(first, pages)
    const head = this.#readInto(this.#head, first * this.#meta.pageBytes)
    if (!this.#isPage(head, first, OVERFLOW) || head.readUInt32LE(20) !== pages) throw wrong(`overflow page ${first}`)
    return [first, pages]
  }

  #isPage(page: Buffer, number: number, kind: number): boolean {
    return (
      this.#number(page, 0, `page ${number}`) === number &&
      this.#number(page, 8, `page ${number}`) <= this.#meta.transaction &&
      page.readUInt16LE(18) === kind
    )
  }

  /** A list of free pages: how many numbers follow; a negative one is the length of a run, whose first page follows. */
  #markFree(list: Buffer): number {
    const damaged = () => this.#corrupt('the list of free pages is damaged')
    const count = list.length >= 8 ? this.#number(list, 0, 'the list of free pages') : 0
    if (list.length < 8 || (count + 1) * 8 > list.length) throw damaged()
    let freePages = 0
    for (let at = 1; at <= count; at++) {
      const item = list.readBigInt64LE(at * 8)
      if (item === 0n) continue
      const pages = item < 0n ? Number(-item) : 1
      if (item < 0n && ++at > count) throw damaged()
      this.#mark(this.#number(list, at * 8, 'the list of free pages'), pages, false)
      freePages += pages
    }
    return freePages
  }

  /** Pages of data must be within the file; free ones may be beyond its end. */
  #mark(first: number, pages: number, hasData = true): void {
    if (first < META_PAGES || first + pages - 1 > this.#meta.lastPage)
      throw this.#corrupt(`page ${first} is referred to, and cannot be`)
    if (hasData && (first + pages) * this.#meta.pageBytes > this.#fileBytes) throw this.#truncated()
    for (let page = first; page < first + pages; page++) {
      const bit = 1 << (page & 7)
      if (this.#used[page >> 3]! & bit) throw this.#corrupt(`page ${page} has two uses`)
      this.#used[page >> 3] = this.#used[page >> 3]! | bit
    }
  }

  #number(bytes: Buffer, at: number, what: string): number {
    const number = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
    if (number > Number.MAX_SAFE_INTEGER) throw this.#corrupt(`${what} is damaged`)
    return number
  }

  #read(position: number, length: number): Buffer {
    return this.#readInto(Buffer.allocUnsafe(length), position)
  }

  #readInto(buffer: Buffer, position: number): Buffer {
    if (readSync(this.#handle, buffer, 0, buffer.length, position) !== buffer.length) throw this.#truncated()
    return buffer
  }

  #truncated(): Error {
    return this.#corrupt(`the file is truncated: ${this.#fileBytes} bytes are left`)
  }

  #corrupt(what: string): Error {
    return corrupt(this.#path, what)
  }
}

function compareNumbers(a: Buffer, aAt: number, b: Buffer): number {
  const [x, y] = [a.readBigUInt64LE(aAt), b.readBigUInt64LE(0)]
  return x < y ? -1 : x > y ? 1 : 0
}
