import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '../../gateway/planes/kernel/programs.js'

const TCPDUMP = 'tcpdump'
/** What tcpdump says once it captures. */
const LISTENING = 'listening on'
/** What it says when it is asked by SIGUSR1. */
const COUNTS = /\d+ packets? captured, \d+ packets? received by filter, \d+ packets? dropped by kernel/g
/** So many answers in a row that say the same: on a loopback interface more is received than is ever captured. */
const SAME_ANSWERS = 3
/** What it says at its end of what it was too slow for. */
const DROPPED = /^(\d+) packets? dropped by (?:kernel|interface)/gm
const LOOK_MS = 20
/** A machine that stands still for longer than this has other troubles. */
const SETTLE_MS_MAX = 10_000

/** A tcpdump that writes what it captures to a file. */
export class Tcpdump {
  /** Resolves once it captures. @throws {Error} with what it said last */
  readonly listening: Promise<void>
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #said = ''

  /** @param inside how a command in its network begins @param options with the file; each packet is written at once */
  constructor(inside: readonly string[], options: readonly string[]) {
    const common = ['-n', '--immediate-mode', '-U', '-Z', 'root']
    const [program = '', ...words] = [...inside, findProgram(TCPDUMP) ?? TCPDUMP, ...common, ...options]
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    this.#ended = new Promise(resolve => {
      child.once('close', resolve)
      child.once('error', resolve)
    })
    this.listening = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => reject(new Error(this.#said.trim().split('\n').at(-1) || 'it ended')))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
        if (this.#said.includes(LISTENING)) resolve()
      })
    })
    this.listening.catch(() => undefined)
  }

  /** Packets that it was too slow for, once it has ended. */
  get dropped(): number {
    return Array.from(this.#said.matchAll(DROPPED), ([, packets]) => Number(packets)).reduce(
      (sum, each) => sum + each,
      0,
    )
  }

  /**
   * Resolves when all that has come is in the file. What is not read when its network goes, or when it is told to end, is
   * lost.
   */
  async settled(): Promise<void> {
    const deadlineMs = performance.now() + SETTLE_MS_MAX
    let same = 0
    let last = ''
    while (same < SAME_ANSWERS) {
      const counts = await this.#counts(deadlineMs)
      if (counts === null) return
      same = counts === last ? same + 1 : 1
      last = counts
    }
  }

  /** Resolves when its file is whole. */
  async stop(): Promise<void> {
    await this.settled()
    this.#child.kill('SIGTERM')
    await this.#ended
  }

  /** At once; what is in the file stays. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** What it says when it is asked; null when it has ended, or says nothing until then. */
  async #counts(deadlineMs: number): Promise<string | null> {
    const before = this.#said.length
    this.#child.kill('SIGUSR1')
    while (this.#isRunning && performance.now() < deadlineMs) {
      await sleep(LOOK_MS)
      const counts = this.#said.slice(before).match(COUNTS)?.at(-1)
      if (counts !== undefined) return counts
    }
    return null
  }

  get #isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }
}
