import type { Endpoint } from '../../queue-manager/actions.js'
import type { LinkProfile } from './link-profile.js'
import type { ProcessInputs } from './process-inputs.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** What the reader has not taken and what is on the wire, together, per direction: a TCP window. */
const WINDOW_BYTES = 65_536
/** Written but not yet on the wire; above it `writable(false)`, below half of it `writable(true)`. */
const SEND_BUFFER_BYTES = 65_536

/** What a socket tells its owner. `closed` comes once and last: 'end' after FIN both ways or the own abort. */
export interface SocketHandlers {
  data(bytes: Buffer): void
  writable(ready: boolean): void
  closed(how: 'end' | 'reset'): void
}

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
 * `forgotten`: who sends next is reset by what stands between, as by a firewall; the other end hears nothing.
 */
export type Passage = 'flows' | 'held' | 'forgotten'

/** What a connection asks of the network it runs through. */
export interface Path {
  profile(): LinkProfile
  /** Whether a machine runs at this address. */
  isUp(address: string): boolean
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

/** One end of a connection: the sending half of one direction and the receiving half of the other. */
export class SimSocket {
  /** Of the accepting end known once it accepts: a route may lead elsewhere, and show another client. */
  local: Endpoint
  remote: Endpoint
  readonly connection: SimConnection
  handlers: SocketHandlers | null = null
  /** Bytes that left this end so far; with `cutAfterBytes` the place of a cut, whatever the segments. */
  sentBytes = 0
  /** The connection breaks once the other end has got exactly this many bytes from this one. */
  cutAfterBytes = Number.POSITIVE_INFINITY
  /** When the last byte from this end gets there; nothing overtakes it. */
  arrivalMs = 0
  #open = true
  /** Power was lost here: the socket is gone without a word to the other end. */
  #vanished = false
  /** It broke off, and the other end did not learn of it. */
  #resetLost = false
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  #wireBytes = 0
  readonly #unread: Buffer[] = []
  #unreadBytes = 0
  #paused = false
  #full = false
  #pumpDue = false
  #readDue = false
  #finish: 'no' | 'wanted' | 'sent' = 'no'
  #endArrived = false
  #endSeen = false

  constructor(connection: SimConnection, local: Endpoint, remote: Endpoint) {
    this.connection = connection
    this.local = local
    this.remote = remote
  }

  get isOpen(): boolean {
    return this.#open
  }

  write(chunks: readonly Buffer[]): void {
    if (!this.#open || this.#finish !== 'no') return
    for (const chunk of chunks) {
      if (chunk.length === 0) continue
      this.#waiting.push(chunk)
      this.#waitingBytes += chunk.length
    }
    this.#schedulePump()
    if (!this.#full && this.#waitingBytes > SEND_BUFFER_BYTES) {
      this.#full = true
      this.handlers?.writable(false)
    }
  }

  /** Sends what was written, then FIN. The other end answers with its own FIN, as a socket without half-open does. */
  end(): void {
    if (!this.#open || this.#finish !== 'no') return
    this.#finish = 'wanted'
    this.#schedulePump()
  }

  /** Drops what was written and resets the other end, which may first read what is already on the wire. */
  abort(): void {
    if (!this.#open) return
    const other = this.connection.other(this)
    const { passage, onlooker } = this.connection
    this.lose('end')
    if (passage !== 'flows') {
      this.#resetLost = true
      return
    }
    if (other.isOpen) onlooker?.ended(this, 'reset')
    const atMs = Math.max(this.arrivalMs, this.connection.scheduler.nowMs + this.connection.latencyMs())
    this.connection.scheduler.at(atMs, () => other.lose('reset'))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.connection.scheduler.after(0, () => this.#deliver())
  }

  /** The machine of this end lost power: no word to anybody, and whatever arrives finds nobody. */
  vanish(): void {
    const wasOpen = this.#open
    this.#open = false
    this.#vanished = true
    this.#dropAll()
    if (wasOpen && !this.connection.isOpen) this.connection.onlooker?.closed()
  }

  /** The end of this socket for its owner, told in an event of its own so that no caller is re-entered. */
  lose(how: 'end' | 'reset'): void {
    if (!this.#open) return
    this.#open = false
    this.#dropAll()
    this.connection.scheduler.after(0, () => {
      this.#tell(() => {
        if (!this.#vanished) this.handlers?.closed(how)
      })
    })
    if (!this.connection.isOpen) this.connection.onlooker?.closed()
  }

  /** Puts waiting bytes on the wire, in segments cut where chance wants them. */
  pump(): void {
    this.#pumpDue = false
    const { scheduler, random, profile } = this.connection
    const other = this.connection.other(this)
    while (this.#open && this.#waitingBytes > 0) {
      if (this.#isHeldBack()) return
      const roomBytes = WINDOW_BYTES - this.#wireBytes - other.#unreadBytes
      if (roomBytes <= 0) break
      const readyBytes = Math.min(roomBytes, this.#waitingBytes)
      const bytes = random.chance(profile.splitChance) ? random.between(1, readyBytes) : readyBytes
      if (random.chance(profile.cutChance))
        this.cutAfterBytes = Math.min(this.cutAfterBytes, this.sentBytes + random.between(0, bytes))
      this.#launch(Math.min(bytes, this.cutAfterBytes - this.sentBytes), other)
      if (this.sentBytes >= this.cutAfterBytes) {
        scheduler.at(this.arrivalMs, () => this.connection.reset())
        return
      }
      if (random.chance(profile.stallChance))
        this.connection.stall(scheduler.nowMs + random.between(1, profile.stallMaxMs))
    }
    if (!this.#open) return
    if (this.#full && this.#waitingBytes < SEND_BUFFER_BYTES / 2) {
      this.#full = false
      this.#tell(() => this.handlers?.writable(true))
    }
    if (this.#finish === 'wanted' && this.#waitingBytes === 0 && !this.#isHeldBack()) {
      this.#finish = 'sent'
      this.connection.onlooker?.ended(this, 'end')
      this.arrivalMs = Math.max(this.arrivalMs, scheduler.nowMs + this.connection.latencyMs())
      scheduler.at(this.arrivalMs, () => other.#endOfStream())
      this.#closeWhenEndedBothWays()
    }
  }

  #isHeldBack(): boolean {
    const { scheduler, stalledUntilMs, passage } = this.connection
    if (passage === 'held') return true
    if (passage === 'forgotten') {
      this.#dropAll()
      scheduler.after(this.connection.latencyMs(), () => this.lose('reset'))
      return true
    }
    if (stalledUntilMs <= scheduler.nowMs) return false
    if (Number.isFinite(stalledUntilMs)) {
      this.#pumpDue = true
      scheduler.at(stalledUntilMs, () => this.pump())
    }
    return true
  }

  #launch(bytes: number, other: SimSocket): void {
    const segment = this.#take(bytes)
    const { scheduler, onlooker } = this.connection
    if (onlooker !== null && bytes > 0) onlooker.passed(segment, this)
    this.sentBytes += bytes
    this.#wireBytes += bytes
    this.arrivalMs = Math.max(this.arrivalMs, scheduler.nowMs + this.connection.latencyMs())
    scheduler.at(this.arrivalMs, () => {
      this.#wireBytes -= bytes
      other.#arrive(segment)
    })
  }

  /** Copied here and not when written: as in a kernel, a writer that changes its buffer too early sends the change. */
  #take(bytes: number): Buffer {
    const segment = Buffer.allocUnsafe(bytes)
    let filled = 0
    while (filled < bytes) {
      const first = this.#waiting[0]!
      const copied = first.copy(segment, filled, 0, Math.min(first.length, bytes - filled))
      filled += copied
      if (copied === first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(copied)
    }
    this.#waitingBytes -= bytes
    return segment
  }

  #arrive(segment: Buffer): void {
    if (!this.#open) {
      // A machine that came back after losing power, or broke off in vain, knows nothing of the connection and resets it.
      if ((this.#vanished || this.#resetLost) && this.connection.path.isUp(this.local.address))
        this.connection.other(this).lose('reset')
      return
    }
    if (segment.length > 0) {
      this.#unread.push(segment)
      this.#unreadBytes += segment.length
    }
    this.#deliver()
  }

  /** Reads when the process runs: until then the kernel keeps what its buffer holds. */
  #deliver(): void {
    if (this.#readDue) return
    this.#readDue = true
    this.#tell(() => {
      this.#readDue = false
      this.#read()
    })
  }

  #tell(run: () => void): void {
    this.connection.path.inputsAt(this.local.address).take(run)
  }

  #read(): void {
    // Nobody has taken it from the kernel yet.
    if (this.handlers === null) return
    if (!this.#open || this.#paused) return
    if (this.#unreadBytes > 0) {
      const bytes = this.#unread.length === 1 ? this.#unread[0]! : Buffer.concat(this.#unread)
      this.#unread.length = 0
      this.#unreadBytes = 0
      this.handlers.data(bytes)
      this.connection.other(this).#schedulePump()
    }
    if (this.#endArrived && !this.#endSeen && this.#open && !this.#paused) {
      this.#endSeen = true
      this.end()
      this.#closeWhenEndedBothWays()
    }
  }

  #endOfStream(): void {
    this.#endArrived = true
    this.#deliver()
  }

  #closeWhenEndedBothWays(): void {
    if (this.#endSeen && this.#finish === 'sent') this.lose('end')
  }

  #schedulePump(): void {
    if (this.#pumpDue || !this.#open) return
    this.#pumpDue = true
    this.connection.scheduler.after(0, () => this.pump())
  }

  #dropAll(): void {
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#unread.length = 0
    this.#unreadBytes = 0
  }
}
