import type { HttpExchange } from './http-exchange.js'
import type { CutBudget, UpstreamConnection } from './http-upstream.js'
import type { UpstreamPool } from './http-upstream-pool.js'

/** A connection to a host on loan to one client, for as long as requests of that client are on it. */
export interface Lease {
  readonly host: string
  /** Null while it is being made. */
  upstream: UpstreamConnection | null
  /** Requests on it, or waiting for it to be there. */
  count: number
  waiting: HttpExchange[]
}

export interface LeasesOwner {
  /** Told before the first request is sent on a lease. */
  lent(upstream: UpstreamConnection): void
  /** No connection could be had; the requests that waited for it, in order. */
  notLent(host: string, code: string, waiting: readonly HttpExchange[]): void
}

/**
 * The connections that one client has to hosts. All of its requests to a host that are under way at one time share one, in
 * order, so that the host gets them as the client sent them.
 */
export class HostLeases {
  readonly #owner: LeasesOwner
  readonly #upstreams: UpstreamPool
  readonly #cutBudget: CutBudget | null
  readonly #leases = new Map<string, Lease>()
  #isOver = false

  /** `cutBudget`: connections are made for this client alone, and let out so many bytes in all. */
  constructor(owner: LeasesOwner, upstreams: UpstreamPool, cutBudget: CutBudget | null) {
    this.#owner = owner
    this.#upstreams = upstreams
    this.#cutBudget = cutBudget
  }

  has(host: string): boolean {
    return this.#leases.has(host)
  }

  /** Sends the request on the connection that this client has to the host, or on one that it gets now. */
  lend(exchange: HttpExchange, host: string, localAddress: string | undefined): void {
    exchange.host = host
    const lease = this.#leases.get(host)
    if (lease !== undefined && lease.upstream?.open !== false) {
      lease.count++
      exchange.lease = lease
      if (lease.upstream === null) lease.waiting.push(exchange)
      else exchange.send(lease.upstream)
      return
    }
    const fresh: Lease = { host, upstream: null, count: 1, waiting: [exchange] }
    exchange.lease = fresh
    this.#leases.set(host, fresh)
    this.#upstreams.take(host, localAddress, this.#cutBudget).then(
      upstream => this.#lent(fresh, upstream),
      (error: NodeJS.ErrnoException) => this.#notLent(fresh, error.code ?? error.message),
    )
  }

  /** The host is done with a request. */
  left(exchange: HttpExchange): void {
    const { lease } = exchange
    exchange.lease = null
    if (lease === null) return
    lease.count--
    if (lease.count > 0) return
    this.#end(lease)
    if (lease.upstream === null) return
    if (this.#cutBudget === null) this.#upstreams.give(lease.upstream)
    else lease.upstream.close()
  }

  /** Breaks off the connection to a host. */
  reset(host: string): void {
    this.#leases.get(host)?.upstream?.reset()
  }

  /** Breaks off all, and those that come to be. */
  end(): void {
    this.#isOver = true
    for (const { upstream } of this.#leases.values()) upstream?.reset()
  }

  #lent(lease: Lease, upstream: UpstreamConnection): void {
    if (this.#isOver) {
      upstream.reset()
      return
    }
    lease.upstream = upstream
    const { waiting } = lease
    lease.waiting = []
    this.#owner.lent(upstream)
    for (const exchange of waiting) {
      if (exchange.isOver) this.left(exchange)
      else exchange.send(upstream)
    }
  }

  #notLent(lease: Lease, code: string): void {
    this.#end(lease)
    for (const exchange of lease.waiting) exchange.lease = null
    this.#owner.notLent(
      lease.host,
      code,
      lease.waiting.filter(({ isOver }) => !isOver),
    )
  }

  #end(lease: Lease): void {
    if (this.#leases.get(lease.host) === lease) this.#leases.delete(lease.host)
  }
}
