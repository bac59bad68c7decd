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

/**
 * Reads all of the structure: meta pages, every branch and leaf page, the heads of overflow pages, the list of free
 * pages; not what the overflow pages hold. LMDB does not check what it reads and crashes the process on a page that makes
 * no sense, or reads beyond the file's end and is killed with SIGBUS; whatever passes here does neither, and no page has
 * two uses, so that nothing will be written over what is in use. Throws `MSMQ_STORE_FOREIGN`, `MSMQ_STORE_CORRUPT`.
 */
export function checkStructure(path: string): FileSummary {
  let handle: number
  try {
    handle = openSync(path, 'r')
  } catch (error) {
    throw ioError(`cannot open ${path}`, error)
  }
  try {
    return new FileReader(path, handle).check()
  } finally {
    closeSync(handle)
  }
}

class FileReader {
  readonly #path: string
  readonly #handle: number
  readonly #fileBytes: number
  #meta: Meta
  /** A bit for each page that something uses. */
  #used = new Uint8Array(0)

  constructor(path: string, handle: number) {
    this.#path = path
    this.#handle = handle
    this.#fileBytes = fstatSync(handle).size
    this.#meta = this.#readMetas()
  }

  check(): FileSummary {
    const { pageBytes, lastPage, main, free } = this.#meta
    this.#used = new Uint8Array((lastPage >> 3) + 1)
    const entries = new Map<string, number>()
    const trees: Tree[] = []
    this.#walk(main, (key, value, flags) => {
      if (flags !== SUB_TREE || value.length !== TREE_BYTES) throw this.#corrupt('the list of databases is damaged')
      trees.push(this.#tree(key.toString('latin1').replace(/\0$/, ''), value, 0))
    })
    for (const tree of trees) {
      this.#walk(tree, () => {})
      entries.set(tree.name, tree.entries)
    }
    let freePages = 0
    this.#walk(free, (_key, value) => {
      freePages += this.#markFree(value)
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

  /** Gives each entry, in order, with the value only where it is small or the tree is that of free pages. */
  #walk(tree: Tree, take: (key: Buffer, value: Buffer, flags: number) => void): void {
    const counted = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
    const wrong = (what: string) => this.#corrupt(`the tree "${tree.name}" is damaged: ${what}`)
    const integerKeys = tree.flags !== 0
    let previous: Buffer | null = null
    const visit = (number: number, depth: number): void => {
      this.#mark(number, 1)
      const page = this.#read(number * this.#meta.pageBytes, this.#meta.pageBytes)
      const leaf = depth === tree.depth
      if (!this.#isPage(page, number, leaf ? LEAF : BRANCH)) throw wrong(`page ${number}`)
      counted[leaf ? 'leafPages' : 'branchPages']++
      const nodes = this.#nodesOf(page)
      if (nodes === null || nodes.length < (leaf ? 1 : 2)) throw wrong(`page ${number}`)
      for (const [at, node] of nodes.entries()) {
        const flags = page.readUInt16LE(node + 4)
        const keyEnd = node + NODE_HEADER_BYTES + page.readUInt16LE(node + 6)
        const key = page.subarray(node + NODE_HEADER_BYTES, keyEnd)
        const low = page.readUInt32LE(node)
        if (!leaf) {
          // The first key of a branch page stands for everything before the second.
          if (at > 0 && previous !== null && compare(previous, key, integerKeys) >= 0) throw wrong('keys out of order')
          visit(flags * 2 ** 32 + low, depth + 1)
          continue
        }
        if (previous !== null && compare(previous, key, integerKeys) >= 0) throw wrong('keys out of order')
        if (integerKeys && key.length !== 8) throw wrong('a key of another kind')
        previous = key
        counted.entries++
        if ((flags & ~SUB_TREE) === 0) take(key, page.subarray(keyEnd, keyEnd + low), flags)
        else if (flags === BIG_DATA) {
          const [first, pages] = this.#overflow(page, keyEnd, low, wrong)
          counted.overflowPages += pages
          const start = first * this.#meta.pageBytes + PAGE_HEADER_BYTES
          take(key, integerKeys ? this.#read(start, low) : Buffer.alloc(0), flags)
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
    const head = this.#read(first * this.#meta.pageBytes, PAGE_HEADER_BYTES)
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
    const number = bytes.readBigUInt64LE(at)
    if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#corrupt(`${what} is damaged`)
    return Number(number)
  }

  #read(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length)
    if (readSync(this.#handle, buffer, 0, length, position) !== length) throw this.#truncated()
    return buffer
  }

  #truncated(): Error {
    return this.#corrupt(`the file is truncated: ${this.#fileBytes} bytes are left`)
  }

  #corrupt(what: string): Error {
    return corrupt(this.#path, what)
  }
}

function compare(a: Buffer, b: Buffer, integers: boolean): number {
  if (!integers) return a.compare(b)
  const [x, y] = [a.readBigUInt64LE(0), b.readBigUInt64LE(0)]
  return x < y ? -1 : x > y ? 1 : 0
}
