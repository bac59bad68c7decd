import type { Policy } from '../../gateway/nlb/policy.js'
import type { HostStates } from '../../gateway/planes/host-states.js'
import { headersToHost } from '../../gateway/planes/http-head.js'
import type { Balance } from '../../gateway/planes/http-options.js'
import { zeroPacketCounts } from '../../gateway/planes/packet-count.js'
import type { ProxyHost } from '../../gateway/planes/proxied-connection.js'
import type {
  CloseManner,
  ConnectionClosed,
  ConnectionView,
  DirectionTraffic,
  ProxiedRequest,
  ProxyDecision,
  RequestOutcome,
  SourceMode,
} from '../../gateway/planes/proxy-events.js'
import { connectionView, proxyDecision } from '../../gateway/planes/proxy-view.js'
import { headerValue } from '../../protocol/srmp/http-head.js'
import type { HttpRequest } from '../../queue-manager/actions.js'
import type { Scheduler } from './scheduler.js'
import { SimBalancedRequest } from './sim-balanced-request.js'
import { SimHttpIncoming } from './sim-http-incoming.js'
import type { IdleManner } from './sim-route.js'
import type { SimSocket } from './sim-socket.js'
import type { SimUpstream, SimUpstreams } from './sim-upstreams.js'

/** What a client's connection needs of its balancer. */
export interface BalancedClientContext {
  readonly scheduler: Scheduler
  readonly policy: Policy
  readonly hosts: ReadonlyMap<string, ProxyHost>
  readonly states: HostStates
  readonly upstreams: SimUpstreams
  readonly balance: Balance
  readonly source: SourceMode
  /** What hosts take for the client's address; null: its own. */
  readonly translatedAddress: string | null
  readonly retryOtherHosts: boolean
  readonly forwardedFor: boolean
  readonly pipelineMax: number
  /** 0 = no limit. */
  readonly idleTimeoutMs: number
  readonly idleManner: IdleManner
  nowWallMs(): number
  decided(decision: ProxyDecision): void
  hostFailed(host: string, code: string): void
  requested(): void
  /** Whether the answer to this request falls to the fault, and how; asked once for each, as it is given to a host. */
  dropsAnswer(target: string): 'reset' | 'silence' | null
  requestOver(request: ProxiedRequest): void
  closed(client: SimBalancedClient, event: ConnectionClosed): void
}

/** A connection to a host while requests of one client are on it. */
interface Lease {
  readonly upstream: SimUpstream
  count: number
}

/** One client's connection: its requests are given to hosts, in order. What `HttpConnection` is on sockets. */
export class SimBalancedClient implements ConnectionView {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly openedMs: number
  readonly toHost: DirectionTraffic = { bytes: 0, packets: zeroPacketCounts() }
  readonly toClient: DirectionTraffic = { bytes: 0, packets: zeroPacketCounts() }
  host: string | null = null
  upstreamLocalAddress: string | null = null
  upstreamLocalPort: number | null = null
  readonly #context: BalancedClientContext
  readonly #socket: SimSocket
  readonly #incoming: SimHttpIncoming
  /** Not over, in the order of the client. */
  readonly #requests: SimBalancedRequest[] = []
  /** Of these, how many from the first have been given to hosts. */
  #given = 0
  #numbers = 0
  readonly #leases = new Map<string, Lease>()
  /** Its host has had a request of it. */
  #isBound = false
  #ending: Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'> | null = null
  /** An answer has been thrown away, and the connection breaks in its place. */
  #breaking = false
  #over = false
  #lastMs: number

  constructor(connection: number, socket: SimSocket, context: BalancedClientContext) {
    this.connection = connection
    this.clientAddress = socket.remote.address
    this.clientPort = socket.remote.port
    this.openedMs = context.nowWallMs()
    this.#context = context
    this.#socket = socket
    this.#lastMs = context.scheduler.nowMs
    this.#incoming = new SimHttpIncoming(socket, false, {
      requested: (http, answer) => this.#requested(http, answer),
      wallMs: () => context.nowWallMs(),
      closed: (_, how) => this.#closed(how),
    })
    if (context.idleTimeoutMs > 0) this.#watchIdle()
  }

  /** Breaks the connection off with a reset. */
  breakOff(closedBy: ConnectionClosed['closedBy'], manner: CloseManner, code: string | null): void {
    if (this.#over) return
    this.#ending = { closedBy, manner, code }
    this.#incoming.reset()
    this.#finish()
  }

  /** A host has gone: what it was busy with for this client fails. */
  hostDown(name: string): void {
    const isItsOwn = this.#context.balance === 'connection' && this.host === name
    const lease = this.#leases.get(name)
    if (lease !== undefined) {
      if (isItsOwn) this.#ending ??= { closedBy: 'gateway', manner: 'hostDown', code: null }
      lease.upstream.reset()
    } else if (isItsOwn) this.breakOff('gateway', 'hostDown', null)
  }

  #requested(http: HttpRequest, answer: (status: number) => void): void {
    this.#context.requested()
    this.#lastMs = this.#context.scheduler.nowMs
    this.#numbers++
    this.#requests.push(new SimBalancedRequest(this.#numbers, http, answer, this.#context.nowWallMs()))
    this.#giveOut()
  }

  /** Gives hosts the requests whose turn it is. */
  #giveOut(): void {
    while (!this.#over && this.#given < Math.min(this.#requests.length, this.#context.pipelineMax)) {
      const request = this.#requests[this.#given]!
      this.#given++
      this.#choose(request)
    }
  }

  #choose(request: SimBalancedRequest): void {
    const { balance, states, policy, hosts, source, nowWallMs } = this.#context
    const bound = balance === 'connection' && this.host !== null && !request.failedHosts.has(this.host)
    if (bound && this.host !== null) {
      if (states.of(this.host) !== 'down') this.#send(request, hosts.get(this.host)!)
      else this.#refuse(request, 503, `${this.host} is down`, 'hostDown')
      return
    }
    const { failedHosts } = request
    const client = { address: this.clientAddress, port: this.clientPort }
    const decision = states.within(policy).pick(client, failedHosts.size === 0 ? undefined : failedHosts)
    const host = decision.host === null ? undefined : hosts.get(decision.host)
    this.#context.decided({
      ...proxyDecision(this, decision, { timeMs: nowWallMs(), host, localAddress: this.#from, source }),
      ...(balance === 'request' && { request: request.number }),
    })
    this.host = decision.host
    if (host !== undefined) this.#send(request, host)
    else this.#refuse(request, 503, decision.reason, failedHosts.size > 0 ? 'hostDown' : 'noHost')
  }

  #send(request: SimBalancedRequest, host: ProxyHost): void {
    request.dropManner ??= this.#context.dropsAnswer(request.http.target)
    request.host = host.name
    const lease = this.#lease(host)
    lease.count++
    lease.upstream.post(this.#asForwarded(request.http), {
      sent: from => {
        request.sent(from.address)
        this.#isBound = true
        this.upstreamLocalAddress = from.address
        this.upstreamLocalPort = from.port
      },
      answered: status => {
        this.#left(lease)
        if (!request.isOver) this.#answered(request, status)
      },
      failed: code => {
        this.#left(lease)
        if (!request.isOver) this.#failed(request, host.name, code)
      },
    })
  }

  /** All its requests to a host that are under way share one connection, so that the host gets them in their order. */
  #lease(host: ProxyHost): Lease {
    let lease = this.#leases.get(host.name)
    if (lease?.upstream.isOpen !== true) {
      lease = { upstream: this.#context.upstreams.take(host, this.#from), count: 0 }
      this.#leases.set(host.name, lease)
    }
    return lease
  }

  #left(lease: Lease): void {
    lease.count--
    if (lease.count > 0) return
    const { name } = lease.upstream.host
    if (this.#leases.get(name) === lease) this.#leases.delete(name)
    this.#context.upstreams.give(lease.upstream, this.#from)
  }

  get #from(): string {
    return this.#context.translatedAddress ?? this.clientAddress
  }

  #asForwarded(http: HttpRequest): HttpRequest {
    const connection = headerValue(http.headers, 'connection')
    const raw = {
      rawHeaders: http.headers.flat(),
      headers: connection === null ? {} : { connection },
    }
    const flat = headersToHost(raw, false, this.#context.forwardedFor ? this.clientAddress : null)
    const headers: (readonly [string, string])[] = []
    for (let index = 0; index < flat.length; index += 2) headers.push([flat[index]!, flat[index + 1]!])
    return { ...http, headers }
  }

  #answered(request: SimBalancedRequest, status: number): void {
    this.#lastMs = this.#context.scheduler.nowMs
    request.status = status
    if (this.#breaking) return
    if (request.dropManner === null) {
      request.answer(status)
      this.#requestOver(request, 'answered')
    } else {
      request.isDropped = true
      this.#dropFirst()
    }
  }

  #failed(request: SimBalancedRequest, host: string, code: string): void {
    const timedOut = code === 'ETIMEDOUT'
    if (request.wasSent) {
      this.#refuse(request, timedOut ? 504 : 502, code, timedOut ? 'hostDown' : 'reset')
      return
    }
    this.#context.hostFailed(host, code)
    request.failedHosts.add(host)
    const { balance, retryOtherHosts } = this.#context
    if (retryOtherHosts && !(balance === 'connection' && this.#isBound)) this.#choose(request)
    else this.#refuse(request, timedOut ? 504 : 502, code, 'hostDown')
  }

  /** Answers in the host's place. Balanced by connection, the client is to come again and be given to a host anew. */
  #refuse(request: SimBalancedRequest, status: number, reason: string, manner: 'hostDown' | 'noHost' | 'reset'): void {
    request.status = status
    request.reason = reason
    request.answer(status)
    const isLast = this.#context.balance === 'connection'
    if (isLast) this.#ending ??= { closedBy: manner === 'reset' ? 'host' : 'gateway', manner, code: reason }
    this.#requestOver(request, 'refused')
    if (isLast) {
      this.#incoming.end()
      this.#finish()
    }
  }

  /** The fault strikes when it is the turn of the answer that it takes away: those before it go out first. */
  #dropFirst(): void {
    const first = this.#requests[0]
    if (this.#breaking || !first?.isDropped || first.dropManner !== 'reset') return
    this.#breaking = true
    this.#context.scheduler.after(0, () => this.breakOff('gateway', 'dropped', null))
  }

  #requestOver(request: SimBalancedRequest, outcome: RequestOutcome): void {
    const index = this.#requests.indexOf(request)
    this.#requests.splice(index, 1)
    if (index < this.#given) this.#given--
    const report = request.end(this, outcome, this.#context.nowWallMs())
    this.toHost.bytes += report.bytesToHost
    this.#context.requestOver(report)
    if (this.#ending !== null) return
    this.#dropFirst()
    this.#giveOut()
  }

  #closed(how: 'end' | 'reset'): void {
    const { sentBytes, cutAfterBytes } = this.#socket.connection.initiator
    if (how === 'end') this.#ending ??= { closedBy: 'client', manner: 'end', code: null }
    else if (sentBytes >= cutAfterBytes) this.#ending ??= { closedBy: 'gateway', manner: 'cut', code: null }
    else this.#ending ??= { closedBy: 'client', manner: 'reset', code: 'ECONNRESET' }
    this.#finish()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    const ending = this.#ending!
    const why = ending.manner === 'end' ? 'the client has gone' : (ending.code ?? ending.manner)
    for (const request of [...this.#requests]) {
      request.reason = request.isDropped ? null : why
      this.#requestOver(request, request.isDropped ? 'dropped' : 'cut')
    }
    for (const { upstream } of [...this.#leases.values()]) upstream.reset()
    this.#context.closed(this, { ...connectionView(this), ...ending, timeMs: this.#context.nowWallMs() })
  }

  #watchIdle(): void {
    const { scheduler, idleTimeoutMs, idleManner } = this.#context
    scheduler.at(this.#lastMs + idleTimeoutMs, () => {
      if (this.#over) return
      if (scheduler.nowMs < this.#lastMs + idleTimeoutMs) this.#watchIdle()
      else if (idleManner === 'reset') this.breakOff('gateway', 'idle', null)
      else {
        this.#ending = { closedBy: 'gateway', manner: 'idle', code: null }
        this.#finish()
        this.#socket.connection.passage = 'forgotten'
      }
    })
  }
}
