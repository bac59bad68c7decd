import type { PlaneCounters } from '../plane.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../proxy-events.js'

/** What nginx' log says, added up by host: it has no counters by host of its own. */
export class NginxTotals {
  readonly #hosts: () => readonly string[]
  readonly #counts = new Map<string, { connections: number; datagrams: number; up: number; down: number }>()
  readonly #failures: Record<string, number> = {}

  /** `hosts`: those of the cluster, now. */
  constructor(hosts: () => readonly string[]) {
    this.#hosts = hosts
  }

  decided({ host }: ProxyDecision): void {
    if (host !== null) this.#of(host).connections++
  }

  closed({ host, toHost, toClient }: ConnectionClosed): void {
    if (host !== null) this.#moved(host, toHost.bytes, toClient.bytes)
  }

  requested({ host, bytesToHost, bytesToClient }: ProxiedRequest): void {
    if (host !== null) this.#moved(host, bytesToHost, bytesToClient)
  }

  datagram(host: string): void {
    this.#of(host).datagrams++
  }

  failed(code: string): void {
    this.#failures[code] = (this.#failures[code] ?? 0) + 1
  }

  /** `active`: open connections by host; null where nothing is reported. Bytes are those of what has ended. */
  counters(active: ReadonlyMap<string, number> | null): PlaneCounters {
    const hosts = new Set([...this.#hosts(), ...this.#counts.keys()])
    return {
      hosts: Object.fromEntries(
        Array.from(hosts, host => {
          const { connections, datagrams, up, down } = this.#of(host)
          const open = active === null ? null : (active.get(host) ?? 0)
          return [host, { connections, active: open, datagrams, bytesToHost: up, bytesToClient: down }]
        }),
      ),
      silences: 0,
      splitBrains: 0,
      failures: { ...this.#failures },
    }
  }

  #moved(host: string, up: number, down: number): void {
    const count = this.#of(host)
    count.up += up
    count.down += down
  }

  #of(host: string) {
    const count = this.#counts.get(host) ?? { connections: 0, datagrams: 0, up: 0, down: 0 }
    this.#counts.set(host, count)
    return count
  }
}
