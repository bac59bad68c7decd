import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { PlaneError } from '../plane.js'

/**
 * Becomes the program, after it has left somebody behind who waits for the end of stdin: that comes when whoever started
 * the program is gone, be it by SIGKILL, and then the folder and all processes of the group go too.
 */
const GUARDED = `exec 3<&0
{ cat <&3; rm -rf -- "$1"; kill -KILL "-$$"; } >/dev/null 2>&1 &
shift
exec "$@" 3<&- </dev/null`

const LOOK_AGAIN_MS = 20
/** Lines of stderr that are kept for an error's message. */
const LINES_KEPT = 50

export interface ChildStart {
  /** For errors: `haproxy`, `nginx`. */
  readonly plane: string
  readonly path: string
  readonly args: readonly string[]
  /** A folder of its own; it goes when the program does. */
  readonly folder: string
  readonly readyTimeoutMs?: number
  /** Whether it serves. Asked again and again until it does, or is gone. */
  isReady(): Promise<boolean> | boolean
  /** Lines that it writes. */
  onOutput?(line: string): void
  onComplaint?(line: string): void
  /** It ended by itself after it was ready. Told once. */
  onDied?(error: PlaneError): void
}

/** A folder for one program: configuration, sockets. */
export function makeFolder(plane: string): string {
  return mkdtempSync(join(tmpdir(), `mqlab-${plane}-`))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** A program of the system in the foreground, as a process group of its own. */
export class ChildProgram {
  readonly pid: number
  readonly #start: ChildStart
  readonly #child: ChildProcess
  readonly #complaints: string[] = []
  /** All its processes are gone and all that they wrote was read. */
  readonly closed: Promise<unknown>
  #ended = false
  #stopping = false

  private constructor(start: ChildStart) {
    this.#start = start
    const { path, args, folder, plane } = start
    this.#child = spawn('/bin/sh', ['-c', GUARDED, 'sh', folder, path, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    if (this.#child.pid === undefined) throw new PlaneError('MSMQ_PLANE_PROGRAM', plane, '/bin/sh cannot be started')
    this.pid = this.#child.pid
    this.#child.stdin?.on('error', () => {})
    this.closed = once(this.#child, 'close')
    this.#child.once('exit', () => {
      this.#ended = true
      this.#killGroup()
    })
    const { stdout, stderr } = this.#child
    if (stdout !== null) createInterface({ input: stdout }).on('line', line => start.onOutput?.(line))
    if (stderr !== null)
      createInterface({ input: stderr }).on('line', line => {
        this.#complaints.push(line)
        if (this.#complaints.length > LINES_KEPT) this.#complaints.shift()
        start.onComplaint?.(line)
      })
  }

  /** Resolves when the program is ready; rejects with a `PlaneError` that says in one line why it is not, and it is gone. */
  static async start(start: ChildStart): Promise<ChildProgram> {
    const program = new ChildProgram(start)
    const { plane, path, readyTimeoutMs = 10_000 } = start
    const deadlineMs = performance.now() + readyTimeoutMs
    while (!program.#ended && performance.now() < deadlineMs) {
      if (await start.isReady()) {
        void program.closed.then(() => program.#died())
        return program
      }
      await sleep(LOOK_AGAIN_MS)
    }
    const late = program.#ended ? '' : `not ready after ${readyTimeoutMs} ms: `
    await program.stop(0)
    throw new PlaneError('MSMQ_PLANE_START', plane, `${path} did not start: ${late}${program.#why()}`)
  }

  get running(): boolean {
    return !this.#ended
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#child.kill(signal)
  }

  /** From now on it may end by itself. */
  release(): void {
    this.#stopping = true
  }

  /** Ends in order by `signal`, and by force after `patienceMs`. Resolves when nothing of it runs. */
  async stop(patienceMs: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopping = true
    if (patienceMs > 0) this.signal(signal)
    const timer = setTimeout(() => this.#killGroup(), patienceMs)
    await this.closed
    clearTimeout(timer)
  }

  #died(): void {
    if (this.#stopping) return
    const { exitCode, signalCode } = this.#child
    const { plane, path, onDied } = this.#start
    const how = signalCode === null ? `ended with ${exitCode}` : `was ended by ${signalCode}`
    onDied?.(new PlaneError('MSMQ_PLANE_DIED', plane, `${path} ${how}: ${this.#why()}`, { definite: false }))
  }

  /** Its group lives as long as the one who waits for the end of stdin: the number cannot be anybody else's. */
  #killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // gone already
    }
  }

  #why(): string {
    const severe = this.#complaints.find(line => /\[(?:ALERT|emerg|alert|crit)\]/.test(line))
    const line = severe ?? this.#complaints.at(-1) ?? 'it said nothing'
    // date, level and process number say nothing to whoever reads the error
    return line.replace(/^.*?\[\w+\]\s*(?:\(\d+\)|\d+#\d+:)?\s*:?\s*/, '').trim()
  }
}
