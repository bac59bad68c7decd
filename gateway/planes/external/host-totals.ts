import type { PlaneCounters } from '../plane.js'

/** What one program counts for one host in one service. */
export interface HostCount {
  readonly connections: number
  readonly active: number
  readonly bytesToHost: number
  readonly bytesToClient: number
  readonly failures: number
}

/** Counts of programs that come and go, added up by host. */
export class HostTotals {
  readonly #hosts: () => readonly string[]
  readonly #counts = new Map<string, HostCount & { readonly host: string }>()

  /** `hosts`: those of the cluster, now. */
  constructor(hosts: () => readonly string[]) {
    this.#hosts = hosts
  }

  /** The last word on one thing that is counted; `what` begins with its program's number. */
  set(what: string, host: string, count: HostCount): void {
    this.#counts.set(what, { ...count, host })
  }

  /** Connections that a program has now. */
  active(program: string): number {
    let sum = 0
    for (const [what, { active }] of this.#counts) if (what.startsWith(`${program} `)) sum += active
    return sum
  }

  /** The program is gone, and with it what was open. `counted`: what it came to in the end, by host, where that is known. */
  ended(program: string, counted: ReadonlyMap<string, HostCount> | null): void {
    for (const [what, count] of this.#counts) {
      if (!what.startsWith(`${program} `)) continue
      if (counted === null) this.#counts.set(what, { ...count, active: 0 })
      else this.#counts.delete(what)
    }
    for (const [host, count] of counted ?? []) this.set(`${program} ${host}`, host, count)
  }

  counters({ silences, splitBrains }: Pick<PlaneCounters, 'silences' | 'splitBrains'>): PlaneCounters {
    const counts = [...this.#counts.values()]
    const names = new Set([...this.#hosts(), ...counts.map(({ host }) => host)])
    const failed = counts.reduce((sum, { failures }) => sum + failures, 0)
    return {
      hosts: Object.fromEntries(
        Array.from(names, name => {
          const own = counts.filter(({ host }) => host === name)
          const sum = (field: keyof HostCount) => own.reduce((total, count) => total + count[field], 0)
          return [
            name,
            {
              connections: sum('connections'),
              active: sum('active'),
              datagrams: 0,
              bytesToHost: sum('bytesToHost'),
              bytesToClient: sum('bytesToClient'),
            },
          ]
        }),
      ),
      silences,
      splitBrains,
      failures: failed === 0 ? {} : { connect: failed },
    }
  }
}
