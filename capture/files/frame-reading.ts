import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { CaptureFile } from './capture-file.js'
import type { CapturedFrame } from './captured-frame.js'
import type { NamesSeen } from './file-context.js'
import { type FileReport, newFileReport, type ReadingReport } from './reading-report.js'

export interface FrameReadingOptions {
  /** What `-` stands for. By default the process's standard input. */
  readonly stdin?: Readable
  /** Told of name-resolution records as they are met. */
  readonly names?: NamesSeen
  /** Bytes of a file that are looked at together; by default {@link WINDOW_BYTES}. */
  readonly windowBytes?: number
}

export const WINDOW_BYTES = 524_288

/**
 * Frames of one or more captures, in the order of time over all files, and in a file in its own order; in batches of what
 * is read together. **A batch's frames are valid until the next batch is asked for.** Nothing is thrown: what could not be
 * read is in `report`, which is complete when the last batch was.
 */
export class FrameReading implements AsyncIterable<readonly CapturedFrame[]> {
  readonly report: ReadingReport
  readonly #files: CaptureFile[]
  readonly #inputs: readonly string[]

  /** @param inputs names of files; `-` is standard input */
  constructor(inputs: readonly string[], options: FrameReadingOptions = {}) {
    const reports: FileReport[] = inputs.map(newFileReport)
    let interfaces = 0
    this.#inputs = inputs
    this.report = { files: reports }
    this.#files = reports.map(
      (report, fileIndex) =>
        new CaptureFile(report, {
          fileIndex,
          nextInterface: () => interfaces++,
          names: options.names ?? (() => undefined),
          stdin: options.stdin ?? process.stdin,
          windowBytes: options.windowBytes ?? WINDOW_BYTES,
        }),
    )
  }

  /** Of the files as they lie there, compressed or not. */
  get bytesRead(): number {
    return this.#files.reduce((sum, file) => sum + file.bytesRead, 0)
  }

  /** What there is to read; null where that is not known, as with standard input. */
  async bytesTotal(): Promise<number | null> {
    let total = 0
    for (const input of this.#inputs) {
      const found = input === '-' ? null : await stat(input).catch(() => null)
      if (found === null || !found.isFile()) return null
      total += found.size
    }
    return total
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly CapturedFrame[], void, void> {
    try {
      for (const file of this.#files) {
        for (let batch = await file.next(); batch !== null; batch = await file.next()) yield batch
      }
    } finally {
      for (const file of this.#files) await file.close()
    }
  }
}
