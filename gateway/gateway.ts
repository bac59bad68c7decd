import { type Affinity, type BucketHash, nlbSub1 } from './nlb/hash.js'
import { createStaticPolicy } from './nlb/policy.js'
import { createProxyPlane, type ProxyPlane, type ProxyPlaneOptions } from './planes/proxy.js'

/** Port of the binary protocol. [MS-MQQB] 2.1.1. */
const MSMQ_PORT = 1801

/** Load weight of a host that states none, as in a Windows NLB port rule. */
const WEIGHT_DEFAULT = 50

export interface GatewayHost {
  /** Unique; what decisions, counters and reports call it. */
  readonly name: string
  readonly address: string
  /** Default 1801. */
  readonly port?: number
  /** Share of the traffic in relation to the others' weights: 0 (none) to 100, default 50. */
  readonly weight?: number
  /** Priority in the cluster, 1 to 32, unique. Default: the place in the list, from 1. */
  readonly id?: number
}

/** A balancer in front of queue managers, in plain data but for the functions of `ProxyPlaneOptions` and the hash. */
export interface GatewayConfig extends Omit<ProxyPlaneOptions, 'listen' | 'hosts' | 'policy'> {
  /** The cluster address. Default port 1801. */
  readonly listen: { readonly address: string; readonly port?: number }
  readonly hosts: readonly GatewayHost[]
  /** Default `single`, as in a Windows NLB port rule. */
  readonly affinity?: Affinity
  /** Default `nlb-sub-1`, a substitute for the unpublished hash of Windows NLB. */
  readonly hash?: BucketHash
}

export interface Gateway extends ProxyPlane {
  readonly affinity: Affinity
  /** Name of the hash in use. */
  readonly hash: string
}

/**
 * A gateway as it stands in a topology: static hosts, the bucket map over them, and the proxy plane. It does not listen
 * before `start()`. Throws a `RangeError` naming the host when a name, ID or weight is not allowed.
 */
export function createGateway(config: GatewayConfig): Gateway {
  const { listen, hosts, affinity = 'single', hash = nlbSub1, ...plane } = config
  const names = new Set<string>()
  for (const { name } of hosts) {
    if (names.has(name)) throw new RangeError(`host ${JSON.stringify(name)} given twice`)
    names.add(name)
  }
  const policy = createStaticPolicy({
    hosts: hosts.map(({ name, weight = WEIGHT_DEFAULT, id }, index) => ({ name, weight, id: id ?? index + 1 })),
    affinity,
    hash,
  })
  return {
    affinity,
    hash: hash.name,
    ...createProxyPlane({
      ...plane,
      listen: { address: listen.address, port: listen.port ?? MSMQ_PORT },
      hosts: hosts.map(({ name, address, port = MSMQ_PORT }) => ({ name, address, port })),
      policy,
    }),
  }
}
