import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { CaptureFile } from './capture-file.js'
import type { CapturedFrame } from './captured-frame.js'
import type { NamesSeen } from './file-context.js'
import { mergedBatches, type WaitingFile } from './merged-files.js'
import { type FileReport, newFileReport, type ReadingReport } from './reading-report.js'

export interface FrameReadingOptions {
  /** What `-` stands for. By default the process's standard input. */
  readonly stdin?: Readable
  /** Told of name-resolution records as they are met. */
  readonly names?: NamesSeen
  /** Bytes of a file that are looked at together; at least 4096. */
  readonly windowBytes?: number
}

const WINDOW_BYTES = 524_288
/** Of all files together, and of one at least. */
const WINDOWS_BYTES_MAX = 16_777_216
const WINDOW_BYTES_MIN = 65_536

/**
 * Frames of one or more captures, in the order of time over all files, and in a file in its own order; in batches of what
 * is read together. **A batch's frames are valid until the next batch is asked for.** Nothing is thrown: what could not be
 * read is in `report`, which is complete when the last batch was. To be walked once.
 */
export class FrameReading implements AsyncIterable<readonly CapturedFrame[]> {
  readonly report: ReadingReport
  readonly #inputs: readonly string[]
  readonly #options: FrameReadingOptions
  readonly #windowBytes: number
  readonly #files: readonly CaptureFile[]
  #interfaces = 0

  /** @param inputs names of files; `-` is standard input */
  constructor(inputs: readonly string[], options: FrameReadingOptions = {}) {
    const reports = inputs.map(newFileReport)
    this.report = { files: reports }
    this.#inputs = inputs
    this.#options = options
    const share = Math.max(WINDOW_BYTES_MIN, Math.floor(WINDOWS_BYTES_MAX / Math.max(1, inputs.length)))
    this.#windowBytes = options.windowBytes ?? Math.min(WINDOW_BYTES, share)
    const names = options.names ?? (() => undefined)
    this.#files = reports.map((report, index) => this.#file(report, index, () => this.#interfaces++, names))
  }

  /** Of the files as they lie there, compressed or not. */
  get bytesRead(): number {
    return this.#files.reduce((sum, file) => sum + file.bytesRead, 0)
  }

  /** What there is to read; null where that is not known, as with standard input. */
  async bytesTotal(): Promise<number | null> {
    let total = 0
    for (const input of this.#inputs) {
      const size = await regularFileBytes(input)
      if (size === null) return null
      total += size
    }
    return total
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly CapturedFrame[], void, void> {
    const [only, ...others] = this.#files
    if (only !== undefined && others.length === 0) {
      try {
        for (let batch = await only.next(); batch !== null; batch = await only.next()) yield batch
      } finally {
        await only.close()
      }
      return
    }
    const waiting: WaitingFile[] = []
    for (const [index, file] of this.#files.entries()) {
      waiting.push({ index, firstUs: await this.#firstUs(index), open: () => file })
    }
    yield* mergedBatches(waiting)
  }

  /** When a file's first frame was captured; minus infinity where it must be opened to know. */
  async #firstUs(index: number): Promise<number> {
    const input = this.#inputs[index] ?? ''
    if ((await regularFileBytes(input)) === null) return Number.NEGATIVE_INFINITY
    const file = this.#file(
      newFileReport(input),
      index,
      () => 0,
      () => undefined,
    )
    try {
      return (await file.next())?.[0]?.ref.timeUs ?? Number.NEGATIVE_INFINITY
    } finally {
      await file.close()
    }
  }

  #file(report: FileReport, fileIndex: number, nextInterface: () => number, names: NamesSeen): CaptureFile {
    const stdin = this.#options.stdin ?? process.stdin
    return new CaptureFile(report, { fileIndex, nextInterface, names, stdin, windowBytes: this.#windowBytes })
  }
}

/** Null: no file whose size is known and that can be opened again. */
async function regularFileBytes(input: string): Promise<number | null> {
  const found = input === '-' ? null : await stat(input).catch(() => null)
  return found?.isFile() === true ? found.size : null
}
