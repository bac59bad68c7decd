import type { SessionHeader } from '../protocol/binary/session-header.js'
import type { Context } from './context.js'
import { type Receipt, ReceiveWindow } from './receive-window.js'
import type { Timer } from './timers.js'

/** Until the handshake gives one, recoverable messages have no ack delay of their own ([MS-MQQB] 3.1.3.2). */
const NO_RECOVERABLE_DELAY_MS = 0xffffffff

/**
 * When the receiving half of a session acknowledges ([MS-MQQB] 3.1.5.8.2, 3.1.5.8.7, 3.1.6.4, 3.1.7.11): half a window at
 * once; else after AckWaitTimeout / 2, or sooner for recoverable messages; or along with a message that goes the other way.
 */
export class SessionAcknowledger {
  ackWaitTimeoutMs: number
  recoverableDelayMs = NO_RECOVERABLE_DELAY_MS
  /** What the peer's own window lets it have in flight towards us; it sends no more than the smaller of both windows. */
  peerWindow = 0xffff
  readonly window = new ReceiveWindow()
  readonly #context: Context
  readonly #send: () => void
  readonly #timer: Timer
  readonly #full: () => void
  /** The message that is being settled is the first recoverable one since the last ack. */
  #first = false
  #delayMs = 0

  /** @param send writes a SessionAck with what {@link take} gives. */
  constructor(context: Context, send: () => void) {
    this.#context = context
    this.#send = send
    this.#full = () => {
      this.#send()
      this.#first = true
    }
    this.#timer = context.timers.create('session ack send', () => this.#sendIfDue())
    this.ackWaitTimeoutMs = context.settings.AckWaitTimeout + context.settings.RoundTripDelay
  }

  /** Settles a received message: from now on the session ack may cover it. */
  settle(receipt: Receipt): void {
    const { window } = this
    this.#first = window.recoverablePending === 0
    window.settle(receipt, this.#full)
    if (window.unacknowledged === 0) return
    const inFlightMax = Math.min(this.#context.settings.MaxUnackedPacket, this.peerWindow)
    if (window.unacknowledged * 2 >= inFlightMax) this.#send()
    else if (this.#first && window.recoverablePending > 0)
      this.#start(Math.min(this.recoverableDelayMs, this.#plainDelayMs()))
    else if (!this.#timer.running) this.#start(this.#plainDelayMs())
  }

  /** More than 75 % of the delay is over: a message that goes out now carries the header. */
  get piggybackDue(): boolean {
    const { deadlineMs } = this.#timer
    if (deadlineMs === null || this.window.unacknowledged === 0) return false
    return deadlineMs - this.#context.now.monotonicMs < this.#delayMs / 4
  }

  /** The receiving half of a SessionHeader that is being written: it counts as sent. */
  take(): Pick<SessionHeader, 'ackSequenceNumber' | 'recoverableMsgAckSeqNumber' | 'recoverableMsgAckFlags'> {
    this.#timer.stop()
    return this.window.acknowledge()
  }

  end(): void {
    this.#timer.discard()
  }

  #sendIfDue(): void {
    if (this.window.unacknowledged > 0) this.#send()
  }

  #plainDelayMs(): number {
    const { IdleAckDelay } = this.#context.settings
    const halfMs = this.ackWaitTimeoutMs / 2
    return IdleAckDelay > 0 ? Math.min(IdleAckDelay, halfMs) : halfMs
  }

  #start(delayMs: number): void {
    this.#delayMs = delayMs
    this.#timer.start(this.#context.now, delayMs)
  }
}
