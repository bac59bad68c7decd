import type { Action, ConnectionId, Endpoint, ResolveQuery, SendOutcome } from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import type { QueuedMessage } from '../../queue-manager/local-queue.js'
import type { Note } from '../../queue-manager/notes.js'
import type { QueueManager } from '../../queue-manager/queue-manager.js'
import type { Store } from '../../store/store.js'
import type { SimSocket, SocketHandlers } from './connection.js'
import type { SimNetwork } from './network.js'
import type { ScheduledEvent, Scheduler } from './scheduler.js'
import type { VirtualClock } from './virtual-clock.js'

/** A graceful close that the peer does not complete is cut after this. */
const LINGER_MS = 5_000
/** More wakes than this without time moving: the engine's timers are broken, and the run would never end. */
const WAKES_PER_INSTANT_MAX = 10_000

export interface SimDriverOptions {
  readonly engine: QueueManager
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly clock: VirtualClock
  readonly store: Store
  /** Answers after `resolveDelayMs`; an empty list when there is nobody of that name. */
  readonly resolver: (query: ResolveQuery) => readonly string[]
  readonly resolveDelayMs?: number
  readonly listen: Endpoint
  readonly onReceived?: (request: number, queue: string, messages: readonly QueuedMessage[]) => void
  readonly onArrived?: (queue: string) => void
  readonly onOutcome?: (request: number, outcome: SendOutcome, error: string | undefined) => void
  readonly onNote?: (note: Note) => void
}

/** Runs one queue manager on virtual time, network and disk: the counterpart of `transport/driver.ts`. */
export class SimDriver {
  readonly engine: QueueManager
  readonly #options: SimDriverOptions
  readonly #sockets = new Map<ConnectionId, SimSocket>()
  readonly #connecting = new Set<ConnectionId>()
  #unbind: (() => void)[] = []
  #timer: ScheduledEvent | null = null
  #armedMs = Number.NaN
  #wakesThisInstant = 0
  #lastWakeMs = -1
  #running = false
  #draining = false

  constructor(options: SimDriverOptions) {
    this.#options = options
    this.engine = options.engine
  }

  get isRunning(): boolean {
    return this.#running
  }

  start(): void {
    const { network, listen } = this.#options
    this.#running = true
    this.#unbind.push(network.listen(listen, socket => this.#accept(socket)))
    if (this.engine.settings.EnablePingService === 1) {
      const endpoint = { address: listen.address, port: this.engine.settings.MsmqIpPingPort }
      const onDatagram = (from: Endpoint, bytes: Buffer): void =>
        this.call(now => this.engine.datagram(now, from, bytes))
      this.#unbind.push(network.bindDatagrams(endpoint, onDatagram))
    }
    this.call(now => this.engine.start(now))
  }

  /** Closes every session gracefully and takes no new one; the network may run on until all are gone. */
  stop(): void {
    this.call(now => this.engine.stop(now))
    this.#unlisten()
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
  }

  /** Makes one call into the engine and carries out what it asks for. */
  call<T>(input: (now: Now) => T): T {
    const result = input(this.#options.clock.now())
    this.#drain()
    return result
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      for (let actions = this.engine.takeActions(); actions.length > 0; actions = this.engine.takeActions())
        for (const action of actions) this.#perform(action)
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
        this.#later(options.resolveDelayMs ?? 0, now => this.engine.resolved(now, ticket, options.resolver(query)))
        break
      }
      case 'persist':
        options.store.write(action.operations, error => this.#written(action.ticket, error))
        break
      case 'datagram': {
        const from = { address: options.listen.address, port: this.engine.settings.MsmqIpPingPort }
        options.network.sendDatagram(from, { address: action.address, port: action.port }, action.bytes)
        break
      }
      case 'outcome':
        options.onOutcome?.(action.request, action.outcome, action.error)
        break
      case 'received':
        options.onReceived?.(action.request, action.queue, action.messages)
        break
      case 'arrived':
        options.onArrived?.(action.queue)
        break
      case 'note':
        options.onNote?.(action.note)
    }
  }

  #written(ticket: number, error: Error | null): void {
    if (!this.#running) return
    this.call(now => {
      if (error === null) this.engine.persisted(now, ticket)
      else this.engine.persistFailed(now, ticket, error.message)
    })
  }

  #connect(id: ConnectionId, remote: Endpoint): void {
    const { network, listen } = this.#options
    const socket = network.connect(listen.address, remote, {
      ...this.#handlers(id),
      connected: () => {
        this.#connecting.delete(id)
        this.call(now => this.engine.connected(now, id))
      },
      failed: reason => {
        this.#connecting.delete(id)
        this.#sockets.delete(id)
        this.call(now => this.engine.connectFailed(now, id, reason))
      },
    })
    this.#sockets.set(id, socket)
    this.#connecting.add(id)
  }

  #accept(socket: SimSocket): void {
    const now = this.#options.clock.now()
    const id = this.engine.accepted(now, socket.remote)
    this.#sockets.set(id, socket)
    socket.handlers = this.#handlers(id)
    this.#drain()
  }

  #handlers(id: ConnectionId): SocketHandlers {
    return {
      data: bytes => {
        this.call(now => this.engine.received(now, id, bytes))
        // What the engine kept it must have copied: a read buffer is used again.
        bytes.fill(0xdd)
      },
      writable: ready => this.call(now => this.engine.writable(now, id, ready)),
      closed: how => {
        this.#connecting.delete(id)
        this.#sockets.delete(id)
        this.call(now => this.engine.closed(now, id, how))
      },
    }
  }

  #close(id: ConnectionId, how: 'graceful' | 'abort'): void {
    const socket = this.#sockets.get(id)
    if (socket === undefined) return
    if (how === 'abort' || this.#connecting.has(id)) {
      socket.abort()
      return
    }
    socket.resume()
    socket.end()
    this.#options.scheduler.after(LINGER_MS, () => socket.abort())
  }

  #later(delayMs: number, input: (now: Now) => void): void {
    this.#options.scheduler.after(delayMs, () => {
      if (this.#running) this.call(input)
    })
  }

  #arm(): void {
    const wakeMs = this.engine.nextWake() ?? Number.NaN
    if (Object.is(wakeMs, this.#armedMs)) return
    this.#timer?.cancel()
    this.#timer = null
    this.#armedMs = wakeMs
    if (Number.isNaN(wakeMs) || !this.#running) return
    const { scheduler, clock } = this.#options
    this.#timer = scheduler.at(clock.simulatedMs(wakeMs), () => {
      this.#wakesThisInstant = scheduler.nowMs === this.#lastWakeMs ? this.#wakesThisInstant + 1 : 0
      this.#lastWakeMs = scheduler.nowMs
      if (this.#wakesThisInstant > WAKES_PER_INSTANT_MAX)
        throw new Error(`${this.engine.name}: nextWake does not move past ${wakeMs}`)
      this.#armedMs = Number.NaN
      // A fraction lost in the conversion of times must not wake it a hair too early, for ever.
      this.call(now => this.engine.wake({ ...now, monotonicMs: Math.max(now.monotonicMs, wakeMs) }))
    })
  }

  #unlisten(): void {
    for (const unbind of this.#unbind) unbind()
    this.#unbind = []
  }
}
