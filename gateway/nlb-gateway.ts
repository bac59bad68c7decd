import { LiveCluster } from './live-cluster.js'
import type { NlbCluster } from './nlb/cluster.js'
import { type ClusterInput, clusterConfig } from './nlb/cluster-config.js'
import type { NlbEvent } from './nlb/events.js'
import { type Explanation, explain } from './nlb/explain.js'
import type { BucketHash } from './nlb/hash.js'
import type { HostView } from './nlb/host-view.js'
import type { CommandOptions, CommandResult, NlbVerb } from './nlb/operations.js'
import type { Packet } from './nlb/packet.js'
import { createProxyClusterPlane, type ProxyClusterOptions, type ProxyClusterPlane } from './planes/proxy-cluster.js'

/** A Windows NLB cluster in user space, in plain data but for the functions and the hash. */
export interface NlbGatewayConfig extends Omit<ProxyClusterOptions, 'cluster'> {
  readonly cluster: ClusterInput
  /** Default `nlb-sub-1`, a substitute for the unpublished hash of Windows NLB. */
  readonly hash?: BucketHash
  /** Whether it comes up as a cluster that has been up for long; default false, and its hosts have to converge first. */
  readonly settled?: boolean
  /** Times are those of the machine's monotonic clock. */
  onEvent?(event: NlbEvent): void
}

/** The model on the real clock and the plane that moves bytes by it. */
export interface NlbGateway extends Pick<ProxyClusterPlane, 'served' | 'counters' | 'connections'> {
  /** Comes up, plane first. Rejects with a `PlaneError`. */
  start(): Promise<void>
  /** Resets what is open; afterwards nothing of it runs. */
  stop(): Promise<void>
  command(verb: NlbVerb, host: string | 'all', options?: CommandOptions): CommandResult[]
  explain(packet: Packet): Explanation
  hosts(): HostView[]
  /** Does something at the present time: faults, changes of the setup, questions. */
  call<Result>(act: (cluster: NlbCluster, nowMs: number) => Result): Result
}

/** Throws a `ClusterConfigError` for a cluster that cannot be. */
export function createNlbGateway(config: NlbGatewayConfig): NlbGateway {
  const { cluster: input, hash, settled = false, onEvent, ...rest } = config
  const live = new LiveCluster({
    config: clusterConfig(input),
    ...(hash !== undefined && { hash }),
    ...(onEvent !== undefined && { onEvent }),
    onChange: () => plane.changed(),
  })
  const plane = createProxyClusterPlane({ ...rest, cluster: live.cluster })
  return {
    served: plane.served,
    async start() {
      await plane.start()
      live.start(settled)
    },
    async stop() {
      live.stop()
      await plane.stop()
    },
    command: (verb, host, options) => live.call((cluster, nowMs) => cluster.command(verb, host, nowMs, options)),
    explain: packet => live.call(cluster => explain(cluster, packet)),
    hosts: () => live.call(cluster => cluster.hosts()),
    call: act => live.call(act),
    counters: () => plane.counters(),
    connections: () => plane.connections(),
  }
}
