import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Sequence } from '../sequences.js'
import { spanText } from './ends.js'

/** By the defaults an order ack follows 0.5 s after the last message that it covers ([MS-MQQB] 3.1.3.2). */
const LATE_US = 5_000_000

/** Order acks that came to the right machine, but late: counted from the newest message that they cover. */
export function findLateOrderAcks(context: DiagnosisContext): Finder {
  const { book, parties, sequences } = context
  const acknowledged = new WeakMap<Sequence, number>()
  return {
    orderAckArrived(ack, at) {
      const sequence = sequences.acknowledgedBy(ack)
      if (sequence === null || sequence.lastHome !== ack.last) return
      // one that says what was said before is the answer to a resend
      if (ack.number <= (acknowledged.get(sequence) ?? 0)) return
      acknowledged.set(sequence, ack.number)
      const sent = sequence.sent.get(ack.number)
      if (sent === null) return
      const us = ack.last.timeUs - sent.timeUs
      if (us < LATE_US) return
      book.add('slow-order-ack', {
        frames: [sent, ack.last],
        from: ack.from.address,
        to: at.address,
        sequence: sequence.id,
        number: ack.number,
        machines: [ack.source ?? ack.from.address, sequence.source],
        weight: us / 1e6,
        text: `${parties.describe(ack.source, ack.from.address)} acknowledged number ${ack.number} of sequence ${sequence.id} ${spanText(us)} after it was sent last; the default is half a second.`,
      })
    },
  }
}
