import type { SeenMessage } from '../seen-message.js'
import type { Sequence } from '../sequences.js'
import type { Session } from '../session.js'

/** Longest waits of one kind that are kept. */
const SAMPLES_MAX = 1_000
const SEQUENCES_MAX = 10_000
const STAGES = [3, 6, 9] as const

/** How often the first message that nobody acknowledged was sent, and when last. */
interface Ladder {
  number: number
  attempts: number
  lastUs: number
}

/** Timers, as far as they can be read off the wire. */
export class SeenTimers {
  /** Microseconds before resends 1 to 3, 4 to 6, 7 to 9, and all later ones. */
  readonly resendsUs: readonly [number[], number[], number[], number[]] = [[], [], [], []]
  /** Milliseconds, as clients ask for in ConnectionParameters. */
  readonly ackTimeoutsMs = new Set<number>()
  readonly recoverableAckTimeoutsMs = new Set<number>()
  readonly #ladders = new Map<Sequence, Ladder>()

  session({ ackTimeoutMs, recoverableAckTimeoutMs }: Session): void {
    if (ackTimeoutMs !== null && this.ackTimeoutsMs.size < SAMPLES_MAX) this.ackTimeoutsMs.add(ackTimeoutMs)
    if (recoverableAckTimeoutMs !== null && this.recoverableAckTimeoutsMs.size < SAMPLES_MAX)
      this.recoverableAckTimeoutsMs.add(recoverableAckTimeoutMs)
  }

  /** The resend timer sends the whole sequence again, from the first message on that is not acknowledged. */
  sent({ transaction, last, session, relayed, forwarded }: SeenMessage): void {
    const { sequence } = session
    if (transaction === null || relayed || forwarded || sequence === null) return
    const { number } = transaction
    const ladder = this.#ladders.get(sequence)
    if (ladder === undefined) {
      if (this.#ladders.size < SEQUENCES_MAX) this.#ladders.set(sequence, { number, attempts: 0, lastUs: last.timeUs })
    } else if (number === ladder.number) {
      ladder.attempts += 1
      const stage = STAGES.findIndex(last => ladder.attempts <= last)
      const samples = this.resendsUs[stage === -1 ? 3 : stage]!
      if (samples.length < SAMPLES_MAX) samples.push(last.timeUs - ladder.lastUs)
      ladder.lastUs = last.timeUs
    } else if (number <= sequence.home || ladder.number <= sequence.home) {
      Object.assign(ladder, { number, attempts: 0, lastUs: last.timeUs })
    }
  }
}
