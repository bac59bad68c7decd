import type { FrameRef } from '../capture/frame.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import { Recent } from './recent.js'
import type { MachineEnd, SeenMessage } from './seen-message.js'

/** Systems started at moments that lie further apart than this are two systems. Clocks that are set make no difference. */
const SAME_START_US = 5_000_000
/** EstablishConnection's TimeStamp has 32 bits of milliseconds. */
const UPTIME_WRAP_US = 2 ** 32 * 1000
/** Of each kind of thing that a peer can invent: QMIds, addresses of one, names. */
const PARTIES_MAX = 100_000
const PER_PARTY_MAX = 64

interface Life {
  readonly firstUs: number
  lastUs: number
}

/** What is known of a queue manager at one address. */
export interface PartyAddress {
  readonly address: string
  readonly firstFrame: FrameRef
  firstUs: number
  lastUs: number
  /** When the system there started, by EstablishConnection's TimeStamp; null until it opened a session. */
  startedUs: number | null
  mac: string | null
  /** It opened sessions from there; it answered there; its messages were posted from there over HTTP, by itself or for it. */
  opens: boolean
  answers: boolean
  posts: boolean
  /** Time stamps of the transactional sequences that begin there: a queue manager takes a new one when it starts. */
  readonly lives: Map<number, Life>
  /** That of the latest sequence, whose text need not be read again for each of its messages. */
  latestLife: { readonly sequence: string; readonly life: Life } | null
  /** Of recent messages by their MessageIDs, what two of one identifier would have alike. */
  readonly messages: Recent<number>
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
  /** Pairs of its addresses, `a b`, that used one MessageID for different messages. */
  readonly collisions: Set<string>
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
    const party = {
      qmId,
      addresses: new Map(),
      names: new Set<string>(),
      sent: 0,
      received: 0,
      forwards: false,
      collisions: new Set<string>(),
    }
    this.#parties.set(qmId, party)
    return party
  }

  seen(
    qmId: Guid,
    address: string,
    at: FrameRef,
    as: 'opens' | 'answers' | 'posts',
    mac: string | null,
  ): PartyAddress | null {
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
        posts: false,
        lives: new Map(),
        latestLife: null,
        messages: new Recent(),
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

  /** Addresses that the capture itself calls so, in any case. */
  addressesCalled(name: string): string[] {
    const wanted = name.toLowerCase()
    return [...this.#names].filter(([, names]) => names.some(own => own.toLowerCase() === wanted)).map(([own]) => own)
  }

  nameOf(address: string): string | null {
    return this.#names.get(address)?.[0] ?? null
  }

  /** An application's message that its own queue manager sends from `address`. */
  sends({ source, messageId, transaction, sentTimeS, bodySize, from, last }: SeenMessage): void {
    const party = this.#parties.get(source)
    const place = party?.addresses.get(from.address)
    if (party === undefined || place === undefined) return
    const number = transaction?.number ?? 0
    const alike = sentTimeS * 65_536 + ((bodySize ^ (number * 31)) & 0xffff)
    place.messages.set(messageId, alike)
    if (transaction !== null) this.#lives(place, transaction.sequence, last.timeUs)
    if (party.addresses.size === 1) return
    for (const other of party.addresses.values()) {
      const there = other === place ? null : other.messages.get(messageId)
      if (there !== null && there !== alike) party.collisions.add(pairOf(place.address, other.address))
    }
  }

  #lives(place: PartyAddress, sequence: string, atUs: number): void {
    if (place.latestLife?.sequence !== sequence) {
      const { lives } = place
      const timeStamp = Number.parseInt(sequence, 16)
      let life = lives.get(timeStamp)
      if (life === undefined) {
        if (lives.size >= PER_PARTY_MAX) return
        life = { firstUs: atUs, lastUs: atUs }
        lives.set(timeStamp, life)
      }
      place.latestLife = { sequence, life }
    }
    place.latestLife.life.lastUs = atUs
  }

  /**
   * Whether one QMId at two addresses is two machines: true where their systems started at different moments, where each
   * goes on with sequences of its own start while the other does, or where they used one MessageID for different messages.
   * Null where the capture shows none of that; one machine with two addresses looks so.
   */
  areDistinct(qmId: Guid, a: string, b: string): true | null {
    const party = this.#parties.get(qmId)
    const one = party?.addresses.get(a)
    const other = party?.addresses.get(b)
    if (a === b || party === undefined || one === undefined || other === undefined) return null
    if (party.collisions.has(pairOf(a, b)) || haveTwoLives(one, other)) return true
    if (one.startedUs === null || other.startedUs === null) return null
    const apartUs = Math.abs(one.startedUs - other.startedUs) % UPTIME_WRAP_US
    return Math.min(apartUs, UPTIME_WRAP_US - apartUs) > SAME_START_US ? true : null
  }

  describeEnd({ qmId, address }: MachineEnd): string {
    return this.describe(qmId, address)
  }

  /** `web1 (10.0.0.7)`, `10.0.0.7`, or `QM 5f2c9a10…`: shortest that a person recognises. */
  describe(qmId: Guid | null, address: string | null): string {
    const name = address === null ? null : this.nameOf(address)
    if (address !== null && qmId !== null && this.at(address).length > 1 && this.at(address).includes(qmId))
      return `QM ${qmId.slice(0, 8)}… at ${address}`
    if (address !== null) return name === null ? address : `${name} (${address})`
    const party = this.get(qmId)
    const own = party === null ? undefined : (party.names.values().next().value ?? party.addresses.keys().next().value)
    return own ?? (qmId === null ? 'an unknown machine' : `QM ${qmId.slice(0, 8)}…`)
  }
}

const pairOf = (a: string, b: string) => (a < b ? `${a} ${b}` : `${b} ${a}`)

/** Each has begun sequences that the other has not, at the same time. */
function haveTwoLives(a: PartyAddress, b: PartyAddress): boolean {
  for (const [ownA, lifeA] of a.lives) {
    if (b.lives.has(ownA)) continue
    for (const [ownB, lifeB] of b.lives)
      if (!a.lives.has(ownB) && lifeA.firstUs < lifeB.lastUs && lifeB.firstUs < lifeA.lastUs) return true
  }
  return false
}
