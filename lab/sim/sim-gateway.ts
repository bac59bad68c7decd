import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../../gateway/planes/proxy-events.js'
import type { ClusterFault } from '../cluster-fault.js'
import type { ClusterMap } from '../cluster-map.js'
import type { ClusterReport, ClusterSpec, GatewayReport, GatewaySpec } from '../node-spec.js'
import type { SimNetwork } from './network.js'
import type { Scheduler } from './scheduler.js'
import { SimAppliance } from './sim-appliance.js'
import { SimCluster } from './sim-cluster.js'

/** What a simulated gateway stands in. */
export interface SimGatewayWorld {
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  /** True time: milliseconds since 1970. */
  nowWallMs(): number
}

/** Told what a simulated gateway does, as it does it. Must not act on the simulation at once. */
export interface SimGatewayOwner {
  decided(decision: ProxyDecision): void
  closed(event: ConnectionClosed): void
  request(request: ProxiedRequest): void
  /** Of an NLB cluster: who owns its buckets, at first and whenever that is new. */
  mapped(owners: ClusterMap): void
}

/** A balancer of the simulated world: `GatewayNode` or `ClusterNode` without sockets. */
export interface SimGateway {
  /** Balances from now on. An NLB cluster has been up for long by then. */
  start(): void
  /** Throws a `RangeError` for a host that does not exist. */
  fault(fault: ClusterFault): void
  /** Resets what is open, which is told, and balances no more. */
  stop(): void
  report(partial: boolean): GatewayReport | ClusterReport
}

export function createSimGateway(
  world: SimGatewayWorld,
  spec: GatewaySpec | ClusterSpec,
  owner: SimGatewayOwner,
): SimGateway {
  return spec.kind === 'gateway' ? new SimAppliance(world, spec, owner) : new SimCluster(world, spec, owner)
}
