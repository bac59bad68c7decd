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
const SEQUENCES_MAX = 50_000

/** The first unacknowledged message of a sequence: all resends of the sequence begin with it. */
interface Witness {
  readonly sequence: Sequence
  readonly number: number
  readonly destination: string
  readonly first: FrameRef
  last: FrameRef
  session: Session
  /** Resends for want of an order ack, and the interval before the latest one. */
  resends: number
  intervalUs: number
  firstResend: FrameRef | null
}

/**
 * Transactional messages that are sent again since no order ack came: how far up the ladder of resend intervals their
 * sequence is, and when the next one is due. What is sent again since a session was lost is told apart: it comes in a new
 * session, at no interval of the ladder.
 */
export function findResendLadders(context: DiagnosisContext): Finder {
  const witnesses = new BoundedMap<Sequence, Witness>(SEQUENCES_MAX, report)

  return {
    message(message) {
      const { transaction, relayed, forwarded, session, last } = message
      const { sequence } = session
      if (transaction === null || relayed || forwarded || sequence === null) return
      const { number } = transaction
      const witness = witnesses.get(sequence)
      if (witness === undefined || witness.number <= sequence.home || number < witness.number) {
        if (witness !== undefined) {
          witnesses.take(sequence)
          report(witness)
        }
        if (number > sequence.home) witnesses.set(sequence, witnessOf(message, sequence))
      } else if (number === witness.number) {
        const us = last.timeUs - witness.last.timeUs
        if (isResend(witness, message, us)) {
          witness.resends += 1
          witness.intervalUs = us
          witness.firstResend ??= last
        }
        witness.last = last
        witness.session = session
      }
    },
    finish() {
      for (const witness of witnesses.values()) report(witness)
    },
  }

  function report(witness: Witness): void {
    const { sequence, number, destination, first, last, resends, intervalUs, firstResend } = witness
    if (firstResend === null) return
    const acknowledged = sequence.home >= number && sequence.lastHome !== null
    const sender = context.parties.describe(sequence.source, sequence.homes.values().next().value ?? null)
    const { step, nextS } = stepOf(resends, intervalUs)
    const next = acknowledged
      ? `an order ack came ${spanText(sequence.lastHome!.timeUs - first.timeUs)} after the first sending`
      : `the next one is due ${dueText(last, nextS)}`
    context.book.add('resend-ladder', {
      frames: acknowledged ? [first, firstResend, last, sequence.lastHome!] : [first, firstResend, last],
      from: witness.session.connection.client.address,
      to: witness.session.connection.server.address,
      sequence: sequence.id,
      number,
      machines: [sequence.source],
      weight: resends,
      text: `${sender} sent sequence ${sequence.id} to ${destination} again from number ${number}: ${countText(resends, 'resend')} without an order ack within ${spanText(last.timeUs - first.timeUs)}, the latest after ${spanText(intervalUs)} (${step}); ${next}.`,
    })
  }
}

function witnessOf({ transaction, destination, last, session }: SeenMessage, sequence: Sequence): Witness {
  return {
    sequence,
    number: transaction!.number,
    destination,
    first: last,
    last,
    session,
    resends: 0,
    intervalUs: 0,
    firstResend: null,
  }
}

/** On one session, MSMQ sends a message again only by the ladder; on others, and over HTTP, the interval tells. */
function isResend(witness: Witness, { session }: SeenMessage, us: number): boolean {
  return (session === witness.session && session.protocol === 'msmq') || LADDER_S.some(s => isNear(us, s))
}

function isNear(us: number, s: number): boolean {
  return Math.abs(us / 1e6 - s) <= NEAR * s
}

/** Which rung that is, and how many seconds later the next one follows; null when the timers are not the defaults. */
function stepOf(resends: number, intervalUs: number): { step: string; nextS: number | null } {
  const at = LADDER_S.findIndex(s => isNear(intervalUs, s))
  if (at < 0) return { step: 'its resend times are not the defaults', nextS: null }
  const rung = at === 9 ? 'resend 10 or later of the ladder' : `resend ${at + 1} to ${at + 3} of the ladder`
  // the count is right if all of them were captured, and then it agrees with the interval
  const isCounted = LADDER_S[Math.min(resends, LADDER_S.length) - 1] === LADDER_S[at]
  const after = isCounted ? resends : at
  return { step: rung, nextS: LADDER_S[Math.min(after, LADDER_S.length - 1)]! }
}

function dueText(last: FrameRef, nextS: number | null): string {
  if (nextS === null) return 'after an interval that is not shorter'
  const due = new Date(Math.round((last.timeUs + nextS * 1e6) / 1000)).toISOString()
  return `${spanText(nextS * 1e6)} after it, at ${due}`
}
