import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { resetNow } from '../../transport/abrupt-close.js'
import { plainAddress } from '../../transport/plain-address.js'
import type { Policy } from '../nlb/policy.js'
import type { HostStates } from './host-states.js'
import { type ExchangeOwner, HttpExchange } from './http-exchange.js'
import type { Refusal } from './http-head.js'
import { HostLeases, type LeasesOwner } from './http-leases.js'
import type { Balance } from './http-options.js'
import type { CutBudget, UpstreamConnection } from './http-upstream.js'
import type { UpstreamPool } from './http-upstream-pool.js'
import { zeroPacketCounts } from './packet-count.js'
import { LOCAL_FAILURES, type ProxyHost } from './proxied-connection.js'
import type {
  CloseManner,
  ConnectionClosed,
  ConnectionView,
  DirectionTraffic,
  ProxiedRequest,
  ProxyDecision,
  SourceMode,
} from './proxy-events.js'
import { connectionView, proxyDecision } from './proxy-view.js'

/** What a connection needs of its plane. */
export interface HttpConnectionContext {
  readonly policy: Policy
  readonly hosts: ReadonlyMap<string, ProxyHost>
  readonly states: HostStates
  readonly upstreams: UpstreamPool
  readonly balance: Balance
  readonly source: SourceMode
  readonly translatedAddress: string | undefined
  readonly retryOtherHosts: boolean
  readonly forwardedFor: boolean
  readonly pipelineMax: number
  /** 0 = no limit. */
  readonly idleTimeoutMs: number
  readonly clientStallMs: number
  nowMs(): number
  decided(decision: ProxyDecision): void
  hostFailed(host: string, code: string): void
  /** Whether the answer to this request falls to the fault, and how; asked once for each, as it is given to a host. */
  dropsAnswer(target: string): 'reset' | 'silence' | null
  requestOver(request: ProxiedRequest): void
  closed(connection: HttpConnection, event: ConnectionClosed): void
}

/** Times that a request may find its connection closed under it before it is given up. */
const UNSENT_MAX = 3

/** One client's connection: gives its requests to hosts, in order, and sees that faults and limits hit it. */
export class HttpConnection implements ConnectionView, ExchangeOwner, LeasesOwner {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly openedMs: number
  readonly forwardedFor: boolean
  host: string | null = null
  upstreamLocalAddress: string | null = null
  upstreamLocalPort: number | null = null
  readonly #context: HttpConnectionContext
  readonly #socket: Socket
  /** Not over, in the order of the client. */
  readonly #exchanges: HttpExchange[] = []
  /** Of these, how many from the first have been given to hosts, or answered. */
  #given = 0
  readonly #leases: HostLeases
  #requests = 0
  /** Its host has had a request of it. */
  #isBound = false
  /** Number of the request whose answer is the last. */
  #lastRequest = Number.POSITIVE_INFINITY
  readonly #bytes = { toHost: 0, toClient: 0 }
  #ending: Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'> | undefined
  #brokenOff = false
  /** What the client sent is no HTTP: the answer to that, once the requests before it are over. */
  #malformed: { status: number; manner: CloseManner; code: string } | undefined
  /** Bytes that the client has sent and taken, and how long that has been so. */
  #progress = 0
  #restMs = 0

  constructor(connection: number, socket: Socket, cutAfterBytes: number | undefined, context: HttpConnectionContext) {
    this.connection = connection
    this.clientAddress = plainAddress(socket.remoteAddress ?? '')
    this.clientPort = socket.remotePort ?? 0
    this.forwardedFor = context.forwardedFor
    this.openedMs = context.nowMs()
    this.#context = context
    this.#socket = socket
    const cutBudget: CutBudget | null =
      cutAfterBytes === undefined
        ? null
        : { bytesLeft: cutAfterBytes, cut: () => this.breakOff('gateway', 'cut', null) }
    this.#leases = new HostLeases(this, context.upstreams, cutBudget)
    socket.on('end', () => (this.#ending ??= { closedBy: 'client', manner: 'end', code: null }))
    // node:http resumes the socket after each request, in the hope of the next
    socket.on('resume', () => this.#isAhead && socket.pause())
    socket.on('close', () => this.#closed())
    if (this.clientAddress === '') this.breakOff('client', 'reset', 'ECONNRESET')
  }

  get toHost(): DirectionTraffic {
    return { bytes: this.#bytes.toHost, packets: zeroPacketCounts() }
  }

  get toClient(): DirectionTraffic {
    return { bytes: this.#bytes.toClient, packets: zeroPacketCounts() }
  }

  view(): ConnectionView {
    return connectionView(this)
  }

  nowMs(): number {
    return this.#context.nowMs()
  }

  /** A request has begun to arrive. */
  requested(request: IncomingMessage, response: ServerResponse): void {
    this.#requests++
    this.#exchanges.push(new HttpExchange(this, this.#requests, request, response))
    this.#giveOut()
  }

  /** What came is not HTTP, or took too long to come. The requests before it are answered first. */
  malformed(status: number, manner: CloseManner, code: string): void {
    if (this.#malformed !== undefined) return
    this.#malformed = { status, manner, code }
    this.#socket.pause()
    const last = this.#exchanges.at(-1)
    // the one whose body went wrong is no request any more
    if (last !== undefined && !last.isWhole) {
      if (last.isAnswering) this.breakOff('gateway', manner, code)
      last.cut(code)
    }
    this.#answerMalformed()
  }

  /** Breaks the connection off with a reset. */
  breakOff(closedBy: ConnectionClosed['closedBy'], manner: CloseManner, code: string | null): void {
    if (this.#brokenOff) return
    this.#brokenOff = true
    this.#ending = { closedBy, manner, code }
    resetNow(this.#socket)
    this.#leases.end()
  }

  /** A host has gone: what it was busy with for this client fails. */
  hostDown(name: string): void {
    const isItsOwn = this.#context.balance === 'connection' && this.host === name
    if (!this.#leases.has(name)) {
      if (isItsOwn) this.breakOff('gateway', 'hostDown', null)
      return
    }
    if (isItsOwn) this.#ending ??= { closedBy: 'gateway', manner: 'hostDown', code: null }
    this.#leases.reset(name)
  }

  /** Looks whether the client has been idle, or slow, for too long. `elapsedMs` since the last look. */
  checkTime(elapsedMs: number): void {
    const socket = this.#socket
    const progress = socket.bytesRead + socket.bytesWritten - socket.writableLength
    this.#restMs = progress === this.#progress ? this.#restMs + elapsedMs : 0
    this.#progress = progress
    const { idleTimeoutMs, clientStallMs } = this.#context
    if (idleTimeoutMs > 0 && this.#restMs >= idleTimeoutMs) this.breakOff('gateway', 'idle', null)
    else if (this.#restMs >= clientStallMs && this.#waitsForClient()) this.breakOff('gateway', 'slow', null)
  }

  #waitsForClient(): boolean {
    return this.#socket.writableLength > 0 || this.#exchanges.some(({ awaitsBody }) => awaitsBody)
  }

  ready(): void {
    this.#giveOut()
  }

  left(exchange: HttpExchange): void {
    this.#leases.left(exchange)
    if (exchange.dropManner) this.#dropFirst()
  }

  unsent(exchange: HttpExchange): void {
    // what comes after a failed request on the client's connection is not carried out in its place
    if (exchange.number > this.#lastRequest || this.#brokenOff) return
    exchange.unsentCount++
    if (exchange.unsentCount < UNSENT_MAX) this.#leases.lend(exchange, exchange.host!, this.#localAddress())
    else this.failed(exchange, { status: 502, reason: 'the host closes its connections', manner: 'hostDown' })
  }

  failed(exchange: HttpExchange, refusal: Refusal): void {
    if (this.#brokenOff) return
    if (exchange.number > this.#lastRequest) return
    // balanced by connection, the client is to come again and be given to a host anew
    const isLast = this.#context.balance === 'connection'
    const { manner = 'end', reason } = refusal
    if (isLast) this.#ending ??= { closedBy: manner === 'reset' ? 'host' : 'gateway', manner, code: reason }
    exchange.refuse(refusal, isLast)
  }

  last(exchange: HttpExchange): void {
    this.#lastRequest = Math.min(this.#lastRequest, exchange.number)
  }

  lent(upstream: UpstreamConnection): void {
    this.#isBound = true
    this.upstreamLocalAddress = upstream.localAddress
    this.upstreamLocalPort = upstream.localPort
  }

  notLent(host: string, code: string, waiting: readonly HttpExchange[]): void {
    const { balance, retryOtherHosts } = this.#context
    this.#context.hostFailed(host, code)
    // a lack of addresses or descriptors is ours, and no other host would cure it
    const isOurs = LOCAL_FAILURES.has(code) || code === 'EUPSTREAMS'
    const canRetry = retryOtherHosts && !isOurs && !(balance === 'connection' && this.#isBound)
    const status = isOurs ? 503 : code === 'ETIMEDOUT' ? 504 : 502
    for (const exchange of waiting) {
      exchange.failedHosts.add(host)
      if (canRetry) this.#choose(exchange)
      else this.failed(exchange, { status, reason: code, manner: 'hostDown' })
    }
  }

  over(exchange: HttpExchange): void {
    const index = this.#exchanges.indexOf(exchange)
    this.#exchanges.splice(index, 1)
    if (index < this.#given) this.#given--
    const report = exchange.report()
    this.#bytes.toHost += report.bytesToHost
    this.#bytes.toClient += report.bytesToClient
    this.#context.requestOver(report)
    if (this.#brokenOff || this.#socket.destroyed) return
    this.#dropFirst()
    this.#giveOut()
    this.#answerMalformed()
  }

  brokeOff(code: string): void {
    this.breakOff('host', 'reset', code)
  }

  /** Gives hosts the requests whose turn it is. */
  #giveOut(): void {
    while (this.#given < this.#exchanges.length && !this.#brokenOff) {
      const exchange = this.#exchanges[this.#given]!
      if (this.#given >= this.#context.pipelineMax || exchange.number > this.#lastRequest) break
      exchange.turn()
      if (!exchange.isReady) break
      this.#given++
      if (exchange.refusal !== null) exchange.refuse(exchange.refusal, true)
      else this.#choose(exchange)
    }
    if (this.#isAhead) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** Nothing more is to be read for now. */
  get #isAhead(): boolean {
    return this.#exchanges.length > this.#context.pipelineMax || this.#malformed !== undefined
  }

  #choose(exchange: HttpExchange): void {
    const { balance, states, policy, hosts } = this.#context
    if (balance === 'connection' && this.host !== null && !exchange.failedHosts.has(this.host)) {
      if (states.of(this.host) !== 'down') this.#send(exchange, this.host)
      else this.failed(exchange, { status: 503, reason: `${this.host} is down`, manner: 'hostDown' })
      return
    }
    const client = { address: this.clientAddress, port: this.clientPort }
    const { failedHosts } = exchange
    const decision = states.within(policy).pick(client, failedHosts.size === 0 ? undefined : failedHosts)
    const host = decision.host === null ? undefined : hosts.get(decision.host)
    const { nowMs, source } = this.#context
    const localAddress = this.#localAddress() ?? null
    this.#context.decided({
      ...proxyDecision(this, decision, { timeMs: nowMs(), host, localAddress, source }),
      ...(balance === 'request' && { request: exchange.number }),
    })
    this.host = decision.host
    const manner = failedHosts.size > 0 ? 'hostDown' : 'noHost'
    if (host === undefined) this.failed(exchange, { status: 503, reason: decision.reason, manner })
    else this.#send(exchange, host.name)
  }

  #localAddress(): string | undefined {
    return this.#context.source === 'keep' ? this.clientAddress : this.#context.translatedAddress
  }

  #send(exchange: HttpExchange, host: string): void {
    if (exchange.dropManner === undefined) exchange.dropManner = this.#context.dropsAnswer(exchange.target)
    this.#leases.lend(exchange, host, this.#localAddress())
  }

  /** The fault strikes when it is the turn of the answer that it takes away: those before it have gone out. */
  #dropFirst(): void {
    const first = this.#exchanges[0]
    if (first === undefined || !first.dropManner || !first.isAnswered || first.dropManner === 'silence') return
    first.endDropped()
    this.breakOff('gateway', 'dropped', null)
  }

  #answerMalformed(): void {
    if (this.#malformed === undefined || this.#exchanges.length > 0 || this.#brokenOff) return
    const { status, manner, code } = this.#malformed
    const socket = this.#socket
    if (!socket.writable) return
    this.#ending = { closedBy: 'gateway', manner, code }
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    socket.destroySoon()
  }

  #closed(): void {
    this.#brokenOff = true
    const ending = this.#ending ?? { closedBy: 'gateway', manner: 'end', code: null }
    const why = ending.manner === 'end' ? 'the client has gone' : (ending.code ?? ending.manner)
    for (const exchange of [...this.#exchanges]) exchange.cut(why)
    this.#context.closed(this, { ...this.view(), ...ending, timeMs: this.#context.nowMs() })
  }
}
