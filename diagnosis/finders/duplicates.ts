import type { FrameRef } from '../../capture/frame.js'
import type { Guid } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { Intervals } from '../intervals.js'
import { messageText } from '../packet-facts.js'
import { Recent } from '../recent.js'
import type { MachineEnd, SeenMessage } from '../seen-message.js'
import { type Acknowledgement, isSameMachine, type SequenceReceiver } from '../sequences.js'

/** What one machine got of one source's messages to one queue, those without a transaction. */
interface Deliveries {
  readonly end: MachineEnd
  readonly identifiers: Intervals
  readonly arrivals: Recent<FrameRef>
}

const QUEUES_MAX = 100_000
const MACHINES_MAX = 64

/**
 * `duplicate-delivery`: a message that two machines took. Of a transactional one both order acks say so; of another,
 * that it reached both. Front ends and routing servers, which pass it on, do not count.
 */
export function findDuplicates(context: DiagnosisContext): Finder {
  const { book, parties } = context
  /** By source, then by destination. */
  const plain = new Map<Guid, Map<string, Deliveries[]>>()
  const forwarders = new Set<string>()
  let queues = 0

  const areTwo = (source: MachineEnd, other: MachineEnd): boolean =>
    source.qmId === null || other.qmId === null
      ? source.address !== other.address
      : source.qmId !== other.qmId || parties.areDistinct(source.qmId, source.address, other.address) === true

  return {
    message({ forwarded, from }) {
      if (forwarded && forwarders.size < QUEUES_MAX) forwarders.add(from.address)
    },

    acknowledged({ sequence, receiver, after, upTo, ack }: Acknowledgement) {
      if (receiver.forwards) return
      for (const other of sequence.receivers) {
        if (other === receiver || other.forwards || other.acknowledged === 0 || !areTwo(receiver.end, other.end))
          continue
        for (const [from, to] of receiver.arrived.within(after + 1, upTo)) {
          for (const [low, high] of other.arrived.within(from, Math.min(to, other.acknowledged))) {
            for (let number = low; number <= high; number += 1) {
              const copies = copiesOf(sequence.receivers, number)
              const [first, second] = [other, receiver].map(each => each.end)
              book.add('duplicate-delivery', {
                frames: inOrder([other.arrivals.get(number), receiver.arrivals.get(number), ack.last]),
                from: [...sequence.homes][0] ?? null,
                to: receiver.end.address,
                sequence: sequence.id,
                number,
                machines: [sequence.source, ...[first!, second!].map(nameOf)],
                weight: copies,
                text:
                  `number ${number} of sequence ${sequence.id}, from ${parties.describe(sequence.source, [...sequence.homes][0] ?? null)} to ${sequence.destination}, was taken by ` +
                  `${parties.describe(first!.qmId, first!.address)} and by ${parties.describe(second!.qmId, second!.address)}: both acknowledged it`,
              })
            }
          }
        }
      }
    },

    arrived(message: SeenMessage, at: MachineEnd) {
      if (message.transaction !== null || message.messageClass !== MessageClass.NORMAL) return
      const { source, destination, messageId } = message
      let byQueue = plain.get(source)
      let machines = byQueue?.get(destination)
      if (machines === undefined) {
        if (queues >= QUEUES_MAX) return
        queues += 1
        if (byQueue === undefined) {
          byQueue = new Map()
          plain.set(source, byQueue)
        }
        machines = []
        byQueue.set(destination, machines)
      }
      let own: Deliveries | undefined
      for (const each of machines) if (isSameMachine(each.end, at)) own = each
      if (own === undefined) {
        if (machines.length >= MACHINES_MAX) return
        own = { end: at, identifiers: new Intervals(), arrivals: new Recent<FrameRef>() }
        machines.push(own)
      }
      if (!own.identifiers.add(messageId)) return
      own.arrivals.set(messageId, message.last)
      if (machines.length === 1 || forwarders.has(at.address)) return
      const others = machines.filter(
        each =>
          each !== own && !forwarders.has(each.end.address) && each.identifiers.has(messageId) && areTwo(each.end, at),
      )
      if (others.length === 0) return
      const [first] = others
      book.add('duplicate-delivery', {
        frames: inOrder([first!.arrivals.get(messageId), message.last]),
        from: message.from.address,
        to: at.address,
        message: messageText(source, messageId),
        machines: [source, nameOf(first!.end), nameOf(at)],
        weight: others.length + 1,
        text:
          `message ${messageText(source, messageId)}, from ${parties.describe(source, message.from.address)} to ${destination}, reached ` +
          `${parties.describe(first!.end.qmId, first!.end.address)} and ${parties.describe(at.qmId, at.address)}`,
      })
    },
  }
}

function copiesOf(receivers: readonly SequenceReceiver[], number: number): number {
  return receivers.filter(each => !each.forwards && each.acknowledged >= number && each.arrived.has(number)).length
}

const nameOf = ({ qmId, address }: MachineEnd) => qmId ?? address

function inOrder(frames: readonly (FrameRef | null)[]): FrameRef[] {
  return frames.filter(frame => frame !== null).sort((a, b) => a.timeUs - b.timeUs)
}
