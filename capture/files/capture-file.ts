import type { Readable } from 'node:stream'
import { type ByteSource, FileSource, StreamSource, unreadableBecause } from './byte-source.js'
import { ByteWindow } from './byte-window.js'
import type { CapturedFrame } from './captured-frame.js'
import { decompressed } from './compression.js'
import { FileContext, type NamesSeen, type RecordReader } from './file-context.js'
import { FORMAT_BYTES, fileFormat } from './file-format.js'
import { PcapReader } from './pcap-reader.js'
import { PcapngReader } from './pcapng-reader.js'
import { addTrouble, type FileReport } from './reading-report.js'

interface CaptureFileOptions {
  readonly fileIndex: number
  readonly nextInterface: () => number
  readonly names: NamesSeen
  /** What `-` stands for. */
  readonly stdin: Readable
  readonly windowBytes: number
}

/** One file, read from its beginning to its end. What is wrong with it comes into the report; nothing is thrown. */
export class CaptureFile {
  readonly #report: FileReport
  readonly #options: CaptureFileOptions
  #source: ByteSource | null = null
  #window: ByteWindow | null = null
  #reader: RecordReader | null = null
  #isOver = false

  /** @param report that of the file that it names */
  constructor(report: FileReport, options: CaptureFileOptions) {
    this.#report = report
    this.#options = options
  }

  /** Of the file as it lies there. */
  get bytesRead(): number {
    return this.#source?.bytesRead ?? 0
  }

  /** The next frames, at least one; null: there are no more. They are valid until the next call. */
  async next(): Promise<CapturedFrame[] | null> {
    const batch: CapturedFrame[] = []
    while (batch.length === 0 && !this.#isOver) await this.#advance(batch)
    return batch.length > 0 ? batch : null
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#source?.close()
  }

  async #advance(batch: CapturedFrame[]): Promise<void> {
    this.#window ??= await this.#open()
    const window = this.#window
    if (window === null) {
      this.#isOver = true
      return
    }
    const hasMore = await window.more()
    this.#reader ??= this.#readerFor(window, hasMore)
    this.#reader?.read(window, batch, !hasMore)
    this.#report.bytes = window.offset + window.length
    if (!hasMore || this.#reader?.isOver === true) this.#end()
  }

  async #open(): Promise<ByteWindow | null> {
    const { file } = this.#report
    try {
      const raw = file === '-' ? new StreamSource(this.#options.stdin) : await FileSource.open(file)
      this.#source = raw
      this.#source = await decompressed(raw)
      this.#report.compression = this.#source.compression
      return new ByteWindow(this.#source, this.#options.windowBytes)
    } catch (error) {
      addTrouble(this.#report, {
        kind: 'unreadable',
        offset: 0,
        compressedOffset: null,
        what: unreadableBecause(error),
      })
      return null
    }
  }

  /** Null: too few bytes to tell, or another format, which ends the reading. */
  #readerFor(window: ByteWindow, hasMore: boolean): RecordReader | null {
    if (window.length < (hasMore ? 4 : 1)) return null
    const { fileIndex, nextInterface, names } = this.#options
    const context = new FileContext(this.#report, fileIndex, nextInterface, () => this.#compressedOffset(), names)
    const found = fileFormat(window.buffer.subarray(window.start, window.start + Math.min(window.length, FORMAT_BYTES)))
    if ('foreign' in found) {
      if (hasMore && window.length < FORMAT_BYTES) return null
      context.trouble('foreign', 0, `it looks like ${found.foreign}`)
      this.#isOver = true
      return null
    }
    this.#report.format = found.format
    return found.format === 'pcap' ? new PcapReader(context) : new PcapngReader(context)
  }

  #compressedOffset(): number | null {
    const source = this.#source
    return source === null || source.compression === null ? null : source.bytesRead
  }

  #end(): void {
    const report = this.#report
    const fault = this.#source?.fault ?? null
    // Told however many there are before it.
    if (fault !== null) report.troubles.push({ file: report.file, ...fault, offset: report.bytes })
    this.#isOver = true
    if (report.troubles.length > 0 || report.frames > 0) return
    const what = report.bytes === 0 ? 'the file has no bytes' : 'the capture has no packets'
    addTrouble(report, { kind: 'empty', offset: report.bytes, compressedOffset: this.#compressedOffset(), what })
  }
}
