import type { Endpoint, ExchangeId, HttpRequest } from '../../queue-manager/actions.js'
import { carryOutHttp, type GiveStatus, type HttpAction } from '../../transport/http-actions.js'
import type { SimNetwork } from './network.js'
import type { Scheduler } from './scheduler.js'
import { HTTP_LINGER_MS, SimHttpClient, type SimHttpClientOwner } from './sim-http-client.js'
import { SimHttpIncoming } from './sim-http-incoming.js'
import type { SimSocket } from './sim-socket.js'

/** Where requests are taken; absent: nowhere. There is no TLS in a simulation: `https` only marks requests as secure. */
export interface SimHttpPorts {
  readonly http?: number
  readonly https?: number
}

export interface SimHttpOwner extends SimHttpClientOwner {
  /** `numbered` is to be called before anything that follows from the request is carried out. */
  requested(peer: Endpoint, request: HttpRequest, numbered: (exchange: ExchangeId) => void): void
  /** Milliseconds since 1970 of this machine's clock. */
  wallMs(): number
}

export interface SimHttpContext {
  readonly network: SimNetwork
  readonly scheduler: Scheduler
  readonly address: string
  readonly ports: SimHttpPorts
  readonly owner: SimHttpOwner
}

/** HTTP/1.1 as text over simulated sockets: what `transport/http-host.ts` is over real ones. */
export class SimHttp {
  readonly #context: SimHttpContext
  readonly #client: SimHttpClient
  readonly #incoming = new Set<SimHttpIncoming>()
  readonly #unanswered = new Map<ExchangeId, GiveStatus>()
  #unlisten: (() => void)[] = []

  constructor(context: SimHttpContext) {
    this.#context = context
    this.#client = new SimHttpClient(context)
  }

  listen(): void {
    const { network, address, ports } = this.#context
    for (const [port, secure] of [[ports.http, false] as const, [ports.https, true] as const]) {
      if (port !== undefined)
        this.#unlisten.push(network.listen({ address, port }, socket => this.#accept(socket, secure)))
    }
  }

  carryOut(action: HttpAction): void {
    carryOutHttp(action, this.#client, this.#unanswered)
  }

  /** Takes no more requests; those that the engine has are still answered, for a while. */
  stop(): void {
    this.#stopListening()
    for (const incoming of this.#incoming) incoming.stop()
    const { network, scheduler, address } = this.#context
    scheduler.after(HTTP_LINGER_MS, () =>
      network.inputsAt(address).take(() => {
        for (const incoming of this.#incoming) incoming.reset()
      }),
    )
  }

  crash(how: 'process' | 'power'): void {
    this.#stopListening()
    this.#client.crash(how)
    for (const incoming of this.#incoming) incoming.crash(how)
    this.#incoming.clear()
    this.#unanswered.clear()
  }

  #accept(socket: SimSocket, secure: boolean): void {
    const { owner } = this.#context
    const incoming = new SimHttpIncoming(socket, secure, {
      requested: (request, answer) =>
        owner.requested(socket.remote, request, exchange => this.#unanswered.set(exchange, answer)),
      wallMs: () => owner.wallMs(),
      closed: closed => this.#incoming.delete(closed),
    })
    this.#incoming.add(incoming)
  }

  #stopListening(): void {
    for (const unlisten of this.#unlisten) unlisten()
    this.#unlisten = []
  }
}
