import type { Policy } from '../nlb/policy.js'
import type { HostState } from './http-options.js'

/**
 * Which hosts take new work: what was ordered and what the health checks found. A host is `up` when both say so; an order
 * to drain or to be down outweighs its health.
 */
export class HostStates {
  readonly #ordered: Map<string, HostState>
  readonly #ill = new Set<string>()
  readonly #changed: (host: string, state: HostState) => void
  #unavailable: ReadonlySet<string> = new Set()

  /** `changed` is told each change of a host's state. */
  constructor(hosts: readonly string[], changed: (host: string, state: HostState) => void = () => {}) {
    this.#ordered = new Map(hosts.map(host => [host, 'up']))
    this.#changed = changed
  }

  of(host: string): HostState {
    const ordered = this.#ordered.get(host) ?? 'down'
    return ordered === 'up' && this.#ill.has(host) ? 'down' : ordered
  }

  all(): Record<string, HostState> {
    return Object.fromEntries(Array.from(this.#ordered.keys(), host => [host, this.of(host)]))
  }

  /** Hosts that get nothing new. */
  get unavailable(): ReadonlySet<string> {
    return this.#unavailable
  }

  /** Throws a `RangeError` for a host that does not exist. */
  order(host: string, state: HostState): void {
    if (!this.#ordered.has(host)) throw new RangeError(`there is no host ${JSON.stringify(host)}`)
    this.#change(host, () => this.#ordered.set(host, state))
  }

  /** What a health check found. */
  found(host: string, well: boolean): void {
    this.#change(host, () => (well ? this.#ill.delete(host) : this.#ill.add(host)))
  }

  /** The same policy over the hosts that take new work. */
  within(policy: Policy): Policy {
    return {
      pick: (client, except) => {
        const all = except === undefined ? this.#unavailable : new Set([...this.#unavailable, ...except])
        return all.size === 0 ? policy.pick(client) : policy.pick(client, all)
      },
    }
  }

  #change(host: string, change: () => void): void {
    const before = this.of(host)
    change()
    const state = this.of(host)
    if (state === before) return
    this.#unavailable = new Set([...this.#ordered.keys()].filter(name => this.of(name) !== 'up'))
    this.#changed(host, state)
  }
}
