import type { Guid } from '../../protocol/guid.js'
import type { Finder } from '../finder.js'
import type { Parties, Party } from '../parties.js'
import type { SeenMessage } from '../seen-message.js'

export type MachineRole = 'sender' | 'receiver' | 'forwarder'

/** A queue manager by its QMId. Clones are one at several addresses. */
export interface Machine {
  readonly qmId: Guid
  /** Computer names by which it was addressed, or that the capture itself gives. */
  readonly names: readonly string[]
  readonly roles: readonly MachineRole[]
  readonly addresses: readonly MachineAddress[]
  /** Application messages that it sent, and that reached it. */
  readonly sent: number
  readonly received: number
  /**
   * How far its clock seems to be ahead of the capturing machine's, seconds: the greatest lead of a message's time of
   * sending over its frame's. Below zero may also mean that all its messages had waited. Null where it sent none.
   */
  readonly clockAheadS: number | null
}

export interface MachineAddress {
  readonly address: string
  readonly mac: string | null
  readonly firstUs: number
  readonly lastUs: number
  /** When the system there started, by what it said of its uptime; null where it never did. */
  readonly startedUs: number | null
  readonly opens: boolean
  readonly answers: boolean
}

const SOURCES_MAX = 100_000

/** The times of sending that machines write into their messages, against the capture's clock. */
export class ClockLeads implements Finder {
  readonly #leadUs = new Map<Guid, number>()

  message({ relayed, source, sentTimeS, first }: SeenMessage): void {
    if (relayed || sentTimeS === 0) return
    const lead = sentTimeS * 1e6 - first.timeUs
    const known = this.#leadUs.get(source)
    if (known === undefined ? this.#leadUs.size < SOURCES_MAX : lead > known) this.#leadUs.set(source, lead)
  }

  /** Seconds to a tenth. Times of sending have whole seconds: half of one is the likeliest rest. */
  aheadS(qmId: Guid): number | null {
    const leadUs = this.#leadUs.get(qmId)
    return leadUs === undefined ? null : Math.round(leadUs / 1e5 + 5) / 10
  }
}

/** Who is who, in the order in which they were met. */
export function machinesOf(parties: Parties, clocks: ClockLeads): Machine[] {
  return parties.list().map(party => ({
    qmId: party.qmId,
    names: [...party.names],
    roles: rolesOf(party),
    addresses: Array.from(
      party.addresses.values(),
      ({ address, mac, firstUs, lastUs, startedUs, opens, answers }): MachineAddress => ({
        address,
        mac,
        firstUs,
        lastUs,
        startedUs,
        opens,
        answers,
      }),
    ),
    sent: party.sent,
    received: party.received,
    clockAheadS: clocks.aheadS(party.qmId),
  }))
}

function rolesOf({ sent, received, forwards }: Party): MachineRole[] {
  return [
    ...(sent > 0 ? (['sender'] as const) : []),
    ...(received > 0 ? (['receiver'] as const) : []),
    ...(forwards ? (['forwarder'] as const) : []),
  ]
}
