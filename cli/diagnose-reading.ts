import { createWriteStream, fstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { FileReport } from '../capture/files/reading-report.js'
import type { SeenSink } from '../capture/messages/seen.js'
import { type CaptureReading, readCapture } from '../capture/read-capture.js'
import type { Evidence } from '../diagnosis/finding.js'
import type { FindingKindId } from '../diagnosis/finding-kinds.js'
import { FrameNames } from '../diagnosis/output/frame-names.js'
import { printable } from '../diagnosis/output/printable.js'
import { timeText } from '../lab/report/time-text.js'
import { megabytes } from './diagnose-text.js'
import { beforeSignalEnds, outliveFirstInterrupt } from './ended-by-signal.js'
import { log, progress, progressDone, styled } from './output.js'

/** A capture that is read in less needs no progress, and its findings are told by the report alone. */
const TOLD_AFTER_MS = 400
/** The same where stderr is a log. */
const LOGGED_AFTER_MS = 3_000

/** Captures that are read, once or twice, with what people see meanwhile. */
export class DiagnoseInputs {
  /** As given. */
  readonly names: readonly string[]
  readonly #ignoreChecksums: boolean
  #files: readonly string[]
  #spool: string | null = null
  #stopWatching: (() => void) | null = null
  /** Called when all of standard input has come. */
  readonly #inputEnded: () => void
  readonly #toldKinds = new Set<FindingKindId>()
  readonly #untold: string[] = []
  #startedMs = 0

  constructor(names: readonly string[], ignoreChecksums = false) {
    this.names = names
    this.#ignoreChecksums = ignoreChecksums
    this.#files = names
    const isPiped = names.includes('-') && fstatSync(process.stdin.fd).isFIFO()
    this.#inputEnded = isPiped
      ? outliveFirstInterrupt(() => log('interrupted: what came until now is read; another Ctrl-C ends at once'))
      : () => {}
  }

  /** What will be read twice cannot be a stream: it is written to a file of its own first, until {@link close}. */
  async spool(): Promise<void> {
    if (!this.names.includes('-')) return
    this.#spool = mkdtempSync(join(tmpdir(), 'mqlab-diagnose-'))
    const file = join(this.#spool, 'stdin')
    // what is kept may be gigabytes
    this.#stopWatching = beforeSignalEnds(() => this.close())
    progress('keeping standard input, which is read twice')
    await pipeline(process.stdin, createWriteStream(file))
    this.#inputEnded()
    this.#files = this.names.map(name => (name === '-' ? file : name))
  }

  /** Reads all, telling `sink`; files are named as they were given. */
  async read(sink: SeenSink, what: string): Promise<CaptureReading> {
    this.#startedMs = performance.now()
    try {
      const reading = await readCapture(this.#files, sink, {
        ignoreChecksums: this.#ignoreChecksums,
        onProgress: (bytesRead, bytesTotal) => this.#progress(what, bytesRead, bytesTotal),
      })
      return { ...reading, files: reading.files.map((report, index) => named(report, this.names[index]!)) }
    } finally {
      this.#inputEnded()
      progressDone()
    }
  }

  /** What is read: as given, or what was kept of standard input. */
  get files(): readonly string[] {
    return this.#files
  }

  /** The first of each kind is told at once where somebody watches, and reading takes long. */
  onFinding = (kind: FindingKindId, { frames, text }: Evidence): void => {
    if (!process.stderr.isTTY || this.#toldKinds.has(kind)) return
    this.#toldKinds.add(kind)
    const at = frames[0] === undefined ? '' : ` ${new FrameNames(this.names).frame(frames[0])}:`
    this.#untold.push(`${styled('yellow', `${kind}:`, process.stderr)}${at} ${printable(text)}`)
    this.#tellFindings()
  }

  close(): void {
    this.#stopWatching?.()
    if (this.#spool !== null) rmSync(this.#spool, { recursive: true, force: true })
    this.#spool = null
  }

  #progress(what: string, bytesRead: number, bytesTotal: number | null): void {
    const elapsedMs = performance.now() - this.#startedMs
    if (elapsedMs < (process.stderr.isTTY ? TOLD_AFTER_MS : LOGGED_AFTER_MS)) return
    this.#tellFindings()
    const rate = bytesRead / Math.max(1, elapsedMs)
    const speed = `${megabytes(rate * 1000)}/s`
    if (bytesTotal === null || bytesTotal === 0) {
      progress(`${what}: ${megabytes(bytesRead)}, ${speed}`)
      return
    }
    const percent = Math.floor((100 * bytesRead) / bytesTotal)
    const restMs = rate === 0 ? 0 : Math.max(0, bytesTotal - bytesRead) / rate
    progress(`${what}: ${percent} % of ${megabytes(bytesTotal)}, ${speed}, ${restText(restMs)} left`)
  }

  #tellFindings(): void {
    if (performance.now() - this.#startedMs < TOLD_AFTER_MS) return
    for (const line of this.#untold.splice(0)) log(line)
  }
}

const restText = (ms: number) => (ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : timeText(ms))

/** As the file was given, not where it was kept. */
function named(report: FileReport, file: string): FileReport {
  return { ...report, file, troubles: report.troubles.map(trouble => ({ ...trouble, file })) }
}
