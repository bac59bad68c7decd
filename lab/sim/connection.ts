import type { Endpoint } from '../../queue-manager/actions.js'
import type { ConnectionTap } from './connection-tap.js'
import type { LinkProfile } from './link-profile.js'
import type { ProcessInputs } from './process-inputs.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'
import { SimSocket } from './sim-socket.js'

/** What stands between the ends of a connection and sees what passes. It is told, and must not act on the ends at once. */
export interface Onlooker {
  /** Bytes that leave `from` for the other end: a view, for the time of the call. */
  passed(bytes: Buffer, from: SimSocket): void
  /** An end says that it is done, or breaks off. What the network itself breaks is only `closed`. */
  ended(by: SimSocket, how: 'end' | 'reset'): void
  /** Neither end has it any more. */
  closed(): void
}

/**
 * `flows`. `held`: nothing passes either way, neither bytes nor ends, but what is on the wire; it goes on when it flows again.
 * An end that has something to send meanwhile breaks off after the link's `giveUpMs`, and the other does not learn of it.
 * `forgotten`: who sends next is reset by what stands between, as by a firewall; the other end hears nothing.
 */
export type Passage = 'flows' | 'held' | 'forgotten'

/** What a connection asks of the network it runs through. */
export interface Path {
  profile(): LinkProfile
  /** Whether a machine runs at this address. */
  isUp(address: string): boolean
  /** When bytes that are sent now have left, after those that share the way in this direction, at that rate. */
  leavesMs(byInitiator: boolean, bytes: number, bytesPerS: number): number
  /** The way to the processes at this address. */
  inputsAt(address: string): ProcessInputs
}

/**
 * A TCP connection as the ends of it can tell: bytes arrive once, in order, in pieces of any size, or not at all
 * because it broke. How it behaves on the way is its `profile`, which may change while it lives.
 */
export class SimConnection {
  readonly initiator: SimSocket
  readonly acceptor: SimSocket
  readonly scheduler: Scheduler
  readonly random: Random
  readonly path: Path
  onlooker: Onlooker | null = null
  /** Told of what goes over the wire, where that is recorded. */
  tap: ConnectionTap | null = null
  #passage: Passage = 'flows'
  #stalledUntilMs = 0

  constructor(scheduler: Scheduler, random: Random, from: Endpoint, to: Endpoint, path: Path) {
    this.scheduler = scheduler
    this.random = random
    this.path = path
    this.initiator = new SimSocket(this, from, to)
    this.acceptor = new SimSocket(this, to, from)
  }

  get profile(): LinkProfile {
    return this.path.profile()
  }

  get isOpen(): boolean {
    return this.initiator.isOpen || this.acceptor.isOpen
  }

  get stalledUntilMs(): number {
    return this.#stalledUntilMs
  }

  get passage(): Passage {
    return this.#passage
  }

  set passage(passage: Passage) {
    if (passage === this.#passage) return
    this.#passage = passage
    this.#pumpSoon()
  }

  other(socket: SimSocket): SimSocket {
    return socket === this.initiator ? this.acceptor : this.initiator
  }

  latencyMs(): number {
    const { latencyMs, jitterMs } = this.profile
    return latencyMs + (jitterMs > 0 ? this.random.unit() * jitterMs : 0)
  }

  /** Nothing leaves either end before `untilMs`; what is on the wire still arrives. */
  stall(untilMs: number): void {
    this.#stalledUntilMs = untilMs
    this.#pumpSoon()
  }

  /** Breaks it now: both ends see a reset, whatever is on the wire or unread is gone. */
  reset(): void {
    this.tap?.cut()
    this.initiator.lose('reset')
    this.acceptor.lose('reset')
  }

  #pumpSoon(): void {
    this.scheduler.after(0, () => {
      this.initiator.pump()
      this.acceptor.pump()
    })
  }
}
