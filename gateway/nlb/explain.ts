import type { NlbCluster } from './cluster.js'
import type { ClusterVerdict, FilterReason, HostVerdict, Packet } from './packet.js'
import { type PortRule, portRuleText } from './port-rule.js'

/** Why a packet goes where it goes, for people and for programs. */
export interface Explanation {
  readonly packet: Packet
  /** The rule's index, or -1: none covers it. */
  readonly rule: number
  readonly ruleText: string
  /** What is hashed, or null where no bucket decides. */
  readonly key: string | null
  /** Of the hash; null where no bucket decides. `nlb-sub-1` is a substitute for the one of Windows. */
  readonly hash: string | null
  readonly bucket: number | null
  /** Whose the bucket is. */
  readonly owners: readonly string[]
  readonly outcome: ClusterVerdict['outcome']
  readonly acceptors: readonly string[]
  readonly hosts: readonly (HostVerdict & { readonly why: string })[]
  /** One line. */
  readonly summary: string
  readonly whatWouldChangeIt: readonly string[]
}

const WHY: Readonly<Record<FilterReason, string>> = {
  'own-address': 'accepts: it is for its own address, which is not balanced',
  'looped-back': 'accepts: its own stack loops back what it sends to the cluster',
  icmp: 'accepts: every host takes ICMP (FilterIcmp is off)',
  connection: 'accepts: it has this connection',
  bucket: 'accepts: the bucket is its own',
  'default-host': 'is or is not the default host, which takes what no rule covers',
  'single-host': 'is or is not the one host of this rule',
  'held-client': 'accepts: extended affinity holds the client here although the bucket has moved',
  'not-my-bucket': 'drops: the bucket is not its own',
  exception: 'drops: the bucket is its own, but another host still holds the client',
  'unknown-connection': 'drops: it does not know this connection',
  'rule-disabled': 'drops: the rule is in mode disabled',
  'port-disabled': 'drops: the rule was disabled on this host',
  'not-joined': 'drops: it has not joined the cluster yet',
  stopped: 'drops: it is stopped',
  'no-descriptor': 'drops: all its connection descriptors are taken',
  unreachable: 'does not see it: it is down or cut off',
  'not-delivered': 'does not see it: it went to another host alone',
}

/** In words, for one host. */
function reasonText({ accepts, reason }: HostVerdict): string {
  if (reason === 'default-host')
    return accepts ? 'accepts: no rule covers it, and it is the default host' : 'drops: it is not the default host'
  if (reason === 'single-host')
    return accepts ? 'accepts: it is the one host of this rule' : 'drops: another is the one host of this rule'
  return WHY[reason]
}

/** One line: how the draw went, and who takes the packet. */
export function explainVerdict(cluster: NlbCluster, packet: Packet, verdict: ClusterVerdict): string {
  if (!isForCluster(cluster, packet)) {
    const [host] = verdict.acceptors
    const whose = host === undefined ? 'nor of a host of it' : `but ${host}’s own`
    return `${packet.destinationAddress} is no address of the cluster, ${whose}`
  }
  return `${drawText(cluster, verdict)}: ${outcomeText(cluster, verdict, packet)}`
}

function isForCluster(cluster: NlbCluster, { destinationAddress }: Packet): boolean {
  return cluster.config.addresses.includes(destinationAddress)
}

function drawText(cluster: NlbCluster, { rule, bucket }: ClusterVerdict): string {
  const portRule = cluster.config.rules[rule]
  if (portRule === undefined) return 'no port rule covers it'
  if (portRule.mode !== 'multiple') return `rule ${portRuleText(portRule)}, mode ${portRule.mode}`
  return `${cluster.hash.name} affinity ${portRule.affinity}: bucket ${bucket}`
}

function outcomeText(cluster: NlbCluster, verdict: ClusterVerdict, packet: Packet): string {
  const { outcome, acceptors, verdicts, rule, bucket } = verdict
  if (outcome === 'split-brain') return `split brain: ${acceptors.join(' and ')} take it`
  if (outcome === 'accepted') {
    const taken = verdicts.find(({ host }) => host === acceptors[0])!
    return acceptors.length > 1
      ? `all hosts take ${packet.protocol.toUpperCase()}`
      : `${taken.host} ${reasonText(taken)}`
  }
  const owners = bucket === null ? [] : cluster.owners(rule)[bucket]!
  const owner = verdicts.find(({ host }) => owners.includes(host))
  if (owner !== undefined) return `black hole: ${owner.host}, whose it is, ${reasonText(owner)}`
  const reasons = new Set(verdicts.map(({ reason }) => reason))
  return `black hole: ${reasons.size === 1 ? `every host ${reasonText(verdicts[0]!)}` : 'nobody counts it as its own'}`
}

/** Everything about one packet, as the cluster stands now. */
export function explain(cluster: NlbCluster, packet: Packet): Explanation {
  const asked = cluster.verdict(packet)
  const isBalanced = isForCluster(cluster, packet)
  const verdict = isBalanced ? asked : { ...asked, rule: -1, bucket: null }
  const { rule, bucket, outcome, acceptors, verdicts } = verdict
  const portRule = cluster.config.rules[rule]
  const owners = bucket === null ? [] : cluster.owners(rule)[bucket]!
  return {
    packet,
    rule,
    ruleText: ruleText(portRule, isBalanced),
    key: portRule === undefined || bucket === null ? null : keyText(portRule.affinity, packet),
    hash: bucket === null ? null : cluster.hash.name,
    bucket,
    owners,
    outcome,
    acceptors,
    hosts: verdicts.map(answer => ({ ...answer, why: reasonText(answer) })),
    summary: explainVerdict(cluster, packet, verdict),
    whatWouldChangeIt: changes(cluster, packet, verdict),
  }
}

function ruleText(portRule: PortRule | undefined, isBalanced: boolean): string {
  if (!isBalanced) return 'none: it is not balanced'
  return portRule === undefined ? 'no rule: the default host takes it' : `${portRuleText(portRule)}, ${portRule.mode}`
}

function keyText(affinity: 'none' | 'single' | 'network', { sourceAddress, sourcePort, fragment }: Packet): string {
  if (affinity === 'single') return `address ${sourceAddress}`
  if (affinity === 'network') return `network of ${sourceAddress} (${sourceAddress.includes(':') ? '/64' : '/24'})`
  return fragment ? `address ${sourceAddress}, no port: a fragment` : `address ${sourceAddress} and port ${sourcePort}`
}

function changes(cluster: NlbCluster, packet: Packet, { rule, verdicts, outcome }: ClusterVerdict): string[] {
  const lines: string[] = []
  const has = (reason: FilterReason) => verdicts.some(answer => answer.reason === reason)
  const portRule = cluster.config.rules[rule]
  if (has('looped-back')) return ['sent by a machine outside the cluster it would be balanced']
  if (!isForCluster(cluster, packet))
    return [`sent to the cluster it would be balanced: ${cluster.config.addresses.join(', ')}`]
  if (has('connection')) lines.push('nothing as long as the connection lives and its host does')
  if (portRule === undefined)
    lines.push(`a port rule that covers ${packet.protocol} ${packet.destinationPort}`, 'the default host leaves')
  else if (portRule.mode === 'single') lines.push('its host leaves', 'other handling priorities')
  else if (portRule.mode === 'disabled') lines.push('another mode for the rule')
  else {
    if (portRule.affinity === 'none') lines.push('the client’s next connection: it comes from another port')
    else lines.push('another client address; under affinity none also another port')
    lines.push('its host leaves, or a host joins or changes its weight and gets this bucket')
    if (portRule.affinity !== 'none' && portRule.timeoutMinutes === 0)
      lines.push('extended affinity would keep the client with its host through such changes')
  }
  if (has('port-disabled')) lines.push('nlb enable: the rule is disabled on a host')
  if (has('stopped')) lines.push('nlb start: a host is stopped')
  if (has('not-delivered')) lines.push('nlb learn-mac none: a switch sends what is for the cluster to one host alone')
  if (has('unreachable')) lines.push('nlb recover or heal: a host is down or cut off')
  if (has('not-joined')) lines.push('a host that has not joined yet does')
  if (outcome === 'split-brain') lines.push('hosts that hear each other again converge, and one of them gives way')
  return lines
}
