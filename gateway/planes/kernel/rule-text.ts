import type { ClusterConfig } from '../../nlb/cluster-config.js'
import { type Affinity, BUCKET_COUNT } from '../../nlb/hash.js'
import { ALL_ADDRESSES, type PortRule } from '../../nlb/port-rule.js'

/** Name of the one table in each namespace. */
export const TABLE = 'mqlab'

/** First segment of a TCP connection; with `!=` any other. */
export const synText = (operator: '==' | '!=') => `tcp flags & (fin|syn|rst|ack) ${operator} syn`

export const clusterAddresses = ({ addresses }: ClusterConfig) => `{ ${addresses.join(', ')} }`

/** Indices of the rules in the order in which they are tried: those for one address before those for all. */
export function matchingOrder(rules: readonly PortRule[]): number[] {
  const isGeneral = (index: number) => (rules[index]!.address === ALL_ADDRESSES ? 1 : 0)
  return [...rules.keys()].sort((a, b) => isGeneral(a) - isGeneral(b) || a - b)
}

/** Matches packets to the cluster that the rule covers. */
export function coveredText({ address, protocol, startPort, endPort }: PortRule): string {
  const addressText = address === ALL_ADDRESSES ? '' : `ip daddr ${address} `
  return `${addressText}${protocolText(protocol)}${portsText('th dport', startPort, endPort)}`
}

/** Matches packets of connections that the rule covers, in both directions. */
export function trackedText({ address, protocol, startPort, endPort }: PortRule): string {
  const addressText = address === ALL_ADDRESSES ? '' : `ct original ip daddr ${address} `
  return `${addressText}${protocolText(protocol)}${portsText('ct original proto-dst', startPort, endPort)}`
}

/** The client's bucket. A later fragment has no ports; its mark, which is 0, stands for them. */
export function bucketText(affinity: Affinity, seed: number, isFragment = false): string {
  const port = isFragment ? 'meta mark' : 'th sport'
  const key = { none: `ip saddr . ${port}`, single: 'ip saddr', network: 'ip saddr & 255.255.255.0' }[affinity]
  return `jhash ${key} mod ${BUCKET_COUNT} seed ${seed}`
}

const protocolText = (protocol: PortRule['protocol']) =>
  `meta l4proto ${protocol === 'both' ? '{ tcp, udp }' : protocol}`

function portsText(field: string, start: number, end: number): string {
  if (start === 0 && end === 65_535) return ''
  return ` ${field} ${start === end ? start : `${start}-${end}`}`
}

/** A chain of nftables; `lines` are its rules. */
export const chainText = (name: string, lines: readonly string[]) =>
  [`  chain ${name} {`, ...lines.map(line => `    ${line}`), '  }'].join('\n')

/** Replaces all rules of the table in one transaction; sets and counters keep what is in them. */
export function tableText(family: 'ip' | 'netdev', parts: readonly string[]): string {
  return [
    `add table ${family} ${TABLE}`,
    `flush table ${family} ${TABLE}`,
    `table ${family} ${TABLE} {`,
    ...parts,
    '}',
    '',
  ].join('\n')
}
