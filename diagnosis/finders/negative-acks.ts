import type { FrameRef } from '../../capture/frame.js'
import type { Guid } from '../../protocol/guid.js'
import { isNegativeAcknowledgment, MessageClass, messageClassName } from '../../protocol/message-class.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { messageText } from '../packet-facts.js'
import type { SeenFinalAck, SeenMessage } from '../seen-message.js'

const OS_HOST = /^OS:([^\\]+)\\/i
/** Messages whose destination is remembered, newest first to go last. */
const REMEMBERED_MAX = 65_536
const HOSTS_MAX = 10_000

/**
 * `name-validation-discard`: messages to `DIRECT=OS:name` that a receiver turned away as if the queue were not there.
 * `negative-acknowledgement`: every other refusal.
 */
export function findNegativeAcks({ book, parties }: DiagnosisContext): Finder {
  /** Of messages to names: host name and frame, by `guid\id`. */
  const toNames = new Map<string, { readonly host: string; readonly frame: FrameRef }>()
  /** Machines that messages to a name reached: more than one, and it is a cluster's. */
  const reached = new Map<string, Set<Guid>>()

  const refused = (ack: SeenMessage | SeenFinalAck, about: string): void => {
    const { messageClass } = ack
    const by = parties.describe(ack.source, ack.from.address)
    const message = toNames.get(about)
    const common = {
      frames: message === undefined ? [ack.last] : [message.frame, ack.last],
      from: ack.from.address,
      to: ack.session.connection.server.address,
      message: about,
      machines: [ack.source ?? ack.from.address],
    }
    if (message !== undefined && messageClass === MessageClass.NACK_BAD_DST_Q) {
      const machines = reached.get(message.host)?.size ?? 0
      book.add('name-validation-discard', {
        ...common,
        weight: machines,
        reservations:
          machines > 1
            ? []
            : [
                `a receiver answers the same where the queue does not exist; only one machine was reached as ${message.host}`,
              ],
        text:
          `${by} turned away message ${about} to DIRECT=OS:${message.host} (NACK_BAD_DST_Q)` +
          `${machines > 1 ? `: ${machines} machines are reached by that name, so it is none of theirs` : ''}`,
      })
    } else {
      book.add('negative-acknowledgement', {
        ...common,
        text: `${by} refused message ${about}: ${messageClassName(messageClass)}`,
      })
    }
  }

  /** Many messages in a row go to one destination. */
  let latest: { readonly destination: string; readonly host: string | null } = { destination: '', host: null }
  const hostIn = (destination: string): string | null => {
    if (destination !== latest.destination)
      latest = { destination, host: OS_HOST.exec(destination)?.[1]?.toLowerCase() ?? null }
    return latest.host
  }

  return {
    arrived(message, { qmId }) {
      const host = hostIn(message.destination)
      if (host === null) return
      if (qmId !== null) {
        const machines = reached.get(host)
        if (machines !== undefined) machines.add(qmId)
        else if (reached.size < HOSTS_MAX) reached.set(host, new Set([qmId]))
      }
      const key = messageText(message.source, message.messageId)
      toNames.delete(key)
      toNames.set(key, { host, frame: message.last })
      if (toNames.size > REMEMBERED_MAX) toNames.delete(toNames.keys().next().value!)
    },
    message(message) {
      if (!message.relayed && message.about !== null && isNegativeAcknowledgment(message.messageClass))
        refused(message, message.about)
    },
    finalAck(ack) {
      if (!ack.relayed && isNegativeAcknowledgment(ack.messageClass)) refused(ack, ack.about)
    },
  }
}
