import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { FindingKindId } from '../finding-kinds.js'
import { inOrder } from '../frames-in-order.js'
import { machineId } from '../machine-end.js'
import { Recent } from '../recent.js'
import type { MachineEnd, SeenOrderAck } from '../seen-message.js'
import type { Sequence } from '../sequences.js'

const WRITERS_MAX = 10_000

/** Where an order ack belongs, judged by whoever got it. */
type Landing = 'home' | FindingKindId | 'unknown'

/**
 * Follows each order ack to the machine that it reached, and compares that with the one that sent the sequence:
 * `order-ack-misrouted` (to a machine that sends nothing), `order-ack-to-another-sender`, `order-ack-to-a-clone`.
 */
export function findOrderAcks(context: DiagnosisContext): Finder {
  const { book, parties, sequences } = context
  /** By its writer: order acks that were told to be astray. Where a hole hides that two connections are one, each shows it. */
  const told = new Map<string, Recent<true>>()

  function isNews({ source, from, messageId }: SeenOrderAck): boolean {
    const writer = source ?? from.address
    let own = told.get(writer)
    if (own === undefined) {
      own = new Recent()
      if (told.size < WRITERS_MAX) told.set(writer, own)
    }
    if (own.get(messageId) !== null) return false
    own.set(messageId, true)
    return true
  }

  return {
    orderAckArrived(ack, at) {
      const sequence = sequences.acknowledgedBy(ack)
      if (sequence === null) return
      const landing = landingOf(context, sequence, at)
      if (landing === 'home') {
        sequence.lastHome = ack.last
        if (ack.number <= sequence.home) return
        sequence.home = ack.number
        sequence.resendsInVain = 0
      } else if (landing !== 'unknown' && isNews(ack)) {
        sequence.astray += 1
        book.add(landing, {
          frames: framesOf(sequence, ack),
          from: ack.from.address,
          to: at.address,
          sequence: sequence.id,
          number: ack.number,
          machines: [ack.source ?? ack.from.address, sequence.source, machineId(at)],
          weight: ack.number,
          reservations: landing === 'order-ack-to-a-clone' ? reservationsOfClones(context, sequence, at) : [],
          text:
            `${parties.describe(ack.source, ack.from.address)} acknowledged up to number ${ack.number} of sequence ${sequence.id}, ` +
            `which ${parties.describe(sequence.source, sequence.homeAddress)} sends, to ${ack.destination}; ` +
            `${parties.describeEnd(at)} got it${viaText(ack)}`,
        })
      }
    },
  }
}

function landingOf({ parties, sides }: DiagnosisContext, sequence: Sequence, at: MachineEnd): Landing {
  if (sequence.homes.size === 0) return at.qmId === sequence.source ? 'home' : 'unknown'
  if (sides.standsFor(at)) return 'unknown'
  if (at.qmId === null) {
    const there = parties.at(at.address)
    if (sequence.homes.has(at.address) && there.length <= 1) return 'home'
    if (there.length === 0 || there.includes(sequence.source)) return 'unknown'
    return there.some(qmId => (parties.get(qmId)?.sent ?? 0) > 0)
      ? 'order-ack-to-another-sender'
      : 'order-ack-misrouted'
  }
  // a routing server passes it on
  if (at.qmId !== sequence.source && parties.get(at.qmId)?.forwards === true) return 'unknown'
  if (at.qmId !== sequence.source)
    return (parties.get(at.qmId)?.sent ?? 0) > 0 ? 'order-ack-to-another-sender' : 'order-ack-misrouted'
  if (sequence.homes.has(at.address)) return 'home'
  // its own QMId at another address: a clone, unless the capture shows only the balancer's address there
  const place = parties.get(at.qmId)?.addresses.get(at.address)
  return place?.opens === true || place?.posts === true ? 'order-ack-to-a-clone' : 'home'
}

function reservationsOfClones({ parties }: DiagnosisContext, sequence: Sequence, at: MachineEnd): string[] {
  const home = sequence.homeAddress
  return home !== null && parties.areDistinct(sequence.source, home, at.address)
    ? []
    : [`one machine with the addresses ${home} and ${at.address} would look the same: neither shows when it started`]
}

/** The message that is acknowledged where it arrived, and the ack on each side of a balancer. */
function framesOf(sequence: Sequence, ack: SeenOrderAck): FrameRef[] {
  const arrival = sequence.receiver(ack.from)?.arrivals.get(ack.number) ?? sequence.sent.get(ack.number)
  return inOrder(ack.last, arrival)
}

/** ` through the balancer at 10.0.0.5` */
function viaText({ session }: SeenOrderAck): string {
  const { frontmost } = session
  return frontmost === session ? '' : `, through the balancer at ${frontmost.connection.server.address}`
}
