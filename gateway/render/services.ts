import { MSMQ_PING_PORT, MSMQ_PORT } from '../../protocol/ports.js'
import type { ClusterConfig, HostConfig } from '../nlb/cluster-config.js'
import type { Affinity } from '../nlb/hash.js'
import { ALL_ADDRESSES, findRule, type PortRule, portRuleText } from '../nlb/port-rule.js'

interface ServedPort {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
}

/** Ports that a balancer listens on. */
export interface ServedPorts {
  readonly tcp?: readonly number[]
  readonly udp?: readonly number[]
}

/** One host behind one service. */
export interface Member {
  /** As the cluster calls it. */
  readonly host: string
  /** The same in letters that every product takes; unique. */
  readonly id: string
  readonly address: string
  readonly port: number
  /** 0 to 100; 0 takes nothing. */
  readonly weight: number
}

/**
 * How a service's members share. `spread`: by weight. `first`: all to the first member that lives, in their order.
 * `refuse`: nobody gets anything.
 */
export type Sharing = 'spread' | 'first' | 'refuse'

/** One port of one cluster address, as balancers think of it. */
export interface Service {
  /** `tcp_1801`; with several cluster addresses `tcp_1801_10_0_0_100`. */
  readonly name: string
  readonly address: string
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Index in the cluster's rules, or -1: no rule covers the port, and the default host takes all. */
  readonly rule: number
  /** For people. */
  readonly ruleText: string
  readonly sharing: Sharing
  /** Of `spread`. */
  readonly affinity: Affinity
  /** Extended affinity, minutes; 0 = off. */
  readonly timeoutMinutes: number
  readonly members: readonly Member[]
}

const PROTOCOLS = ['tcp', 'udp'] as const

/** Rules for so many ports are served in full; of wider ones what MSMQ uses. */
const RANGE_MAX = 16

/** TCP 1801 and UDP 3527 of the binary protocol, [MS-MQQB] 2.1; HTTP and HTTPS. */
const MSMQ_PORTS: readonly ServedPort[] = [
  { protocol: 'tcp', port: MSMQ_PORT },
  { protocol: 'tcp', port: 80 },
  { protocol: 'tcp', port: 443 },
  { protocol: 'udp', port: MSMQ_PING_PORT },
]

function servedPorts(rules: readonly PortRule[], ports: ServedPorts | undefined): ServedPort[] {
  if (areGiven(ports))
    return PROTOCOLS.flatMap(protocol => (ports?.[protocol] ?? []).map((port): ServedPort => ({ protocol, port })))
  return portsOf(rules)
}

/** Neither list given, or an empty object: the rules decide. */
function areGiven(ports: ServedPorts | undefined): boolean {
  return ports?.tcp !== undefined || ports?.udp !== undefined
}

function portsOf(rules: readonly PortRule[]): ServedPort[] {
  const ports = rules.flatMap(({ startPort, endPort, protocol }): ServedPort[] => {
    const protocols = protocol === 'both' ? PROTOCOLS : [protocol]
    if (endPort - startPort >= RANGE_MAX)
      return MSMQ_PORTS.filter(
        served => protocols.some(one => one === served.protocol) && served.port >= startPort && served.port <= endPort,
      )
    const range = Array.from({ length: endPort - startPort + 1 }, (_, index) => startPort + index)
    return protocols.flatMap(one => range.map(port => ({ protocol: one, port })))
  })
  const distinct = new Map(ports.map(served => [`${served.protocol} ${served.port}`, served]))
  return distinct.size > 0 ? [...distinct.values()] : [MSMQ_PORTS[0]!]
}

/** Whether requests are balanced there, and not connections. */
export function isHttp(
  { protocol, port }: Service,
  { httpPorts = [] }: { readonly httpPorts?: readonly number[] },
): boolean {
  return protocol === 'tcp' && httpPorts.includes(port)
}

/** What a balancer has to serve so that the same clients reach the same kind of hosts. */
export function servicesOf(
  cluster: ClusterConfig,
  options: { readonly ports?: ServedPorts; readonly forward?: Readonly<Record<number, number>> } = {},
): Service[] {
  const { forward = {} } = options
  const ports = servedPorts(cluster.rules, options.ports)
  const ids = memberIds(cluster.hosts)
  return cluster.addresses.flatMap(address =>
    ports.map(({ protocol, port }): Service => {
      const index = findRule(cluster.rules, protocol, address, port)
      const rule = cluster.rules[index]
      const member = (host: HostConfig): Member => ({
        host: host.name,
        id: ids.get(host.name)!,
        address: host.address,
        port: forward[port] ?? port,
        weight: host.perRule[index]?.weight ?? 0,
      })
      const name = `${protocol}_${port}`
      return {
        name: cluster.addresses.length === 1 ? name : `${name}_${address.replace(/\W/g, '_')}`,
        address,
        protocol,
        port,
        rule: index,
        ruleText: rule === undefined ? 'no rule: the default host takes all' : ruleText(rule),
        sharing: sharingOf(rule),
        affinity: rule?.affinity ?? 'single',
        timeoutMinutes: rule?.timeoutMinutes ?? 0,
        members: inOrder(cluster.hosts, index, rule).map(member),
      }
    }),
  )
}

/** Rules of which only some ports are served. */
export function rulesCutShort(cluster: ClusterConfig, ports: ServedPorts | undefined): string[] {
  if (areGiven(ports)) return []
  return cluster.rules.filter(rule => rule.endPort - rule.startPort >= RANGE_MAX).map(portRuleText)
}

function sharingOf(rule: PortRule | undefined): Sharing {
  if (rule === undefined || rule.mode === 'single') return 'first'
  return rule.mode === 'disabled' ? 'refuse' : 'spread'
}

/** Under `single` by handling priority, without a rule by host priority: the first takes all. */
function inOrder(hosts: readonly HostConfig[], index: number, rule: PortRule | undefined): HostConfig[] {
  if (rule === undefined) return [...hosts].sort((a, b) => a.priority - b.priority)
  if (rule.mode !== 'single') return [...hosts]
  const priority = (host: HostConfig) => host.perRule[index]?.handlingPriority ?? host.priority
  return [...hosts].sort((a, b) => priority(a) - priority(b))
}

function ruleText(rule: PortRule): string {
  const { mode, affinity, timeoutMinutes } = rule
  const extended = timeoutMinutes > 0 ? `, kept ${timeoutMinutes} minutes` : ''
  const where = rule.address === ALL_ADDRESSES ? 'all cluster addresses' : 'one address'
  return `${portRuleText(rule)}, ${where}, mode ${mode}${mode === 'multiple' ? `, affinity ${affinity}${extended}` : ''}`
}

function memberIds(hosts: readonly HostConfig[]): Map<string, string> {
  const ids = new Map<string, string>()
  const taken = new Set<string>()
  for (const [index, { name }] of hosts.entries()) {
    const plain = name.replace(/[^A-Za-z0-9_.-]/g, '_')
    const id = taken.has(plain) || plain === '' ? `${plain}_${index + 1}` : plain
    taken.add(id)
    ids.set(name, id)
  }
  return ids
}
