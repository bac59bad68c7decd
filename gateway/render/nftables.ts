import { NlbCluster } from '../nlb/cluster.js'
import type { ClusterConfig } from '../nlb/cluster-config.js'
import { jhash } from '../nlb/jhash.js'
import { hostFilters } from '../planes/kernel/host-filter.js'
import type { KernelMode } from '../planes/kernel/kernel-options.js'
import { routerRules } from '../planes/kernel/router-rules.js'
import { comment } from './comments.js'
import { commonLimits, extendedRules, extendedText } from './common-limits.js'
import { header } from './header.js'
import type { Rendering, RenderOptions } from './rendering.js'
import { servicesOf } from './services.js'

/**
 * An nftables ruleset for a Linux router in front of the hosts: DNAT, with source NAT or without, or direct return. The
 * rules are those of mqlab's own kernel plane, for the cluster as it stands when all its hosts have converged. IPv4 only: a
 * `RangeError` names an address that is none.
 */
export function renderNftables(cluster: ClusterConfig, options: RenderOptions = {}): Rendering {
  const { source = 'keep', seed = 0 } = options
  for (const address of [...cluster.addresses, ...cluster.hosts.map(host => host.address)])
    if (address.includes(':')) throw new RangeError(`${address}: rules for nftables are for IPv4`)
  const direct = options.forwarding === 'direct'
  const mode: Exclude<KernelMode, 'nlb'> = direct ? 'dsr' : source === 'keep' ? 'dnat' : 'snat'
  const hosts = cluster.hosts.map(({ name, address }, index) => ({ name, address, mark: index + 1 }))
  const ranks = new Map(cluster.hosts.map(({ name, priority }) => [name, priority]))
  const model = new NlbCluster({ config: cluster, hash: jhash(seed) })
  model.settle(0)
  const filters = hostFilters(model).sort((a, b) => ranks.get(a.host)! - ranks.get(b.host)!)
  const limits = nftablesLimits(cluster, options)
  const lines = [
    '#!/usr/sbin/nft -f',
    ...header(
      cluster,
      `nftables (${mode})`,
      HOW[mode],
      {
        source: mode === 'snat' ? 'translate' : 'keep',
        destination: direct ? 'cluster' : 'host',
        unit: 'connection',
        staysWithHost: cluster.rules.every(
          ({ mode: filtering, affinity }) => filtering !== 'multiple' || affinity !== 'none',
        ),
      },
      limits,
    ),
    ...(direct ? comment(hosts.flatMap(({ address, mark }) => routeLines(address, mark))) : []),
    routerRules({ config: cluster, mode, seed, filters, hosts, snatAddress: cluster.addresses[0]! }),
  ]
  return { text: `${lines.join('\n').trimEnd()}\n`, limits }
}

const FORWARD = 'Needs `sysctl -w net.ipv4.ip_forward=1`.'

const HOW: Readonly<Record<Exclude<KernelMode, 'nlb'>, readonly string[]>> = {
  dnat: [
    `The destination is rewritten, the source is not. Hosts must send their answers back through this machine, which is their default gateway. ${FORWARD}`,
  ],
  snat: [`Destination and source are rewritten: hosts see the cluster address and answer it. ${FORWARD}`],
  dsr: [
    `Nothing is rewritten: packets go to the host as next hop, and hosts answer clients themselves. The cluster address is routed to this machine and is not its own. ${FORWARD}`,
    'Each host holds the cluster address without answering for it: `ip address add ADDRESS/32 dev lo`, `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`; on Windows on a loopback adapter, with weakhostreceive and weakhostsend enabled.',
  ],
}

function routeLines(address: string, mark: number): string[] {
  return [`ip rule add fwmark ${mark} lookup ${100 + mark}; ip route add default via ${address} table ${100 + mark}`]
}

function nftablesLimits(cluster: ClusterConfig, options: RenderOptions): string[] {
  const limits = [
    ...commonLimits(cluster, servicesOf(cluster), { ...options, ports: ALL }),
    'the kernel’s hash (jhash) chooses the bucket, and mqlab the bucket’s host: 60 buckets as with NLB, but not the same clients in them',
    'nobody checks the hosts: who dies keeps its share, as with NLB, until this ruleset is rendered again without it and loaded',
    'loading another ruleset moves buckets at once; established connections stay where conntrack knows them',
  ]
  if (options.forward !== undefined && Object.keys(options.forward).length > 0)
    limits.push('ports on the hosts are those asked for: other ones are not forwarded to')
  const extended = extendedRules(cluster)
  if (extended.length > 0) limits.push(`no extended affinity (${extendedText(extended)})`)
  return limits
}

/** Whole rules are rendered, however wide. */
const ALL = { tcp: [], udp: [] }
