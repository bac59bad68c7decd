/** What became of each file that was read. Nothing that could not be read is passed over in silence. */

/**
 * `truncated`: it ends within a record, or within its compressed data. `damaged`: bytes that cannot be a record. `foreign`:
 * another format. `empty`: no packets. `unreadable`: the system does not give it.
 */
export type TroubleKind = 'truncated' | 'damaged' | 'foreign' | 'empty' | 'unreadable'

export interface CaptureTrouble {
  readonly file: string
  readonly kind: TroubleKind
  /** In the file's own bytes; in a compressed file in what comes out of it. */
  readonly offset: number
  /** Where reading stood in the compressed file, which is at the place or a little after it; null: not compressed. */
  readonly compressedOffset: number | null
  /** A clause of plain English that names what was found and, where there is one, what to do. */
  readonly what: string
}

export type CaptureFormat = 'pcap' | 'pcapng'
export type Compression = 'gzip' | 'zstd'

export interface FileReport {
  /** As given; `-` is standard input. */
  readonly file: string
  /** Null where it is not a capture. */
  format: CaptureFormat | null
  compression: Compression | null
  /** Packets, as Wireshark counts them. */
  frames: number
  /** Of the capture, after decompression. */
  bytes: number
  /** What the capturing machine says that it lost; 0 also where it says nothing. */
  dropped: number
  /** In the order of their offsets. {@link TROUBLES_MAX} and what ended the reading; `moreTroubles` counts the others. */
  readonly troubles: CaptureTrouble[]
  moreTroubles: number
  /** What is no trouble, but worth knowing: sentences of plain English. */
  readonly notes: string[]
}

export interface ReadingReport {
  /** In the order given. */
  readonly files: readonly FileReport[]
}

/** Of one file. A file that is all damage has as many as it has bytes. */
export const TROUBLES_MAX = 100

export function newFileReport(file: string): FileReport {
  return {
    file,
    format: null,
    compression: null,
    frames: 0,
    bytes: 0,
    dropped: 0,
    troubles: [],
    moreTroubles: 0,
    notes: [],
  }
}

export function addTrouble(report: FileReport, trouble: Omit<CaptureTrouble, 'file'>): void {
  if (report.troubles.length < TROUBLES_MAX) report.troubles.push({ file: report.file, ...trouble })
  else report.moreTroubles++
}
