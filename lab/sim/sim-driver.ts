import type {
  Action,
  ConnectionId,
  Endpoint,
  ExchangeId,
  HttpRequest,
  PingSocket,
  ResolveQuery,
  SendOutcome,
} from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import type { Note } from '../../queue-manager/notes.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import type { Store } from '../../store/store.js'
import type { DrivenEngine } from '../../transport/driven-engine.js'
import type { SimNetwork } from './network.js'
import type { ProcessInputs } from './process-inputs.js'
import type { ScheduledEvent, Scheduler } from './scheduler.js'
import { SimHttp, type SimHttpPorts } from './sim-http.js'
import type { SimSocket, SocketHandlers } from './sim-socket.js'
import type { VirtualClock } from './virtual-clock.js'

/** A connection of which one direction has ended is cut after this. */
const LINGER_MS = 5_000
/** Where pings are asked from. */
const PING_CLIENT_PORT = 50_000
/** More wakes than this without time moving: the engine's timers are broken, and the run would never end. */
const WAKES_PER_INSTANT_MAX = 10_000

export interface SimDriverOptions<E extends DrivenEngine> {
  readonly engine: E
  /** What is told of the world and asked for actions in the engine's stead: something that stands before it. */
  readonly driven?: DrivenEngine
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly clock: VirtualClock
  readonly store: Store
  /** Answers after `resolveDelayMs`; an empty list when there is nobody of that name. */
  readonly resolver: (query: ResolveQuery) => readonly string[]
  readonly resolveDelayMs?: number
  readonly listen: Endpoint
  /** UDP port that pings go to and are answered on; absent: no pings in or out. */
  readonly pingPort?: number
  /** Where SRMP messages are taken over HTTP; absent: nowhere. */
  readonly http?: SimHttpPorts
  readonly onReceived?: (
    request: number,
    queue: string,
    messages: readonly ReceivedMessage[],
    error: string | undefined,
  ) => void
  readonly onArrived?: (queue: string) => void
  readonly onOutcome?: (request: number, outcome: SendOutcome, error: string | undefined) => void
  readonly onNote?: (note: Note) => void
  /** After the actions that followed from one input. */
  readonly onTurn?: () => void
}

/** Runs one queue manager on virtual time, network and disk: the counterpart of `transport/driver.ts`. */
export class SimDriver<E extends DrivenEngine> {
  readonly engine: E
  readonly #driven: DrivenEngine
  readonly #options: SimDriverOptions<E>
  readonly #sockets = new Map<ConnectionId, SimSocket>()
  readonly #connecting = new Set<ConnectionId>()
  readonly #http: SimHttp
  readonly #inputs: ProcessInputs
  #unbind: (() => void)[] = []
  #timer: ScheduledEvent | null = null
  #armedMs = Number.NaN
  #wakesThisInstant = 0
  #lastWakeMs = -1
  #running = false
  #draining = false

  constructor(options: SimDriverOptions<E>) {
    this.#options = options
    this.engine = options.engine
    this.#driven = options.driven ?? options.engine
    const { network, scheduler, clock, listen, http: ports = {} } = options
    this.#inputs = network.inputsAt(listen.address)
    this.#http = new SimHttp({
      network,
      scheduler,
      address: listen.address,
      ports,
      owner: {
        requested: (peer, request, numbered) => this.#requested(peer, request, numbered),
        answered: (exchange, status) => this.#report(now => this.#driven.httpAnswered(now, exchange, status)),
        failed: (exchange, reason) => this.#report(now => this.#driven.httpFailed(now, exchange, reason)),
        wallMs: () => clock.now().wallMs,
      },
    })
  }

  get isRunning(): boolean {
    return this.#running
  }

  start(): void {
    const { network, listen, pingPort } = this.#options
    this.#running = true
    this.#unbind.push(network.listen(listen, socket => this.#accept(socket)))
    if (pingPort !== undefined) {
      this.#bindPings('service', pingPort)
      this.#bindPings('client', PING_CLIENT_PORT)
    }
    this.#http.listen()
    this.#input(now => this.#driven.start(now))
  }

  /** Closes every session gracefully and takes no new one; the network may run on until all are gone. */
  stop(): void {
    this.#input(now => this.#driven.stop(now))
    this.#unlisten()
    this.#http.stop()
  }

  /**
   * Ends at once. 'process': the machine lives, so its kernel resets the connections. 'power': nobody is told;
   * peers find out when they next send after something listens at this address again.
   */
  crash(how: 'process' | 'power'): void {
    this.#running = false
    this.#unlisten()
    this.#timer?.cancel()
    for (const socket of this.#sockets.values()) {
      socket.handlers = null
      if (how === 'process') socket.abort()
      else socket.vanish()
    }
    this.#sockets.clear()
    this.#http.crash(how)
    this.#inputs.end(how)
  }

  /** An application's call into the engine; what follows from it is carried out before this returns. */
  call<T>(body: (engine: E, now: Now) => T): T {
    return this.#input(now => body(this.engine, now))
  }

  #input<T>(body: (now: Now) => T): T {
    const result = body(this.#options.clock.now())
    this.#drain()
    return result
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      let actions = this.#driven.takeActions()
      do {
        for (const action of actions) this.#perform(action)
        // it may have crashed meanwhile
        if (this.#running) this.#options.onTurn?.()
        actions = this.#driven.takeActions()
      } while (actions.length > 0)
    } finally {
      this.#draining = false
    }
    this.#arm()
  }

  #perform(action: Action): void {
    const options = this.#options
    switch (action.do) {
      case 'connect':
        this.#connect(action.connection, { address: action.address, port: action.port })
        break
      case 'write':
        this.#sockets.get(action.connection)?.write(action.chunks)
        break
      case 'close':
        this.#close(action.connection, action.how)
        break
      case 'pause':
        this.#sockets.get(action.connection)?.pause()
        break
      case 'resume':
        this.#sockets.get(action.connection)?.resume()
        break
      case 'resolve': {
        const { ticket, query } = action
        this.#later(options.resolveDelayMs ?? 0, now => this.#driven.resolved(now, ticket, options.resolver(query)))
        break
      }
      case 'persist':
        options.store.write(action.operations, error => this.#inputs.take(() => this.#written(action.ticket, error)))
        break
      case 'datagram': {
        if (options.pingPort === undefined) break
        const from = {
          address: options.listen.address,
          port: action.socket === 'service' ? options.pingPort : PING_CLIENT_PORT,
        }
        options.network.sendDatagram(from, { address: action.address, port: action.port }, action.bytes)
        break
      }
      case 'outcome':
        options.onOutcome?.(action.request, action.outcome, action.error)
        break
      case 'received':
        options.onReceived?.(action.request, action.queue, action.messages, action.error)
        break
      case 'arrived':
        options.onArrived?.(action.queue)
        break
      case 'note':
        options.onNote?.(action.note)
        break
      default:
        this.#http.carryOut(action)
    }
  }

  #written(ticket: number, error: Error | null): void {
    if (!this.#running) return
    this.#input(now => {
      if (error === null) this.#driven.persisted(now, ticket)
      else this.#driven.persistFailed(now, ticket, error.message)
    })
  }

  #requested(peer: Endpoint, request: HttpRequest, numbered: (exchange: ExchangeId) => void): void {
    if (!this.#running) return
    numbered(this.#driven.httpRequested(this.#options.clock.now(), peer, request))
    this.#drain()
  }

  #report(input: (now: Now) => void): void {
    if (this.#running) this.#input(input)
  }

  #bindPings(socket: PingSocket, port: number): void {
    const { network, listen } = this.#options
    const unbind = network.bindDatagrams({ address: listen.address, port }, (from, bytes) =>
      this.#input(now => this.#driven.datagram(now, socket, from, bytes)),
    )
    this.#unbind.push(unbind)
  }

  #connect(id: ConnectionId, remote: Endpoint): void {
    const { network, listen } = this.#options
    const socket = network.connect(listen.address, remote, {
      ...this.#handlers(id),
      connected: () => {
        this.#connecting.delete(id)
        this.#input(now => this.#driven.connected(now, id))
      },
      failed: reason => {
        this.#connecting.delete(id)
        this.#sockets.delete(id)
        this.#input(now => this.#driven.connectFailed(now, id, reason))
      },
    })
    this.#sockets.set(id, socket)
    this.#connecting.add(id)
  }

  #accept(socket: SimSocket): void {
    const now = this.#options.clock.now()
    const id = this.#driven.accepted(now, socket.remote)
    this.#sockets.set(id, socket)
    socket.handlers = this.#handlers(id)
    this.#drain()
  }

  #handlers(id: ConnectionId): SocketHandlers {
    return {
      data: bytes => {
        this.#input(now => this.#driven.received(now, id, bytes))
        // What the engine kept it must have copied: a read buffer is used again.
        bytes.fill(0xdd)
      },
      writable: ready => this.#input(now => this.#driven.writable(now, id, ready)),
      closed: how => {
        this.#connecting.delete(id)
        this.#sockets.delete(id)
        this.#input(now => this.#driven.closed(now, id, how))
      },
      // A peer that sends no more may not read any more either.
      ended: () => this.#linger(this.#sockets.get(id)),
    }
  }

  #close(id: ConnectionId, how: 'graceful' | 'abort'): void {
    const socket = this.#sockets.get(id)
    if (socket === undefined) return
    if (how === 'abort' || this.#connecting.has(id)) {
      socket.abort()
      return
    }
    socket.handlers = { ...this.#handlers(id), data: () => undefined }
    socket.resume()
    socket.end()
    this.#linger(socket)
  }

  #linger(socket: SimSocket | undefined): void {
    this.#options.scheduler.after(LINGER_MS, () => this.#inputs.take(() => socket?.abort()))
  }

  #later(delayMs: number, input: (now: Now) => void): void {
    this.#options.scheduler.after(delayMs, () => this.#inputs.take(() => this.#report(input)))
  }

  #arm(): void {
    const wakeMs = this.#driven.nextWake() ?? Number.NaN
    if (Object.is(wakeMs, this.#armedMs)) return
    this.#timer?.cancel()
    this.#timer = null
    this.#armedMs = wakeMs
    if (Number.isNaN(wakeMs) || !this.#running) return
    const { scheduler, clock } = this.#options
    this.#timer = scheduler.at(clock.simulatedMs(wakeMs), () => this.#inputs.take(() => this.#wake(wakeMs)))
  }

  #wake(wakeMs: number): void {
    const { scheduler } = this.#options
    this.#wakesThisInstant = scheduler.nowMs === this.#lastWakeMs ? this.#wakesThisInstant + 1 : 0
    this.#lastWakeMs = scheduler.nowMs
    if (this.#wakesThisInstant > WAKES_PER_INSTANT_MAX) throw new Error(`nextWake does not move past ${wakeMs}`)
    this.#armedMs = Number.NaN
    // A fraction lost in the conversion of times must not wake it a hair too early, for ever.
    this.#input(now => this.#driven.wake({ ...now, monotonicMs: Math.max(now.monotonicMs, wakeMs) }))
  }

  #unlisten(): void {
    for (const unbind of this.#unbind) unbind()
    this.#unbind = []
  }
}
