import type { FrameRef } from '../capture/frame.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'

/** Systems started at moments that lie further apart than this are two systems. Clocks that are set make no difference. */
const SAME_START_US = 5_000_000
/** EstablishConnection's TimeStamp has 32 bits of milliseconds. */
const UPTIME_WRAP_US = 2 ** 32 * 1000
/** Of each kind of thing that a peer can invent: QMIds, addresses of one, names. */
const PARTIES_MAX = 100_000
const PER_PARTY_MAX = 64

/** What is known of a queue manager at one address. */
export interface PartyAddress {
  readonly address: string
  readonly firstFrame: FrameRef
  firstUs: number
  lastUs: number
  /** When the system there started, by EstablishConnection's TimeStamp; null until it opened a session. */
  startedUs: number | null
  mac: string | null
  /** It opened sessions from there; it answered there. */
  opens: boolean
  answers: boolean
}

/** A QMId and all that the capture shows of it. Clones are one party at several addresses. */
export interface Party {
  readonly qmId: Guid
  readonly addresses: Map<string, PartyAddress>
  /** Computer names by which it was addressed, or that the capture itself gives to its addresses. */
  readonly names: Set<string>
  /** Application messages that it sent, and that reached it. */
  sent: number
  received: number
  /** It passed on messages of others. */
  forwards: boolean
}

/** Who is who: by QMId, with the addresses on the outer sides of balancers, so that a translated address is nobody's. */
export class Parties {
  readonly #parties = new Map<Guid, Party>()
  readonly #names = new Map<string, readonly string[]>()
  /** QMIds that an address was seen with, as one that opens sessions. */
  readonly #at = new Map<string, Set<Guid>>()

  /** In the order in which they were seen first. */
  list(): Party[] {
    return [...this.#parties.values()]
  }

  get(qmId: Guid | null): Party | null {
    return qmId === null ? null : (this.#parties.get(qmId) ?? null)
  }

  /** QMIds of the queue managers that open sessions from an address, or answer there. */
  at(address: string): readonly Guid[] {
    return [...(this.#at.get(address) ?? [])]
  }

  /** Null for the nil GUID, and when there are too many. */
  meet(qmId: Guid): Party | null {
    const known = this.#parties.get(qmId)
    if (known !== undefined) return known
    if (qmId === NIL_GUID || this.#parties.size >= PARTIES_MAX) return null
    const party = { qmId, addresses: new Map(), names: new Set<string>(), sent: 0, received: 0, forwards: false }
    this.#parties.set(qmId, party)
    return party
  }

  seen(qmId: Guid, address: string, at: FrameRef, as: 'opens' | 'answers', mac: string | null): PartyAddress | null {
    const party = this.meet(qmId)
    if (party === null) return null
    let place = party.addresses.get(address)
    if (place === undefined) {
      if (party.addresses.size >= PER_PARTY_MAX) return null
      place = {
        address,
        firstFrame: at,
        firstUs: at.timeUs,
        lastUs: at.timeUs,
        startedUs: null,
        mac,
        opens: false,
        answers: false,
      }
      party.addresses.set(address, place)
      const there = this.#at.get(address)
      if (there === undefined) this.#at.set(address, new Set([qmId]))
      else if (there.size < PER_PARTY_MAX) there.add(qmId)
      for (const name of this.#names.get(address) ?? []) party.names.add(name)
    }
    place.lastUs = Math.max(place.lastUs, at.timeUs)
    place[as] = true
    return place
  }

  /** The queue managers that open sessions from each address, where there are any. */
  *openersByAddress(): Generator<readonly [address: string, there: readonly PartyAddress[]]> {
    for (const [address, qmIds] of this.#at) {
      const there = [...qmIds].map(qmId => this.#parties.get(qmId)?.addresses.get(address))
      yield [address, there.filter(place => place?.opens === true) as PartyAddress[]]
    }
  }

  /** The other side of the balancer shows who it was: that address is not a place of this queue manager. */
  unsee(qmId: Guid, address: string): void {
    this.#parties.get(qmId)?.addresses.delete(address)
    this.#at.get(address)?.delete(qmId)
  }

  named(qmId: Guid, name: string): void {
    const party = this.#parties.get(qmId)
    if (party !== undefined && party.names.size < PER_PARTY_MAX) party.names.add(name)
  }

  /** What the capture itself says of an address. */
  namesOf(address: string, names: readonly string[]): void {
    if (this.#names.size >= PARTIES_MAX) return
    this.#names.set(address, names)
    for (const qmId of this.#at.get(address) ?? []) for (const name of names) this.named(qmId, name)
  }

  nameOf(address: string): string | null {
    return this.#names.get(address)?.[0] ?? null
  }

  /**
   * Whether one QMId at two addresses is two machines: true where their systems started at different moments. Null
   * where the capture does not show that; machines that are started together, or one with two addresses.
   */
  areDistinct(qmId: Guid, a: string, b: string): true | null {
    if (a === b) return null
    const party = this.#parties.get(qmId)
    const startedA = party?.addresses.get(a)?.startedUs ?? null
    const startedB = party?.addresses.get(b)?.startedUs ?? null
    if (startedA === null || startedB === null) return null
    const apartUs = Math.abs(startedA - startedB) % UPTIME_WRAP_US
    return Math.min(apartUs, UPTIME_WRAP_US - apartUs) > SAME_START_US ? true : null
  }

  /** `web1 (10.0.0.7)`, `10.0.0.7`, or `QM 5f2c9a10…`: shortest that a person recognises. */
  describe(qmId: Guid | null, address: string | null): string {
    const name = address === null ? null : this.nameOf(address)
    if (address !== null) return name === null ? address : `${name} (${address})`
    const party = this.get(qmId)
    const own = party === null ? undefined : (party.names.values().next().value ?? party.addresses.keys().next().value)
    return own ?? (qmId === null ? 'an unknown machine' : `QM ${qmId.slice(0, 8)}…`)
  }
}
