import type { Endpoint } from '../../queue-manager/actions.js'
import { SimConnection, type SimSocket, type SocketHandlers } from './connection.js'
import { type LinkProfile, QUIET_LINK } from './link-profile.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** A connect that nobody answers fails after this: three SYNs, as Windows sends them. */
const CONNECT_TIMEOUT_MS = 21_000
const EPHEMERAL_PORT_MIN = 49_152

export interface ConnectHandlers extends SocketHandlers {
  connected(): void
  failed(reason: 'ECONNREFUSED' | 'ETIMEDOUT'): void
}

/** Called for each connection that comes in; sets the handlers of the socket it gets. */
export type AcceptHandler = (socket: SimSocket) => void
export type DatagramHandler = (from: Endpoint, bytes: Buffer) => void

/**
 * The network of a simulation: addresses are texts, every address reaches every other. A link is an unordered pair
 * of addresses and has a profile; without one of its own, the network's.
 */
export class SimNetwork {
  /** For links without a profile of their own. */
  profile: LinkProfile = QUIET_LINK
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #listeners = new Map<string, AcceptHandler>()
  readonly #datagramHandlers = new Map<string, DatagramHandler>()
  readonly #linkProfiles = new Map<string, LinkProfile>()
  readonly #partitions = new Set<string>()
  readonly #connections = new Set<SimConnection>()
  #nextPort = EPHEMERAL_PORT_MIN

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** The connections that are open at one end at least. */
  connections(): SimConnection[] {
    for (const connection of this.#connections) if (!connection.isOpen) this.#connections.delete(connection)
    return [...this.#connections]
  }

  /** Starts listening; the function it returns stops, which leaves accepted connections alone. */
  listen(endpoint: Endpoint, accept: AcceptHandler): () => void {
    const key = endpointText(endpoint)
    if (this.#listeners.has(key)) throw new Error(`EADDRINUSE ${key}`)
    this.#listeners.set(key, accept)
    return () => {
      if (this.#listeners.get(key) === accept) this.#listeners.delete(key)
    }
  }

  /** Connects from `address` (any port) to `remote`. The socket may be aborted before it is connected. */
  connect(address: string, remote: Endpoint, handlers: ConnectHandlers): SimSocket {
    const local = { address, port: this.#ephemeralPort() }
    const profile = (): LinkProfile => this.linkProfile(address, remote.address)
    const connection = new SimConnection(this.#scheduler, this.#random, local, remote, {
      profile,
      isUp: where => this.#isUp(where),
    })
    const { initiator } = connection
    initiator.handlers = handlers
    const fail = (reason: 'ECONNREFUSED' | 'ETIMEDOUT', afterMs: number): void => {
      this.#scheduler.after(afterMs, () => {
        if (!initiator.isOpen) return
        initiator.vanish()
        handlers.failed(reason)
      })
    }
    if (this.#random.chance(profile().blackHoleChance) || this.#partitions.has(linkKey(address, remote.address))) {
      fail('ETIMEDOUT', CONNECT_TIMEOUT_MS)
      return initiator
    }
    const refused = this.#random.chance(profile().refuseChance)
    this.#scheduler.after(connection.latencyMs(), () => {
      const accept = this.#listeners.get(endpointText(remote))
      if (accept === undefined || refused) {
        fail('ECONNREFUSED', connection.latencyMs())
        return
      }
      if (!initiator.isOpen) return
      this.#connections.add(connection)
      const connectedAfterMs = connection.latencyMs()
      connection.acceptor.arrivalMs = this.#scheduler.nowMs + connectedAfterMs
      this.#scheduler.after(connectedAfterMs, () => {
        if (initiator.isOpen) handlers.connected()
      })
      accept(connection.acceptor)
    })
    return initiator
  }

  bindDatagrams(endpoint: Endpoint, handler: DatagramHandler): () => void {
    const key = endpointText(endpoint)
    this.#datagramHandlers.set(key, handler)
    return () => {
      if (this.#datagramHandlers.get(key) === handler) this.#datagramHandlers.delete(key)
    }
  }

  /** Sends a datagram that may be lost, late, or arrive twice. */
  sendDatagram(from: Endpoint, to: Endpoint, bytes: Buffer): void {
    const profile = this.linkProfile(from.address, to.address)
    if (this.#partitions.has(linkKey(from.address, to.address))) return
    const copy = Buffer.from(bytes)
    const copies = this.#random.chance(profile.datagramDuplicateChance) ? 2 : 1
    for (let sent = 0; sent < copies; sent++) {
      if (this.#random.chance(profile.datagramLossChance)) continue
      const delayMs = profile.latencyMs + this.#random.unit() * (profile.jitterMs + profile.datagramSpreadMs)
      this.#scheduler.after(delayMs, () => this.#datagramHandlers.get(endpointText(to))?.(from, Buffer.from(copy)))
    }
  }

  linkProfile(one: string, other: string): LinkProfile {
    return this.#linkProfiles.get(linkKey(one, other)) ?? this.profile
  }

  /** Gives the link between two addresses its own profile; null: the network's again. */
  setLinkProfile(one: string, other: string, profile: LinkProfile | null): void {
    if (profile === null) this.#linkProfiles.delete(linkKey(one, other))
    else this.#linkProfiles.set(linkKey(one, other), profile)
  }

  /** Connections between the two stand still, connects and datagrams vanish, until `join`. */
  part(one: string, other: string): void {
    this.#partitions.add(linkKey(one, other))
    for (const connection of this.#between(one, other)) connection.stall(Number.POSITIVE_INFINITY)
  }

  join(one: string, other: string): void {
    this.#partitions.delete(linkKey(one, other))
    for (const connection of this.#between(one, other)) connection.stall(0)
  }

  /** From now on nothing goes wrong any more; what is already broken stays broken. */
  heal(): void {
    this.profile = QUIET_LINK
    this.#linkProfiles.clear()
    this.#partitions.clear()
    for (const connection of this.connections()) {
      connection.stall(0)
      connection.initiator.cutAfterBytes = Number.POSITIVE_INFINITY
      connection.acceptor.cutAfterBytes = Number.POSITIVE_INFINITY
    }
  }

  #isUp(address: string): boolean {
    for (const listener of this.#listeners.keys()) if (listener.startsWith(`${address}:`)) return true
    return false
  }

  #between(one: string, other: string): SimConnection[] {
    const key = linkKey(one, other)
    return this.connections().filter(
      ({ initiator }) => linkKey(initiator.local.address, initiator.remote.address) === key,
    )
  }

  #ephemeralPort(): number {
    const port = this.#nextPort
    this.#nextPort = port === 0xffff ? EPHEMERAL_PORT_MIN : port + 1
    return port
  }
}

export function endpointText({ address, port }: Endpoint): string {
  return `${address}:${port}`
}

function linkKey(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}
