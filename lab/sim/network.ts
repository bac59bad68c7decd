import type { Endpoint } from '../../queue-manager/actions.js'
import { type Path, SimConnection } from './connection.js'
import { ConnectionTap, type NetworkTap } from './connection-tap.js'
import { Dial, type RoutedConnection } from './dial.js'
import { type LinkProfile, QUIET_LINK } from './link-profile.js'
import { ProcessInputs } from './process-inputs.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'
import type { SimSocket, SocketHandlers } from './sim-socket.js'

/** Systems draw the ports of their own ends from here on. */
export const EPHEMERAL_PORT_MIN = 49_152

export interface ConnectHandlers extends SocketHandlers {
  connected(): void
  failed(reason: 'ECONNREFUSED' | 'ETIMEDOUT'): void
}

/** Connections that are over are forgotten when so many more than are open have gathered. */
const SWEEP_MIN = 1_000

/** Called for each connection that comes in; sets the handlers of the socket it gets. */
export type AcceptHandler = (socket: SimSocket) => void
/** Asked for each connection whose first SYN is there; its acceptor is not known yet. */
export type Route = (connection: SimConnection) => RoutedConnection
export type DatagramHandler = (from: Endpoint, bytes: Buffer) => void

/** The links that a connection crosses: one, or where a route leads on, all between its ends and what routes. */
class Way implements Path {
  links: readonly string[]
  /** Of each link the end that is nearer to the initiator. */
  #nearEnds: readonly string[]
  readonly #network: SimNetwork
  readonly #from: string
  readonly #to: string

  constructor(network: SimNetwork, from: string, to: string) {
    this.#network = network
    this.#from = from
    this.#to = to
    this.links = [linkKey(from, to)]
    this.#nearEnds = [from]
  }

  leadTo(host: string): void {
    this.links = [linkKey(this.#from, host), linkKey(this.#from, this.#to), linkKey(this.#to, host)]
    this.#nearEnds = [this.#from, this.#from, this.#to]
  }

  profile(): LinkProfile {
    return this.#network.profileOf(this.links)
  }

  isUp(address: string): boolean {
    return this.#network.isUp(address)
  }

  leavesMs(byInitiator: boolean, bytes: number, bytesPerS: number): number {
    const ruling = this.#network.rulingLink(this.links)
    const link = this.links[ruling]!
    return this.#network.leavesMs(link, isFirstOf(link, this.#nearEnds[ruling]!) === byInitiator, bytes, bytesPerS)
  }

  inputsAt(address: string): ProcessInputs {
    return this.#network.inputsAt(address)
  }
}

/** What chance has for one connect, drawn for the profile of its way, and again where the way turns out to have another. */
class DialLuck {
  /** No SYN is ever answered. */
  isLost = false
  isRefused = false
  readonly #way: Way
  readonly #random: Random
  #profile: LinkProfile | null = null

  constructor(way: Way, random: Random) {
    this.#way = way
    this.#random = random
    this.draw()
  }

  draw(): void {
    const profile = this.#way.profile()
    if (profile === this.#profile) return
    this.#profile = profile
    this.isLost = this.#random.chance(profile.blackHoleChance)
    this.isRefused = !this.isLost && this.#random.chance(profile.refuseChance)
  }
}

/**
 * The network of a simulation: addresses are texts, every address reaches every other. A link is an unordered pair
 * of addresses and has a profile; without one of its own, the network's.
 */
export class SimNetwork {
  /** For links without a profile of their own. */
  profile: LinkProfile = QUIET_LINK
  /** What is told of all that crosses the wire; it changes nothing. */
  tap: NetworkTap | null = null
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #listeners = new Map<string, AcceptHandler>()
  readonly #datagramHandlers = new Map<string, DatagramHandler>()
  readonly #linkProfiles = new Map<string, LinkProfile>()
  /** Of links of limited rate, in each direction: when all that entered it has left. */
  readonly #freeMs = new Map<string, number>()
  readonly #partitions = new Set<string>()
  readonly #routes = new Map<string, Route>()
  readonly #connections = new Map<SimConnection, Way>()
  readonly #inputs = new Map<string, ProcessInputs>()
  #sweepAt = SWEEP_MIN
  #nextPort = EPHEMERAL_PORT_MIN

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** The connections that are open at one end at least. */
  connections(): SimConnection[] {
    for (const connection of this.#connections.keys()) if (!connection.isOpen) this.#connections.delete(connection)
    return [...this.#connections.keys()]
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
    const way = new Way(this, address, remote.address)
    const connection = new SimConnection(this.#scheduler, this.#random, local, remote, way)
    const { initiator } = connection
    if (this.tap !== null) connection.tap = new ConnectionTap(this.tap, connection)
    initiator.handlers = handlers
    const luck = new DialLuck(way, this.#random)
    new Dial(connection, handlers, {
      passes: () => !luck.isLost && !this.#isParted(way),
      isRefused: () => luck.isRefused,
      listener: at => this.#listeners.get(endpointText(at)),
      route: () => this.#routes.get(endpointText(remote))?.(connection) ?? null,
      leadsTo: host => {
        way.leadTo(host.address)
        luck.draw()
      },
      accept: handler => {
        if (this.#connections.size >= this.#sweepAt) this.#sweepAt = 2 * this.connections().length + SWEEP_MIN
        this.#connections.set(connection, way)
        this.#handOver(connection.acceptor, handler)
      },
    })
    return initiator
  }

  /** From now on who connects to `endpoint` is led on as `route` says; the function it returns ends that. */
  route(endpoint: Endpoint, route: Route): () => void {
    const key = endpointText(endpoint)
    if (this.#routes.has(key)) throw new Error(`EADDRINUSE ${key}`)
    this.#routes.set(key, route)
    return () => {
      if (this.#routes.get(key) === route) this.#routes.delete(key)
    }
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
    const link = linkKey(from.address, to.address)
    this.tap?.recorder.datagram(from, to, bytes, this.tap.nowMs())
    if (this.#partitions.has(link)) return
    const leavesMs =
      profile.bytesPerS === Number.POSITIVE_INFINITY
        ? this.#scheduler.nowMs
        : this.leavesMs(link, isFirstOf(link, from.address), bytes.length, profile.bytesPerS)
    const copy = Buffer.from(bytes)
    const copies = this.#random.chance(profile.datagramDuplicateChance) ? 2 : 1
    for (let sent = 0; sent < copies; sent++) {
      if (this.#random.chance(profile.datagramLossChance)) continue
      const delayMs = profile.latencyMs + this.#random.unit() * (profile.jitterMs + profile.datagramSpreadMs)
      this.#scheduler.at(leavesMs + delayMs, () => {
        const handler = this.#datagramHandlers.get(endpointText(to))
        if (handler !== undefined) this.inputsAt(to.address).take(() => handler(from, Buffer.from(copy)))
      })
    }
  }

  linkProfile(one: string, other: string): LinkProfile {
    return this.profileOf([linkKey(one, other)])
  }

  /** Of the first of these links that has one of its own. */
  profileOf(links: readonly string[]): LinkProfile {
    if (this.#linkProfiles.size === 0) return this.profile
    return this.#linkProfiles.get(links[this.rulingLink(links)]!) ?? this.profile
  }

  /** The place of the first of these links that has a profile of its own; of the first, if none has. */
  rulingLink(links: readonly string[]): number {
    return this.#linkProfiles.size === 0
      ? 0
      : Math.max(
          links.findIndex(link => this.#linkProfiles.has(link)),
          0,
        )
  }

  /** When bytes that now enter a link in one of its directions have left it, after all that entered it before. */
  leavesMs(link: string, forward: boolean, bytes: number, bytesPerS: number): number {
    const direction = `${link} ${forward}`
    const startMs = Math.max(this.#freeMs.get(direction) ?? 0, this.#scheduler.nowMs)
    const endMs = startMs + (bytes * 1000) / bytesPerS
    this.#freeMs.set(direction, endMs)
    return endMs
  }

  /** Gives the link between two addresses its own profile; null: the network's again. */
  setLinkProfile(one: string, other: string, profile: LinkProfile | null): void {
    if (profile === null) this.#linkProfiles.delete(linkKey(one, other))
    else this.#linkProfiles.set(linkKey(one, other), profile)
  }

  /** Connections between the two stand still, connects and datagrams vanish, until `join`. */
  part(one: string, other: string): void {
    this.#partitions.add(linkKey(one, other))
    for (const connection of this.between(one, other)) connection.stall(Number.POSITIVE_INFINITY)
  }

  join(one: string, other: string): void {
    const crossing = this.between(one, other)
    this.#partitions.delete(linkKey(one, other))
    for (const connection of crossing) if (!this.#isParted(this.#connections.get(connection)!)) connection.stall(0)
  }

  /** From now on nothing goes wrong any more; what is already broken stays broken. */
  heal(): void {
    this.profile = QUIET_LINK
    this.#linkProfiles.clear()
    this.#freeMs.clear()
    this.#partitions.clear()
    for (const connection of this.connections()) {
      connection.stall(0)
      connection.initiator.cutAfterBytes = Number.POSITIVE_INFINITY
      connection.acceptor.cutAfterBytes = Number.POSITIVE_INFINITY
    }
  }

  /** What waits for the processes of the machine at this address, while they are stopped. */
  inputsAt(address: string): ProcessInputs {
    let inputs = this.#inputs.get(address)
    if (inputs === undefined) {
      inputs = new ProcessInputs()
      this.#inputs.set(address, inputs)
    }
    return inputs
  }

  /** The kernel has accepted it; the process gets it when it looks. */
  #handOver(socket: SimSocket, accept: AcceptHandler): void {
    const discard = (how: 'process' | 'power'): void => {
      if (how === 'process') socket.abort()
      else socket.vanish()
    }
    this.inputsAt(socket.local.address).take(() => {
      if (socket.isOpen) accept(socket)
    }, discard)
  }

  /** Whether anything listens there. */
  isUp(address: string): boolean {
    for (const listener of this.#listeners.keys()) if (listener.startsWith(`${address}:`)) return true
    return false
  }

  #isParted(way: Way): boolean {
    return this.#partitions.size > 0 && way.links.some(link => this.#partitions.has(link))
  }

  /** Connections that cross the link between two addresses, whoever began. */
  between(one: string, other: string): SimConnection[] {
    const link = linkKey(one, other)
    return this.connections().filter(connection => this.#connections.get(connection)!.links.includes(link))
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

function isFirstOf(link: string, address: string): boolean {
  return link.startsWith(`${address} `)
}
