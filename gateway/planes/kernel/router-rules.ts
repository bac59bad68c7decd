import type { ClusterConfig } from '../../nlb/cluster-config.js'
import { BUCKET_COUNT } from '../../nlb/hash.js'
import type { HostFilter } from './host-filter.js'
import type { KernelMode } from './kernel-options.js'
import {
  bucketText,
  chainText,
  clusterAddresses,
  coveredText,
  matchingOrder,
  synText,
  tableText,
  trackedText,
} from './rule-text.js'

/** A host as the router knows it. */
export interface RoutedHost {
  readonly name: string
  readonly address: string
  /** From 1: mark of its connections, and name of its chain, counter and routing table. */
  readonly mark: number
}

export type RouterMode = Exclude<KernelMode, 'nlb'>

export interface RouterRulesInput {
  readonly config: ClusterConfig
  readonly mode: RouterMode
  readonly seed: number
  /** By priority: where several would take a client, an appliance gives it to the first. */
  readonly filters: readonly HostFilter[]
  readonly hosts: readonly RoutedHost[]
  readonly snatAddress: string
}

/**
 * The appliance between clients and hosts, one nftables transaction. A client's bucket names the host; connections carry
 * the host's number as their conntrack mark and stay, whatever the maps become. A bucket that is nobody's, and what
 * belongs to no connection and is no SYN, is dropped in silence.
 *
 * UDP: `dsr` draws each datagram, NAT a flow, which conntrack keeps for 30 s (or 2 minutes after an answer).
 */
export function routerRules(input: RouterRulesInput): string {
  const { config, mode, hosts } = input
  const addresses = clusterAddresses(config)
  const isDsr = mode === 'dsr'
  return tableText('ip', [
    '  counter nobody { }',
    ...hosts.flatMap(({ mark }) => [`  counter opened_${mark} { }`, `  counter datagrams_${mark} { }`]),
    ...hosts.map(({ mark, address }) =>
      chainText(`to_${mark}`, [
        `meta l4proto tcp counter name opened_${mark}`,
        `meta l4proto udp counter name datagrams_${mark}`,
        isDsr ? `ct mark set ${mark} meta mark set ${mark} accept` : `ct mark set ${mark} dnat to ${address}`,
      ]),
    ),
    ...ruleChains(input),
    chainText('guard', [
      'type filter hook prerouting priority -150; policy accept;',
      `ip daddr ${addresses} meta l4proto tcp ct state new ${synText('!=')} drop`,
    ]),
    chainText('choose', [
      isDsr
        ? 'type filter hook prerouting priority -140; policy accept;'
        : 'type nat hook prerouting priority dstnat; policy accept;',
      `ip daddr != ${addresses} accept`,
      ...(isDsr
        ? ['meta l4proto tcp ct mark != 0 meta mark set ct mark accept']
        : // the appliance answers pings itself
          ['meta l4proto icmp accept']),
      ...matchingOrder(config.rules).map(rule => `${coveredText(config.rules[rule]!)} goto rule_${rule}`),
      `goto rule_${config.rules.length}`,
    ]),
    chainText('keep', ['type filter hook forward priority 0; policy accept;', ...cutOff(input)]),
    ...sourceChain(input),
  ])
}

function ruleChains({ config: { rules }, seed, filters, hosts }: RouterRulesInput): string[] {
  const marks = new Map(hosts.map(({ name, mark }) => [name, mark]))
  return [...rules, undefined].map((rule, index) => {
    const takers = Array.from({ length: BUCKET_COUNT }, (_, bucket) =>
      filters.find(({ listens, rules: own }) => {
        const { blocked, buckets } = own[index]!
        return listens && !blocked && buckets.includes(bucket)
      }),
    )
    const verdicts = takers.flatMap((taker, bucket) =>
      taker === undefined ? [] : [`${bucket} : goto to_${marks.get(taker.host)}`],
    )
    const [first] = verdicts
    const choice =
      rule?.mode === 'multiple'
        ? `${bucketText(rule.affinity, seed)} vmap { ${verdicts.join(', ')} }`
        : first?.slice(first.indexOf('goto'))
    return chainText(`rule_${index}`, [...(first === undefined ? [] : [choice!]), 'counter name nobody drop'])
  })
}

/** Connections that are lost: of hosts that do not listen, and of rules that are blocked at a host. */
function cutOff({ config, filters, hosts }: RouterRulesInput): string[] {
  const filterOf = new Map(filters.map(filter => [filter.host, filter]))
  /** Drops what belongs to hosts of which that is true; undefined stands for one that has left the cluster. */
  const dropping = (isLost: (filter: HostFilter | undefined) => boolean, of = ''): string[] => {
    const marks = hosts.filter(({ name }) => isLost(filterOf.get(name))).map(({ mark }) => mark)
    return marks.length === 0 ? [] : [`ct mark { ${marks.join(', ')} } ${of}drop`]
  }
  return [
    ...dropping(filter => filter?.listens !== true),
    ...config.rules.flatMap((rule, index) =>
      dropping(filter => filter?.rules[index]?.blocked === true, `${trackedText(rule)} `),
    ),
  ]
}

function sourceChain({ config, mode, hosts, snatAddress }: RouterRulesInput): string[] {
  if (mode === 'dsr') return []
  const lines =
    mode === 'snat'
      ? [`ct status dnat snat to ${snatAddress}`]
      : // a host that is given its own connection would answer itself, past the router
        hosts.map(
          ({ address }) => `ip saddr ${address} ip daddr ${address} ct status dnat snat to ${config.addresses[0]}`,
        )
  return [chainText('source', ['type nat hook postrouting priority srcnat; policy accept;', ...lines])]
}
