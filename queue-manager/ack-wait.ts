import type { Context } from './context.js'
import type { Timer } from './timers.js'

/**
 * How long the sending half of a session waits for session acks ([MS-MQQB] 3.1.2.4, 3.1.6.3): it gives up after a whole
 * period in which messages were under way and the peer sent nothing at all.
 */
export class AckWait {
  readonly #context: Context
  readonly #periodMs: () => number
  readonly #isAwaiting: () => boolean
  readonly #timer: Timer
  #heard = false

  constructor(context: Context, periodMs: () => number, isAwaiting: () => boolean, giveUp: () => void) {
    this.#context = context
    this.#periodMs = periodMs
    this.#isAwaiting = isAwaiting
    this.#timer = context.timers.create('session ack wait', () => {
      if (!this.#isAwaiting()) return
      if (this.#heard) this.#start()
      else giveUp()
    })
  }

  /** The peer sent a packet, whatever it says. */
  heard(): void {
    this.#heard = true
  }

  /** A message left. */
  transmitted(): void {
    if (!this.#timer.running) this.#start()
  }

  /** A session ack came: the wait begins anew, or ends. */
  acknowledged(): void {
    if (this.#isAwaiting()) this.#start()
    else this.#timer.stop()
  }

  end(): void {
    this.#timer.discard()
  }

  #start(): void {
    this.#heard = false
    this.#timer.start(this.#context.now, this.#periodMs())
  }
}
