import type { Client, Policy } from '../../gateway/nlb/policy.js'
import type { ProxyFaults, ProxyHost } from '../../gateway/planes/proxied-connection.js'
import {
  addTraffic,
  countClose,
  countHostFailure,
  type ProxyCounters,
  zeroCounters,
} from '../../gateway/planes/proxy-counters.js'
import type { CloseManner, ConnectionClosed, ProxyDecision, SourceMode } from '../../gateway/planes/proxy-events.js'
import type { Endpoint } from '../../queue-manager/actions.js'
import { EPHEMERAL_PORT_MIN, type SimNetwork } from './network.js'
import type { Scheduler } from './scheduler.js'
import { type RouteContext, SimRoutedConnection } from './sim-routed-connection.js'

export interface SimRouteOptions {
  readonly network: SimNetwork
  readonly scheduler: Scheduler
  readonly listen: Endpoint
  readonly hosts: readonly ProxyHost[]
  readonly policy: Policy
  readonly source: SourceMode
  /** Whether a SYN that a host refuses goes to another. Default false, as Windows NLB. */
  readonly retryOtherHosts?: boolean
  /** Default 0: connections may rest for as long as they like. */
  readonly idleTimeoutMs?: number
  /** What happens to one that rested too long. Default `reset`. */
  readonly idleManner?: IdleManner
  readonly faults?: ProxyFaults
  /** Whether MSMQ's packets are counted as they pass; default true. */
  readonly countsPackets?: boolean
  /** Gives each connection its number; default from 1. For routes that share one sequence. */
  nextConnection?(): number
  /** Milliseconds since 1970. */
  nowWallMs(): number
  decided(decision: ProxyDecision): void
  closed(event: ConnectionClosed): void
}

/**
 * `reset`: both ends are told. `silent`: the appliance forgets the connection without a word, and resets whoever sends on it
 * later; the other end goes on believing in it.
 */
export type IdleManner = 'reset' | 'silent'

/**
 * A balancer of connections in the simulated network: what `gateway/planes/proxy.ts` is on sockets. It relays nothing: a
 * connection is one from end to end, led to a host by its SYN, and held, cut or reset by what stands between.
 */
export class SimRoute {
  readonly #options: SimRouteOptions
  readonly #context: RouteContext
  readonly #open = new Set<SimRoutedConnection>()
  readonly #counts: ProxyCounters
  #cutsLeft: number
  #lastPort = EPHEMERAL_PORT_MIN - 1
  #close: () => void = () => undefined

  constructor(options: SimRouteOptions) {
    this.#options = options
    this.#counts = zeroCounters(options.hosts)
    this.#cutsLeft = options.faults?.cutConnectionsMax ?? Number.POSITIVE_INFINITY
    const counts = this.#counts
    this.#context = {
      scheduler: options.scheduler,
      policy: options.policy,
      hosts: new Map(options.hosts.map(host => [host.name, host])),
      source: options.source,
      retryOtherHosts: options.retryOtherHosts ?? false,
      idleTimeoutMs: options.idleTimeoutMs ?? 0,
      idleManner: options.idleManner ?? 'reset',
      countsPackets: options.countsPackets ?? true,
      translatedAddress: options.source === 'translate' ? options.listen.address : null,
      nextPort: () => {
        this.#lastPort = this.#lastPort === 0xffff ? EPHEMERAL_PORT_MIN : this.#lastPort + 1
        return this.#lastPort
      },
      nowWallMs: () => options.nowWallMs(),
      decided(decision) {
        if (decision.verdict?.outcome === 'split-brain') counts.splitBrain++
        if (decision.host !== null) counts.hosts[decision.host]!.chosen++
        options.decided(decision)
      },
      hostFailed: (host, code) => countHostFailure(counts, host, code),
      unanswered: () => counts.unanswered++,
      closed: (connection, event) => {
        this.#open.delete(connection)
        addTraffic(counts, event)
        countClose(counts, event)
        options.closed(event)
      },
    }
  }

  start(): void {
    const { network, listen, faults } = this.#options
    this.#close = network.route(listen, connection => {
      this.#counts.accepted++
      let cutAfterBytes = Number.POSITIVE_INFINITY
      if (faults?.cutAfterBytes !== undefined && this.#cutsLeft > 0) {
        this.#cutsLeft--
        cutAfterBytes = faults.cutAfterBytes
      }
      const number = this.#options.nextConnection?.() ?? this.#counts.accepted
      const routed = new SimRoutedConnection(number, connection, cutAfterBytes, this.#context)
      this.#open.add(routed)
      return routed
    })
  }

  /** Leads nobody on any more, and resets what is open. */
  stop(): void {
    this.#close()
    this.resetConnections('stopped')
  }

  counters(): ProxyCounters {
    const sum: ProxyCounters = structuredClone(this.#counts)
    sum.active = this.#open.size
    for (const connection of this.#open) addTraffic(sum, connection)
    return sum
  }

  connections(): ReadonlySet<SimRoutedConnection> {
    return this.#open
  }

  /** Resets the open connections, or those of one host; `manner` is what is told of it. */
  resetConnections(manner: CloseManner, host?: string): void {
    for (const connection of [...this.#open])
      if (host === undefined || connection.host === host) connection.breakOff(manner)
  }

  /** Asks of each connection that a host has whether its packets still pass: holds those that do not, lets the others go on. */
  review(passes: (client: Client, host: string) => boolean): void {
    for (const connection of this.#open) {
      if (connection.host === null || !connection.isConnected) continue
      const { clientAddress: address, clientPort: port, host } = connection
      connection.hold(!passes({ address, port }, host))
    }
  }
}
