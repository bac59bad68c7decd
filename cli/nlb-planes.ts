import { LiveCluster } from '../gateway/live-cluster.js'
import type { NlbClusterOptions } from '../gateway/nlb/cluster.js'
import type { ServedPort } from '../gateway/nlb/cluster-policy.js'
import type { NlbEvent } from '../gateway/nlb/events.js'
import type { ClusterPlane, PlaneCounters } from '../gateway/planes/plane.js'
import type { ConnectionClosed, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { RelayedDatagram } from '../gateway/planes/udp-relay.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import type { NlbConfig } from './nlb-config.js'

/* The cluster of a file on the plane that was chosen. Each plane is loaded only when it is. */

/** What is told while it runs. */
export interface PlaneListener {
  onEvent(event: NlbEvent): void
  onDecision(decision: ProxyDecision, at: ServedPort | null): void
  onClosed(closed: ConnectionClosed, at: ServedPort | null): void
  onDatagram(datagram: RelayedDatagram, at: ServedPort): void
  /** What the check of a balancer found, which NLB has none of. */
  onHostChecked(host: string, state: 'up' | 'down'): void
  /** The plane is behind the model, and why. */
  onError(error: Error): void
  /** Told of all that crosses the wire, by a plane whose sockets are ours. */
  readonly tap?: SocketsTap
}

/** A cluster with what moves bytes by it. */
export interface OpenedPlane {
  /** Calls of the model at the present time. */
  readonly live: Pick<LiveCluster, 'call'>
  /** Comes up. @throws {PlaneError} */
  start(): Promise<void>
  stop(): Promise<void>
  counters(): PlaneCounters | Promise<PlaneCounters>
  /** For the first line on stdout, once it runs. */
  ready(): Readonly<Record<string, unknown>>
}

export async function openPlane(config: NlbConfig, listener: PlaneListener): Promise<OpenedPlane> {
  switch (config.plane) {
    case 'proxy':
      return openProxy(config, listener)
    case 'kernel':
      return openKernel(config, listener)
    case 'haproxy':
    case 'nginx':
      return openExternal(config, config.plane, listener)
  }
}

async function openProxy(config: NlbConfig, listener: PlaneListener): Promise<OpenedPlane> {
  const { createNlbGateway } = await import('../gateway/nlb-gateway.js')
  const { cluster, hash, settled, ports, forward, source } = config
  const gateway = createNlbGateway({
    cluster,
    hash,
    settled,
    ports,
    forward,
    source: source ?? 'keep',
    ...(listener.tap !== undefined && { tap: listener.tap }),
    onEvent: event => listener.onEvent(event),
    onDecision: (decision, at) => listener.onDecision(decision, at),
    onClosed: (closed, at) => listener.onClosed(closed, at),
    onDatagram: (datagram, at) => listener.onDatagram(datagram, at),
  })
  return {
    live: gateway,
    start: () => gateway.start(),
    stop: () => gateway.stop(),
    counters: () => gateway.counters(),
    ready: () => ({ serves: gateway.served }),
  }
}

async function openKernel(config: NlbConfig, listener: PlaneListener): Promise<OpenedPlane> {
  const { createKernelPlane } = await import('../gateway/planes/kernel/kernel-plane.js')
  const { cluster, machines, kernelMode } = config
  return onRealClock(config, listener, options => {
    const live = new LiveCluster(options)
    const plane = createKernelPlane({
      cluster: live.cluster,
      mode: kernelMode ?? 'nlb',
      machines,
      onError: error => listener.onError(error),
    })
    return {
      live,
      plane,
      ready: () => ({
        namespaces: Object.fromEntries(
          [...cluster.hosts, ...machines].map(({ name, address }) => [
            name,
            { namespace: plane.namespaceOf(name), address, run: plane.command(name, []).join(' ') },
          ]),
        ),
      }),
    }
  })
}

async function openExternal(
  config: NlbConfig,
  product: 'haproxy' | 'nginx',
  listener: PlaneListener,
): Promise<OpenedPlane> {
  const { createExternalPlane } = await import('../gateway/planes/external/external.js')
  const { servicesOf } = await import('../gateway/render/services.js')
  const { cluster, ports, forward, source, render } = config
  const { httpPorts, check, checkIntervalMs, idleTimeoutS, connectTimeoutMs } = render
  return onRealClock(config, listener, options => {
    const live = new LiveCluster(options)
    const plane = createExternalPlane(product, {
      cluster: live.cluster,
      source: source ?? 'translate',
      ports,
      forward,
      ...(httpPorts !== undefined && { httpPorts }),
      ...(check !== undefined && { check }),
      ...(checkIntervalMs !== undefined && { checkIntervalMs }),
      ...(idleTimeoutS !== undefined && { idleTimeoutS }),
      ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
      onDecision: decision => listener.onDecision(decision, null),
      onClosed: closed => listener.onClosed(closed, null),
      onHostState: (host, state) => listener.onHostChecked(host, state),
      onFailed: error => listener.onError(error),
    })
    const serves = servicesOf(cluster, { ports, forward })
      // HAProxy balances no UDP
      .filter(({ protocol }) => product === 'nginx' || protocol === 'tcp')
      .map(({ protocol, address, port }) => ({ protocol, address, port }))
    return { live, plane, ready: () => ({ serves }) }
  })
}

/** How often the model is told what a plane counts by itself: drains wait for it. */
const COUNT_INTERVAL_MS = 1000

interface Parts {
  readonly live: LiveCluster
  readonly plane: ClusterPlane & {
    /** Resolves when all changes so far are in effect. */
    applied(): Promise<void>
  }
  ready(): Readonly<Record<string, unknown>>
}

/** A plane that takes the model as it is, and the model on the real clock. */
function onRealClock(
  { cluster, hash, settled }: NlbConfig,
  listener: PlaneListener,
  create: (options: NlbClusterOptions) => Parts,
): OpenedPlane {
  const { live, plane, ready } = create({
    config: cluster,
    hash,
    onEvent: event => listener.onEvent(event),
    onChange: () => plane.changed(),
  })
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const count = async () => {
    const { hosts } = await plane.counters()
    if (stopped) return
    live.call((cluster, nowMs) => {
      for (const { name } of cluster.config.hosts) {
        const active = hosts[name]?.active
        if (active !== undefined && active !== null) cluster.countConnections(name, active, nowMs)
      }
    })
  }
  const goOnCounting = async () => {
    await count().catch(error => listener.onError(error))
    if (!stopped) timer = setTimeout(goOnCounting, COUNT_INTERVAL_MS)
  }
  return {
    live,
    async start() {
      await plane.start()
      live.start(settled)
      await plane.applied()
      await goOnCounting()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      live.stop()
      await plane.stop()
    },
    counters: () => plane.counters(),
    ready,
  }
}
