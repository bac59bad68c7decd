import type { Endpoint } from '../../queue-manager/actions.js'
import { Deque } from '../../queue-manager/deque.js'
import { ByteQueue } from './byte-queue.js'
import type { SimConnection } from './connection.js'
import type { LinkProfile } from './link-profile.js'
import type { ProcessInputs } from './process-inputs.js'
import type { ScheduledEvent } from './scheduler.js'

/** What the reader has not taken and what is on the wire, together, per direction: a TCP window. */
export const WINDOW_BYTES = 65_536
/** Written but not yet on the wire; above it `writable(false)`, below half of it `writable(true)`. */
const SEND_BUFFER_BYTES = 65_536
/** What goes into one Ethernet frame. */
const SEGMENT_BYTES = 1_460
/** A lost segment is sent again after this, and after twice as long each time that it is lost again. */
const REPETITION_MS = 300
/** More often nobody tries, whatever the profile. */
const REPETITIONS_MAX = 15
const NEVER_AGAIN: readonly number[] = []

/** What a socket tells its owner. `closed` comes once and last: 'end' after FIN both ways or the own abort. */
export interface SocketHandlers {
  data(bytes: Buffer): void
  writable(ready: boolean): void
  closed(how: 'end' | 'reset'): void
  /** The other end has sent its last byte. */
  ended?(): void
}

/** One end of a connection: the sending half of one direction and the receiving half of the other. */
export class SimSocket {
  /** Of the accepting end known once it accepts: a route may lead elsewhere, and show another client. */
  local: Endpoint
  remote: Endpoint
  readonly connection: SimConnection
  /** While null the kernel keeps what comes. */
  handlers: SocketHandlers | null = null
  /** After the other end's FIN this end may go on sending until it calls `end`; else it answers with its own FIN. */
  halfOpen = false
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
  /** A segment was lost so often that this end will give up; nothing that follows it gets there. */
  #isLost = false
  /** Until this end gives up what it cannot send. */
  #givingUp: ScheduledEvent | null = null
  readonly #waiting = new ByteQueue()
  /** On the wire, in the order of arrival; an event for each. */
  readonly #wire = new Deque<Buffer>()
  #wireBytes = 0
  #unread: Buffer[] = []
  #unreadBytes = 0
  #paused = false
  #full = false
  #pumpDue = false
  #gathering = false
  #readDue = false
  #finish: 'no' | 'wanted' | 'sent' = 'no'
  #endArrived = false
  #endSeen = false
  #inputs: ProcessInputs | null = null

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
    for (const chunk of chunks) this.#waiting.push(chunk)
    this.#pumpSoon()
    if (!this.#full && this.#waiting.bytes > SEND_BUFFER_BYTES) {
      this.#full = true
      this.handlers?.writable(false)
    }
  }

  /** Sends what was written, then FIN. What the other end sends until its own FIN still comes. */
  end(): void {
    if (!this.#open || this.#finish !== 'no') return
    this.#finish = 'wanted'
    this.#pumpSoon()
  }

  /** Drops what was written and resets the other end, which may first read what is already on the wire. */
  abort(): void {
    this.#breakOff('end')
  }

  /** The system of this end breaks it off, as `abort` does, but its owner did not want it. */
  fail(): void {
    this.#breakOff('reset')
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.connection.scheduler.after(0, this.#deliver)
  }

  /** The machine of this end lost power: no word to anybody, and whatever arrives finds nobody. */
  vanish(): void {
    const wasOpen = this.#open
    this.connection.tap?.gaveUp(this)
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
    this.connection.scheduler.after(0, () =>
      this.#tell(() => {
        if (!this.#vanished) this.handlers?.closed(how)
      }),
    )
    if (!this.connection.isOpen) this.connection.onlooker?.closed()
  }

  /** Puts waiting bytes on the wire, in segments cut where chance wants them. */
  readonly pump = (): void => {
    this.#pumpDue = false
    const { connection } = this
    const { scheduler, random, profile } = connection
    const other = connection.other(this)
    while (this.#open && this.#waiting.bytes > 0) {
      if (this.#isHeldBack()) return
      const roomBytes = WINDOW_BYTES - this.#wireBytes - other.#unreadBytes
      if (roomBytes <= 0) break
      const wholeBytes = profile.bytesPerS === Number.POSITIVE_INFINITY ? roomBytes : Math.min(roomBytes, SEGMENT_BYTES)
      const readyBytes = Math.min(wholeBytes, this.#waiting.bytes)
      const bytes = random.chance(profile.splitChance) ? random.between(1, readyBytes) : readyBytes
      if (random.chance(profile.cutChance))
        this.cutAfterBytes = Math.min(this.cutAfterBytes, this.sentBytes + random.between(0, bytes))
      this.#launch(Math.min(bytes, this.cutAfterBytes - this.sentBytes), profile)
      if (this.sentBytes >= this.cutAfterBytes) {
        scheduler.at(this.arrivalMs, () => connection.reset())
        return
      }
      if (random.chance(profile.stallChance)) connection.stall(scheduler.nowMs + random.between(1, profile.stallMaxMs))
      if (random.chance(profile.resetChance)) random.pick([this, other]).fail()
    }
    if (!this.#open) return
    if (this.#full && this.#waiting.bytes < SEND_BUFFER_BYTES / 2) {
      this.#full = false
      this.#tell(() => this.handlers?.writable(true))
    }
    if (this.#finish === 'wanted' && this.#waiting.bytes === 0 && !this.#isHeldBack()) {
      this.#finish = 'sent'
      connection.onlooker?.ended(this, 'end')
      connection.tap?.ended(this, 'fin')
      this.arrivalMs = Math.max(this.arrivalMs, scheduler.nowMs + connection.latencyMs())
      scheduler.at(this.arrivalMs, () => other.#endOfStream())
      this.#closeWhenEndedBothWays()
    }
  }

  #isHeldBack(): boolean {
    const { scheduler, stalledUntilMs, passage } = this.connection
    if (this.#isLost) return true
    const isStalled = stalledUntilMs > scheduler.nowMs
    if (passage === 'held' || isStalled) {
      this.connection.tap?.heldBack(this, this.#waiting.peek(SEGMENT_BYTES))
      this.#giveUpLater()
      if (isStalled && Number.isFinite(stalledUntilMs)) {
        this.#pumpDue = true
        scheduler.at(stalledUntilMs, this.pump)
      }
      return true
    }
    if (this.#givingUp !== null) {
      this.#givingUp.cancel()
      this.#givingUp = null
    }
    if (passage !== 'forgotten') return false
    this.connection.tap?.forgotten(this, this.#waiting.peek(SEGMENT_BYTES))
    this.#dropAll()
    scheduler.after(this.connection.latencyMs(), () => this.lose('reset'))
    return true
  }

  /** What this end has to send gets nowhere: its system sends it again for a while, and then takes the other for dead. */
  #giveUpLater(): void {
    const { scheduler, profile } = this.connection
    if (this.#givingUp !== null || profile.giveUpMs === Number.POSITIVE_INFINITY) return
    this.#givingUp = scheduler.after(profile.giveUpMs, () => this.#giveUp())
  }

  #giveUp(): void {
    if (!this.#open) return
    this.connection.tap?.gaveUp(this)
    this.#resetLost = true
    this.lose('reset')
  }

  #launch(bytes: number, profile: LinkProfile): void {
    const segment = this.#waiting.take(bytes)
    const { connection } = this
    const { scheduler, onlooker } = connection
    if (onlooker !== null && bytes > 0) onlooker.passed(segment, this)
    this.sentBytes += bytes
    this.#wireBytes += bytes
    const leavesMs =
      profile.bytesPerS === Number.POSITIVE_INFINITY
        ? scheduler.nowMs
        : connection.path.leavesMs(this === connection.initiator, bytes, profile.bytesPerS)
    const againMs = profile.lossChance > 0 ? this.#repetitionsMs(profile) : NEVER_AGAIN
    if (bytes > 0) connection.tap?.launched(this, segment, againMs)
    if (this.#isLost) return
    this.arrivalMs = Math.max(this.arrivalMs, leavesMs + connection.latencyMs() + (againMs.at(-1) ?? 0))
    this.#wire.push(segment)
    scheduler.at(this.arrivalMs, this.#land)
  }

  /** How much later a segment that is lost is sent again. One that is lost too often never gets there: the end gives up. */
  #repetitionsMs({ lossChance, giveUpMs }: LinkProfile): readonly number[] {
    const { random, scheduler } = this.connection
    const againMs: number[] = []
    let lateMs = 0
    for (let repetitions = 0; random.chance(lossChance); repetitions++) {
      lateMs += REPETITION_MS * 2 ** repetitions
      if (lateMs < giveUpMs && repetitions < REPETITIONS_MAX) {
        againMs.push(lateMs)
        continue
      }
      this.#isLost = true
      scheduler.after(Math.min(lateMs, giveUpMs), () => this.#giveUp())
      break
    }
    return againMs
  }

  /** The first segment on the wire gets there. */
  readonly #land = (): void => {
    const segment = this.#wire.shift()!
    this.#wireBytes -= segment.length
    this.connection.other(this).#arrive(segment)
  }

  #arrive(segment: Buffer): void {
    if (!this.#open) {
      // A machine that came back after losing power, or broke off in vain, knows nothing of the connection and resets it.
      if ((this.#vanished || this.#resetLost) && this.connection.path.isUp(this.local.address)) {
        this.connection.tap?.ended(this, 'reset')
        this.connection.other(this).lose('reset')
      }
      return
    }
    if (segment.length > 0) {
      this.#unread.push(segment)
      this.#unreadBytes += segment.length
      this.connection.tap?.landed(this.connection.other(this), segment.length)
    }
    this.#deliver()
    if (this.#unreadBytes > 0) this.connection.tap?.unread(this, this.#unreadBytes)
  }

  /** Reads when the process runs: until then the kernel keeps what its buffer holds. */
  readonly #deliver = (): void => {
    const inputs = this.#toProcess
    if (!inputs.isHolding) {
      this.#read()
    } else if (!this.#readDue) {
      this.#readDue = true
      inputs.take(() => {
        this.#readDue = false
        this.#read()
      })
    }
  }

  #tell(run: () => void): void {
    this.#toProcess.take(run)
  }

  get #toProcess(): ProcessInputs {
    this.#inputs ??= this.connection.path.inputsAt(this.local.address)
    return this.#inputs
  }

  #read(): void {
    if (this.handlers === null || !this.#open || this.#paused) return
    if (this.#unreadBytes > 0) {
      const bytes = this.#unread.length === 1 ? this.#unread[0]! : Buffer.concat(this.#unread)
      this.#unread = []
      this.#unreadBytes = 0
      this.connection.tap?.unread(this, 0)
      this.handlers.data(bytes)
      this.connection.other(this).#windowOpened()
    }
    if (this.#endArrived && !this.#endSeen && this.#open && !this.#paused) {
      this.#endSeen = true
      this.handlers.ended?.()
      if (!this.halfOpen) this.end()
      this.#closeWhenEndedBothWays()
    }
  }

  #windowOpened(): void {
    if (this.#waiting.bytes > 0) this.#pumpSoon()
  }

  #endOfStream(): void {
    if (this.#open) this.connection.tap?.landed(this.connection.other(this), 1)
    this.#endArrived = true
    this.#deliver()
  }

  #closeWhenEndedBothWays(): void {
    if (this.#endSeen && this.#finish === 'sent') this.lose('end')
  }

  /** What is written in one moment goes together, and with `coalesceMs` little waits a while for more. */
  #pumpSoon(): void {
    if (this.#pumpDue || !this.#open) return
    const { scheduler, profile } = this.connection
    if (profile.coalesceMs === 0 || this.#finish !== 'no' || this.#waiting.bytes >= SEGMENT_BYTES) {
      this.#pumpDue = true
      scheduler.after(0, this.pump)
    } else if (!this.#gathering) {
      this.#gathering = true
      scheduler.after(profile.coalesceMs, () => {
        this.#gathering = false
        this.pump()
      })
    }
  }

  #breakOff(how: 'end' | 'reset'): void {
    if (!this.#open) return
    const { connection } = this
    const { scheduler, passage, onlooker } = connection
    const other = connection.other(this)
    this.lose(how)
    // A reset is sent once: what is lost of it is not sent again.
    if (passage !== 'flows' || connection.stalledUntilMs === Number.POSITIVE_INFINITY) {
      this.#resetLost = true
      return
    }
    if (other.isOpen) {
      onlooker?.ended(this, 'reset')
      connection.tap?.ended(this, 'reset')
    }
    const atMs = Math.max(this.arrivalMs, scheduler.nowMs + connection.latencyMs())
    scheduler.at(atMs, () => other.lose('reset'))
  }

  #dropAll(): void {
    this.#waiting.clear()
    this.#unread = []
    this.#unreadBytes = 0
  }
}
