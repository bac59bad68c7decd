import { type FileHandle, open, statfs } from 'node:fs/promises'

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

/** The system says that there is no space: on the disk, within the quota, or within the size that files may have. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String((error as NodeJS.ErrnoException).code))
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
