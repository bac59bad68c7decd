import type { Context } from './context.js'
import type { IncomingSequence } from './incoming-sequence.js'
import type { Timer } from './timers.js'

/**
 * When a session's order acks go out ([MS-MQQB] 3.1.5.8.6, 3.1.6.9): OrderAckTimeout after the last transactional
 * message, put off by each new one for SeqMaxAckDelay at most. They die with the session.
 */
export class OrderAckSchedule {
  readonly #context: Context
  readonly #send: (sequence: IncomingSequence) => void
  readonly #timer: Timer
  readonly #due = new Set<IncomingSequence>()
  #lastSentMs: number

  constructor(context: Context, send: (sequence: IncomingSequence) => void) {
    this.#context = context
    this.#send = send
    this.#timer = context.timers.create('order ack send', () => this.#fire())
    this.#lastSentMs = context.now.monotonicMs
  }

  /** A message of `sequence` was taken or refused. */
  add(sequence: IncomingSequence): void {
    // of a sequence of which nothing was ever taken there is nothing to say, and no end of them could be invented
    if (sequence.taken.number === 0) return
    const { now, settings } = this.#context
    this.#due.add(sequence)
    const putOffMs = now.monotonicMs - this.#lastSentMs
    if (!this.#timer.running || putOffMs < settings.SeqMaxAckDelay * 1000)
      this.#timer.start(now, settings.OrderAckTimeout)
  }

  end(): void {
    this.#timer.discard()
    this.#due.clear()
  }

  #fire(): void {
    this.#lastSentMs = this.#context.now.monotonicMs
    for (const sequence of this.#due) this.#send(sequence)
    this.#due.clear()
  }
}
