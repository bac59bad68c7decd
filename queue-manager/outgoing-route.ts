import { NIL_GUID } from '../protocol/guid.js'
import type { Context } from './context.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import { Session } from './session.js'
import type { Timer } from './timers.js'

/** How an attempt to connect went, as management names it ([MS-MQDMPR] 3.1.1.3, ConnectionHistory). */
export type ConnectionStatus =
  | 'InProcess'
  | 'Established'
  | 'PingFailure'
  | 'SocketConnectFailure'
  | 'ConnectionRefused'
  | 'DnsFailure'
  | 'RoutingDataNotAvailable'
  | 'UnknownFailure'

/** One attempt to connect to the next hop. Times are wall clock ms. */
export interface ConnectionAttempt {
  readonly atMs: number
  /** Null when no address was found. */
  readonly address: string | null
  status: ConnectionStatus
  /** When the session was over; null while there is one, or it is being opened. */
  endedMs: number | null
  /** Why it was. */
  reason: string | null
}

const HISTORY_MAX = 16

/** The addresses at which the destination of an outgoing queue may be met, and the attempts made there ([MS-MQQB] 3.1.5.2). */
export class OutgoingRoute {
  /** The last attempts, oldest first. */
  readonly history: ConnectionAttempt[] = []
  nextHops: readonly string[] = []
  readonly #context: Context
  readonly #queue: OutgoingQueue
  readonly #retryTimer: Timer
  #hop = 0
  #resolving = false

  constructor(context: Context, queue: OutgoingQueue) {
    this.#context = context
    this.#queue = queue
    this.#retryTimer = context.timers.create('session retry connect', () => queue.connect(true))
  }

  /** An attempt is under way, or will be made when its time has come. */
  get isBusy(): boolean {
    return this.#resolving || this.#retryTimer.running
  }

  get isResolving(): boolean {
    return this.#resolving
  }

  /** Tries the next address; after the last one the addresses are looked up anew. */
  open(isRetry: boolean): void {
    if (this.#resolving) return
    if (this.#hop > 0 && this.#hop < this.nextHops.length) {
      this.#initiate(isRetry)
      return
    }
    this.#hop = 0
    this.#resolving = true
    const { destinations } = this.#context
    destinations.findHops(this.#queue, (addresses, by) => {
      this.#resolving = false
      const { log, now } = this.#context
      if (log.noting) log.note(now, { kind: 'resolved', queue: this.#queue.text, addresses, by })
      this.nextHops = addresses
      if (this.#queue.paused) return
      if (addresses.length > 0) this.#initiate(isRetry)
      else this.#unresolved()
    })
  }

  /** The session of the newest attempt is open. */
  established(): void {
    const attempt = this.history.at(-1)
    if (attempt !== undefined) attempt.status = 'Established'
  }

  /** It is over, or never came about. */
  ended(reason: string, failure: ConnectionStatus): void {
    const attempt = this.history.at(-1)
    if (attempt === undefined) return
    attempt.endedMs = this.#context.now.wallMs
    attempt.reason = reason
    if (attempt.status === 'InProcess') attempt.status = failure
  }

  retryLater(): void {
    const { HttpRetransmissionTimeout, TryConnectInterval, RoundTripDelay } = this.#context.settings
    const delayMs = this.#queue.isHttp ? HttpRetransmissionTimeout : TryConnectInterval + RoundTripDelay
    if (!this.#retryTimer.running) this.#retryTimer.start(this.#context.now, delayMs)
  }

  stop(): void {
    this.#retryTimer.stop()
  }

  discard(): void {
    this.#retryTimer.discard()
  }

  #initiate(isRetry: boolean): void {
    const address = this.nextHops[this.#hop] as string
    this.#hop += 1
    this.#record(address, 'InProcess')
    const { formatName, isHttp } = this.#queue
    if (isHttp) {
      this.#context.sessions.openHttp(this.#queue, address)
      return
    }
    const wanted = formatName.kind === 'private' ? formatName.queueManager : NIL_GUID
    this.#queue.connecting(Session.initiate(this.#context, this.#queue, address, wanted, isRetry))
  }

  #unresolved(): void {
    const reason = 'no address found'
    const attempt = this.#record(null, this.#queue.isDirect ? 'DnsFailure' : 'RoutingDataNotAvailable')
    attempt.endedMs = attempt.atMs
    attempt.reason = reason
    this.#queue.state = 'NEED VALIDATION'
    this.#queue.lastFailure = reason
    this.retryLater()
  }

  #record(address: string | null, status: ConnectionStatus): ConnectionAttempt {
    const attempt = { atMs: this.#context.now.wallMs, address, status, endedMs: null, reason: null }
    this.history.push(attempt)
    if (this.history.length > HISTORY_MAX) this.history.shift()
    return attempt
  }
}
