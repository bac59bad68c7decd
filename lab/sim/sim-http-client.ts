import type { Action, ConnectionId, ExchangeId, HttpRequest } from '../../queue-manager/actions.js'
import type { SimNetwork } from './network.js'
import type { Scheduler } from './scheduler.js'
import { SimHttpLink, type SimHttpLinkOwner } from './sim-http-link.js'

/** How long a connection that is closed in order waits for answers. */
export const HTTP_LINGER_MS = 5_000

export interface SimHttpClientOwner {
  answered(exchange: ExchangeId, status: number): void
  failed(exchange: ExchangeId, reason: string): void
}

export interface SimHttpClientContext {
  readonly network: SimNetwork
  readonly scheduler: Scheduler
  /** Where connections come from. */
  readonly address: string
  readonly owner: SimHttpClientOwner
}

/** Carries out `http-open`, `http-post` and `http-close` over the simulated network, as `transport/http-client.ts` does. */
export class SimHttpClient {
  readonly #context: SimHttpClientContext
  readonly #connections = new Map<ConnectionId, SimHttpConnection>()

  constructor(context: SimHttpClientContext) {
    this.#context = context
  }

  open({ connection: id, address, port }: Extract<Action, { do: 'http-open' }>): void {
    const { network, address: from } = this.#context
    const makeLink = (owner: SimHttpLinkOwner) => new SimHttpLink(network, from, { address, port }, owner)
    const gone = () => this.#connections.delete(id)
    this.#connections.set(id, new SimHttpConnection(this.#context, makeLink, gone))
  }

  post(id: ConnectionId, exchange: ExchangeId, request: HttpRequest): void {
    this.#connections.get(id)?.post(exchange, request)
  }

  close(id: ConnectionId, how: 'graceful' | 'abort'): void {
    const connection = this.#connections.get(id)
    if (how === 'abort') connection?.abort()
    else connection?.close()
  }

  crash(how: 'process' | 'power'): void {
    for (const connection of this.#connections.values()) connection.crash(how)
    this.#connections.clear()
  }
}

/** What one `http-open` stands for: at any time one link or none. */
class SimHttpConnection implements SimHttpLinkOwner {
  readonly #context: SimHttpClientContext
  readonly #makeLink: (owner: SimHttpLinkOwner) => SimHttpLink
  readonly #gone: () => void
  #link: SimHttpLink | null = null
  #closing = false

  constructor(context: SimHttpClientContext, makeLink: (owner: SimHttpLinkOwner) => SimHttpLink, gone: () => void) {
    this.#context = context
    this.#makeLink = makeLink
    this.#gone = gone
  }

  post(exchange: ExchangeId, request: HttpRequest): void {
    if (this.#closing) return
    this.#link ??= this.#makeLink(this)
    this.#link.post(exchange, request)
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    if (this.#link === null || this.#link.postsUnderWay === 0) this.#finish()
    else {
      const { network, scheduler, address } = this.#context
      scheduler.after(HTTP_LINGER_MS, () => network.inputsAt(address).take(() => this.#link?.end('closed')))
    }
  }

  abort(): void {
    this.#closing = true
    if (this.#link === null) this.#finish()
    else this.#link.abort()
  }

  crash(how: 'process' | 'power'): void {
    this.#link?.crash(how)
    this.#link = null
  }

  answered(exchange: ExchangeId, status: number): void {
    this.#context.owner.answered(exchange, status)
    if (this.#closing && this.#link?.postsUnderWay === 0) this.#finish()
  }

  failed(exchange: ExchangeId, reason: string): void {
    this.#context.owner.failed(exchange, reason)
  }

  ended(link: SimHttpLink): void {
    if (link === this.#link) this.#link = null
    if (this.#closing) this.#finish()
  }

  /** Closes what is left, and is over. */
  #finish(): void {
    if (this.#link === null) this.#gone()
    else this.#link.close()
  }
}
