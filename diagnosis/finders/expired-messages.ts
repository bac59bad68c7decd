import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { machineId } from '../machine-end.js'
import { spanText } from './ends.js'

const FOR_EVER = 0xffffffff
/** SentTime is whole seconds, and the time of arrival is not the capture's. */
const SLACK_S = 2

/**
 * Messages whose time to reach the queue was over when they arrived: their receiver drops them. A sender does not send
 * what has expired by its own clock, so that one of the clocks is wrong, or the message was very long under way.
 */
export function findExpiredMessages({ book, parties }: DiagnosisContext): Finder {
  return {
    arrived(message, at) {
      const { session, sentTimeS, timeToReachQueueS, last } = message
      // over HTTP lifetimes are the sender's business alone
      if (timeToReachQueueS === FOR_EVER || session.protocol !== 'msmq') return
      const lateS = last.timeUs / 1e6 - sentTimeS - timeToReachQueueS
      if (lateS < SLACK_S) return
      book.add('expired-on-arrival', {
        frames: [last],
        from: message.from.address,
        to: at.address,
        message: `${message.source}\\${message.messageId}`,
        sequence: message.transaction?.sequence ?? null,
        number: message.transaction?.number ?? null,
        machines: [message.source, machineId(at)],
        weight: lateS,
        text: `A message of ${parties.describe(message.source, message.from.address)} for ${message.destination} arrived at ${parties.describe(at.qmId, at.address)} ${spanText(lateS * 1e6)} after its end, by the capture's clock: it may be under way for ${timeToReachQueueS} s after ${new Date(sentTimeS * 1000).toISOString()}`,
      })
    },
  }
}
