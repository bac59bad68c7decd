import type { Endpoint } from '../../queue-manager/actions.js'
import type { Onlooker, SimConnection } from './connection.js'
import type { AcceptHandler, ConnectHandlers } from './network.js'
import type { ScheduledEvent } from './scheduler.js'

/** When a SYN that nobody answered is sent again, from the first; Windows sends three. */
const SYN_REPETITIONS_MS = [3_000, 9_000]
/** When a connect that nobody answered fails. */
const CONNECT_TIMEOUT_MS = 21_000

/** Where a route leads, and whom the host there takes for its client. */
export interface RouteTarget {
  readonly host: Endpoint
  readonly client: Endpoint
}

/** What a route makes of one connection, and what it sees of it. */
export interface RoutedConnection extends Onlooker {
  /** A SYN came: the first, a repetition, or with `refusedBy` the same one, that this host has refused. Null: silence. */
  choose(refusedBy: Endpoint | null): RouteTarget | 'refuse' | null
  accepted(): void
  /** The client is gone before anybody accepted. */
  givenUp(): void
}

/** What a connect needs of the network. */
export interface DialContext {
  /** Whether SYNs get through, as far as the way is known. */
  passes(): boolean
  /** Chance has it that it is refused although someone listens. */
  isRefused(): boolean
  listener(at: Endpoint): AcceptHandler | undefined
  /** Null: to `remote` itself. Asked when the first SYN is there. */
  route(): RoutedConnection | null
  /** The way now ends there. */
  leadsTo(host: Endpoint): void
  accept(handler: AcceptHandler): void
}

/** A connect under way: the SYN, its repetitions, and what comes of them. */
export class Dial {
  readonly #connection: SimConnection
  readonly #handlers: ConnectHandlers
  readonly #context: DialContext
  /** Undefined until the first SYN got there. */
  #routed: RoutedConnection | null | undefined
  /** Taken or refused: later SYNs are not sent. */
  #settled = false
  #next: ScheduledEvent | null = null

  constructor(connection: SimConnection, handlers: ConnectHandlers, context: DialContext) {
    this.#connection = connection
    this.#handlers = handlers
    this.#context = context
    this.#send(0)
  }

  /** `repetition`: 0 for the first. */
  #send(repetition: number): void {
    const { scheduler, random, profile, initiator } = this.#connection
    if (!initiator.isOpen) {
      this.#routed?.givenUp()
      return
    }
    if (repetition > 0) this.#connection.tap?.repeated()
    if (this.#context.passes() && !random.chance(profile.lossChance))
      scheduler.after(this.#connection.latencyMs(), () => this.#arrive())
    const sentMs = SYN_REPETITIONS_MS[repetition - 1] ?? 0
    const nextMs = SYN_REPETITIONS_MS[repetition]
    this.#next =
      nextMs === undefined
        ? scheduler.after(CONNECT_TIMEOUT_MS - sentMs, () => this.#giveUp())
        : scheduler.after(nextMs - sentMs, () => this.#send(repetition + 1))
  }

  #arrive(): void {
    const { initiator, acceptor } = this.#connection
    // the way may have been parted while it was under way
    if (this.#settled || !initiator.isOpen || !this.#context.passes()) return
    if (this.#routed === undefined) {
      this.#routed = this.#context.route()
      this.#connection.onlooker = this.#routed
    }
    if (this.#routed === null) this.#reach(acceptor.local)
    else this.#follow(this.#routed.choose(null))
  }

  #follow(target: RouteTarget | 'refuse' | null): void {
    if (target === null) return
    if (target === 'refuse') {
      this.#refuse()
      return
    }
    const { acceptor } = this.#connection
    acceptor.local = target.host
    acceptor.remote = target.client
    this.#context.leadsTo(target.host)
    this.#connection.tap?.led(target)
    if (this.#context.passes()) this.#reach(target.host)
  }

  #reach(host: Endpoint): void {
    const { scheduler, initiator, acceptor } = this.#connection
    const accept = this.#context.listener(host)
    if (accept === undefined || this.#context.isRefused()) {
      if (this.#routed) {
        this.#connection.tap?.refusedByHost()
        this.#follow(this.#routed.choose(host))
      } else this.#refuse()
      return
    }
    this.#settle()
    this.#routed?.accepted()
    const connectedAfterMs = this.#connection.latencyMs()
    this.#connection.tap?.accepted(connectedAfterMs)
    acceptor.arrivalMs = scheduler.nowMs + connectedAfterMs
    scheduler.after(connectedAfterMs, () =>
      this.#tell(() => {
        if (initiator.isOpen) this.#handlers.connected()
      }),
    )
    this.#context.accept(accept)
  }

  #refuse(): void {
    this.#connection.tap?.refused()
    this.#settle()
    this.#connection.scheduler.after(this.#connection.latencyMs(), () => this.#fail('ECONNREFUSED'))
  }

  #settle(): void {
    this.#settled = true
    this.#next?.cancel()
  }

  #giveUp(): void {
    this.#settled = true
    this.#routed?.givenUp()
    this.#fail('ETIMEDOUT')
  }

  #fail(reason: 'ECONNREFUSED' | 'ETIMEDOUT'): void {
    const { initiator } = this.#connection
    this.#tell(() => {
      if (!initiator.isOpen) return
      initiator.vanish()
      this.#handlers.failed(reason)
    })
  }

  #tell(run: () => void): void {
    this.#connection.path.inputsAt(this.#connection.initiator.local.address).take(run)
  }
}
