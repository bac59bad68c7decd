import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'
import type { DiagnosisContext } from '../context.js'
import { countText, endName, endsOf, gapsIn, other, spanText } from './ends.js'
import type { SessionFlow } from './session-flow.js'

/** However short the agreed times are, a machine may be that late. */
const LATE_MIN_US = 2_000_000

interface Worst {
  count: number
  us: number
  limitUs: number
  sent: FrameRef
  acknowledged: FrameRef
}

/**
 * Session acks that came later than the two ends agreed: after RecoverableAckTimeout for recoverable messages (twice that
 * and a second are granted), and AckTimeout for all. One finding for each session and direction, of its slowest ack.
 */
export class SlowSessionAcks {
  readonly #context: DiagnosisContext
  readonly #worst = new Map<SessionFlow, [Worst | null, Worst | null]>()

  constructor(context: DiagnosisContext) {
    this.#context = context
  }

  /** Messages of `direction` are being acknowledged; the oldest is still the first in the flight. */
  acknowledged(flow: SessionFlow, direction: Direction, frame: FrameRef): void {
    const oldest = flow.flights[direction].waiting.at(0)!
    const us = frame.timeUs - oldest.frame.timeUs
    if (us < LATE_MIN_US) return
    const limitUs = limitOf(flow, oldest.recoverable)
    if (us < limitUs) return
    const both = this.#worst.get(flow) ?? [null, null]
    const known = both[direction]
    const count = (known?.count ?? 0) + 1
    const isWorse = known === null || us > known.us
    both[direction] = isWorse ? { count, us, limitUs, sent: oldest.frame, acknowledged: frame } : { ...known, count }
    this.#worst.set(flow, both)
  }

  ended(flow: SessionFlow): void {
    const both = this.#worst.get(flow)
    if (both === undefined) return
    this.#worst.delete(flow)
    for (const direction of [0, 1] as const) {
      const worst = both[direction]
      if (worst !== null) this.#report(flow, direction, worst)
    }
  }

  #report({ session }: SessionFlow, direction: Direction, worst: Worst): void {
    const receiver = endName(this.#context, session, other(direction))
    const times = worst.count === 1 ? 'once' : `${worst.count} times, the longest of which is this one`
    this.#context.book.add('slow-session-ack', {
      ...endsOf(session, direction),
      frames: [worst.sent, worst.acknowledged],
      text: `${receiver} acknowledged a message ${spanText(worst.us)} after it arrived, where ${spanText(worst.limitUs)} would have been in time (${times} on ${session.name}, which carried ${countText(session.messages[direction], 'message')} that way)`,
      weight: worst.us / 1e6,
      // an earlier one may lie there
      reservations: gapsIn(session, other(direction)),
    })
  }
}

function limitOf({ session }: SessionFlow, recoverable: boolean): number {
  const plainMs = session.ackTimeoutMs ?? DEFAULT_SETTINGS.AckWaitTimeout
  const delayMs = session.recoverableAckTimeoutMs ?? DEFAULT_SETTINGS.RecoverableAckSendTimeoutMin
  const limitMs = recoverable ? Math.min(plainMs, 2 * delayMs + 1_000) : plainMs
  return Math.max(LATE_MIN_US, limitMs * 1000)
}
