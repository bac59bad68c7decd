import { LiveCluster } from '../gateway/live-cluster.js'
import { clusterConfig } from '../gateway/nlb/cluster-config.js'
import { jhash } from '../gateway/nlb/jhash.js'
import { createKernelPlane } from '../gateway/planes/kernel/kernel-plane.js'
import type { PlaneCounters } from '../gateway/planes/plane.js'
import type { NodeMessage } from './channel-messages.js'
import type { ClusterFault } from './cluster-fault.js'
import { actOn } from './cluster-orders.js'
import type { LabNode, Opened } from './lab-node.js'
import type { ClusterReport, ClusterSpec } from './node-spec.js'
import { kernelModeOf } from './planes.js'

/** How often a host that drains is asked for the connections that it still has. */
const DRAIN_POLL_MS = 200

/** A cluster on the kernel plane as a node of the lab. It has been up for long when the run begins. */
export class KernelClusterNode implements LabNode {
  readonly #spec: ClusterSpec
  readonly #live: LiveCluster
  readonly #plane: ReturnType<typeof createKernelPlane>
  #counters: PlaneCounters | null = null
  #drains: NodeJS.Timeout | undefined

  constructor(spec: ClusterSpec) {
    const { plane, machines } = spec
    const mode = kernelModeOf(plane)
    if (mode === null) throw new RangeError(`${plane} is no kernel plane`)
    this.#spec = spec
    this.#live = new LiveCluster({
      config: clusterConfig(spec.cluster),
      hash: jhash(spec.seed),
      onChange: () => this.#plane.changed(),
    })
    this.#plane = createKernelPlane({ cluster: this.#live.cluster, mode, machines })
  }

  async open(): Promise<Opened> {
    this.#live.start(true)
    await this.#plane.start()
    const names = [...this.#spec.cluster.hosts, ...this.#spec.machines].map(({ name }) => name)
    return {
      address: this.#spec.cluster.addresses[0]!,
      port: this.#spec.ports[0]!,
      inside: Object.fromEntries(names.map(name => [name, this.#plane.command(name, [])])),
    }
  }

  start(): void {}

  drain(): void {}

  fault(fault: ClusterFault): void {
    actOn(this.#live, fault)
    if (fault.kind === 'leave' && fault.drain)
      this.#drains ??= setInterval(() => void this.#countDraining(), DRAIN_POLL_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#drains)
    this.#counters = await this.#plane.counters()
    this.#live.stop()
    await this.#plane.stop()
  }

  abandon(): Promise<void> {
    return this.#plane.stop()
  }

  report(partial: boolean): ClusterReport {
    return { kind: 'cluster', node: this.#spec.name, partial, atMs: Date.now(), counters: this.#counters }
  }

  sample(): null {
    return null
  }

  /** The kernel tells of no single connection. */
  takeNews(): NodeMessage | null {
    return null
  }

  /** A drain ends with the host's last connection, which only the kernel knows of. */
  async #countDraining(): Promise<void> {
    for (const { name, state } of this.#live.cluster.hosts()) {
      if (state !== 'draining') continue
      const count = await this.#plane.connections(name)
      this.#live.call((cluster, nowMs) => cluster.countConnections(name, count, nowMs))
    }
  }
}
