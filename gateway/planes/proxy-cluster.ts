import { systemCode } from '../../transport/errors.js'
import type { SocketsTap } from '../../transport/wire-tap.js'
import type { NlbCluster } from '../nlb/cluster.js'
import type { ClusterConfig } from '../nlb/cluster-config.js'
import { clusterPolicy, establishedPasses, type ServedPort } from '../nlb/cluster-policy.js'
import { addFailures, ClusterCounts } from './cluster-counts.js'
import { type ClusterPlane, type PlaneCounters, PlaneError } from './plane.js'
import type { ProxyHost } from './proxied-connection.js'
import { createProxyPlane, type ProxyLimits, type TcpProxyPlane } from './proxy.js'
import type { ConnectionClosed, ConnectionView, ObservedPacket, ProxyDecision, SourceMode } from './proxy-events.js'
import type { Retransmission } from './retransmission.js'
import { type ServedPorts, servedPorts } from './served-ports.js'
import { type RelayedDatagram, type UdpLimits, UdpRelay } from './udp-relay.js'

export interface ProxyClusterOptions {
  readonly cluster: NlbCluster
  /** Default: see `servedPorts`. */
  readonly ports?: Partial<ServedPorts>
  /** Port on the hosts for a port of the cluster; where it says nothing, the same. */
  readonly forward?: Readonly<Record<number, number>>
  /** Default `keep`, as Windows NLB, which rewrites nothing. */
  readonly source?: SourceMode
  /** Of each port by itself. */
  readonly limits?: Partial<ProxyLimits & UdpLimits>
  readonly retransmission?: Partial<Retransmission>
  /** Told of all that crosses the wire. */
  readonly tap?: SocketsTap
  onDecision?(decision: ProxyDecision, at: ServedPort): void
  onClosed?(event: ConnectionClosed, at: ServedPort): void
  onDatagram?(datagram: RelayedDatagram, at: ServedPort): void
  /** As of `ProxyPlaneOptions`. */
  onPacket?(packet: ObservedPacket, at: ServedPort): void
}

/** A connection, and through which port it came. */
export interface ServedConnection extends ConnectionView {
  readonly at: ServedPort
}

/**
 * A cluster in user space, without any rights: a listener for each port of each cluster address, all under one model.
 * Established connections stay with the host that took them; what the model no longer lets through to it stalls.
 */
export interface ProxyClusterPlane extends ClusterPlane {
  readonly served: readonly ServedPort[]
  counters(): PlaneCounters
  /** Numbers are unique on all ports. */
  connections(): ServedConnection[]
}

interface TcpPort {
  readonly at: ServedPort
  readonly plane: TcpProxyPlane
}

interface UdpPort {
  readonly at: ServedPort
  readonly relay: UdpRelay
}

/** Nothing happens before `start`. */
export function createProxyClusterPlane(options: ProxyClusterOptions): ProxyClusterPlane {
  return new UserSpacePlane(options)
}

class UserSpacePlane implements ProxyClusterPlane {
  readonly served: readonly ServedPort[]
  readonly #cluster: NlbCluster
  readonly #forward: Readonly<Record<number, number>>
  readonly #tcp: readonly TcpPort[]
  readonly #udp: readonly UdpPort[]
  readonly #counts = new ClusterCounts()
  #configured: ClusterConfig
  #connections = 0

  constructor(options: ProxyClusterOptions) {
    const { cluster, ports, forward = {} } = options
    this.#cluster = cluster
    this.#configured = cluster.config
    this.#forward = forward
    const { addresses, rules } = cluster.config
    const { tcp, udp } = servedPorts(rules, ports)
    const served = (protocol: 'tcp' | 'udp', list: readonly number[]) =>
      addresses.flatMap(address => list.map((port): ServedPort => ({ protocol, address, port })))
    this.#tcp = served('tcp', tcp).map(at => ({ at, plane: this.#tcpPlane(at, options) }))
    this.#udp = served('udp', udp).map(at => ({ at, relay: this.#udpRelay(at, options) }))
    this.served = [...this.#tcp, ...this.#udp].map(({ at }) => at)
  }

  async start(): Promise<void> {
    for (const { at, start } of [
      ...this.#tcp.map(({ at, plane }) => ({ at, start: () => plane.start() })),
      ...this.#udp.map(({ at, relay }) => ({ at, start: () => relay.start() })),
    ])
      try {
        await start()
      } catch (error) {
        await this.stop()
        throw listenError(at, error)
      }
    this.changed()
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#tcp.map(({ plane }) => plane.stop()), ...this.#udp.map(({ relay }) => relay.stop())])
  }

  changed(): void {
    const cluster = this.#cluster
    const { config } = cluster
    if (config !== this.#configured) {
      this.#configured = config
      for (const { at, plane } of this.#tcp) plane.setHosts(this.#hosts(at))
      for (const { at, relay } of this.#udp) relay.setHosts(this.#hosts(at))
    }
    for (const { relay } of this.#udp)
      for (const { name } of config.hosts)
        relay.setReach(name, cluster.reach(name) === 'reachable' ? 'reachable' : 'silent')
    for (const { at, plane } of this.#tcp) plane.review(establishedPasses(cluster, at))
  }

  counters(): PlaneCounters {
    const sum = this.#counts.sum(
      this.#cluster.config.hosts.map(({ name }) => name),
      this.#tcp.map(({ plane }) => plane.counters()),
      this.connections(),
    )
    const { hosts, failures } = sum
    let { silences, splitBrains } = sum
    for (const { relay } of this.#udp) {
      const counters = relay.counters()
      silences += counters.dropped
      splitBrains += counters.splitBrain
      addFailures(failures, counters.failures)
      for (const [name, { datagrams, bytesToHost, bytesToClient }] of Object.entries(counters.hosts)) {
        const host = hosts[name]
        if (host === undefined) continue
        host.datagrams += datagrams
        host.bytesToHost += bytesToHost
        host.bytesToClient += bytesToClient
      }
    }
    return { hosts, silences, splitBrains, failures }
  }

  connections(): ServedConnection[] {
    return this.#tcp.flatMap(({ at, plane }) => plane.connections().map(connection => ({ ...connection, at })))
  }

  #tcpPlane(at: ServedPort, options: ProxyClusterOptions): TcpProxyPlane {
    const { cluster, source = 'keep', limits = {}, retransmission = {}, tap } = options
    return createProxyPlane({
      listen: at,
      hosts: this.#hosts(at),
      policy: clusterPolicy(cluster, at),
      source,
      limits,
      retransmission,
      ...(tap !== undefined && { tap }),
      nextConnection: () => ++this.#connections,
      onDecision: decision => options.onDecision?.(decision, at),
      onClosed: event => {
        this.#counts.closed(event)
        options.onClosed?.(event, at)
      },
      ...(options.onPacket !== undefined && { onPacket: packet => options.onPacket?.(packet, at) }),
    })
  }

  #udpRelay(at: ServedPort, options: ProxyClusterOptions): UdpRelay {
    const { cluster, source = 'keep', limits = {}, tap } = options
    return new UdpRelay({
      listen: at,
      hosts: this.#hosts(at),
      policy: clusterPolicy(cluster, at),
      source,
      limits,
      ...(tap !== undefined && { tap }),
      onDatagram: datagram => options.onDatagram?.(datagram, at),
    })
  }

  #hosts({ port }: ServedPort): ProxyHost[] {
    return this.#cluster.config.hosts.map(({ name, address }) => ({
      name,
      address,
      port: this.#forward[port] ?? port,
    }))
  }
}

function listenError({ protocol, address, port }: ServedPort, error: unknown): PlaneError {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = systemCode(cause)
  const remedy =
    code === 'EADDRINUSE'
      ? 'end the program that listens there, or serve other ports'
      : code === 'EADDRNOTAVAIL'
        ? 'the address must be one of this machine, such as any of 127.0.0.0/8 on Linux'
        : code === 'EACCES'
          ? 'ports below 1024 may need rights: serve other ports'
          : 'serve another address or port'
  return new PlaneError('MSMQ_PLANE_LISTEN', 'proxy', `listen ${protocol} ${address}:${port}: ${code}: ${remedy}`, {
    cause,
  })
}
