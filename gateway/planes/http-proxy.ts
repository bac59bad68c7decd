import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isWildcard } from '../../transport/plain-address.js'
import { SocketTap, tapHttp } from '../../transport/socket-tap.js'
import { undiciClient } from '../../transport/undici.js'
import { connectionsWithinDescriptors } from './descriptor-limit.js'
import { DroppedAnswers } from './dropped-answers.js'
import { hostLink } from './host-link.js'
import { HostStates } from './host-states.js'
import { HttpConnection, type HttpConnectionContext } from './http-connection.js'
import { type Balance, type DropAnswers, type HostState, PIPELINE_MAX } from './http-options.js'
import { UpstreamPool, type UpstreamPoolLimits } from './http-upstream-pool.js'
import type { ProxyFaults } from './proxied-connection.js'
import { PROXY_LIMITS, type ProxyLimits, type ProxyPlane, type ProxyPlaneOptions } from './proxy.js'
import {
  addTraffic,
  countClose,
  countHostFailure,
  countRequest,
  type HttpCounters,
  type ProxyCounters,
  zeroCounters,
  zeroHttpCounters,
} from './proxy-counters.js'
import type { ProxiedRequest } from './proxy-events.js'

export interface HttpProxyLimits extends ProxyLimits, UpstreamPoolLimits {
  /** Of a request or an answer; a longer one is answered 431 or 502. Default 16 KiB. */
  readonly headerBytesMax: number
  /** How long a client may take over the head of a request, from its first byte or the connection. Default 10,000 ms. */
  readonly headTimeoutMs: number
  /** How long a client may send nothing of a body that it owes, or take nothing of an answer. Default 30,000 ms. */
  readonly clientStallMs: number
}

const HTTP_PROXY_LIMITS: HttpProxyLimits = {
  ...PROXY_LIMITS,
  headerBytesMax: 16_384,
  headTimeoutMs: 10_000,
  clientStallMs: 30_000,
  answerTimeoutMs: 120_000,
  upstreamIdleMs: 60_000,
  upstreamsPerHostMax: 1024,
}

export interface HttpFaults extends ProxyFaults {
  readonly dropAnswers?: DropAnswers
}

/**
 * As for the TCP plane, and what HTTP adds. `policy` gives verdicts for what `balance` says. `retryOtherHosts` gives a
 * request to another host when the first could not be connected to; once anything of it was sent, it never goes elsewhere.
 */
export interface HttpProxyOptions extends Omit<ProxyPlaneOptions, 'limits' | 'faults' | 'onPacket'> {
  /** Default `connection`. */
  readonly balance?: Balance
  /** Default 64, and 1 under balance `request`. */
  readonly pipelineMax?: number
  /** Adds the client's address to `X-Forwarded-For`. Default false. */
  readonly forwardedFor?: boolean
  /** Hosts that take new work; default: all, always. */
  readonly states?: HostStates
  readonly limits?: Partial<HttpProxyLimits>
  readonly faults?: HttpFaults
  /** Told of each request when it is over. */
  onRequest?(request: ProxiedRequest): void
}

export interface HttpProxy extends ProxyPlane {
  counters(): ProxyCounters & { http: HttpCounters }
  setFaults(faults: HttpFaults): void
  /** To be told when a host's state changes; breaks off what a host that is down was busy with. */
  hostChanged(host: string, state: HostState): void
}

/**
 * The gateway's plane for HTTP. `node:http` reads requests and writes answers (its parser is strict, and it answers
 * pipelined requests in order); `undici` talks to the hosts, since unlike `node:http` it pipelines: balanced by connection,
 * a host gets a client's requests as the client sent them and not one by one. Heads are written anew, so that nothing that
 * two parsers could read differently is passed on; bodies stream, and no more is held than a few chunks.
 *
 * `Expect: 100-continue` is answered by the gateway when the request's turn comes. `Upgrade` is not passed on, `CONNECT`
 * is refused. Trailers are dropped. RFC 9110, RFC 9112.
 */
export function createHttpProxy(options: HttpProxyOptions): HttpProxy {
  const limits = { ...HTTP_PROXY_LIMITS, ...options.limits }
  const { balance = 'connection' } = options
  const nowMs = options.nowMs ?? Date.now
  const open = new Map<Socket, HttpConnection>()
  const upstreams = new UpstreamPool(options.hosts, limits, (socket, host) =>
    SocketTap.connecting(options.tap?.wire, socket, host, hostLink(options.listen.address, host)),
  )
  const counts = zeroCounters(options.hosts)
  const http = zeroHttpCounters(upstreams.counters())
  let faults: HttpFaults = options.faults ?? {}
  let cutsLeft = faults.cutConnectionsMax ?? Number.POSITIVE_INFINITY
  let dropped = new DroppedAnswers(faults.dropAnswers)
  let server: Server | undefined
  let started: Promise<{ address: string; port: number }> | undefined
  let timer: NodeJS.Timeout | undefined
  let checkedMs = 0
  let idle: (() => void) | undefined

  const context: HttpConnectionContext = {
    policy: options.policy,
    hosts: new Map(options.hosts.map(host => [host.name, host])),
    states: options.states ?? new HostStates(options.hosts.map(({ name }) => name)),
    upstreams,
    balance,
    source: options.source,
    translatedAddress: isWildcard(options.listen.address) ? undefined : options.listen.address,
    retryOtherHosts: options.retryOtherHosts ?? false,
    forwardedFor: options.forwardedFor ?? false,
    pipelineMax: options.pipelineMax ?? PIPELINE_MAX[balance],
    idleTimeoutMs: options.idleTimeoutMs ?? 0,
    clientStallMs: limits.clientStallMs,
    nowMs,
    decided(decision) {
      if (decision.host !== null) counts.hosts[decision.host]!.chosen++
      options.onDecision?.(decision)
    },
    hostFailed: (host, code) => countHostFailure(counts, host, code),
    dropsAnswer: target => dropped.manner(target),
    requestOver(request) {
      countRequest(http, request)
      options.onRequest?.(request)
    },
    closed(connection, event) {
      addTraffic(counts, connection)
      countClose(counts, event)
      if (event.manner === 'dropped' || event.manner === 'slow' || event.manner === 'malformed') http[event.manner]++
      options.onClosed?.(event)
    },
  }

  function accept(socket: Socket): void {
    counts.accepted++
    tapHttp(options.tap, socket)
    let cutAfterBytes: number | undefined
    if (faults.cutAfterBytes !== undefined && cutsLeft > 0) {
      cutsLeft--
      cutAfterBytes = faults.cutAfterBytes
    }
    open.set(socket, new HttpConnection(counts.accepted, socket, cutAfterBytes, context))
    socket.on('close', () => {
      open.delete(socket)
      if (open.size === 0) idle?.()
    })
  }

  function requested(request: IncomingMessage, response: ServerResponse): void {
    http.requests++
    open.get(request.socket)?.requested(request, response)
  }

  function failed(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = open.get(socket)
    const { code = error.message } = error
    if (connection === undefined) socket.destroy()
    else if (code === 'HPE_HEADER_OVERFLOW') connection.malformed(431, 'malformed', code)
    else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') connection.malformed(408, 'slow', code)
    else if (code.startsWith('HPE_')) connection.malformed(400, 'malformed', code)
    else connection.breakOff('client', 'reset', code)
  }

  function listener(): Server {
    const listener = createServer({
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headTimeoutMs,
      // the whole of a request may take as long as it likes, so long as it moves
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(limits.headTimeoutMs / 4)),
      keepAliveTimeout: 0,
      // asked for by ourselves, so that the refusal is counted
      requireHostHeader: false,
      noDelay: true,
    })
    // a client that has sent all it will, and said so, gets its answers all the same
    Object.assign(listener, { httpAllowHalfOpen: true })
    // fields beyond a number would be dropped without a word; their bytes are limited anyway
    listener.maxHeadersCount = 0
    listener.timeout = 0
    const descriptors = balance === 'connection' ? 2 : 1 + options.hosts.length
    listener.maxConnections = Math.min(limits.connectionsMax, connectionsWithinDescriptors(descriptors))
    listener.on('drop', () => counts.overLimit++)
    listener.on('connection', accept)
    listener.on('request', requested)
    listener.on('checkContinue', requested)
    listener.on('connect', (_, socket) => open.get(socket as Socket)?.malformed(501, 'malformed', 'CONNECT'))
    listener.on('clientError', (error, socket) => failed(error, socket as Socket))
    return listener
  }

  /** Time in which this process itself stood still is nobody's fault. */
  function checkTimes(intervalMs: number): void {
    const now = performance.now()
    const elapsedMs = Math.min(now - checkedMs, 2 * intervalMs)
    checkedMs = now
    for (const connection of open.values()) connection.checkTime(elapsedMs)
  }

  return {
    start() {
      undiciClient() // loaded before the first request waits for it
      const http = listener()
      server = http
      started = new Promise((resolve, reject) => {
        http.once('error', reject)
        const { address: host, port } = options.listen
        http.listen({ host, port, backlog: limits.backlog }, () => {
          http.off('error', reject)
          http.on('error', () => counts.acceptErrors++)
          const bound = http.address()
          if (bound === null || typeof bound === 'string') reject(new Error('the listener has no address'))
          else resolve({ address: bound.address, port: bound.port })
        })
      })
      const { idleTimeoutMs, clientStallMs } = context
      const shortestMs = Math.min(clientStallMs, idleTimeoutMs > 0 ? idleTimeoutMs : clientStallMs)
      const intervalMs = Math.min(1000, Math.max(10, shortestMs / 4))
      checkedMs = performance.now()
      timer = setInterval(checkTimes, intervalMs, intervalMs)
      return started
    },

    async stop() {
      const listener = server
      server = undefined
      clearInterval(timer)
      const listens = await started?.then(
        () => true,
        () => false,
      )
      if (listener === undefined || !listens) return
      const closed = new Promise(resolve => listener.close(resolve))
      for (const connection of open.values()) connection.breakOff('gateway', 'stopped', null)
      if (open.size > 0) await new Promise<void>(resolve => (idle = resolve))
      upstreams.reset()
      await closed
    },

    counters() {
      const sum = structuredClone(counts)
      sum.active = open.size
      for (const connection of open.values()) addTraffic(sum, connection)
      return { ...sum, http: { ...structuredClone(http), upstreams: upstreams.counters() } }
    },

    connections: () => Array.from(open.values(), connection => connection.view()),

    setFaults(next) {
      faults = next
      cutsLeft = next.cutConnectionsMax ?? Number.POSITIVE_INFINITY
      dropped = new DroppedAnswers(next.dropAnswers)
    },

    resetConnections(host) {
      const chosen = [...open.values()].filter(connection => host === undefined || connection.host === host)
      for (const connection of chosen) connection.breakOff('gateway', 'stopped', null)
      return chosen.length
    },

    hostChanged(host, state) {
      if (state === 'up') return
      upstreams.closeIdle(host)
      if (state === 'down') for (const connection of [...open.values()]) connection.hostDown(host)
    },
  }
}
