import type { FrameRef } from '../../capture/frame.js'
import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { SeenMessage } from '../seen-message.js'
import type { Sequence } from '../sequences.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import { countText, spanText } from './ends.js'

const { SeqResend13Time, SeqResend46Time, SeqResend79Time, SeqResend10Time } = DEFAULT_SETTINGS
/** Seconds before each resend by the defaults ([MS-MQQB] <24>); the last goes on for ever. */
const LADDER_S = [SeqResend13Time, SeqResend46Time, SeqResend79Time].flatMap(s => [s, s, s]).concat(SeqResend10Time)
/** An interval is a step of the ladder if it is that near to it. */
const NEAR = 0.1
/** Sooner it is what was under way when a timer that ran already struck. */
const STEP_MIN_US = 500_000
const SEQUENCES_MAX = 50_000

/** Resends of one sequence while its first unacknowledged message stays the same: each time around begins with it. */
interface Ladder {
  readonly sequence: Sequence
  readonly number: number
  readonly destination: string
  readonly session: Session
  readonly first: FrameRef
  readonly firstResend: FrameRef
  last: FrameRef
  resends: number
  /** Before the latest one. */
  intervalUs: number
}

/**
 * Transactional messages that are sent again since no order ack came: how far up the ladder of resend intervals their
 * sequence is, and when the next one is due. What is sent again since a session was lost is told apart: it comes in a new
 * session, at no interval of the ladder.
 */
export function findResendLadders(context: DiagnosisContext): Finder {
  const ladders = new BoundedMap<Sequence, Ladder>(SEQUENCES_MAX, report)

  return {
    resent(message, sequence, before) {
      if (message.forwarded || before === null) return
      const { number } = message.transaction!
      let ladder = ladders.get(sequence)
      if (ladder !== undefined && (number < ladder.number || sequence.home >= ladder.number)) {
        ladders.take(sequence)
        report(ladder)
        ladder = undefined
      }
      const us = message.last.timeUs - before.timeUs
      if (sequence.home >= number || (ladder !== undefined && ladder.number !== number)) return
      if (!isStep(message, before, us)) return
      if (ladder === undefined) ladders.set(sequence, newLadder(message, sequence, before))
      else {
        ladder.resends += 1
        ladder.last = message.last
        ladder.intervalUs = us
      }
    },
    finish() {
      for (const ladder of ladders.values()) report(ladder)
    },
  }

  function report({ sequence, number, destination, session, first, firstResend, last, ...rest }: Ladder): void {
    const { resends, intervalUs } = rest
    const { lastHome } = sequence
    const isAcknowledged = sequence.home >= number && lastHome !== null
    const from = sequence.homeAddress
    const { step, nextS } = stepOf(resends, intervalUs)
    const next = isAcknowledged
      ? `the last order ack came ${spanText(lastHome.timeUs - first.timeUs)} after the first sending`
      : `the next one is due ${dueText(last, nextS)}`
    context.book.add('resend-ladder', {
      frames: [first, firstResend, ...(last === firstResend ? [] : [last]), ...(isAcknowledged ? [lastHome] : [])],
      from,
      to: session.connection.server.address,
      sequence: sequence.id,
      number,
      machines: [sequence.source],
      weight: resends,
      text:
        `${context.parties.describe(sequence.source, from)} sent sequence ${sequence.id} to ${destination} again from number ${number} on: ` +
        `${countText(resends, 'resend')} for want of an order ack within ${spanText(last.timeUs - first.timeUs)}, ` +
        `the latest after ${spanText(intervalUs)} (${step}); ${next}`,
    })
  }
}

function newLadder(message: SeenMessage, sequence: Sequence, before: FrameRef): Ladder {
  const { transaction, destination, session, last } = message
  return {
    sequence,
    number: transaction!.number,
    destination,
    session,
    first: before,
    firstResend: last,
    last,
    resends: 1,
    intervalUs: last.timeUs - before.timeUs,
  }
}

/** On the session that it was sent on before MSMQ sends a message again only by the ladder; else the interval tells. */
function isStep({ session }: SeenMessage, before: FrameRef, us: number): boolean {
  if (us < STEP_MIN_US) return false
  const isSameSession = session.protocol === 'msmq' && session.connection.first.timeUs < before.timeUs
  return isSameSession || LADDER_S.some(s => isNear(us, s))
}

function isNear(us: number, s: number): boolean {
  return Math.abs(us / 1e6 - s) <= NEAR * s
}

/** Which rung that is, and how many seconds later the next one follows; null when the timers are not the defaults. */
function stepOf(resends: number, intervalUs: number): { step: string; nextS: number | null } {
  const at = LADDER_S.findIndex(s => isNear(intervalUs, s))
  if (at < 0) return { step: 'its resend times are not the defaults', nextS: null }
  const step = at === 9 ? 'resend 10 or later of the ladder' : `resend ${at + 1} to ${at + 3} of the ladder`
  // the count is right if all of them were captured, and then it agrees with the interval
  const rung = Math.min(resends, LADDER_S.length)
  const isCounted = LADDER_S[rung - 1] === LADDER_S[at]
  return { step, nextS: LADDER_S[Math.min(isCounted ? rung : at, LADDER_S.length - 1)]! }
}

function dueText(last: FrameRef, nextS: number | null): string {
  if (nextS === null) return 'after an interval that is not shorter'
  const due = new Date(Math.round((last.timeUs + nextS * 1e6) / 1000)).toISOString()
  return `${spanText(nextS * 1e6)} after it, at ${due}`
}
