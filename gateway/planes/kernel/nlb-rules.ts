import type { ClusterConfig } from '../../nlb/cluster-config.js'
import type { PortRule } from '../../nlb/port-rule.js'
import type { HostFilter } from './host-filter.js'
import {
  bucketText,
  chainText,
  clusterAddresses,
  coveredText,
  matchingOrder,
  synText,
  TABLE,
  tableText,
} from './rule-text.js'

/** A connection as its client sends it, and as the host answers. */
const SENT = '{ ip saddr . th sport . ip daddr . th dport }'
const ANSWERED = '{ ip daddr . th dport . ip saddr . th sport }'
const SENT_KEY = SENT.slice(2, -2)

const KEY_TYPE = 'type ipv4_addr . inet_service . ipv4_addr . inet_service'

/**
 * The filter of one host in its own namespace, between its adapter and its stack: what it does not accept never arrives,
 * what it accepts is not changed. One nftables transaction, whatever was there before.
 *
 * A SYN is drawn for, each time. From then on the connection is in a set, until a reset or the client's FIN, which moves
 * it to a second set for a minute, so that the last packets pass. What is of no connection and no SYN is dropped. A
 * connection on which the client is silent for four hours is forgotten, one that gets no further than its SYN in a minute.
 */
export function nlbRules(config: ClusterConfig, seed: number, filter: HostFilter): string {
  const text = tableText('netdev', [
    `  set connections { ${KEY_TYPE}; size ${config.parameters.connectionsMax}; flags dynamic,timeout; timeout 4h; }`,
    `  set closing { ${KEY_TYPE}; size ${config.parameters.connectionsMax}; flags dynamic,timeout; timeout 1m; }`,
    ...['opened', 'datagrams', 'received', 'sent'].map(name => `  counter ${name} { }`),
    chainText('pass', ['counter name received meta pkttype set host accept']),
    chainText('mine', [
      `tcp flags & rst != 0 delete @connections ${SENT} goto pass`,
      `tcp flags & fin != 0 delete @connections ${SENT} add @closing ${SENT} goto pass`,
      `update @connections { ${SENT_KEY} timeout 4h } goto pass`,
    ]),
    chainText('known', [`${SENT_KEY} @connections goto mine`, `${SENT_KEY} @closing goto pass`, 'drop']),
    chainText('take', [
      'meta l4proto udp counter name datagrams goto pass',
      // the SYN once more
      `${SENT_KEY} @connections goto pass`,
      // where the set is full the rule ends here
      `add @connections { ${SENT_KEY} timeout 1m } delete @closing ${SENT} counter name opened goto pass`,
      'drop',
    ]),
    // a client that begins anew between the same ends, and elsewhere, has given up what was here
    chainText('leave', [`meta l4proto tcp delete @connections ${SENT}`, 'drop']),
    ...ruleChains(config, seed, filter),
    chainText('in', [
      'type filter hook ingress device "eth0" priority 0; policy accept;',
      ...(filter.connected ? incoming(config, filter) : ['drop']),
    ]),
    chainText('out', [
      'type filter hook egress device "eth0" priority 0; policy accept;',
      ...(filter.connected ? outgoing(config, filter) : ['drop']),
    ]),
  ])
  return filter.running ? text : `${text}flush set netdev ${TABLE} connections\nflush set netdev ${TABLE} closing\n`
}

/** No frame passes, or all do: for a host that does not filter for itself, in whose namespace nothing else is. */
export function powerRules(connected: boolean): string {
  return tableText(
    'netdev',
    (['in', 'out'] as const).map(name =>
      chainText(name, [
        `type filter hook ${name === 'in' ? 'ingress' : 'egress'} device "eth0" priority 0; policy accept;`,
        ...(connected ? [] : ['drop']),
      ]),
    ),
  )
}

function incoming(config: ClusterConfig, { listens, takesIcmp }: HostFilter): string[] {
  const { rules } = config
  const toOthers = ['meta protocol != ip accept', `ip daddr != ${clusterAddresses(config)} accept`]
  if (!listens) return [...toOthers, 'drop']
  const order = matchingOrder(rules)
  return [
    ...toOthers,
    `meta l4proto icmp ${takesIcmp ? 'goto pass' : 'drop'}`,
    // later fragments carry no ports: they count as for and from port 0
    ...order
      .filter(rule => rules[rule]!.startPort === 0 && rules[rule]!.protocol !== 'tcp')
      .map(rule => `ip frag-off & 0x1fff != 0 ${coveredText(withAllPorts(rules[rule]!))} goto fragment_${rule}`),
    'ip frag-off & 0x1fff != 0 goto rest',
    ...order.map(rule => `${coveredText(rules[rule]!)} goto rule_${rule}`),
    'goto rest',
  ]
}

function outgoing(config: ClusterConfig, { listens }: HostFilter): string[] {
  const ours = `ip saddr ${clusterAddresses(config)}`
  if (!listens) return [`${ours} drop`]
  return [`${ours} counter name sent`, `${ours} tcp flags & rst != 0 delete @connections ${ANSWERED}`]
}

function ruleChains({ rules }: ClusterConfig, seed: number, filter: HostFilter): string[] {
  const body = (index: number, draw: string | null): string[] => {
    const { blocked, buckets } = filter.rules[index]!
    if (blocked) return ['drop']
    return [`${synText('!=')} goto known`, ...taking(buckets, draw), 'goto leave']
  }
  return [
    ...rules.flatMap((rule, index) => {
      const draw = (isFragment: boolean) =>
        rule.mode === 'multiple' ? bucketText(rule.affinity, seed, isFragment) : null
      return [
        chainText(`rule_${index}`, body(index, draw(false))),
        chainText(`fragment_${index}`, body(index, draw(true))),
      ]
    }),
    chainText('rest', body(rules.length, null)),
  ]
}

/** `draw` is null where all buckets go the same way. */
function taking(buckets: readonly number[], draw: string | null): string[] {
  if (buckets.length === 0) return []
  return [draw === null ? 'goto take' : `${draw} vmap { ${buckets.map(bucket => `${bucket} : goto take`).join(', ')} }`]
}

const withAllPorts = (rule: PortRule): PortRule => ({ ...rule, startPort: 0, endPort: 65_535 })
