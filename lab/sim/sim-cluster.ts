import { LiveCluster } from '../../gateway/live-cluster.js'
import { clusterConfig } from '../../gateway/nlb/cluster-config.js'
import { clusterPolicy, establishedPasses, type ServedPort } from '../../gateway/nlb/cluster-policy.js'
import { ClusterCounts } from '../../gateway/planes/cluster-counts.js'
import type { ClusterFault } from '../cluster-fault.js'
import { ClusterMapWatch } from '../cluster-map.js'
import { actOn } from '../cluster-orders.js'
import type { ClusterReport, ClusterSpec } from '../node-spec.js'
import type { SimGateway, SimGatewayOwner, SimGatewayWorld } from './sim-gateway.js'
import { SimRoute } from './sim-route.js'

/** A cluster of the simulated world: a route for each port, all under one model, which is driven by virtual time. */
export class SimCluster implements SimGateway {
  readonly #world: SimGatewayWorld
  readonly #spec: ClusterSpec
  readonly #live: LiveCluster
  readonly #ports: readonly { readonly at: ServedPort; readonly route: SimRoute }[]
  readonly #counts = new ClusterCounts()
  readonly #map: ClusterMapWatch
  readonly #owner: SimGatewayOwner
  #settled = false
  #connections = 0

  constructor(world: SimGatewayWorld, spec: ClusterSpec, owner: SimGatewayOwner) {
    const { scheduler } = world
    this.#world = world
    this.#spec = spec
    this.#owner = owner
    this.#map = new ClusterMapWatch(spec.ports[0]!)
    this.#live = new LiveCluster(
      { config: clusterConfig(spec.cluster), onChange: () => this.#changed() },
      {
        nowMs: () => scheduler.nowMs,
        after(delayMs, run) {
          const event = scheduler.after(delayMs, run)
          return () => event.cancel()
        },
      },
    )
    this.#ports = this.#served().map(at => ({ at, route: this.#route(at, owner) }))
  }

  start(): void {
    this.#live.start(true)
    for (const { route } of this.#ports) route.start()
    this.#settled = true
    this.#tellMap()
  }

  fault(fault: ClusterFault): void {
    actOn(this.#live, fault)
  }

  stop(): void {
    this.#live.stop()
    for (const { route } of this.#ports) route.stop()
  }

  report(partial: boolean): ClusterReport {
    const counters = this.#counts.sum(
      this.#live.cluster.config.hosts.map(({ name }) => name),
      this.#ports.map(({ route }) => route.counters()),
      this.#ports.flatMap(({ route }) => [...route.connections()]),
    )
    return { kind: 'cluster', node: this.#spec.name, partial, atMs: this.#world.nowWallMs(), counters }
  }

  #served(): ServedPort[] {
    const { cluster, ports } = this.#spec
    return cluster.addresses.flatMap(address => ports.map((port): ServedPort => ({ protocol: 'tcp', address, port })))
  }

  #route(at: ServedPort, owner: SimGatewayOwner): SimRoute {
    const { cluster } = this.#live
    return new SimRoute({
      network: this.#world.network,
      scheduler: this.#world.scheduler,
      listen: at,
      hosts: cluster.config.hosts.map(({ name, address }) => ({ name, address, port: at.port })),
      policy: clusterPolicy(cluster, at),
      source: this.#spec.source,
      countsPackets: at.port !== this.#spec.httpPort,
      nextConnection: () => ++this.#connections,
      nowWallMs: () => this.#world.nowWallMs(),
      decided: decision => owner.decided(decision),
      closed: event => {
        this.#counts.closed(event)
        owner.closed(event)
      },
    })
  }

  /** Connections stay with the host that took them; what the model no longer lets through to it is held. */
  #changed(): void {
    for (const { at, route } of this.#ports) route.review(establishedPasses(this.#live.cluster, at))
    this.#tellMap()
  }

  /** Not of what the model goes through before it is a cluster that has been up for long. */
  #tellMap(): void {
    if (!this.#settled) return
    const owners = this.#map.take(this.#live.cluster)
    if (owners !== null) this.#owner.mapped(owners)
  }
}
