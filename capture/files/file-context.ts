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

/** A place from which on another record is looked for. */
export interface Lost {
  readonly offset: number
  /** What is there instead of a record. */
  readonly what: string
  /** It is the file's end that is missing, if nothing is found after it. */
  readonly isCut: boolean
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

  /** @param foundAt the next record after it; null: there is none */
  damage({ offset, what, isCut }: Lost, record: 'packet' | 'block', foundAt: number | null): void {
    if (foundAt !== null) {
      this.trouble('damaged', offset, `${what}; ${foundAt - offset} bytes were skipped, up to the next ${record}`)
    } else if (isCut) this.trouble('truncated', offset, `the file ends within ${what}`)
    else this.trouble('damaged', offset, `${what}; no ${record} was found after it`)
  }
}
