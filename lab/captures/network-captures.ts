import { join } from 'node:path'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import { NodeError } from '../node-handle.js'
import { Tcpdump } from './tcpdump.js'

/** Each machine's cable. */
const INTERFACE = 'eth0'

/** Why the kernel's packets cannot be captured here, with the remedy; null where they can. */
export function networkCapturesLacking(): string | null {
  return findProgram('tcpdump') === null ? 'tcpdump not found: install it (Debian: apt-get install tcpdump)' : null
}

/** What crosses the cable of each machine that has a network of its own, as the kernel has it: a file for each. */
export class NetworkCaptures {
  readonly #folder: string
  readonly #byFile = new Map<string, Tcpdump>()

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
    return this.#byFile.get(file)?.dropped ?? 0
  }

  /** Resolves when what has crossed is in the files: to be waited for while the networks are there. */
  async settled(): Promise<void> {
    await Promise.all([...this.#byFile.values()].map(dump => dump.settled()))
  }

  /** Resolves when all files are whole. */
  async stop(): Promise<void> {
    await Promise.all([...this.#byFile.values()].map(dump => dump.stop()))
  }

  /** At once; what is in the files stays. */
  kill(): void {
    for (const dump of this.#byFile.values()) dump.kill()
  }

  async #capture(machine: string, words: readonly string[]): Promise<void> {
    const file = join(this.#folder, `${machine}.pcap`)
    const dump = new Tcpdump(words, ['-i', INTERFACE, '-s', '0', '-w', file])
    this.#byFile.set(file, dump)
    try {
      await dump.listening
    } catch (error) {
      throw new NodeError(machine, 'MSMQ_LAB_CAPTURE', `tcpdump: ${error instanceof Error ? error.message : error}`)
    }
  }
}
