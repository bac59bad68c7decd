/** How a system goes on asking when nothing answers. Defaults are Linux's; Windows sends a SYN three times in 21 s. */
export interface Retransmission {
  /** Before the first repetition; each further one takes twice as long. Default 1,000 ms. */
  readonly firstMs: number
  /** How often a SYN is repeated, so that the verdict on it may be another. Default 6: after 1, 3, 7, 15, 31 and 63 s. */
  readonly synRepetitionsMax: number
  /** When a system gives up a connection that does not answer. Default 924,600 ms. */
  readonly giveUpMs: number
}

export const RETRANSMISSION: Retransmission = { firstMs: 1000, synRepetitionsMax: 6, giveUpMs: 924_600 }

/**
 * Keeps the time of one connection that hears nothing: says when its system would send again, and when it would give up.
 */
export class RetransmissionTimer {
  readonly #retransmission: Retransmission
  readonly #repeated: (repetition: number) => void
  readonly #gaveUp: () => void
  #timer: NodeJS.Timeout | undefined
  #repetition = 0

  /** `repeated` is told the number of the repetition, from 1. */
  constructor(retransmission: Retransmission, repeated: (repetition: number) => void, gaveUp: () => void) {
    this.#retransmission = retransmission
    this.#repeated = repeated
    this.#gaveUp = gaveUp
    this.#next()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #next(): void {
    const { firstMs, giveUpMs } = this.#retransmission
    const pastMs = firstMs * (2 ** this.#repetition - 1)
    const waitMs = firstMs * 2 ** this.#repetition
    if (pastMs + waitMs >= giveUpMs) this.#timer = setTimeout(this.#gaveUp, Math.max(0, giveUpMs - pastMs))
    else
      this.#timer = setTimeout(() => {
        this.#repetition++
        this.#next()
        this.#repeated(this.#repetition)
      }, waitMs)
  }
}
