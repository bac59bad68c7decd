import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { machineId } from '../machine-end.js'
import { spanText } from './ends.js'

/** By the defaults an order ack follows 0.5 s after the last message that it covers ([MS-MQQB] 3.1.3.2). */
const LATE_US = 5_000_000

/** Order acks that were sent late, wherever they went: counted from the newest message that they cover. */
export function findLateOrderAcks({ book, parties, coverage }: DiagnosisContext): Finder {
  return {
    acknowledged({ sequence, receiver, upTo, ack }) {
      const arrival = receiver.arrivals.get(upTo)
      if (arrival === null) return
      const us = ack.last.timeUs - arrival.timeUs
      if (us < LATE_US) return
      book.add('slow-order-ack', {
        frames: [arrival, ack.last],
        from: ack.from.address,
        to: sequence.homeAddress,
        sequence: sequence.id,
        number: upTo,
        machines: [machineId(receiver.end), sequence.source],
        weight: us / 1e6,
        reservations: coverage.ofStreams(),
        text: `${parties.describeEnd(receiver.end)} acknowledged number ${upTo} of sequence ${sequence.id} ${spanText(us)} after it arrived; the default is half a second`,
      })
    },
  }
}
