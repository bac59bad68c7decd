import type { FrameRef } from '../capture/frame.js'
import type { Guid } from '../protocol/guid.js'
import type { MachineEnd } from './seen-message.js'
import type { Session } from './session.js'

/** Client and host of a connection that a balancer translates, as its two sides show it. */
export interface Translation {
  /** Of the client, as it is. */
  readonly client: string
  /** Where the client connects to: the balancer. */
  readonly virtual: string
  /** What the host takes for the client. */
  readonly seenAs: string
  readonly host: string
  /** Connections, over HTTP requests. */
  connections: number
  /** First frames of the two sides. */
  readonly first: readonly [FrameRef, FrameRef]
}

const TRANSLATIONS_MAX = 10_000
/** Sessions that may yet turn out to be a side of another. */
const WAITING_MAX = 100_000
/** Of a session whose beginning was not captured, so many user packets are compared with those of others. */
const EARLY_PACKETS_MAX = 64

/**
 * Finds the two connections that are one session on both sides of a balancer. EstablishConnection carries the client's
 * QMId and its uptime in milliseconds, and a balancer passes both on; where a machine opens several sessions within a
 * millisecond, and where the start was not captured, the first user packet decides.
 */
export class BalancerSides {
  readonly translations: Translation[] = []
  readonly #translationByAddresses = new Map<string, Translation>()
  readonly #virtual = new Set<string>()
  readonly #byHandshake = new Map<string, Session[]>()
  readonly #byEarlyPacket = new Map<number, Session>()
  readonly #earlyPackets = new Map<Session, number[]>()

  /** Nobody: a balancer's address, where the capture does not show who is behind it. */
  standsFor({ qmId, address }: MachineEnd): boolean {
    return qmId === null && this.isVirtual(address)
  }

  /** A balancer's address: whoever answers there is at another. */
  isVirtual(address: string): boolean {
    return this.#virtual.has(address)
  }

  /** `session` began with EstablishConnection. */
  established(session: Session, client: Guid, uptimeMs: number): void {
    const key = `${client}/${uptimeMs}`
    const waiting = this.#byHandshake.get(key)
    if (waiting === undefined) {
      if (this.#byHandshake.size < WAITING_MAX) this.#byHandshake.set(key, [session])
      return
    }
    const able = waiting.filter(candidate => !isSamePlace(candidate, session) && mayBeBoth(candidate, session))
    // of several sessions in one millisecond: most balancers keep the client's port if they keep its address, and are alone
    const other = able.find(each => isSameClient(each, session)) ?? able.find(({ front }) => front === null) ?? able[0]
    waiting.push(session)
    if (other !== undefined) this.#pair(other, session)
  }

  /**
   * The response to EstablishConnection came. Where the two sides heard two queue managers, they are two sessions that one
   * client opened within a millisecond, and are parted; returns the others.
   */
  answered(session: Session): readonly Session[] {
    const { front, back } = session
    const parted: Session[] = []
    if (front !== null && heardAnother(front, session)) {
      this.#part(front, session)
      parted.push(front)
    }
    if (back !== null && heardAnother(session, back)) {
      this.#part(session, back)
      parted.push(back)
    }
    return parted
  }

  /**
   * One of the first user packets of the client on `session`. Where both sides began before the capture, what is first on the
   * one need not be on the other.
   */
  earlyPacket(session: Session, hash: number): void {
    session.firstPacketHash ??= hash
    const { front } = session
    if (front !== null && front.firstPacketHash !== null && front.firstPacketHash !== hash) this.#rePair(session, front)
    if (session.front !== null || session.back !== null) return
    const other = this.#byEarlyPacket.get(hash)
    if (other !== undefined && saidTheSame(other, session) && mayBeBoth(other, session)) this.#pair(other, session)
    else if (this.#byEarlyPacket.size < WAITING_MAX) {
      this.#byEarlyPacket.set(hash, session)
      const hashes = this.#earlyPackets.get(session)
      if (hashes === undefined) this.#earlyPackets.set(session, [hash])
      else hashes.push(hash)
    }
  }

  /** Whether the next user packet of its client may still tell of which connection it is the other side. */
  wantsPacket(session: Session): boolean {
    if (session.firstPacketHash === null) return true
    if (session.established[0] !== null || session.front !== null || session.back !== null) return false
    return session.messages[0] <= EARLY_PACKETS_MAX
  }

  ended(session: Session): void {
    const { qmIds, clientUptimeMs } = session
    const key = `${qmIds[0]}/${clientUptimeMs}`
    const waiting = this.#byHandshake.get(key)
    if (waiting !== undefined) {
      const others = waiting.filter(other => other !== session)
      if (others.length === 0) this.#byHandshake.delete(key)
      else this.#byHandshake.set(key, others)
    }
    this.#forgetPackets(session)
  }

  #forgetPackets(session: Session): void {
    for (const hash of this.#earlyPackets.get(session) ?? [])
      if (this.#byEarlyPacket.get(hash) === session) this.#byEarlyPacket.delete(hash)
    this.#earlyPackets.delete(session)
  }

  /** Two sessions were opened within one millisecond, and the wrong ones were taken for each other's sides. */
  #rePair(session: Session, front: Session): void {
    const waiting = this.#byHandshake.get(`${session.qmIds[0]}/${session.clientUptimeMs}`) ?? []
    const right = waiting.find(
      other => other !== session && other.firstPacketHash === session.firstPacketHash && other.front === null,
    )
    if (right === undefined) return
    const exchanged = right.back
    front.back = exchanged
    if (exchanged !== null) exchanged.front = front
    right.back = session
    session.front = right
  }

  #pair(earlier: Session, later: Session): void {
    const laterIsFront =
      later.connection.server.address === earlier.connection.client.address &&
      earlier.connection.server.address !== later.connection.client.address
    const [front, back] = laterIsFront ? [later, earlier] : [earlier, later]
    front.back = back
    back.front = front
    this.#forgetPackets(front)
    this.#forgetPackets(back)
    this.translated(front, back)
  }

  #part(front: Session, back: Session): void {
    front.back = null
    back.front = null
    const key = addressesOf(front, back)
    const translation = this.#translationByAddresses.get(key)
    if (translation === undefined || --translation.connections > 0) return
    this.#translationByAddresses.delete(key)
    this.translations.splice(this.translations.indexOf(translation), 1)
  }

  /** Notes that a balancer made `back` of `front`; over HTTP, for one request. */
  translated(front: Session, back: Session): void {
    const client = front.connection.client.address
    const virtual = front.connection.server.address
    const seenAs = back.connection.client.address
    const host = back.connection.server.address
    const key = addressesOf(front, back)
    const known = this.#translationByAddresses.get(key)
    if (known !== undefined) known.connections += 1
    else if (this.translations.length < TRANSLATIONS_MAX) {
      const first = [front.connection.first, back.connection.first] as const
      const translation = { client, virtual, seenAs, host, connections: 1, first }
      this.#virtual.add(virtual)
      this.translations.push(translation)
      this.#translationByAddresses.set(key, translation)
    }
  }
}

function addressesOf({ connection: front }: Session, { connection: back }: Session): string {
  return `${front.client.address} ${front.server.address} ${back.client.address} ${back.server.address}`
}

/** Somebody else's session with this very handshake is passed on, whatever a damaged answer says. */
function heardAnother(front: Session, back: Session): boolean {
  if (front.connection.client.address !== back.connection.client.address) return false
  return front.established[1] !== null && back.established[1] !== null && front.qmIds[1] !== back.qmIds[1]
}

/** Both free and alive, and not merely two connections of one client to one place. */
function mayBeBoth(earlier: Session, later: Session): boolean {
  if (earlier === later || later.front !== null || later.back !== null) return false
  if (earlier.back !== null || earlier.ending !== null) return false
  // no way leads to the same place twice
  for (let at = earlier.front; at !== null; at = at.front) if (isSamePlace(at, later)) return false
  return !isSamePlace(earlier, later) || earlier.connection.client.address !== later.connection.client.address
}

/** Clones that open sessions to a balancer in the same millisecond look alike so far. */
function isSamePlace({ connection: a }: Session, { connection: b }: Session): boolean {
  return a.server.address === b.server.address && a.server.port === b.server.port
}

function isSameClient({ connection: a }: Session, { connection: b }: Session): boolean {
  return a.client.address === b.client.address && a.client.port === b.client.port
}

/** In EstablishConnection, where it was captured of both: the moment. A GUID may be damaged where the packets are the same. */
function saidTheSame(a: Session, b: Session): boolean {
  return a.clientUptimeMs === null || b.clientUptimeMs === null || a.clientUptimeMs === b.clientUptimeMs
}
