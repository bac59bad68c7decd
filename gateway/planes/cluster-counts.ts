import type { PlaneHostCounters } from './plane.js'
import type { ProxyCounters } from './proxy-counters.js'
import type { ConnectionClosed, ConnectionView } from './proxy-events.js'

/** What the TCP ports of a cluster have done, added up; more may be added to it. */
export interface ClusterSum {
  readonly hosts: Record<string, { -readonly [Counter in keyof PlaneHostCounters]: number }>
  silences: number
  splitBrains: number
  readonly failures: Record<string, number>
}

/** Counts for a plane that has every connection before it. */
export class ClusterCounts {
  /** Of connections that are over, by host. */
  readonly #bytes = new Map<string, { toHost: number; toClient: number }>()

  closed({ host, toHost, toClient }: ConnectionClosed): void {
    if (host === null) return
    const sum = this.#bytes.get(host) ?? { toHost: 0, toClient: 0 }
    sum.toHost += toHost.bytes
    sum.toClient += toClient.bytes
    this.#bytes.set(host, sum)
  }

  /** `ports`: of each port; `open`: the connections of all. */
  sum(names: readonly string[], ports: readonly ProxyCounters[], open: Iterable<ConnectionView>): ClusterSum {
    const sum: ClusterSum = { hosts: {}, silences: 0, splitBrains: 0, failures: {} }
    const { hosts } = sum
    for (const name of names) {
      const { toHost, toClient } = this.#bytes.get(name) ?? { toHost: 0, toClient: 0 }
      hosts[name] = { connections: 0, active: 0, datagrams: 0, bytesToHost: toHost, bytesToClient: toClient }
    }
    for (const port of ports) {
      sum.silences += port.unanswered
      sum.splitBrains += port.splitBrain
      addFailures(sum.failures, port.connectFailures)
      for (const [name, { chosen }] of Object.entries(port.hosts))
        if (hosts[name] !== undefined) hosts[name].connections += chosen
    }
    for (const { host: name, toHost, toClient } of open) {
      const host = name === null ? undefined : hosts[name]
      if (host === undefined) continue
      host.active++
      host.bytesToHost += toHost.bytes
      host.bytesToClient += toClient.bytes
    }
    return sum
  }
}

export function addFailures(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [code, count] of Object.entries(more)) sum[code] = (sum[code] ?? 0) + count
}
