import { type FileHandle, open, statfs } from 'node:fs/promises'
import { constants } from 'node:os'
import { type Databases, lastPage, pagesUsed } from './store-databases.js'

/** The file grows by so much at a time, written as zeros, so that the disk has really given the space; */
const GROWTH_BYTES = 4 * 1024 * 1024
/** and always has so much behind its last page that what deletes can be written though the disk is full. */
export const RESERVE_BYTES = 1024 * 1024

/** After the disk was full, it is asked again so much later. */
const RETRY_MS = 500

/**
 * Space in the data file beyond the pages in use. LMDB finds out that the disk is full in the middle of a commit; this
 * finds out before, and keeps a reserve. It also spares most commits a change of the file's size, which an fdatasync
 * would have to write as well.
 */
export class FileRoom {
  readonly #file: FileHandle
  readonly #bytesMax: number
  #bytes: number
  #fullUntilMs = 0
  /** LMDB's last page is not beyond this one; Infinity when nothing is known. */
  #lastPageMax = Number.POSITIVE_INFINITY

  private constructor(file: FileHandle, bytes: number, bytesMax: number) {
    this.#file = file
    this.#bytes = bytes
    this.#bytesMax = bytesMax
  }

  static async open(path: string, bytesMax: number): Promise<FileRoom> {
    const file = await open(path, 'r+')
    return new FileRoom(file, (await file.stat()).size, bytesMax)
  }

  /** Size of the file. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether the file is long enough for a commit of so many pages, as far as is known without asking LMDB. */
  surelyHolds(pages: number, pageBytes: number): boolean {
    return (this.#lastPageMax + 1 + pages) * pageBytes + RESERVE_BYTES <= this.#bytes
  }

  /** LMDB was asked for its last page. */
  knowLastPage(page: number): void {
    this.#lastPageMax = page
  }

  /** A commit begins that takes so many pages at most. */
  takePages(pages: number): void {
    this.#lastPageMax += pages
  }

  /** Tries to make the file at least so long, and says how long it is then. Throws what the system reports, but for a
   *  full disk. */
  async reach(bytes: number): Promise<number> {
    if (bytes <= this.#bytes || performance.now() < this.#fullUntilMs) return this.#bytes
    const wanted = Math.min(Math.ceil(bytes / GROWTH_BYTES) * GROWTH_BYTES, this.#bytesMax)
    // LMDB may have written behind what was known: its pages are never to be overwritten.
    this.#bytes = (await this.#file.stat()).size
    const zeros = Buffer.alloc(256 * 1024)
    while (this.#bytes < wanted) {
      const length = Math.min(zeros.length, wanted - this.#bytes)
      try {
        this.#bytes += (await this.#file.write(zeros, 0, length, this.#bytes)).bytesWritten
      } catch (error) {
        if (!isFull(error)) throw error
        this.#fullUntilMs = performance.now() + RETRY_MS
        break
      }
    }
    return this.#bytes
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Whether a commit that takes so many pages, of `page` bytes, fits into the file, which grows for it if it can, without touching what is
 *  kept for deletes. */
export async function makeRoom(
  room: FileRoom,
  databases: Databases,
  pagesNeeded: number,
  page: number,
): Promise<boolean> {
  if (room.surelyHolds(pagesNeeded, page)) return true
  const need = pagesNeeded * page
  const pages = lastPage(databases) + 1
  room.knowLastPage(pages - 1)
  const behind = (await room.reach(pages * page + need + RESERVE_BYTES)) - pages * page
  if (behind >= need + RESERVE_BYTES) return true
  // Free pages are scattered: LMDB may have to take new ones though there are enough.
  const free = (pages - pagesUsed(databases)) * page
  return (behind >= RESERVE_BYTES / 2 && free >= need * 2) || free >= need * 4 + RESERVE_BYTES * 4
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'] as const

/** The system says that there is no space: on the disk, within the quota, or within the size that files may have. LMDB
 *  gives its number for the reason, Node its name. */
export function isFull(error: unknown): boolean {
  const { code } = error as { code?: string | number }
  return FULL.some(name => code === name || code === constants.errno[name])
}

/** Whether the disk has hardly any space for us: LMDB says only that writing failed. */
export async function isDiskFull(directory: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize < RESERVE_BYTES
  } catch {
    return false // then the disk has worse
  }
}
