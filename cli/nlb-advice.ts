import type { ClusterConfig } from '../gateway/nlb/cluster-config.js'
import { findRule, type PortRule, portRuleText, ruleAdvice, rulesCode } from '../gateway/nlb/port-rule.js'
import { MSMQ_PING_PORT, MSMQ_PORT } from '../protocol/ports.js'

/** What is allowed in a cluster, and hardly meant. */
export interface Advice {
  /** Where, in the words of `ClusterProblem`. */
  readonly path: readonly PropertyKey[]
  readonly what: string
}

export function clusterAdvice(config: ClusterConfig): Advice[] {
  return [...rulesAdvice(config), ...msmqAdvice(config), ...hostsAdvice(config)]
}

function rulesAdvice({ rules, hosts }: ClusterConfig): Advice[] {
  const advice: Advice[] = ruleAdvice(rules).map(({ index, field, what }) => ({ path: ['rules', index, field], what }))
  for (const [index, rule] of rules.entries()) {
    const parts = hosts.flatMap(({ perRule }) => perRule[index] ?? [])
    const at = (what: string) => advice.push({ path: ['rules', index], what: `${portRuleText(rule)}: ${what}` })
    if (rule.mode === 'multiple' && parts.length > 0 && parts.every(({ weight }) => weight === 0))
      at('all weights are 0, so nobody takes it')
    const priorities = parts.map(({ handlingPriority }) => handlingPriority)
    if (rule.mode === 'single' && new Set(priorities).size < priorities.length)
      at('mode single, and two hosts have the same handling priority')
  }
  return advice
}

/** A queue manager is asked on TCP 1801 and, by older ones, pinged on UDP 3527 before. */
function msmqAdvice({ rules, addresses }: ClusterConfig): Advice[] {
  const [address = ''] = addresses
  const ruleOf = (protocol: 'tcp' | 'udp', port: number): PortRule | undefined =>
    rules[findRule(rules, protocol, address, port)]
  const tcp = ruleOf('tcp', MSMQ_PORT)
  const ping = ruleOf('udp', MSMQ_PING_PORT)
  const at = (what: string): Advice => ({ path: ['rules'], what })
  if (tcp === undefined)
    return [at('no rule covers TCP 1801: the default host takes all of it, and nothing is balanced')]
  if (tcp.mode === 'disabled') return [at('the rule for TCP 1801 is disabled: all hosts drop it')]
  if (ping === undefined)
    return [at('no rule covers UDP 3527: pings go to the default host, whoever has the connection')]
  return ping.mode !== tcp.mode || ping.affinity === 'none' || ping.affinity !== tcp.affinity
    ? [at('the rules for TCP 1801 and UDP 3527 draw apart: a ping may reach another host than the connection')]
    : []
}

function hostsAdvice({ rules, hosts }: ClusterConfig): Advice[] {
  const advice: Advice[] = []
  const code = rulesCode(rules)
  for (const [index, { name, priority, address, rules: own }] of hosts.entries()) {
    const twin = hosts.findIndex(other => other.priority === priority)
    if (twin !== index)
      advice.push({
        path: ['hosts', index, 'priority'],
        what: `${name} and ${hosts[twin]!.name} both have priority ${priority}: the cluster will not converge`,
      })
    const neighbour = hosts.findIndex(other => other.address === address)
    if (neighbour !== index)
      advice.push({
        path: ['hosts', index, 'address'],
        what: `${name} and ${hosts[neighbour]!.name} both have address ${address}: what is given to either comes to one machine`,
      })
    if (rulesCode(own) !== code)
      advice.push({
        path: ['hosts', index, 'rules'],
        what: `${name} has other rules than the cluster: it will not be admitted`,
      })
  }
  return advice
}
