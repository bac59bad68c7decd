import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { machineId } from '../machine-end.js'
import { passingOn } from '../reservations.js'
import type { Sequence, SequenceReceiver } from '../sequences.js'
import { FIRST_RESEND_US } from './first-resend.js'

/**
 * What is wrong with a transactional sequence when the capture ends: `outgoing-queue-stuck`, `order-ack-never-sent`,
 * `sequence-broken`. What is merely under way then is none of them.
 */
export function findSequencesAtTheEnd(context: DiagnosisContext): Finder {
  return {
    finish() {
      for (const sequence of context.sequences.list()) {
        judgeOutgoingQueue(context, sequence)
        for (const receiver of sequence.receivers)
          if (!receiver.forwards && !context.sides.standsFor(receiver.end)) judgeReceiver(context, sequence, receiver)
      }
    },
  }
}

function judgeOutgoingQueue({ book, parties, coverage }: DiagnosisContext, sequence: Sequence): void {
  const { home, highestSent, resendsInVain, astray, lastSent, lastHome } = sequence
  if (highestSent <= home || lastSent === null) return
  const isInVain = resendsInVain >= 2 || (astray > 0 && resendsInVain > 0)
  const oldest = sequence.sent.get(home + 1) ?? sequence.firstSent
  if (!isInVain || oldest === null) return
  const from = sequence.homeAddress
  const waiting = highestSent - home
  book.add('outgoing-queue-stuck', {
    frames: [oldest, lastSent],
    from,
    to: null,
    sequence: sequence.id,
    number: home + 1,
    machines: [sequence.source],
    weight: waiting,
    reservations: astray > 0 || from === null ? [] : acksMissed(sequence, coverage.ofStreams()),
    text:
      `${parties.describe(sequence.source, from)} cannot empty its outgoing queue to ${sequence.destination}: ` +
      `${waiting} of the messages in this capture wait for an order ack, from number ${home + 1} of sequence ${sequence.id} on, ` +
      `after ${resendsInVain} transmissions in vain; ${astray > 0 ? `${astray} order acks went elsewhere` : 'no order ack went elsewhere'}` +
      `${lastHome === null ? '' : `, the last that came home is in frame ${lastHome.number}`}`,
  })
}

/** Its order acks may go a way that was not captured. */
function acksMissed({ receivers, lastHome }: Sequence, holes: string[]): string[] {
  if (lastHome !== null || receivers.some(({ lastAck }) => lastAck !== null)) return holes
  return [...holes, 'no order ack of this sequence is in the capture: they may go a way that was not captured']
}

function judgeReceiver(context: DiagnosisContext, sequence: Sequence, receiver: SequenceReceiver): void {
  const { book, parties, coverage, sequences } = context
  const { end, refused, acknowledged, taken } = receiver
  const common = {
    from: sequence.homeAddress,
    to: end.address,
    sequence: sequence.id,
    machines: [sequence.source, machineId(end)],
  }
  if (refused !== null && taken < refused.number && isOverdue(context, sequence, refused.number, refused.frame)) {
    const mayPassOn = sequences.mayOnlyPassOn(sequence, receiver)
    if (mayPassOn && sequence.resends === 0) return
    const isKnown = sequence.receivers.some(
      other => other !== receiver && !other.forwards && other.arrived.has(refused.previous),
    )
    const missing =
      taken === 0 ? `it has nothing of the sequence` : `the last that it took of the sequence is number ${taken}`
    book.add('sequence-broken', {
      ...common,
      frames: [refused.frame],
      number: refused.number,
      weight: receiver.arrived.countWithin(taken + 1, receiver.arrived.highest),
      reservations: [
        ...(isKnown ? [] : ['the message before may have been sent before the capture began, or in a hole']),
        ...coverage.ofStreams(),
        ...(mayPassOn ? [passingOn(end.address)] : []),
      ],
      text: `${parties.describeEnd(end)} cannot take number ${refused.number} of sequence ${sequence.id}: it follows number ${refused.previous}, and ${missing}`,
    })
    return
  }
  const next = firstAbove(receiver, acknowledged)
  // a sender that does not send again has got its order ack, whatever way that went
  if (
    next === null ||
    sequence.resends === 0 ||
    next > taken ||
    next <= receiver.turnedAway ||
    sequences.refuses(sequence, receiver)
  )
    return
  const arrival = receiver.arrivals.get(next)
  if (arrival === null || !isOverdue(context, sequence, next, arrival)) return
  book.add('order-ack-never-sent', {
    ...common,
    frames: [arrival],
    number: next,
    weight: receiver.arrived.countWithin(next, taken),
    reservations: coverage.absenceOf(end.address),
    text:
      `${parties.describeEnd(end)} got number ${next} of sequence ${sequence.id} in frame ${arrival.number} and sent no order ack for it ` +
      `in the ${((context.nowUs() - arrival.timeUs) / 1e6).toFixed(1)} s until the end`,
  })
}

/** It was sent again since, or it has been too long in any case. */
function isOverdue({ nowUs }: DiagnosisContext, sequence: Sequence, number: number, since: FrameRef): boolean {
  if (nowUs() - since.timeUs > FIRST_RESEND_US) return true
  const latest = sequence.sent.get(number)
  return latest !== null && sequence.resendsInVain > 0 && latest.timeUs > since.timeUs
}

function firstAbove({ arrived }: SequenceReceiver, number: number): number | null {
  for (const [from] of arrived.within(number + 1, arrived.highest)) return from
  return null
}
