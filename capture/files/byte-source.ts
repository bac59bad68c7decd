import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { systemCode } from '../../transport/errors.js'
import type { Compression, TroubleKind } from './reading-report.js'

/** Why a source ended before its time. */
export interface SourceFault {
  readonly kind: TroubleKind
  readonly what: string
  /** In the compressed file; null where nothing is compressed. */
  readonly compressedOffset: number | null
}

/** Bytes of a capture, from its first to its last, whatever they come from. */
export interface ByteSource {
  /** Puts what there is, at least one byte, into `into` from `at` on; 0: the end, and `fault` says if it is a good one. */
  read(into: Buffer, at: number): Promise<number>
  readonly fault: SourceFault | null
  readonly compression: Compression | null
  /** Of the file as it lies there, for progress. */
  readonly bytesRead: number
  close(): Promise<void>
}

/** A file of the file system; also a pipe or a device that has a name. */
export class FileSource implements ByteSource {
  readonly compression = null
  fault: SourceFault | null = null
  bytesRead = 0
  readonly #handle: FileHandle

  /** @throws the system's error */
  static async open(file: string): Promise<FileSource> {
    return new FileSource(await open(file, 'r'))
  }

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async read(into: Buffer, at: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(into, at, into.length - at, null)
      this.bytesRead += bytesRead
      return bytesRead
    } catch (error) {
      this.fault = { kind: 'unreadable', what: unreadableBecause(error), compressedOffset: null }
      return 0
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** Standard input. */
export class StreamSource implements ByteSource {
  readonly compression = null
  fault: SourceFault | null = null
  bytesRead = 0
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)

  constructor(stream: Readable) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async read(into: Buffer, at: number): Promise<number> {
    try {
      while (this.#chunk.length === 0) {
        const next = await this.#chunks.next()
        if (next.done === true) return 0
        this.#chunk = next.value
      }
    } catch (error) {
      this.fault = { kind: 'unreadable', what: unreadableBecause(error), compressedOffset: null }
      return 0
    }
    const size = this.#chunk.copy(into, at)
    this.#chunk = this.#chunk.subarray(size)
    this.bytesRead += size
    return size
  }

  async close(): Promise<void> {
    this.#stream.destroy()
  }
}

/** A source some of whose bytes were looked at already. */
export class ResumedSource implements ByteSource {
  readonly compression = null
  readonly #source: ByteSource
  #head: Buffer

  constructor(source: ByteSource, head: Buffer) {
    this.#source = source
    this.#head = head
  }

  get fault(): SourceFault | null {
    return this.#source.fault
  }

  get bytesRead(): number {
    return this.#source.bytesRead
  }

  async read(into: Buffer, at: number): Promise<number> {
    if (this.#head.length === 0) return this.#source.read(into, at)
    const size = this.#head.copy(into, at)
    this.#head = this.#head.subarray(size)
    return size
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

export function unreadableBecause(error: unknown): string {
  const code = systemCode(error)
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  return `it cannot be read (${code})`
}
