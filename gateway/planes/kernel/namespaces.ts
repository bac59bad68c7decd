import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { findProgram, kernelError, runProgram } from './programs.js'

/** Where `ip netns` keeps the names. */
const NAMES_FOLDER = '/run/netns'

/** `mqlab-PID-START-SERIAL-MACHINE`: the process that made it, and the tick since boot at which that process began. */
const NAME = /^mqlab-(\d+)-([0-9a-z]+)-\d+-/

let serial = 0

/**
 * The network namespaces of one run. Their names tell who made them, so that those of a run that was killed are known
 * for what they are, and those of one that lives are left alone. All that mqlab makes is inside: links, addresses and
 * rules are gone when the namespaces are.
 */
export class Namespaces {
  readonly #prefix: string
  readonly #made = new Set<string>()
  readonly #removeAtExit = () => this.#removeNow()

  constructor() {
    this.#prefix = `mqlab-${process.pid}-${startTick(process.pid)}-${++serial}`
  }

  /** As `ip netns` knows it; the machine's name in it is for people. */
  nameOf(machine: string): string {
    return `${this.#prefix}-${machine.replace(/[^A-Za-z0-9.-]/g, '_')}`
  }

  async add(machine: string): Promise<void> {
    const name = this.nameOf(machine)
    if (this.#made.size === 0) process.once('exit', this.#removeAtExit)
    this.#made.add(name)
    await runProgram('ip', ['netns', 'add', name])
  }

  /** Runs a shell script inside; what it wrote to stdout. */
  run(machine: string, script: string): Promise<string> {
    return runProgram('ip', ['netns', 'exec', this.nameOf(machine), 'sh', '-e'], script)
  }

  /** Ends what still runs inside, and removes one. */
  async remove(machine: string): Promise<void> {
    const name = this.nameOf(machine)
    await remove(name)
    this.#made.delete(name)
  }

  /** Ends what still runs inside, and removes all. */
  async removeAll(): Promise<void> {
    await Promise.all(Array.from(this.#made, remove))
    this.#made.clear()
    process.off('exit', this.#removeAtExit)
  }

  /** The process ends without having stopped its planes: there is no time left but for this. */
  #removeNow(): void {
    const ip = findProgram('ip')
    for (const name of this.#made) {
      try {
        if (ip !== null) execFileSync(ip, ['netns', 'del', name], { stdio: 'ignore' })
      } catch {
        // a later run removes it
      }
    }
  }
}

/** Removes what runs that were killed have left behind; the names of it. */
export async function removeAbandoned(): Promise<string[]> {
  const abandoned = namespaceNames().filter(name => {
    const [, pid, start] = NAME.exec(name) ?? []
    return pid !== undefined && startTick(Number(pid)) !== start
  })
  await Promise.all(abandoned.map(remove))
  return abandoned
}

/** All that `ip netns` knows, mqlab's or not. */
function namespaceNames(): string[] {
  try {
    return readdirSync(NAMES_FOLDER)
  } catch {
    return []
  }
}

async function remove(name: string): Promise<void> {
  try {
    const pids = await runProgram('ip', ['netns', 'pids', name])
    for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid))
    await runProgram('ip', ['netns', 'del', name])
  } catch (error) {
    // another run may clean up at the same time
    if (namespaceNames().includes(name)) throw kernelError(`could not remove the network namespace ${name}`, error)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

/** Tick since boot at which a process began, base 36; null when there is none. With the pid it names a process for good. */
function startTick(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // after the name, which may hold anything, and its parenthesis
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const hasEnded = fields[0] === 'Z'
    return hasEnded ? null : Number(fields[19]).toString(36)
  } catch {
    return null
  }
}
