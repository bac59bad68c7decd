import type { ByteWindow } from './byte-window.js'
import type { CapturedFrame, InterfaceDetails } from './captured-frame.js'
import { addTrouble, type FileReport, type TroubleKind } from './reading-report.js'

/** Told of a name-resolution record: an address as text and the names that the capture gives it. */
export type NamesSeen = (address: string, names: readonly string[]) => void

/** Reads the records of one format. What it gives are views of the window. */
export interface RecordReader {
  /** Nothing more can be read, whatever follows. */
  readonly isOver: boolean
  /**
   * Takes whole records from the window and adds their frames to the batch, until it needs more bytes than there are.
   * @param isEnd there are no more: what is left is named in the report
   */
  read(window: ByteWindow, batch: CapturedFrame[], isEnd: boolean): void
}

/** What the readers of one file share. */
export class FileContext {
  readonly report: FileReport
  readonly fileIndex: number
  readonly names: NamesSeen
  readonly #nextInterface: () => number
  readonly #compressedOffset: () => number | null

  /** @param nextInterface gives numbers from 0 over all files */
  constructor(
    report: FileReport,
    fileIndex: number,
    nextInterface: () => number,
    compressedOffset: () => number | null,
    names: NamesSeen,
  ) {
    this.report = report
    this.fileIndex = fileIndex
    this.names = names
    this.#nextInterface = nextInterface
    this.#compressedOffset = compressedOffset
  }

  interface(details: Omit<InterfaceDetails, 'index' | 'file' | 'fileIndex'>): InterfaceDetails {
    return { index: this.#nextInterface(), file: this.report.file, fileIndex: this.fileIndex, ...details }
  }

  trouble(kind: TroubleKind, offset: number, what: string): void {
    addTrouble(this.report, { kind, offset, compressedOffset: this.#compressedOffset(), what })
  }
}
