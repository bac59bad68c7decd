import type { ClusterParameters } from '../../gateway/nlb/cluster-config.js'
import type { Guid } from '../../protocol/guid.js'
import { MSMQ_PORT } from '../../protocol/ports.js'
import type { RunGateway, RunNode } from '../history.js'
import type { ClusterSpec, GatewaySpec } from '../node-spec.js'
import { kernelModeOf, type Plane, type Realisation } from '../planes.js'
import { HTTP_PORT } from '../scenario-checks.js'
import { CLUSTER_NAME, GATEWAY_NAME } from '../scenario-nodes.js'
import type { ScenarioGateway } from '../scenario-schema.js'

/** A scenario's balancer, and the node that is it. `run` is null where it only makes the machines' networks. */
export interface CastGateway {
  readonly run: RunGateway | null
  readonly spec: GatewaySpec | ClusterSpec
}

interface Part {
  readonly gateway: ScenarioGateway | null
  readonly hosts: readonly string[]
  readonly vip: string
  readonly guid: Guid
  readonly nodes: readonly RunNode[]
  readonly seed: number
  readonly realisation: Realisation | undefined
}

/** An appliance takes a host out at once; so that a model with heartbeats comes near it, these are as quick as they may be. */
const APPLIANCE_PARAMETERS: Partial<ClusterParameters> = { heartbeatPeriodMs: 100, profile: '2003' }

export function castGateway(part: Part): CastGateway | null {
  const { gateway, realisation } = part
  const plane = realisation?.plane ?? 'proxy'
  if (gateway === null) {
    if (kernelModeOf(plane) === null) return null
    const hosts = part.nodes.filter(({ role }) => role === 'receiver').map(({ name }) => name)
    return { run: null, spec: clusterSpec({ ...part, hosts }, plane, { ...NO_GATEWAY, source: 'keep' }) }
  }
  const effective = { ...gateway, source: realisation?.source ?? gateway.source }
  const { vip, guid, hosts } = part
  const { source, protocol, balance, kind } = effective
  return {
    run: { name: GATEWAY_NAME, address: vip, guid, hosts, source, protocol, balance, plane, kind },
    spec:
      plane === 'proxy' && kind === 'appliance' ? applianceSpec(part, effective) : clusterSpec(part, plane, effective),
  }
}

/** As if there were a balancer that nobody uses. */
const NO_GATEWAY = { kind: 'appliance', protocol: 'tcp', balance: 'connection', affinity: 'none' } as const

function clusterSpec(
  { hosts, vip, nodes, seed, realisation }: Part,
  plane: Plane,
  gateway: ScenarioGateway,
): ClusterSpec {
  const { kind, protocol, balance, affinity, source, healthCheck } = gateway
  const { heartbeatPeriodMs, profile, weights = {}, priorities = {} } = gateway
  const port = portOf(gateway)
  const ports = kind === 'nlb' && port !== MSMQ_PORT ? [port, MSMQ_PORT] : [port]
  const addressOf = (name: string) => nodes.find(node => node.name === name)!.address
  return {
    kind: 'cluster',
    name: GATEWAY_NAME,
    plane,
    source,
    cluster: {
      name: CLUSTER_NAME,
      addresses: [vip],
      parameters: kind === 'nlb' ? defined({ heartbeatPeriodMs, profile }) : APPLIANCE_PARAMETERS,
      rules: ports.map(one => ({ startPort: one, endPort: one, protocol: 'tcp', affinity })),
      hosts: hosts.map(name =>
        defined({ name, address: addressOf(name), weight: weights[name], priority: priorities[name] }),
      ),
    },
    ports,
    ...(protocol === 'http' ? { httpPort: port } : {}),
    balance,
    ...(healthCheck === undefined ? {} : { healthCheck: defined(healthCheck) }),
    machines: nodes.filter(({ name }) => !hosts.includes(name)).map(({ name, address }) => ({ name, address })),
    seed,
    details: realisation?.details ?? {},
  }
}

function applianceSpec({ hosts, vip, nodes, seed }: Part, gateway: ScenarioGateway): GatewaySpec {
  const port = portOf(gateway)
  const { affinity, source, protocol } = gateway
  return {
    kind: 'gateway',
    name: GATEWAY_NAME,
    listen: { address: vip, port },
    hosts: hosts.map(name => ({ name, address: nodes.find(node => node.name === name)!.address, port })),
    affinity,
    source,
    ...(gateway.cutAfterBytes === undefined ? {} : { cutAfterBytes: gateway.cutAfterBytes }),
    ...(gateway.cutConnectionsMax === undefined ? {} : { cutConnectionsMax: gateway.cutConnectionsMax }),
    ...(gateway.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: gateway.idleTimeoutMs }),
    ...(gateway.idleManner === undefined ? {} : { idleManner: gateway.idleManner }),
    ...(protocol === 'http' ? httpPlane(gateway, seed) : {}),
  }
}

function httpPlane(
  { balance, forwardedFor, healthCheck, dropAnswers }: ScenarioGateway,
  seed: number,
): Partial<GatewaySpec> {
  return {
    protocol: 'http',
    balance,
    spread: 'random',
    seed,
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
    ...(healthCheck === undefined ? {} : { healthCheck: defined(healthCheck) }),
    ...(dropAnswers === undefined ? {} : { dropAnswers: defined(dropAnswers) }),
  }
}

const portOf = ({ protocol }: ScenarioGateway) => (protocol === 'http' ? HTTP_PORT : MSMQ_PORT)

/** Without the fields that are there and undefined. */
function defined<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never
}
