import type { RecordedConnection } from '../../capture/recording/recorded-connection.js'
import type { Recorder } from '../../capture/recording/recorder.js'
import type { Endpoint } from '../../queue-manager/actions.js'
import type { TapSide } from '../../transport/wire-tap.js'
import type { SimConnection } from './connection.js'
import type { RouteTarget } from './dial.js'
import { type SimSocket, WINDOW_BYTES } from './sim-socket.js'

/**
 * What an end says that it can take: a segment or two more than may be under way to it, for those that it has read and not
 * yet acknowledged. So little room is said to be none, as systems do (RFC 9293, 3.8.6.2.2).
 */
const SAID_BYTES = WINDOW_BYTES + 2_816

/** What of the simulated network a capture is written from. */
export interface NetworkTap {
  readonly recorder: Recorder
  /** Milliseconds since 1970. */
  nowMs(): number
}

/**
 * Tells a recorder of one simulated connection. Every frame is told of when its sender puts it on the wire, whether it gets
 * there or not. One that is routed crosses two links: its client's, on which the host has the balancer's address, and the
 * host's, on which its client is whoever the host takes for it; the balancer is half way.
 */
export class ConnectionTap {
  readonly #tap: NetworkTap
  readonly #connection: SimConnection
  readonly #near: RecordedConnection
  /** Of one that is routed: the host's link. */
  #far: RecordedConnection | null = null
  #farEnds: RouteTarget | null = null
  /** Whose first segment does not get through. */
  readonly #tries = new Set<SimSocket>()
  /** Whose process has not read all that came. */
  readonly #behind = new Set<SimSocket>()

  /** Tells of the first SYN. */
  constructor(tap: NetworkTap, connection: SimConnection) {
    this.#tap = tap
    this.#connection = connection
    const { local, remote } = connection.initiator
    this.#near = tap.recorder.toldConnection(local, remote, tap.nowMs(), SAID_BYTES)
  }

  repeated(): void {
    this.#near.repeated(this.#nowMs)
  }

  /** A route leads the SYN on. */
  led(target: RouteTarget): void {
    if (this.#far !== null && sameTarget(this.#farEnds!, target)) {
      this.#far.repeated(this.#nowMs)
      return
    }
    const balancer = this.#connection.initiator.remote.address
    this.#farEnds = target
    const link = [balancer, target.host.address] as const
    this.#far = this.#tap.recorder.toldConnection(target.client, target.host, this.#nowMs, SAID_BYTES, link)
  }

  /** Whoever the route led to refuses. */
  refusedByHost(): void {
    this.#far?.failed(this.#nowMs, 'refused')
    this.#far = null
  }

  refused(): void {
    this.#near.failed(this.#nowMs, 'refused')
  }

  /** It is taken, which the client learns `afterMs` later. */
  accepted(afterMs: number): void {
    const halfMs = this.#halfMs
    this.#far?.answered(this.#nowMs)
    this.#near.answered(this.#nowMs + halfMs)
    this.#near.established(this.#nowMs + afterMs)
    this.#far?.established(this.#nowMs + afterMs + halfMs)
  }

  /** `againMs`: when its system sends it again because it was lost, so much later. */
  launched(by: SimSocket, bytes: Buffer, againMs: readonly number[]): void {
    this.#tries.delete(by)
    this.#onBoth(by, (link, side, atMs) =>
      link.sent(
        side,
        bytes,
        atMs,
        againMs.map(ms => atMs + ms),
      ),
    )
  }

  /** So many bytes, or the end, got to the other end. */
  landed(from: SimSocket, bytes: number): void {
    const side = this.#sideOf(from)
    const halfMs = this.#halfMs
    if (this.#far === null) this.#near.arrived(side, bytes, this.#nowMs)
    else {
      this.#near.arrived(side, bytes, this.#nowMs + (side === 'client' ? halfMs : 0))
      this.#far.arrived(side, bytes, this.#nowMs + (side === 'client' ? 0 : halfMs))
    }
  }

  /** What this end sends next does not get through. */
  heldBack(by: SimSocket, next: Buffer): void {
    if (next.length === 0 || this.#tries.has(by)) return
    this.#tries.add(by)
    this.#linkOf(by).tried(this.#sideOf(by), next, this.#nowMs)
  }

  /** It takes the other end for dead, or is itself. */
  gaveUp(by: SimSocket): void {
    this.#linkOf(by).gaveUp(this.#sideOf(by), this.#nowMs)
  }

  /** Who sends on a connection that was forgotten on the way is reset by whatever forgot it. */
  forgotten(by: SimSocket, next: Buffer): void {
    const link = this.#linkOf(by)
    const side = this.#sideOf(by)
    if (next.length > 0) link.sent(side, next, this.#nowMs)
    else link.ended(side, 'fin', this.#nowMs)
    link.ended(side === 'client' ? 'server' : 'client', 'reset', this.#nowMs + this.#halfMs)
  }

  ended(by: SimSocket, how: 'fin' | 'reset'): void {
    this.#tries.delete(by)
    this.#onBoth(by, (link, side, atMs) => link.ended(side, how, atMs))
  }

  /** Something on the way breaks it: both ends are reset. */
  cut(): void {
    this.#near.ended('server', 'reset', this.#nowMs)
    const far = this.#far ?? this.#near
    far.ended('client', 'reset', this.#nowMs)
  }

  /** This end has got so much that its process has not read. */
  unread(by: SimSocket, bytes: number): void {
    if (bytes > 0) this.#behind.add(by)
    else if (!this.#behind.delete(by)) return
    const roomBytes = bytes >= WINDOW_BYTES ? 0 : SAID_BYTES - bytes
    this.#onBoth(by, (link, side, atMs) => link.window(side, roomBytes, atMs))
  }

  #onBoth(by: SimSocket, tell: (link: RecordedConnection, side: TapSide, atMs: number) => void): void {
    const side = this.#sideOf(by)
    if (this.#far === null) {
      tell(this.#near, side, this.#nowMs)
      return
    }
    const [first, second] = side === 'client' ? [this.#near, this.#far] : [this.#far, this.#near]
    tell(first, side, this.#nowMs)
    tell(second, side, this.#nowMs + this.#halfMs)
  }

  #linkOf(socket: SimSocket): RecordedConnection {
    return this.#sideOf(socket) === 'client' ? this.#near : (this.#far ?? this.#near)
  }

  #sideOf(socket: SimSocket): TapSide {
    return socket === this.#connection.initiator ? 'client' : 'server'
  }

  get #nowMs(): number {
    return this.#tap.nowMs()
  }

  /** From either end of one that is routed to the balancer. */
  get #halfMs(): number {
    return this.#far === null ? 0 : this.#connection.profile.latencyMs / 2
  }
}

function sameTarget(one: RouteTarget, other: RouteTarget): boolean {
  return sameEndpoint(one.host, other.host) && sameEndpoint(one.client, other.client)
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port
}
