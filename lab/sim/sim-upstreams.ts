import type { ProxyHost } from '../../gateway/planes/proxied-connection.js'
import type { UpstreamCounters } from '../../gateway/planes/proxy-counters.js'
import type { Endpoint, ExchangeId, HttpRequest } from '../../queue-manager/actions.js'
import type { SimGatewayWorld } from './sim-gateway.js'
import { SimHttpLink, type SimHttpLinkOwner } from './sim-http-link.js'

/** How long a host may take to accept, and to answer. As of the plane on sockets. */
const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_TIMEOUT_MS = 120_000

/** One request on its way to a host. Exactly one of `answered` and `failed` is called, once. */
export interface UpstreamRequest {
  /** It is being sent, from there. */
  sent(from: Endpoint): void
  answered(status: number): void
  /** `ETIMEDOUT` where the host did not answer. Before `sent`, the host could not be connected to. */
  failed(code: string): void
}

interface UnderWay {
  readonly request: UpstreamRequest
  stop(): void
}

/** A connection to a host that carries requests of one client at a time, in their order. */
export class SimUpstream implements SimHttpLinkOwner {
  readonly host: ProxyHost
  readonly #world: SimGatewayWorld
  readonly #link: SimHttpLink
  readonly #underWay = new Map<ExchangeId, UnderWay>()
  readonly #ended: () => void
  #exchanges = 0
  #isConnected = false
  #isOpen = true
  #isLate = false

  constructor(world: SimGatewayWorld, from: string, host: ProxyHost, ended: () => void) {
    this.host = host
    this.#world = world
    this.#ended = ended
    this.#link = new SimHttpLink(world.network, from, { address: host.address, port: host.port }, this)
    world.scheduler.after(CONNECT_TIMEOUT_MS, () => {
      if (!this.#isConnected) this.#link.end('ETIMEDOUT')
    })
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0
  }

  post(http: HttpRequest, request: UpstreamRequest): void {
    this.#exchanges++
    const late = this.#world.scheduler.after(ANSWER_TIMEOUT_MS, () => {
      this.#isLate = true
      this.reset()
    })
    this.#underWay.set(this.#exchanges, { request, stop: () => late.cancel() })
    this.#link.post(this.#exchanges, http)
    if (this.#isConnected) request.sent(this.#link.local)
  }

  /** Breaks it off; what is under way fails. */
  reset(): void {
    this.#link.end(this.#isLate ? 'ETIMEDOUT' : 'ECONNRESET')
  }

  connected(): void {
    this.#isConnected = true
    for (const { request } of this.#underWay.values()) request.sent(this.#link.local)
  }

  answered(exchange: ExchangeId, status: number): void {
    this.#take(exchange)?.answered(status)
  }

  failed(exchange: ExchangeId, reason: string): void {
    this.#take(exchange)?.failed(reason === 'closed' ? 'ECONNRESET' : reason)
  }

  ended(): void {
    this.#isOpen = false
    this.#ended()
  }

  #take(exchange: ExchangeId): UpstreamRequest | undefined {
    const underWay = this.#underWay.get(exchange)
    this.#underWay.delete(exchange)
    underWay?.stop()
    return underWay?.request
  }
}

/** Connections to hosts, kept for the next request from the same address. */
export class SimUpstreams {
  readonly #world: SimGatewayWorld
  readonly #open = new Set<SimUpstream>()
  readonly #idle = new Map<string, SimUpstream[]>()
  #opened = 0
  #reused = 0

  constructor(world: SimGatewayWorld) {
    this.#world = world
  }

  /** One that nobody else uses until it is given back. */
  take(host: ProxyHost, from: string): SimUpstream {
    const place = `${host.name} ${from}`
    const idle = this.#idle.get(place)?.pop()
    if (idle !== undefined) {
      this.#reused++
      return idle
    }
    const upstream = new SimUpstream(this.#world, from, host, () => {
      if (upstream.isConnected) this.#opened++
      this.#open.delete(upstream)
      const others = this.#idle.get(place)
      if (others?.includes(upstream)) others.splice(others.indexOf(upstream), 1)
    })
    this.#open.add(upstream)
    return upstream
  }

  give(upstream: SimUpstream, from: string): void {
    if (!upstream.isOpen) return
    const place = `${upstream.host.name} ${from}`
    const idle = this.#idle.get(place)
    if (idle === undefined) this.#idle.set(place, [upstream])
    else idle.push(upstream)
  }

  /** Ends the unused connections to a host. */
  closeIdle(host: string): void {
    for (const idle of this.#idle.values())
      for (const upstream of [...idle]) if (upstream.host.name === host) upstream.reset()
  }

  reset(): void {
    for (const upstream of [...this.#open]) upstream.reset()
  }

  counters(): UpstreamCounters {
    const made = [...this.#open].filter(({ isConnected }) => isConnected).length
    return { opened: this.#opened + made, reused: this.#reused, open: made }
  }
}
