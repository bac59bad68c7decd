import type { Decision, Policy } from '../../gateway/nlb/policy.js'
import { PacketCounter, zeroPacketCounts } from '../../gateway/planes/packet-count.js'
import type { ProxyHost } from '../../gateway/planes/proxied-connection.js'
import type {
  CloseManner,
  ConnectionClosed,
  ConnectionView,
  DirectionTraffic,
  ProxyDecision,
  SourceMode,
} from '../../gateway/planes/proxy-events.js'
import { connectionView, proxyDecision } from '../../gateway/planes/proxy-view.js'
import type { Endpoint } from '../../queue-manager/actions.js'
import type { SimConnection } from './connection.js'
import type { RoutedConnection, RouteTarget } from './dial.js'
import type { Scheduler } from './scheduler.js'
import type { IdleManner } from './sim-route.js'
import type { SimSocket } from './sim-socket.js'

/** What a connection needs of its route. */
export interface RouteContext {
  readonly scheduler: Scheduler
  readonly policy: Policy
  readonly hosts: ReadonlyMap<string, ProxyHost>
  readonly source: SourceMode
  readonly retryOtherHosts: boolean
  /** 0 = no limit. */
  readonly idleTimeoutMs: number
  readonly idleManner: IdleManner
  readonly countsPackets: boolean
  /** What hosts take for the client's address; null: its own. */
  readonly translatedAddress: string | null
  /** A port of that address. */
  nextPort(): number
  nowWallMs(): number
  decided(decision: ProxyDecision): void
  hostFailed(host: string, code: string): void
  /** Nobody answers a SYN of a connection, for the first time or again. */
  unanswered(): void
  closed(connection: SimRoutedConnection, event: ConnectionClosed): void
}

type Ending = Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'>

/** One connection of a client's that a route leads to a host: what `gateway/planes/proxied-connection.ts` is on sockets. */
export class SimRoutedConnection implements RoutedConnection, ConnectionView {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly openedMs: number
  readonly toHost: DirectionTraffic
  readonly toClient: DirectionTraffic
  host: string | null = null
  upstreamLocalAddress: string | null = null
  upstreamLocalPort: number | null = null
  readonly #context: RouteContext
  readonly #through: SimConnection
  readonly #cutAfterBytes: number
  readonly #toHostPackets: PacketCounter | null
  readonly #toClientPackets: PacketCounter | null
  #failedHosts: Set<string> | undefined
  #decided = false
  /** The policy has given it to a host, and is to be told of the end. */
  #taken = false
  #unanswered = false
  #connected = false
  #over = false
  #ending: Ending | null = null
  #lastMs = 0

  constructor(connection: number, through: SimConnection, cutAfterBytes: number, context: RouteContext) {
    const { address, port } = through.initiator.local
    this.connection = connection
    this.clientAddress = address
    this.clientPort = port
    this.openedMs = context.nowWallMs()
    this.#context = context
    this.#through = through
    this.#cutAfterBytes = cutAfterBytes
    this.#toHostPackets = context.countsPackets ? new PacketCounter() : null
    this.#toClientPackets = context.countsPackets ? new PacketCounter() : null
    this.toHost = { bytes: 0, packets: this.#toHostPackets?.counts ?? zeroPacketCounts() }
    this.toClient = { bytes: 0, packets: this.#toClientPackets?.counts ?? zeroPacketCounts() }
  }

  get isConnected(): boolean {
    return this.#connected
  }

  choose(refusedBy: Endpoint | null): RouteTarget | 'refuse' | null {
    if (this.#over) return null
    if (refusedBy !== null) {
      this.#context.hostFailed(this.host!, REFUSED)
      this.#failedHosts ??= new Set()
      this.#failedHosts.add(this.host!)
      if (!this.#context.retryOtherHosts) return this.#refuse('hostDown', REFUSED)
    }
    const { policy, hosts } = this.#context
    const decision = policy.pick({ address: this.clientAddress, port: this.clientPort }, this.#failedHosts)
    const host = decision.host === null ? undefined : hosts.get(decision.host)
    this.#taken ||= host !== undefined
    // of what is asked again only the answer is news
    const isNews = this.#unanswered ? host !== undefined : !this.#decided || decision.host !== this.host
    if (isNews) this.#announce(decision, host)
    this.#decided = true
    this.host = decision.host
    if (host !== undefined) {
      this.#unanswered = false
      return { host: { address: host.address, port: host.port }, client: this.#seenAs() }
    }
    if (decision.verdict === undefined)
      return this.#refuse(this.#failedHosts === undefined ? 'noHost' : 'hostDown', null)
    if (!this.#unanswered) this.#context.unanswered()
    this.#unanswered = true
    return null
  }

  accepted(): void {
    const { initiator } = this.#through
    this.#connected = true
    initiator.cutAfterBytes = Math.min(initiator.cutAfterBytes, this.#cutAfterBytes)
    const { scheduler, idleTimeoutMs } = this.#context
    this.#lastMs = scheduler.nowMs
    if (idleTimeoutMs > 0) this.#watchIdle()
  }

  givenUp(): void {
    this.#finish({ closedBy: 'client', manner: 'silence', code: null })
  }

  passed(bytes: Buffer, from: SimSocket): void {
    this.#lastMs = this.#context.scheduler.nowMs
    if (from === this.#through.initiator) {
      this.toHost.bytes += bytes.length
      this.#toHostPackets?.push(bytes)
    } else {
      this.toClient.bytes += bytes.length
      this.#toClientPackets?.push(bytes)
    }
  }

  ended(by: SimSocket, how: 'end' | 'reset'): void {
    const closedBy = by === this.#through.initiator ? 'client' : 'host'
    if (!this.#connected) this.#finish({ closedBy, manner: this.#unanswered ? 'silence' : 'reset', code: null })
    else if (how === 'end') this.#ending ??= { closedBy, manner: 'end', code: null }
    else this.#ending = { closedBy, manner: 'reset', code: RESET }
  }

  closed(): void {
    const { initiator, passage } = this.#through
    if (this.#ending !== null) this.#finish(this.#ending)
    else if (passage === 'held') this.#finish({ closedBy: 'gateway', manner: 'silence', code: null })
    else if (initiator.sentBytes >= this.#cutAfterBytes)
      this.#finish({ closedBy: 'gateway', manner: 'cut', code: null })
    // what breaks on the way looks to a balancer as if the client had broken it off
    else this.#finish({ closedBy: 'client', manner: 'reset', code: RESET })
  }

  /** Between the client and its host nothing passes any more, in either direction, or it does again. */
  hold(held: boolean): void {
    this.#through.passage = held ? 'held' : 'flows'
  }

  /** Resets both ends; of one that nobody has taken yet the client hears nothing. */
  breakOff(manner: CloseManner): void {
    this.#finish({ closedBy: 'gateway', manner, code: null })
    if (this.#connected) this.#through.reset()
  }

  #seenAs(): Endpoint {
    const { translatedAddress, nextPort } = this.#context
    this.upstreamLocalAddress = translatedAddress ?? this.clientAddress
    this.upstreamLocalPort = translatedAddress === null ? this.clientPort : nextPort()
    return { address: this.upstreamLocalAddress, port: this.upstreamLocalPort }
  }

  #refuse(manner: CloseManner, code: string | null): 'refuse' {
    this.#finish({ closedBy: 'gateway', manner, code })
    return 'refuse'
  }

  #watchIdle(): void {
    const { scheduler, idleTimeoutMs, idleManner } = this.#context
    scheduler.at(this.#lastMs + idleTimeoutMs, () => {
      if (this.#over) return
      if (scheduler.nowMs < this.#lastMs + idleTimeoutMs) this.#watchIdle()
      else if (idleManner === 'reset') this.breakOff('idle')
      else {
        this.#finish({ closedBy: 'gateway', manner: 'idle', code: null })
        this.#through.passage = 'forgotten'
      }
    })
  }

  #announce(decision: Decision, host: ProxyHost | undefined): void {
    const { nowWallMs, source, translatedAddress } = this.#context
    const localAddress = translatedAddress ?? this.clientAddress
    this.#context.decided(proxyDecision(this, decision, { timeMs: nowWallMs(), host, localAddress, source }))
  }

  #finish(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#through.onlooker = null
    const { policy, nowWallMs } = this.#context
    if (this.#taken) policy.released?.({ address: this.clientAddress, port: this.clientPort })
    this.#context.closed(this, { ...connectionView(this), ...ending, timeMs: nowWallMs() })
  }
}

const REFUSED = 'ECONNREFUSED'
const RESET = 'ECONNRESET'
