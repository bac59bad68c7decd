import type { Endpoint, ExchangeId, HttpRequest } from '../queue-manager/actions.js'
import { carryOutHttp, type GiveStatus, type HttpAction } from './http-actions.js'
import { HttpClient, type HttpClientOptions, type HttpClientOwner } from './http-client.js'
import type { HttpLimits } from './http-limits.js'
import { HttpListener, type HttpListenerOwner, type HttpListenOptions } from './http-server.js'
import type { ListenCounters } from './listening.js'
import { undiciClient } from './undici.js'
import type { SocketsTap } from './wire-tap.js'

export interface HttpHostOptions {
  readonly http?: Endpoint
  readonly https?: Required<HttpListenOptions>
  readonly limits: Partial<HttpLimits>
  readonly client: HttpClientOptions
  readonly counters: ListenCounters
  /** Told of connections that come in, where they are not over TLS. */
  readonly tap?: SocketsTap
}

/** Which the engine is told by its driver. */
export interface HttpHostOwner extends HttpClientOwner {
  /** Null when it takes none now. */
  requested(peer: Endpoint, request: HttpRequest): ExchangeId | null
  /** After `stop`: no connection is left that requests came in on. */
  stopped(): void
}

/** Where a driver listens for requests, once it does. */
export interface HttpBound {
  readonly http: Endpoint | null
  readonly https: Endpoint | null
}

/** All of HTTP that a driver carries out: requests that come in, and posts. */
export class HttpHost implements HttpListenerOwner {
  readonly #owner: HttpHostOwner
  readonly #options: HttpHostOptions
  readonly #client: HttpClient
  readonly #listeners: HttpListener[] = []
  readonly #unanswered = new Map<ExchangeId, GiveStatus>()
  #bound: HttpBound = { http: null, https: null }

  constructor(options: HttpHostOptions, owner: HttpHostOwner) {
    this.#owner = owner
    this.#options = options
    this.#client = new HttpClient(options.client, owner)
  }

  get bound(): HttpBound {
    return this.#bound
  }

  /** Nothing is under way, and nobody is connected. */
  get isIdle(): boolean {
    return this.#client.postsUnderWay === 0 && this.#listeners.every(({ isEmpty }) => isEmpty)
  }

  async listen(): Promise<void> {
    const { http, https } = this.#options
    if (http !== undefined || https !== undefined) undiciClient() // receipts are posted
    this.#bound = {
      http: http === undefined ? null : await this.#listen(http),
      https: https === undefined ? null : await this.#listen(https),
    }
  }

  carryOut(action: HttpAction): void {
    carryOutHttp(action, this.#client, this.#unanswered)
  }

  stopListening(): void {
    for (const listener of this.#listeners) listener.stopListening()
  }

  /** Takes no more requests; those that the engine has are still answered. */
  stop(): void {
    for (const listener of this.#listeners) listener.stop()
  }

  kill(): void {
    for (const listener of this.#listeners) listener.kill()
    this.#client.kill()
    this.#unanswered.clear()
  }

  requested(peer: Endpoint, request: HttpRequest, answer: GiveStatus): void {
    const exchange = this.#owner.requested(peer, request)
    if (exchange === null) answer(500)
    else this.#unanswered.set(exchange, answer)
  }

  stopped(): void {
    this.#owner.stopped()
  }

  #listen(options: HttpListenOptions): Promise<Endpoint> {
    const { limits, counters, tap } = this.#options
    const listener = new HttpListener(options, { owner: this, counters, limits, ...(tap !== undefined && { tap }) })
    this.#listeners.push(listener)
    return listener.listen()
  }
}
