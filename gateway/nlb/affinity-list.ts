import { ipBytes } from '../../protocol/ip-address.js'
import type { Affinity } from './hash.js'

interface HeldClient {
  /** Open connections. */
  connections: number
  /** When the last ended; the timeout runs from there. [I] */
  idleSinceMs: number
}

/**
 * The clients that extended affinity holds at one host, for one rule: those with a connection, and those whose last ended
 * less than the rule's timeout ago.
 */
export class AffinityList {
  readonly #clients = new Map<string, HeldClient>()

  get clients(): ReadonlySet<string> {
    return new Set(this.#clients.keys())
  }

  has(client: string): boolean {
    return this.#clients.has(client)
  }

  opened(client: string): void {
    const held = this.#clients.get(client)
    if (held === undefined) this.#clients.set(client, { connections: 1, idleSinceMs: 0 })
    else held.connections++
  }

  ended(client: string, nowMs: number): void {
    const held = this.#clients.get(client)
    if (held === undefined || held.connections === 0) return
    held.connections--
    held.idleSinceMs = nowMs
  }

  expire(timeoutMs: number, nowMs: number): void {
    for (const [client, { connections, idleSinceMs }] of this.#clients)
      if (connections === 0 && nowMs - idleSinceMs >= timeoutMs) this.#clients.delete(client)
  }

  clear(): void {
    this.#clients.clear()
  }
}

/** What counts as one client under an affinity: its address, or its /24 (IPv6: /64, our choice). */
export function clientKey(affinity: Affinity, address: string): string {
  const bytes = ipBytes(address)
  return (affinity === 'network' ? bytes.subarray(0, bytes.length === 4 ? 3 : 8) : bytes).join('.')
}
