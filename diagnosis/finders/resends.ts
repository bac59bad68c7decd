import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { inOrder } from '../frames-in-order.js'
import { machineId } from '../machine-end.js'
import { messageText } from '../packet-facts.js'

/** An ack and a resend that cross each other on the way are no news. */
const CROSSING_US = 100_000

/** `acked-but-resent`: a message that was sent again although a receiver had sent its order ack. */
export function findAckedButResent({ book, parties }: DiagnosisContext): Finder {
  return {
    resent(message, sequence, before) {
      const { number } = message.transaction!
      if (sequence.home >= number) return
      const receiver = sequence.receivers.find(
        ({ acknowledged, lastAck, forwards }) =>
          !forwards &&
          acknowledged >= number &&
          lastAck !== null &&
          lastAck.timeUs < message.first.timeUs - CROSSING_US,
      )
      if (receiver === undefined) return
      const { lastAck, end } = receiver
      const s = (message.first.timeUs - lastAck!.timeUs) / 1e6
      book.add('acked-but-resent', {
        frames: inOrder(before, lastAck, message.last),
        from: message.from.address,
        to: message.session.connection.server.address,
        message: messageText(message.source, message.messageId),
        sequence: sequence.id,
        number,
        machines: [sequence.source, machineId(end)],
        weight: s,
        text: `${parties.describe(message.source, message.from.address)} sends number ${number} of sequence ${sequence.id} again, ${s.toFixed(1)} s after ${parties.describeEnd(end)} acknowledged it: the order ack did not reach it`,
      })
    },
  }
}
