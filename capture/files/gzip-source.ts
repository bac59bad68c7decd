import { createGunzip, type Gunzip } from 'node:zlib'
import type { ByteSource, SourceFault } from './byte-source.js'
import { ByteWindow } from './byte-window.js'
import { ChunkQueue } from './chunk-queue.js'

const WINDOW_BYTES = 262_144
const OUTPUT_BYTES = 65_536
/** What is given to zlib at once. It may become a thousand times as much, and is lost where it turns out to be damaged. */
const SLICE_BYTES = 16_384
/** Small at first, so that of a small file less is lost. */
const FIRST_SLICE_BYTES = 512
const FIRST_SLICES = 64
/** CRC and size. They go alone, so that what comes before is not lost where they are wrong. */
const TRAILER_BYTES = 8

/** What comes out of gzip, of one member or several. */
export class GzipSource implements ByteSource {
  readonly compression = 'gzip'
  fault: SourceFault | null = null
  readonly #source: ByteSource
  readonly #window: ByteWindow
  readonly #gunzip: Gunzip
  readonly #ready = new ChunkQueue()
  #slices = 0
  #sourceEnded = false
  #isOver = false
  /** Ends the wait for what zlib does. */
  #wake: () => void = () => undefined

  constructor(source: ByteSource) {
    this.#source = source
    this.#window = new ByteWindow(source, WINDOW_BYTES)
    // Never full: one slice at a time is written, and read before the next. A stream that held back would lose what it holds
    // when damage is found.
    const options = { chunkSize: OUTPUT_BYTES, readableHighWaterMark: 2 ** 30 }
    this.#gunzip = createGunzip(options)
    this.#gunzip.on('data', (chunk: Buffer) => this.#ready.add(chunk))
    this.#gunzip.on('end', () => this.#end(null))
    this.#gunzip.on('error', (error: NodeJS.ErrnoException) => {
      const compressedOffset = this.#window.offset
      if (error.code === 'Z_BUF_ERROR')
        this.#end({ kind: 'truncated', what: 'the compressed data ends too soon', compressedOffset })
      else this.#end({ kind: 'damaged', what: `the compressed data is damaged (${error.message})`, compressedOffset })
    })
  }

  get bytesRead(): number {
    return this.#source.bytesRead
  }

  async read(into: Buffer, at: number): Promise<number> {
    while (this.#ready.isEmpty && !this.#isOver) await this.#advance()
    if (this.#ready.isEmpty && this.fault === null) await this.#passPadding()
    return this.#ready.take(into, at)
  }

  close(): Promise<void> {
    this.#gunzip.destroy()
    return this.#source.close()
  }

  async #advance(): Promise<void> {
    const window = this.#window
    while (window.length <= TRAILER_BYTES && !this.#sourceEnded) this.#sourceEnded = !(await window.more())
    const slice = this.#slices++ < FIRST_SLICES ? FIRST_SLICE_BYTES : SLICE_BYTES
    const size = Math.min(slice, window.length > TRAILER_BYTES ? window.length - TRAILER_BYTES : window.length)
    const bytes = window.buffer.subarray(window.start, window.start + size)
    window.start += size
    await new Promise<void>(resolve => {
      this.#wake = resolve
      if (size > 0) this.#gunzip.write(bytes, () => resolve())
      else this.#gunzip.end()
    })
  }

  /** zlib takes a zero behind its data for padding, and looks at nothing after it: there may be another member. */
  async #passPadding(): Promise<void> {
    const window = this.#window
    const left = window.offset - this.#gunzip.bytesWritten
    window.start = Math.max(0, window.start - left)
    do {
      for (; window.length > 0; window.start++) {
        if (window.buffer[window.start] === 0) continue
        const compressedOffset = window.offset
        this.fault = {
          kind: 'damaged',
          what: 'bytes behind the end of the compressed data, and zeros',
          compressedOffset,
        }
        return
      }
    } while (await window.more())
  }

  #end(fault: SourceFault | null): void {
    this.#isOver = true
    this.fault ??= fault ?? this.#source.fault
    this.#wake()
  }
}
