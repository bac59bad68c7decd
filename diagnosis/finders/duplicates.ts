import type { FrameRef } from '../../capture/frame.js'
import type { Guid } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { inOrder } from '../frames-in-order.js'
import { Intervals } from '../intervals.js'
import { isSameMachine, machineId } from '../machine-end.js'
import { messageText } from '../packet-facts.js'
import { RecentFrames } from '../recent.js'
import { unacknowledgedBy, unknownMachine } from '../reservations.js'
import type { MachineEnd, SeenMessage } from '../seen-message.js'
import type { Acknowledgement, Sequence, SequenceReceiver } from '../sequences.js'

/** What one machine got of one source's messages to one queue, those without a transaction. */
interface Deliveries {
  readonly end: MachineEnd
  readonly identifiers: Intervals
  readonly arrivals: RecentFrames
}

const QUEUES_MAX = 100_000
const MACHINES_MAX = 64

/**
 * `duplicate-delivery`: a message that two machines took. Of a transactional one both order acks say so; of another,
 * that it reached both. Front ends and routing servers, which pass it on, do not count.
 */
export function findDuplicates(context: DiagnosisContext): Finder {
  const { book, parties, sequences, sides } = context
  /** By source, then by destination. */
  const plain = new Map<Guid, Map<string, Deliveries[]>>()
  const forwarders = new Set<string>()
  let queues = 0

  /**
   * One of the two did not say who it is, and whoever else is at its address is the other, or the other answered at a balancer's
   * address: two sides of a balancer.
   */
  const mayBeOne = (a: MachineEnd, b: MachineEnd): boolean => mayBeAt(a, b.address) || mayBeAt(b, a.address)
  const mayBeAt = ({ qmId, address }: MachineEnd, other: string): boolean =>
    qmId !== null && (sides.isVirtual(address) || parties.at(other).includes(qmId))

  const areTwo = (source: MachineEnd, other: MachineEnd): boolean =>
    source.qmId === null || other.qmId === null
      ? source.address !== other.address && !mayBeOne(source, other)
      : source.qmId !== other.qmId || parties.areDistinct(source.qmId, source.address, other.address) === true

  function tell(
    sequence: Sequence,
    number: number,
    holders: readonly SequenceReceiver[],
    frames: readonly FrameRef[],
    reservations: readonly string[],
  ): void {
    const home = sequence.homeAddress
    const last = holders.at(-1)!
    const names = holders.map(({ end }) => parties.describeEnd(end))
    const evidence = {
      frames: inOrder(...holders.map(({ arrivals }) => arrivals.get(number)), ...frames),
      from: home,
      to: last.end.address,
      sequence: sequence.id,
      number,
      machines: [sequence.source, ...holders.map(({ end }) => machineId(end))],
      weight: holders.length,
      reservations,
      text: `number ${number} of sequence ${sequence.id}, from ${parties.describe(sequence.source, home)} to ${sequence.destination}, was taken by ${names.join(' and by ')}`,
    }
    if (holders.length === 2) book.add('duplicate-delivery', evidence)
    else book.worsen('duplicate-delivery', evidence)
  }

  return {
    message({ forwarded, from }) {
      if (forwarded && forwarders.size < QUEUES_MAX) forwarders.add(from.address)
    },

    acknowledged({ sequence, receiver, after, upTo, ack }: Acknowledgement) {
      if (receiver.forwards || sides.standsFor(receiver.end)) return
      for (const other of sequence.receivers) {
        if (other === receiver || other.forwards || other.acknowledged === 0 || sides.standsFor(other.end)) continue
        if (!areTwo(receiver.end, other.end)) continue
        for (const number of inBoth(receiver.arrived, other.arrived, after + 1, Math.min(upTo, other.acknowledged))) {
          const holders = sequence.receivers.filter(
            each =>
              !each.forwards && !sides.standsFor(each.end) && each.acknowledged >= number && each.arrived.has(number),
          )
          if (holders.find(each => each !== receiver) === other)
            tell(sequence, number, holders.toSorted(byArrival(number)), [ack.last], [])
        }
      }
    },

    /** Sessions that are cut take their order acks with them: what was taken all the same. */
    finish() {
      for (const sequence of sequences.list()) {
        const receivers = sequence.receivers.filter(({ forwards, end }) => !forwards && !sides.standsFor(end))
        if (receivers.length < 2) continue
        for (const number of sharedNumbers(receivers)) {
          const holders = receivers.filter(each => each.accepted.has(number)).toSorted(byArrival(number))
          const silent = holders.filter(({ acknowledged }) => acknowledged < number)
          if (silent.some(holder => sequences.mayOnlyPassOn(sequence, holder)) && sequence.resends === 0) continue
          const [first, second] = holders
          if (silent.length === 0 || holders.length - silent.length > 1 || !areTwo(first!.end, second!.end)) continue
          tell(
            sequence,
            number,
            holders,
            [],
            silent.map(({ end }) => unacknowledgedBy(parties.describeEnd(end))),
          )
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
        own = { end: at, identifiers: new Intervals(), arrivals: new RecentFrames() }
        machines.push(own)
      }
      if (!own.identifiers.add(messageId)) return
      own.arrivals.set(messageId, message.last)
      if (machines.length === 1 || forwarders.has(at.address) || sides.standsFor(at)) return
      const others = machines.filter(
        each =>
          each !== own &&
          !sides.standsFor(each.end) &&
          !forwarders.has(each.end.address) &&
          each.identifiers.has(messageId) &&
          areTwo(each.end, at),
      )
      if (others.length === 0) return
      const [first] = others
      const evidence = {
        frames: inOrder(first!.arrivals.get(messageId), message.last),
        from: message.from.address,
        to: at.address,
        message: messageText(source, messageId),
        machines: [source, ...others.map(each => machineId(each.end)), machineId(at)],
        weight: others.length + 1,
        reservations:
          message.session.protocol === 'http'
            ? []
            : [first!.end, at].filter(({ qmId }) => qmId === null).map(({ address }) => unknownMachine(address)),
        text:
          `message ${messageText(source, messageId)}, from ${parties.describe(source, message.from.address)} to ${destination}, reached ` +
          [...others.map(each => each.end), at].map(end => parties.describeEnd(end)).join(' and '),
      }
      if (others.length === 1) book.add('duplicate-delivery', evidence)
      else book.worsen('duplicate-delivery', evidence)
    },
  }
}

function* inBoth(a: Intervals, b: Intervals, from: number, to: number): Generator<number> {
  for (const [low, high] of a.within(from, to))
    for (const [first, last] of b.within(low, high)) for (let number = first; number <= last; number += 1) yield number
}

/** Numbers that two of the receivers at least have accepted, each once: told of the first two that have it. */
function* sharedNumbers(receivers: readonly SequenceReceiver[]): Generator<number> {
  for (const [index, { accepted }] of receivers.entries())
    for (let next = index + 1; next < receivers.length; next += 1) {
      const before = receivers.slice(0, next).filter((_, other) => other !== index)
      for (const number of inBoth(accepted, receivers[next]!.accepted, accepted.lowest, accepted.highest))
        if (!before.some(other => other.accepted.has(number))) yield number
    }
}

const byArrival = (number: number) => (a: SequenceReceiver, b: SequenceReceiver) =>
  (a.arrivals.get(number)?.timeUs ?? 0) - (b.arrivals.get(number)?.timeUs ?? 0)
