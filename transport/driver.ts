import { createConnection, createServer, isIP, type OnReadOpts, type Server, type Socket } from 'node:net'
import type {
  Action,
  ConnectionId,
  Endpoint,
  ExchangeId,
  HttpRequest,
  PingSocket,
  SendOutcome,
} from '../queue-manager/actions.js'
import type { Now } from '../queue-manager/clock.js'
import type { Note } from '../queue-manager/notes.js'
import type { Store } from '../store/store.js'
import { adoptSocket } from './adopted-socket.js'
import { realNow } from './clock.js'
import { DatagramSocket } from './datagram-socket.js'
import type { CloseKind, DrivenEngine } from './driven-engine.js'
import { type HttpBound, HttpHost } from './http-host.js'
import type { HttpLimits } from './http-limits.js'
import { type ListenCounters, listenOn } from './listening.js'
import { plainAddress } from './plain-address.js'
import type { Resolver } from './resolver.js'
import { SocketTap } from './socket-tap.js'
import { type ConnectionOwner, TcpConnection } from './tcp-connection.js'
import type { SocketsTap } from './wire-tap.js'
import { WriteBuffers } from './write-buffers.js'

type ReceivedMessages = Extract<Action, { do: 'received' }>['messages']

/** What an application is told of its engine. */
export interface DriverListener {
  onOutcome?(request: number, outcome: SendOutcome, error: string | undefined): void
  onReceived?(request: number, queue: string, messages: ReceivedMessages, error: string | undefined): void
  onArrived?(queue: string): void
}

export interface DriverOptions<E extends DrivenEngine> extends DriverListener {
  readonly engine: E
  /** What is told of the world and asked for actions in the engine's stead: something that stands before it. */
  readonly driven?: DrivenEngine
  readonly store: Store
  readonly resolver: Resolver
  /** Port 0 takes any free one. */
  readonly listen: Endpoint
  /** Source of outgoing connections; absent: the system chooses. On one machine with many nodes, the node's own. */
  readonly localAddress?: string
  /** UDP port of the ping service on the listening address; absent: no pings in or out. */
  readonly pingPort?: number
  /** Where SRMP messages are taken over HTTP; absent: nowhere. Port 0 takes any free one. */
  readonly http?: Endpoint
  /** The same over HTTPS. Certificate and key in PEM. */
  readonly https?: Endpoint & { readonly cert: Buffer | string; readonly key: Buffer | string }
  /** `ca`, in PEM, is trusted for HTTPS instead of what the platform trusts. */
  readonly httpClient?: { readonly ca?: string | Buffer }
  readonly limits?: Partial<DriverLimits>
  readonly httpLimits?: Partial<HttpLimits>
  /** Told of all that crosses the wire; absent: nobody is. Connections over TLS are not told. */
  readonly tap?: SocketsTap
  onNote?(note: Note): void
  /** After the actions that followed from one input. A sender without a pace refills its outgoing queue here. */
  onTurn?(): void
}

export interface DriverLimits {
  /** Connections accepted at one time; more are closed as they come. Default 16,384. */
  readonly connectionsMax: number
  /** Connections the system may queue before they are accepted. Default 4,096. */
  readonly backlog: number
  /** How long a closing connection may take to deliver what was written. Default 5,000 ms. */
  readonly lingerMs: number
}

export const DRIVER_LIMITS: DriverLimits = { connectionsMax: 16_384, backlog: 4096, lingerMs: 5000 }

/** What one read of the system brings at most. */
const READ_BYTES = 262_144

/** A timer that fires so late tells that the process stood still. */
const LATE_MS = 50

/** The longest wait of a Node timer, about 25 days; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/**
 * Runs one engine on real sockets, a real clock and a store. It knows nothing of the protocol: it brings every input to
 * the engine, carries out the actions that follow, and keeps one timer at `nextWake`.
 *
 * The handlers run inside the carrying out of actions and may call the engine through `call`; what follows from that is
 * carried out before the outermost call returns.
 */
export class Driver<E extends DrivenEngine> implements ConnectionOwner {
  readonly engine: E
  readonly counters: ListenCounters = { acceptErrors: 0, connectionsOverLimit: 0 }
  readonly #driven: DrivenEngine
  readonly #options: DriverOptions<E>
  readonly #limits: DriverLimits
  readonly #connections = new Map<ConnectionId, TcpConnection>()
  readonly #buffers = new WriteBuffers()
  /** One for all connections: the engine copies what it keeps, and reads come one at a time. */
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)
  #dirty: TcpConnection[] = []
  #server: Server | null = null
  readonly #pingSockets = new Map<PingSocket, DatagramSocket>()
  readonly #http: HttpHost
  #carryingOut = false
  #scheduled = false
  #timer: NodeJS.Timeout | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #running = false
  #listeners: readonly DriverListener[] = []
  /** Handed to the store and not answered yet. */
  #writes = 0
  #whenIdle: (() => void) | null = null

  constructor(options: DriverOptions<E>) {
    this.engine = options.engine
    this.#driven = options.driven ?? options.engine
    this.#options = options
    this.#limits = { ...DRIVER_LIMITS, ...options.limits }
    const { http, https, httpClient, httpLimits, localAddress, tap } = options
    const { lingerMs } = this.#limits
    this.#http = new HttpHost(
      {
        ...(http !== undefined && { http }),
        ...(https !== undefined && { https }),
        limits: { lingerMs, ...httpLimits },
        client: {
          ...httpClient,
          lingerMs,
          ...(localAddress !== undefined && { localAddress }),
          ...(tap !== undefined && { tap: tap.wire }),
        },
        counters: this.counters,
        ...(tap !== undefined && { tap }),
      },
      this,
    )
  }

  /** Where it listens for HTTP, after `start`. */
  get bound(): HttpBound {
    return this.#http.bound
  }

  /** Listens, then starts the engine. Throws `MSMQ_TRANSPORT_LISTEN` when an address cannot be had, and
   *  `MSMQ_TRANSPORT_CERTIFICATE`. */
  async start(): Promise<Endpoint> {
    const { listen, pingPort } = this.#options
    const bound = await this.#listen(listen)
    if (pingPort !== undefined) {
      await this.#bindPings('service', pingPort)
      await this.#bindPings('client', 0)
    }
    await this.#http.listen()
    this.#running = true
    this.#driven.start(realNow())
    this.#carryOutAll()
    return bound
  }

  /** Takes no more connections; those that are there stay. */
  stopListening(): void {
    this.#server?.close()
    this.#http.stopListening()
  }

  /** Closes every session in order, waits for the connections to end and for what the store is taking (at most
   *  `lingerMs`), and lets go of all. */
  async stop(): Promise<void> {
    if (this.#running) {
      this.stopListening()
      this.#driven.stop(realNow())
      this.#carryOutAll()
      this.#http.stop()
      await this.#idle()
    }
    this.kill()
    await this.#options.store.close()
  }

  /** Ends as a crash would: sockets reset, the engine not told, the store left as it is. */
  kill(): void {
    this.#running = false
    clearTimeout(this.#timer)
    this.#server?.close()
    this.#server = null
    for (const socket of this.#pingSockets.values()) socket.close()
    this.#pingSockets.clear()
    for (const connection of this.#connections.values()) connection.reset()
    this.#http.kill()
  }

  /** An application's call into the engine. What follows is carried out at the end of this turn, so that many calls in
   *  a row cost one write. */
  call<T>(body: (engine: E, now: Now) => T): T {
    return this.#input(now => body(this.engine, now))
  }

  /** Lets a further application listen, beside the one that the options name. Returns what ends that. */
  subscribe(listener: DriverListener): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => {
      this.#listeners = this.#listeners.filter(other => other !== listener)
    }
  }

  connected(connection: TcpConnection): void {
    if (!this.#running) return
    this.#driven.connected(realNow(), connection.id)
    this.#carryOutAll()
  }

  received(connection: TcpConnection, bytes: Buffer): void {
    if (!this.#running) return
    this.#driven.received(realNow(), connection.id, bytes)
    this.#carryOutAll()
  }

  writable(connection: TcpConnection, ready: boolean): void {
    if (!this.#running) return
    this.#driven.writable(realNow(), connection.id, ready)
    this.#carryOutAll()
  }

  connectFailed(connection: TcpConnection, reason: string): void {
    this.#gone(connection, () => this.#driven.connectFailed(realNow(), connection.id, reason))
  }

  closed(connection: TcpConnection, how: CloseKind): void {
    this.#gone(connection, () => this.#driven.closed(realNow(), connection.id, how))
  }

  /** A request that came in whole. What follows is carried out once for all that one read of its socket brought. */
  requested(peer: Endpoint, request: HttpRequest): ExchangeId | null {
    return this.#running ? this.#input(now => this.#driven.httpRequested(now, peer, request)) : null
  }

  answered(exchange: ExchangeId, status: number): void {
    if (!this.#running) return
    this.#input(now => this.#driven.httpAnswered(now, exchange, status))
    this.#whenIdle?.()
  }

  failed(exchange: ExchangeId, reason: string): void {
    if (!this.#running) return
    this.#input(now => this.#driven.httpFailed(now, exchange, reason))
    this.#whenIdle?.()
  }

  stopped(): void {
    this.#whenIdle?.()
  }

  /** Resolves when no connection and no write to the store is left, or after `lingerMs` in any case. */
  #idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, this.#limits.lingerMs)
      this.#whenIdle = () => {
        if (!this.#isIdle) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  get #isIdle(): boolean {
    return this.#connections.size === 0 && this.#writes === 0 && this.#http.isIdle
  }

  #input<T>(body: (now: Now) => T): T {
    const result = body(realNow())
    this.#carryOutSoon()
    return result
  }

  #gone(connection: TcpConnection, report: () => void): void {
    this.#connections.delete(connection.id)
    if (this.#running) {
      report()
      this.#carryOutAll()
    }
    this.#whenIdle?.()
  }

  #listen(listen: Endpoint): Promise<Endpoint> {
    const server = createServer({ noDelay: true, pauseOnConnect: true }, socket => this.#accept(socket))
    this.#server = server
    return listenOn(server, listen, this.#limits, this.counters)
  }

  async #bindPings(name: PingSocket, port: number): Promise<void> {
    const { address } = this.#options.listen
    const { tap } = this.#options
    const tellsOf = name === 'service' ? tap : tap && { wire: tap.wire, tellsAccepted: () => true }
    const socket = new DatagramSocket(address, tellsOf, (from, bytes) => {
      if (!this.#running) return
      this.#driven.datagram(realNow(), name, from, bytes)
      this.#carryOutAll()
    })
    this.#pingSockets.set(name, socket)
    await socket.bind(address, port)
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    // Gone before it could be looked at.
    if (!this.#running || remoteAddress === undefined || remotePort === undefined) {
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    const id = this.#driven.accepted(realNow(), { address: plainAddress(remoteAddress), port: remotePort })
    const { tap } = this.#options
    this.#add(id, onread => adopt(socket, onread), tap && (adopted => SocketTap.accepted(tap, adopted)))
    this.#carryOutAll()
  }

  #add(id: ConnectionId, openSocket: (onread: OnReadOpts) => Socket, tap?: (socket: Socket) => SocketTap | null): void {
    const { lingerMs } = this.#limits
    const options = {
      owner: this,
      buffers: this.#buffers,
      readBuffer: this.#readBuffer,
      lingerMs,
      ...(tap !== undefined && { tap }),
    }
    this.#connections.set(id, new TcpConnection(id, openSocket, options))
  }

  /** Until nothing is left to do. Called from within, it leaves the rest to the outer call; before the start it waits for
   *  that, and after the end nothing is carried out any more. */
  #carryOutAll(): void {
    if (this.#carryingOut || !this.#running) return
    this.#carryingOut = true
    try {
      let actions = this.#driven.takeActions()
      do {
        for (const action of actions) this.#carryOut(action)
        this.#flush()
        this.#options.onTurn?.()
        actions = this.#driven.takeActions()
      } while (actions.length > 0)
    } finally {
      this.#carryingOut = false
    }
    this.#setTimer()
  }

  /** At the end of this turn, if nothing is being carried out. */
  #carryOutSoon(): void {
    if (this.#carryingOut || this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#carryOutAll()
    })
  }

  #flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const connection of dirty) connection.flush()
  }

  #carryOut(action: Action): void {
    const options = this.#options
    switch (action.do) {
      case 'write': {
        const connection = this.#connections.get(action.connection)
        if (connection?.write(action.chunks)) this.#dirty.push(connection)
        break
      }
      case 'received':
        options.onReceived?.(action.request, action.queue, action.messages, action.error)
        for (const listener of this.#listeners)
          listener.onReceived?.(action.request, action.queue, action.messages, action.error)
        break
      case 'outcome':
        options.onOutcome?.(action.request, action.outcome, action.error)
        for (const listener of this.#listeners) listener.onOutcome?.(action.request, action.outcome, action.error)
        break
      case 'arrived':
        options.onArrived?.(action.queue)
        for (const listener of this.#listeners) listener.onArrived?.(action.queue)
        break
      case 'note':
        options.onNote?.(action.note)
        break
      case 'persist':
        this.#writes += 1
        options.store.write(action.operations, error => this.#persisted(action.ticket, error))
        break
      case 'connect':
        this.#connect(action.connection, action.address, action.port)
        break
      case 'close': {
        const connection = this.#connections.get(action.connection)
        if (action.how === 'graceful') connection?.end()
        else connection?.reset()
        break
      }
      case 'pause':
        this.#connections.get(action.connection)?.pause()
        break
      case 'resume':
        this.#connections.get(action.connection)?.resume()
        break
      case 'resolve':
        this.#resolve(action.ticket, options.resolver(action.query))
        break
      case 'datagram':
        this.#pingSockets.get(action.socket)?.send(action.bytes, action.port, action.address)
        break
      case 'http-open':
      case 'http-post':
      case 'http-close':
      case 'http-answer':
        this.#http.carryOut(action)
        break
    }
  }

  #connect(id: ConnectionId, address: string, port: number): void {
    // Only addresses: a peer's text must not make us ask a name server.
    if (isIP(address) === 0) {
      this.#driven.connectFailed(realNow(), id, 'EADDRNOTAVAIL')
      return
    }
    const { localAddress, tap } = this.#options
    const options = { host: address, port, noDelay: true, ...(localAddress && { localAddress }) }
    this.#add(
      id,
      onread => createConnection({ ...options, onread }),
      tap && (socket => SocketTap.connecting(tap.wire, socket, { address, port })),
    )
  }

  #persisted(ticket: number, error: Error | null): void {
    this.#writes -= 1
    if (!this.#running) return
    if (error === null) this.#driven.persisted(realNow(), ticket)
    else this.#driven.persistFailed(realNow(), ticket, error.message)
    this.#carryOutAll()
    this.#whenIdle?.()
  }

  #resolve(ticket: number, found: ReturnType<Resolver>): void {
    if (!(found instanceof Promise)) {
      this.#driven.resolved(realNow(), ticket, found)
      return
    }
    found
      .catch(() => [])
      .then(addresses => {
        if (!this.#running) return
        this.#driven.resolved(realNow(), ticket, addresses)
        this.#carryOutAll()
      })
  }

  /** Sets the timer only when it must fire sooner: one that fires too early is harmless, and setting it costs more. */
  #setTimer(): void {
    const wakeMs = this.#running ? this.#driven.nextWake() : null
    if (wakeMs === null || wakeMs >= this.#timerMs) return
    clearTimeout(this.#timer)
    this.#timerMs = wakeMs
    const waitMs = Math.ceil(wakeMs - realNow().monotonicMs)
    this.#timer = setTimeout(() => this.#due(), Math.min(Math.max(waitMs, 0), TIMER_MS_MAX))
  }

  /** After a standstill timers fire first, and then comes what peers have sent meanwhile: they are not to be judged before. */
  #due(): void {
    if (realNow().monotonicMs - this.#timerMs > LATE_MS) setImmediate(() => this.#wake())
    else this.#wake()
  }

  #wake(): void {
    if (!this.#running) return
    this.#timerMs = Number.POSITIVE_INFINITY
    this.#driven.wake(realNow())
    this.#carryOutAll()
  }
}

/** The accepted connection, reading through `onread`; the server counts it until it closes. */
function adopt(accepted: Socket, onread: OnReadOpts): Socket {
  const socket = adoptSocket(accepted, { onread, allowHalfOpen: false })
  if (socket === undefined) return accepted
  socket.on('close', () => accepted.destroy())
  return socket.resume()
}
