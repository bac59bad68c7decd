import { Socket } from 'node:net'
import { type CutBudget, CuttingSocket, UpstreamConnection, type UpstreamLimits } from './http-upstream.js'
import type { ProxyHost } from './proxied-connection.js'
import type { UpstreamCounters } from './proxy-counters.js'

export interface UpstreamPoolLimits extends UpstreamLimits {
  /** Connections to one host at a time. Who needs one more waits `connectTimeoutMs` at most. */
  readonly upstreamsPerHostMax: number
}

type OpeningUpstream = (socket: Socket, host: ProxyHost) => void

interface HostPool {
  readonly host: ProxyHost
  /** Connecting ones count too. */
  open: number
  readonly all: Set<UpstreamConnection>
  /** Unused, the longest unused first. */
  readonly idle: Set<UpstreamConnection>
  readonly waiting: Set<() => void>
}

/**
 * Connections to hosts, kept for the next request. A connection carries one client's requests at a time, so that no slow
 * client holds up another's answers, and is only used again under the same local address.
 */
export class UpstreamPool {
  readonly #limits: UpstreamPoolLimits
  readonly #opening: OpeningUpstream
  readonly #pools: ReadonlyMap<string, HostPool>
  #opened = 0
  #reused = 0

  /** `opening` is told of each socket as it begins to connect. */
  constructor(hosts: readonly ProxyHost[], limits: UpstreamPoolLimits, opening: OpeningUpstream = () => undefined) {
    this.#limits = limits
    this.#opening = opening
    this.#pools = new Map(
      hosts.map(host => [host.name, { host, open: 0, all: new Set(), idle: new Set(), waiting: new Set() }]),
    )
  }

  /**
   * A connection that nobody else uses until it is given back. Rejects with the system's error, `ETIMEDOUT` when the host
   * does not answer, or `EUPSTREAMS` when all that are allowed stay in use.
   * `budget`: for the fault that cuts; such a connection is made anew.
   */
  async take(name: string, localAddress: string | undefined, budget: CutBudget | null): Promise<UpstreamConnection> {
    const pool = this.#pools.get(name)!
    const deadlineMs = performance.now() + this.#limits.connectTimeoutMs
    for (;;) {
      const idle = budget === null ? findIdle(pool, localAddress) : undefined
      if (idle !== undefined) {
        pool.idle.delete(idle)
        this.#reused++
        return idle
      }
      if (pool.open < this.#limits.upstreamsPerHostMax) return await this.#connect(pool, localAddress, budget)
      const [oldest] = pool.idle
      if (oldest !== undefined) {
        pool.idle.delete(oldest)
        oldest.close()
      }
      await room(pool, deadlineMs)
    }
  }

  /** Gives a connection back that has nothing under way. */
  give(connection: UpstreamConnection): void {
    const pool = this.#pools.get(connection.host.name)!
    if (!connection.open) return
    pool.idle.add(connection)
    wakeOne(pool)
  }

  /** Closes the unused connections to a host. */
  closeIdle(name: string): void {
    const pool = this.#pools.get(name)
    for (const connection of pool?.idle ?? []) connection.close()
    pool?.idle.clear()
  }

  /** Breaks off every connection. */
  reset(): void {
    for (const pool of this.#pools.values()) for (const connection of pool.all) connection.reset()
  }

  counters(): UpstreamCounters {
    let open = 0
    for (const pool of this.#pools.values()) open += pool.open
    return { opened: this.#opened, reused: this.#reused, open }
  }

  async #connect(pool: HostPool, localAddress: string | undefined, budget: CutBudget | null) {
    pool.open++
    try {
      const closed = (connection: UpstreamConnection) => {
        pool.open--
        pool.all.delete(connection)
        pool.idle.delete(connection)
        wakeOne(pool)
      }
      const socket = budget === null ? new Socket() : new CuttingSocket(budget)
      this.#opening(socket, pool.host)
      const connection = await UpstreamConnection.connect(pool.host, localAddress, this.#limits, closed, socket)
      pool.all.add(connection)
      this.#opened++
      return connection
    } catch (error) {
      pool.open--
      wakeOne(pool)
      throw error
    }
  }
}

function findIdle(pool: HostPool, localAddress: string | undefined): UpstreamConnection | undefined {
  for (const connection of pool.idle) {
    if (connection.open && (localAddress === undefined || connection.localAddress === localAddress)) return connection
  }
  return undefined
}

/** Resolves when there may be room again. */
function room(pool: HostPool, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = () => {
      clearTimeout(timer)
      pool.waiting.delete(wake)
      resolve()
    }
    const late = () => {
      pool.waiting.delete(wake)
      reject(Object.assign(new Error('all connections to the host are in use'), { code: 'EUPSTREAMS' }))
    }
    const timer = setTimeout(late, Math.max(0, deadlineMs - performance.now()))
    pool.waiting.add(wake)
  })
}

function wakeOne(pool: HostPool): void {
  const [wake] = pool.waiting
  wake?.()
}
