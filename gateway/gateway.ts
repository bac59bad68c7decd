import { MSMQ_PORT } from '../protocol/ports.js'
import { isWildcard } from '../transport/plain-address.js'
import { type GatewayHost, gatewayHosts } from './gateway-hosts.js'
import { type Affinity, type BucketHash, nlbSub1 } from './nlb/hash.js'
import { createStaticPolicy } from './nlb/policy.js'
import { HealthChecker } from './planes/health-check.js'
import { HostStates } from './planes/host-states.js'
import type { HealthCheck, HostState, Spread } from './planes/http-options.js'
import { createHttpProxy, type HttpProxy, type HttpProxyOptions } from './planes/http-proxy.js'
import { createRandomPolicy, createRoundRobinPolicy } from './planes/http-spread.js'
import { createProxyPlane, type ProxyPlane, type ProxyPlaneOptions, type TcpProxyPlane } from './planes/proxy.js'

const HTTP_PORT = 80

interface BalancerConfig {
  /** The cluster address. Default port as for hosts. */
  readonly listen: { readonly address: string; readonly port?: number }
  readonly hosts: readonly GatewayHost[]
  /** Default `single`, as in a Windows NLB port rule. */
  readonly affinity?: Affinity
  /** Default `nlb-sub-1`, a substitute for the unpublished hash of Windows NLB. */
  readonly hash?: BucketHash
  /** Default: none, as Windows NLB. */
  readonly healthCheck?: HealthCheck
  /** Told when a host's state changes, by its health or by order. */
  onHostState?(host: string, state: HostState): void
}

/** A balancer in front of queue managers, in plain data but for the functions of `ProxyPlaneOptions` and the hash. */
export interface GatewayConfig extends BalancerConfig, Omit<ProxyPlaneOptions, 'listen' | 'hosts' | 'policy'> {}

/** A balancer in front of web servers, such as queue managers that listen to HTTP. */
export interface HttpGatewayConfig
  extends BalancerConfig,
    Omit<HttpProxyOptions, 'listen' | 'hosts' | 'policy' | 'states'> {
  /** Which host gets the next request under balance `request`. Default `round-robin`. */
  readonly spread?: Spread
  /** Of the spread `random`. Default 1. */
  readonly seed?: number
}

interface Balancer {
  readonly affinity: Affinity
  /** Name of the hash in use. */
  readonly hash: string
  hostStates(): Record<string, HostState>
  /** Takes a host out, lets it drain, or brings it back; a `RangeError` names a host that does not exist. */
  setHostState(host: string, state: HostState): void
}

export interface Gateway extends TcpProxyPlane, Balancer {}

export interface HttpGateway extends HttpProxy, Balancer {}

/**
 * A gateway as it stands in a topology: static hosts, the bucket map over them, and the proxy plane. It does not listen
 * before `start()`. Throws a `RangeError` naming the host when a name, ID or weight is not allowed.
 */
export function createGateway(config: GatewayConfig): Gateway {
  const { affinity, hash, healthCheck, onHostState, ...rest } = config
  const { listen, hosts, policy, states, changes, around } = prepare(config, MSMQ_PORT)
  const plane = createProxyPlane({ ...rest, listen, hosts, policy: states.within(policy) })
  changes.push((host, state) => {
    if (state === 'down') plane.resetConnections(host)
  })
  return around(plane)
}

/** The same over HTTP. */
export function createHttpGateway(config: HttpGatewayConfig): HttpGateway {
  const { affinity, hash, healthCheck, onHostState, spread = 'round-robin', seed = 1, ...rest } = config
  const { listen, hosts, policy, states, changes, around } = prepare(config, HTTP_PORT)
  const perRequest = {
    affinity: () => policy,
    random: () => createRandomPolicy(hosts, seed),
    'round-robin': () => createRoundRobinPolicy(hosts),
  }
  const plane = createHttpProxy({
    ...rest,
    listen,
    hosts,
    policy: config.balance === 'request' ? perRequest[spread]() : policy,
    states,
  })
  changes.push(plane.hostChanged)
  return around(plane)
}

/** What both planes stand on. */
function prepare(config: BalancerConfig & Pick<ProxyPlaneOptions, 'tap'>, portDefault: number) {
  const { affinity = 'single', hash = nlbSub1, healthCheck, onHostState } = config
  const listen = { address: config.listen.address, port: config.listen.port ?? portDefault }
  const hosts = gatewayHosts(config.hosts, portDefault)
  const changes: ((host: string, state: HostState) => void)[] = onHostState === undefined ? [] : [onHostState]
  const states = new HostStates(
    hosts.map(({ name }) => name),
    (host, state) => {
      for (const told of changes) told(host, state)
    },
  )
  const from = isWildcard(listen.address) ? undefined : listen.address
  const checker =
    healthCheck === undefined
      ? undefined
      : new HealthChecker(healthCheck, hosts, from, (host, well) => states.found(host, well), config.tap?.wire)

  const around = <Plane extends ProxyPlane>(plane: Plane): Plane & Balancer => ({
    ...plane,
    affinity,
    hash: hash.name,
    hostStates: () => states.all(),
    setHostState: (host, state) => states.order(host, state),
    async start() {
      const bound = await plane.start()
      checker?.start()
      return bound
    },
    async stop() {
      checker?.stop()
      await plane.stop()
    },
  })
  return { listen, hosts, policy: createStaticPolicy({ hosts, affinity, hash }), states, changes, around }
}
