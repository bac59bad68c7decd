import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import { NodeError } from '../node-handle.js'

const TCPDUMP = 'tcpdump'
/** Each machine's cable. */
const INTERFACE = 'eth0'
/** What tcpdump says once it captures. */
const LISTENING = 'listening on'
/** What it says at its end of what it was too slow for. */
const DROPPED = /^(\d+) packets? dropped by (?:kernel|interface)/gm

/** Why the kernel's packets cannot be captured here, with the remedy; null where they can. */
export function networkCapturesLacking(): string | null {
  return findProgram(TCPDUMP) === null ? 'tcpdump not found: install it (Debian: apt-get install tcpdump)' : null
}

/** What crosses the cable of each machine that has a network of its own, as the kernel has it: a file for each. */
export class NetworkCaptures {
  readonly #folder: string
  readonly #running = new Map<ChildProcess, Promise<unknown>>()
  readonly #droppedOf = new Map<string, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Resolves when all are captured.
   * @param inside by machine: how a command in its network begins
   * @throws {NodeError}
   */
  async start(inside: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await Promise.all(Object.entries(inside).map(([machine, words]) => this.#capture(machine, words)))
  }

  /** Packets of a machine's cable that are not in its file, once that is whole. */
  droppedOf(file: string): number {
    return this.#droppedOf.get(file) ?? 0
  }

  /** Resolves when all files are whole. */
  async stop(): Promise<void> {
    for (const child of this.#running.keys()) child.kill('SIGTERM')
    await Promise.all(this.#running.values())
    this.#running.clear()
  }

  /** At once; what is in the files stays. */
  kill(): void {
    for (const child of this.#running.keys()) child.kill('SIGKILL')
  }

  #capture(machine: string, words: readonly string[]): Promise<void> {
    const file = join(this.#folder, `${machine}.pcap`)
    // each packet at once: the network may be gone before the program is told to end
    const options = ['-i', INTERFACE, '-n', '-s', '0', '--immediate-mode', '-U', '-Z', 'root', '-w', file]
    const [program = '', ...rest] = [...words, findProgram(TCPDUMP) ?? TCPDUMP, ...options]
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    const ended = new Promise(resolve => child.once('close', resolve))
    this.#running.set(
      child,
      ended.then(() => this.#droppedOf.set(file, droppedPackets(said))),
    )
    return new Promise((resolve, reject) => {
      const failed = (why: string) => reject(new NodeError(machine, 'MSMQ_LAB_CAPTURE', `tcpdump: ${why}`))
      child.once('error', error => failed(error.message))
      child.once('close', () => failed(said.trim().split('\n').at(-1) ?? 'it ended'))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes(LISTENING)) resolve()
      })
    })
  }
}

function droppedPackets(said: string): number {
  return Array.from(said.matchAll(DROPPED), ([, packets]) => Number(packets)).reduce((sum, packets) => sum + packets, 0)
}
