import { LiveCluster } from '../gateway/live-cluster.js'
import type { NlbClusterOptions } from '../gateway/nlb/cluster.js'
import { clusterConfig } from '../gateway/nlb/cluster-config.js'
import { jhash } from '../gateway/nlb/jhash.js'
import type { ClusterPlane, PlaneError } from '../gateway/planes/plane.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import type { ClusterSpec } from './node-spec.js'
import { kernelModeOf } from './planes.js'

/** What a plane tells while it runs, if it can tell. */
export interface LabPlaneListener {
  onDecision(decision: ProxyDecision): void
  onClosed(event: ConnectionClosed): void
  onRequest(request: ProxiedRequest): void
  /** Told of what crosses the wire, by planes whose sockets are ours. */
  readonly tap?: SocketsTap
}

/** A model on the real clock, and what moves bytes by it. */
export interface LabPlane extends Pick<ClusterPlane, 'start' | 'stop' | 'counters'> {
  readonly live: Pick<LiveCluster, 'call'>
  /** Connections that a host has now, where the model is not told of each. */
  connections?(host: string): Promise<number>
  /** By machine: how a command inside its network begins. */
  inside?(): Record<string, readonly string[]>
}

/** The plane that a node is to be. Each is loaded only where it is wanted. */
export async function openLabPlane(spec: ClusterSpec, listener: LabPlaneListener): Promise<LabPlane> {
  if (spec.plane === 'proxy') return await openProxy(spec, listener)
  if (spec.plane === 'haproxy' || spec.plane === 'nginx') return await openExternal(spec.plane, spec, listener)
  return await openKernel(spec)
}

async function openProxy({ cluster, ports, source }: ClusterSpec, listener: LabPlaneListener): Promise<LabPlane> {
  const { createNlbGateway } = await import('../gateway/nlb-gateway.js')
  const gateway = createNlbGateway({
    cluster,
    ports: { tcp: ports },
    source,
    settled: true,
    ...(listener.tap !== undefined && { tap: listener.tap }),
    onDecision: decision => listener.onDecision(decision),
    onClosed: event => listener.onClosed(event),
  })
  return {
    live: gateway,
    start: () => gateway.start(),
    stop: () => gateway.stop(),
    counters: () => gateway.counters(),
  }
}

async function openKernel(spec: ClusterSpec): Promise<LabPlane> {
  const { createKernelPlane } = await import('../gateway/planes/kernel/kernel-plane.js')
  const { plane: name, machines, details } = spec
  const mode = kernelModeOf(name)
  if (mode === null) throw new RangeError(`${name} is no kernel plane`)
  const { plane, ...opened } = onRealClock(spec, live =>
    createKernelPlane({
      cluster: live.cluster,
      mode,
      machines,
      onError: failTheNode,
      ...(details.snatAddress === undefined ? {} : { snatAddress: details.snatAddress }),
    }),
  )
  const names = [...spec.cluster.hosts, ...machines].map(machine => machine.name)
  return {
    ...opened,
    connections: host => plane.connections(host),
    inside: () => Object.fromEntries(names.map(machine => [machine, plane.command(machine, [])])),
  }
}

async function openExternal(
  product: 'haproxy' | 'nginx',
  spec: ClusterSpec,
  listener: LabPlaneListener,
): Promise<LabPlane> {
  const { createExternalPlane } = await import('../gateway/planes/external/external.js')
  const { source, ports, balance, httpPort, healthCheck, details } = spec
  const { plane: _, ...opened } = onRealClock(spec, live =>
    createExternalPlane(product, {
      cluster: live.cluster,
      source,
      ports: { tcp: ports, udp: [] },
      ...(balance === 'request' && httpPort !== undefined ? { httpPorts: [httpPort] } : {}),
      ...(details.program === undefined ? {} : { program: details.program }),
      check: healthCheck === undefined ? 'none' : 'connect',
      ...(healthCheck?.intervalMs === undefined ? {} : { checkIntervalMs: healthCheck.intervalMs }),
      onFailed: failTheNode,
      onDecision: decision => listener.onDecision(decision),
      onClosed: event => listener.onClosed(event),
      onRequest: request => listener.onRequest(request),
    }),
  )
  return opened
}

/** What a balancer shows that did not do as it was told is nothing to judge by: the run has lost its balancer. */
function failTheNode(error: PlaneError): void {
  setImmediate(() => {
    throw error
  })
}

/** The kernel's hash serves every plane that has none of its own. */
function onRealClock<Plane extends ClusterPlane>(
  { cluster, seed }: ClusterSpec,
  create: (live: LiveCluster) => Plane,
): LabPlane & { readonly plane: Plane } {
  const options: NlbClusterOptions = {
    config: clusterConfig(cluster),
    hash: jhash(seed),
    onChange: () => plane.changed(),
  }
  const live = new LiveCluster(options)
  const plane = create(live)
  return {
    live,
    plane,
    async start() {
      live.start(true)
      await plane.start()
    },
    async stop() {
      live.stop()
      await plane.stop()
    },
    counters: () => plane.counters(),
  }
}
