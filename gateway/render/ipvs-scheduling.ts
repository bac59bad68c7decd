import { MSMQ_PORT } from '../../protocol/ports.js'
import type { ClusterConfig } from '../nlb/cluster-config.js'
import { commonLimits, OTHER_HASH, portText } from './common-limits.js'
import type { BalancerKind } from './kb-rows.js'
import { type Forwarding, IDLE_TIMEOUT_S, type RenderOptions } from './rendering.js'
import type { Member, Service } from './services.js'

/** What IPVS, by ipvsadm or by keepalived, makes of a service. */
export interface IpvsScheduling {
  /** `sh` hashes the client's address, with `byPort` its port too; `wrr` deals in turn, by weight. */
  readonly scheduler: 'sh' | 'wrr'
  readonly byPort: boolean
  /** Seconds that a client stays with its host after its last connection; 0: the scheduler alone decides. */
  readonly persistenceS: number
  /** Which clients count as one. */
  readonly netmask: string | null
  /** UDP: each datagram is drawn for itself, as with NLB. */
  readonly onePacket: boolean
}

/** Least time of a persistence that stands for affinity `network`, which IPVS has no hash for. */
const NETWORK_PERSISTENCE_S = IDLE_TIMEOUT_S

export function ipvsScheduling({ sharing, affinity, timeoutMinutes, protocol }: Service): IpvsScheduling {
  const onePacket = protocol === 'udp'
  const keptS = timeoutMinutes * 60
  if (sharing !== 'spread') return { scheduler: 'wrr', byPort: false, persistenceS: 0, netmask: null, onePacket }
  if (affinity === 'network') {
    const persistenceS = keptS > 0 ? keptS : NETWORK_PERSISTENCE_S
    return { scheduler: 'wrr', byPort: false, persistenceS, netmask: '255.255.255.0', onePacket: false }
  }
  return { scheduler: 'sh', byPort: affinity === 'none', persistenceS: keptS, netmask: null, onePacket }
}

/** Who gets something: under `first` the first alone, since IPVS has no reserve. */
export function ipvsMembers({ sharing, members, rule }: Service, { stateOf }: RenderOptions): Member[] {
  const state = ({ host }: Member) => stateOf?.(host, rule) ?? 'up'
  if (sharing === 'first') {
    const first = members.find(member => state(member) === 'up')
    return first === undefined ? [] : [{ ...first, weight: 1 }]
  }
  return members
    .filter(member => state(member) !== 'down')
    .map(member => (state(member) === 'draining' ? { ...member, weight: 0 } : member))
}

export function ipvsKind(
  services: readonly Service[],
  { source = 'keep', forwarding = 'nat' }: RenderOptions,
): BalancerKind {
  const main = services.find(({ protocol, port }) => protocol === 'tcp' && port === MSMQ_PORT) ?? services[0]
  return {
    source: forwarding === 'nat' ? source : 'keep',
    destination: forwarding === 'nat' ? 'host' : 'cluster',
    unit: 'connection',
    staysWithHost: main?.affinity !== 'none' || main.sharing !== 'spread',
  }
}

/** How packets travel, and what hosts must be for that. */
export const IPVS_HOW: Readonly<Record<Forwarding, string>> = {
  nat: 'NAT: the destination is rewritten. Hosts must send their answers back through this machine, which is their default gateway; `sysctl -w net.ipv4.ip_forward=1`.',
  direct:
    'Direct routing: nothing is rewritten, hosts share this machine’s network and answer clients themselves. Each holds the cluster address without answering for it: `ip address add ADDRESS/32 dev lo`, `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`; on Windows on a loopback adapter, with weakhostreceive and weakhostsend enabled.',
  tunnel:
    'Tunnel: packets go to hosts inside others (IP in IP); hosts hold the cluster address on their tunnel device and answer clients themselves.',
}

export function ipvsLimits(cluster: ClusterConfig, services: readonly Service[], options: RenderOptions): string[] {
  const { source = 'keep', forwarding = 'nat', forward = {} } = options
  const limits = commonLimits(cluster, services, options)
  const spread = services.filter(({ sharing }) => sharing === 'spread')
  if (spread.some(({ affinity }) => affinity !== 'network')) limits.push(OTHER_HASH)
  const networks = spread.filter(({ affinity }) => affinity === 'network').map(portText)
  if (networks.length > 0)
    limits.push(
      `affinity network (${networks.join(', ')}) becomes persistence: who is first of a network is dealt in turn, and all of it follows for as long as one of them came lately`,
    )
  if (spread.some(({ timeoutMinutes }) => timeoutMinutes > 0))
    limits.push(
      'extended affinity becomes persistence: like NLB’s, its time runs from a client’s last connection; without failover of its state',
    )
  if (source === 'translate' && forwarding !== 'nat')
    limits.push(`the source cannot be translated under ${forwarding}: hosts see the client`)
  if (forwarding !== 'nat' && Object.keys(forward).length > 0)
    limits.push(`under ${forwarding} ports on the hosts are those asked for: other ones are ignored`)
  const refused = services.filter(({ sharing }) => sharing === 'refuse').map(portText)
  if (refused.length > 0)
    limits.push(
      `disabled: ${refused.join(', ')} is no service of IPVS; what comes goes to the balancer itself, which refuses it unless a firewall drops it`,
    )
  return limits
}

/** Port at the host: another one only where the destination is rewritten. */
export function ipvsPort(service: Service, member: Member, { forwarding = 'nat' }: RenderOptions): number {
  return forwarding === 'nat' ? member.port : service.port
}
