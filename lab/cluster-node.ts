import type { PlaneCounters } from '../gateway/planes/plane.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import type { NodeMessage } from './channel-messages.js'
import type { ClusterFault } from './cluster-fault.js'
import { ClusterMapWatch } from './cluster-map.js'
import { actOn } from './cluster-orders.js'
import { type LabPlane, openLabPlane } from './cluster-planes.js'
import type { LabNode, Opened } from './lab-node.js'
import type { ClusterReport, ClusterSpec } from './node-spec.js'

/** How often a host that drains is asked for the connections that it still has. */
const DRAIN_POLL_MS = 200

/** A cluster on any plane as a node of the lab. It has been up for long when the run begins. */
export class ClusterNode implements LabNode {
  readonly #spec: ClusterSpec
  readonly #plane: LabPlane
  readonly #map: ClusterMapWatch
  #counters: PlaneCounters | null = null
  #drains: NodeJS.Timeout | undefined
  #counting: Promise<void> | undefined
  #decisions: ProxyDecision[] = []
  #closed: ConnectionClosed[] = []
  #requests: ProxiedRequest[] = []

  static async create(spec: ClusterSpec, tap?: SocketsTap): Promise<ClusterNode> {
    const node: ClusterNode = new ClusterNode(
      spec,
      await openLabPlane(spec, {
        onDecision: decision => node.#decisions.push(decision),
        onClosed: event => node.#closed.push(event),
        onRequest: request => node.#requests.push(request),
        ...(tap !== undefined && { tap }),
      }),
    )
    return node
  }

  private constructor(spec: ClusterSpec, plane: LabPlane) {
    this.#spec = spec
    this.#plane = plane
    this.#map = new ClusterMapWatch(spec.ports[0]!)
  }

  async open(): Promise<Opened> {
    await this.#plane.start()
    const inside = this.#plane.inside?.()
    return {
      address: this.#spec.cluster.addresses[0]!,
      port: this.#spec.ports[0]!,
      ...(inside === undefined ? {} : { inside }),
    }
  }

  start(): void {}

  drain(): void {}

  fault(fault: ClusterFault): void {
    actOn(this.#plane.live, fault)
    if (fault.kind !== 'leave' || !fault.drain || this.#plane.connections === undefined) return
    this.#drains ??= setInterval(() => {
      // on a busy machine one count may take longer; what could not be counted is next time
      this.#counting ??= this.#countDraining()
        .catch(() => undefined)
        .finally(() => {
          this.#counting = undefined
        })
    }, DRAIN_POLL_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#drains)
    await this.#counting
    this.#counters = await this.#plane.counters()
    await this.#plane.stop()
  }

  abandon(): Promise<void> {
    clearInterval(this.#drains)
    return this.#plane.stop()
  }

  report(partial: boolean): ClusterReport {
    return { kind: 'cluster', node: this.#spec.name, partial, atMs: Date.now(), counters: this.#counters }
  }

  sample(): null {
    return null
  }

  takeNews(): NodeMessage | null {
    const owners = this.#plane.live.call(cluster => this.#map.take(cluster))
    if (owners !== null) return { type: 'cluster-map', atMs: Date.now(), owners }
    const [decisions, closed, requests] = [this.#decisions, this.#closed, this.#requests]
    if (decisions.length + closed.length + requests.length === 0) return null
    this.#decisions = []
    this.#closed = []
    this.#requests = []
    return { type: 'decisions', decisions, closed, requests }
  }

  /** A drain ends with the host's last connection, of which the model is not told on every plane. */
  async #countDraining(): Promise<void> {
    const { live, connections } = this.#plane
    const draining = live.call(cluster => cluster.hosts().filter(({ state }) => state === 'draining'))
    for (const { name } of draining) {
      const count = await connections?.(name)
      if (count !== undefined) live.call((cluster, nowMs) => cluster.countConnections(name, count, nowMs))
    }
  }
}
