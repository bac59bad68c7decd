import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { inOrder } from '../frames-in-order.js'
import { isSameMachine, machineId } from '../machine-end.js'
import { unacknowledgedBy } from '../reservations.js'
import type { MachineEnd } from '../seen-message.js'
import type { SeenTransaction } from '../seen-transactions.js'
import type { SequenceReceiver } from '../sequences.js'
import { FIRST_RESEND_US } from './first-resend.js'

/**
 * `transaction-torn`: a machine took some of a transaction's messages and not all, and the rest went to another
 * machine, or to nobody for longer than it takes to send it again. Judged when the capture ends, or when the transaction
 * is too long ago to be kept.
 */
export function findTornTransactions(context: DiagnosisContext): Finder {
  const { transactions, sequences, sides, nowUs } = context
  transactions.onForgotten = transaction => judge(context, transaction)
  return {
    finish() {
      for (const transaction of transactions.list()) judge(context, transaction)
    },
  }

  function judge({ book, parties, coverage }: DiagnosisContext, transaction: SeenTransaction): void {
    const { hasFirst, hasLast, messages, taken, source, frame, sequence, firstNumber } = transaction
    if (!hasFirst || !hasLast || taken.every(each => each.messages === messages)) return
    const own = sequences.get(source, sequence)
    const real = taken.filter(({ receiver }) => !receiver.forwards && !sides.standsFor(receiver.end))
    const shares = sharesOf(real, receiver => own !== null && sequences.mayOnlyPassOn(own, receiver))
    const parts = shares.filter(share => share.messages < messages)
    const [part] = parts
    if (part === undefined) return
    if (shares.length === 1 && !wentElsewhere(transaction) && nowUs() - part.frame.timeUs <= FIRST_RESEND_US) return
    const silent = parts.filter(share => !share.isAcknowledged)
    const isResent = (own?.resends ?? 0) > 0
    if (!isResent && parts.every(({ mayPassOn }) => mayPassOn)) return
    // messages that nobody is seen to get may lie in a hole, or in a packet that nobody can read
    const seen = shares.reduce((sum, share) => sum + share.messages, 0)
    if (!isResent && seen < messages && coverage.ofStreams().length > 0) return
    const home = own?.homeAddress ?? null
    book.add('transaction-torn', {
      frames: inOrder(frame, ...parts.map(each => each.frame)),
      from: home,
      to: part.end.address,
      sequence,
      number: firstNumber,
      machines: [source, ...parts.map(({ end }) => machineId(end))],
      weight: messages,
      reservations: [...silent.map(({ end }) => unacknowledgedBy(parties.describeEnd(end))), ...coverage.ofStreams()],
      text:
        `of a transaction of ${messages} messages that begins with number ${firstNumber} of sequence ${sequence}, ` +
        `from ${parties.describe(source, home)}, ${parts.map(share => `${parties.describeEnd(share.end)} has ${share.messages}`).join(', ')}, and not the rest`,
    })
  }

  /** What a machine lacks of its sequence has reached another. */
  function wentElsewhere({ source, sequence: id, taken }: SeenTransaction): boolean {
    const sequence = sequences.get(source, id)
    if (sequence === null) return false
    return taken.some(({ receiver }) =>
      sequence.receivers.some(
        other =>
          other.end.address !== receiver.end.address && !other.forwards && other.arrived.highest > receiver.taken,
      ),
    )
  }
}

/** What one machine has of a transaction. */
interface Share {
  readonly end: MachineEnd
  messages: number
  isAcknowledged: boolean
  readonly mayPassOn: boolean
  readonly frame: FrameRef
}

function sharesOf(taken: SeenTransaction['taken'], mayPassOn: (receiver: SequenceReceiver) => boolean): Share[] {
  const shares: Share[] = []
  for (const { receiver, messages, upTo, frame } of taken) {
    const isAcknowledged = receiver.acknowledged >= upTo
    const own = shares.find(({ end }) => isSameMachine(end, receiver.end))
    if (own === undefined)
      shares.push({ end: receiver.end, messages, isAcknowledged, mayPassOn: mayPassOn(receiver), frame })
    else {
      own.messages += messages
      own.isAcknowledged &&= isAcknowledged
    }
  }
  return shares
}
