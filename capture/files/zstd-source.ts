import { Decompress } from 'fzstd'
import type { ByteSource, SourceFault } from './byte-source.js'
import { ByteWindow } from './byte-window.js'
import { ChunkQueue } from './chunk-queue.js'

const WINDOW_BYTES = 262_144
const MAGIC = 0xfd2fb528
/** The low four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50
/** The longest head of a frame, its magic number included. */
const FRAME_HEAD_BYTES_MAX = 18
const BLOCK_HEAD_BYTES = 3
const BLOCK_BYTES_MAX = 131_072
const CHECKSUM_BYTES = 4
/** What a decompressor must remember; zstd itself refuses more unless it is told. */
const HISTORY_BYTES_MAX = 2 ** 27

/** Kinds of blocks: one byte that stands for many, and the one that does not exist. */
const RUN = 1
const RESERVED = 3

/**
 * What comes out of zstd, of one frame or several. fzstd decompresses; the frames are walked here, and it is given one block
 * at a time, so that no more than a block waits, damage has a place, and what came before it is kept.
 */
export class ZstdSource implements ByteSource {
  readonly compression = 'zstd'
  fault: SourceFault | null = null
  readonly #source: ByteSource
  readonly #window: ByteWindow
  readonly #ready = new ChunkQueue()
  /** Of the frame that is being read; null between frames. */
  #frame: { decompress: Decompress; hasChecksum: boolean } | null = null
  #isOver = false

  constructor(source: ByteSource) {
    this.#source = source
    this.#window = new ByteWindow(source, WINDOW_BYTES)
  }

  get bytesRead(): number {
    return this.#source.bytesRead
  }

  async read(into: Buffer, at: number): Promise<number> {
    while (this.#ready.isEmpty && !this.#isOver) await this.#advance()
    return this.#ready.take(into, at)
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  async #advance(): Promise<void> {
    if (this.#frame === null) await this.#beginFrame()
    else await this.#block(this.#frame)
  }

  async #beginFrame(): Promise<void> {
    await this.#has(FRAME_HEAD_BYTES_MAX)
    const { buffer, start, length } = this.#window
    if (length === 0) {
      this.#end(null)
      return
    }
    if (length < 8) {
      this.#cut()
      return
    }
    const magic = buffer.readUInt32LE(start)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      await this.#skip(8 + buffer.readUInt32LE(start + 4))
      return
    }
    if (magic !== MAGIC) {
      this.#damaged('bytes that begin no frame')
      return
    }
    const head = frameHead(buffer, start)
    if (length < head.size) this.#cut()
    else if (head.historyBytes > HISTORY_BYTES_MAX) {
      this.#damaged(`a frame that wants ${head.historyBytes} bytes of memory; unpack it with: zstd -d --long=31`)
    } else {
      const decompress = new Decompress(chunk => this.#ready.add(chunk))
      this.#frame = { decompress, hasChecksum: head.hasChecksum }
      this.#give(decompress, head.size)
    }
  }

  async #block({ decompress, hasChecksum }: { decompress: Decompress; hasChecksum: boolean }): Promise<void> {
    if (!(await this.#has(BLOCK_HEAD_BYTES))) {
      this.#cut()
      return
    }
    const head = this.#window.buffer.readUIntLE(this.#window.start, BLOCK_HEAD_BYTES)
    const isLast = (head & 1) === 1
    const type = (head >> 1) & 3
    const size = head >> 3
    if (type === RESERVED || size > BLOCK_BYTES_MAX) {
      this.#damaged('bytes that begin no block')
      return
    }
    const whole = BLOCK_HEAD_BYTES + (type === RUN ? 1 : size)
    if (!(await this.#has(whole))) {
      this.#cut()
      return
    }
    this.#give(decompress, whole)
    if (!isLast || this.#isOver) return
    this.#frame = null
    if (hasChecksum) await this.#skip(CHECKSUM_BYTES)
  }

  #give(decompress: Decompress, size: number): void {
    const { buffer, start } = this.#window
    try {
      // A copy: fzstd keeps views of what it is given.
      decompress.push(Uint8Array.prototype.slice.call(buffer, start, start + size))
    } catch (error) {
      this.#damaged(error instanceof Error ? error.message : String(error))
    }
    this.#window.start += size
  }

  async #skip(size: number): Promise<void> {
    let left = size
    while (left > 0) {
      if (!(await this.#has(1))) {
        this.#cut()
        return
      }
      const step = Math.min(left, this.#window.length)
      this.#window.start += step
      left -= step
    }
  }

  /** False: the source ends before that many bytes. */
  async #has(size: number): Promise<boolean> {
    while (this.#window.length < size) if (!(await this.#window.more())) return false
    return true
  }

  #cut(): void {
    this.#end({ kind: 'truncated', what: 'the compressed data ends too soon', compressedOffset: this.#place() })
  }

  #damaged(what: string): void {
    this.#end({ kind: 'damaged', what: `the compressed data is damaged (${what})`, compressedOffset: this.#place() })
  }

  #place(): number {
    return this.#window.offset
  }

  #end(fault: SourceFault | null): void {
    this.#isOver = true
    this.fault ??= this.#source.fault ?? fault
  }
}

/** RFC 8878, section 3.1.1.1. At least 6 bytes are there. */
function frameHead(bytes: Buffer, at: number): { size: number; historyBytes: number; hasChecksum: boolean } {
  const descriptor = bytes[at + 4] ?? 0
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
  const sizeAt = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  const window = bytes[at + 5] ?? 0
  const windowBase = 2 ** (10 + (window >> 3))
  return {
    size: sizeAt + sizeBytes - at,
    historyBytes: isSingleSegment
      ? contentBytes(bytes, sizeAt, sizeBytes)
      : windowBase + (windowBase / 8) * (window & 7),
    hasChecksum: (descriptor & 4) !== 0,
  }
}

function contentBytes(bytes: Buffer, at: number, size: number): number {
  if (at + size > bytes.length) return 0
  if (size === 8) return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
  if (size === 4) return bytes.readUInt32LE(at)
  return size === 2 ? bytes.readUInt16LE(at) + 256 : (bytes[at] ?? 0)
}
