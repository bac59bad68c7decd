import type { ClusterConfig } from '../nlb/cluster-config.js'
import { type PortRule, portRuleText } from '../nlb/port-rule.js'
import type { RenderOptions } from './rendering.js'
import { rulesCutShort, type Service } from './services.js'

/** What no balancer in front does as NLB, which is a filter on every host, and what of the rules is left out. */
export function commonLimits(cluster: ClusterConfig, services: readonly Service[], options: RenderOptions): string[] {
  const limits = [
    'one machine decides, and its failure is everybody’s: no filter on each host, hence neither black holes nor split brain as NLB has them',
    'no heartbeats and no convergence: a host that comes or goes changes who is served at once, or when a check notices',
    'a host that sends to the cluster address is balanced like any client; with NLB it always reaches itself (KB 247768)',
  ]
  const short = rulesCutShort(cluster, options.ports)
  if (short.length > 0)
    limits.push(
      `of ${short.join(' and ')} only ports that MSMQ uses are served: ${[...new Set(services.map(portText))].join(', ')}`,
    )
  const byDefault = services.filter(({ rule }) => rule < 0).map(portText)
  if (byDefault.length > 0)
    limits.push(
      `no port rule covers ${byDefault.join(', ')}: all goes to the default host, as NLB does it, and none of it is balanced`,
    )
  for (const host of cluster.hosts)
    if (host.rules !== cluster.rules)
      limits.push(`${host.name} has port rules of its own, with which NLB would not converge: they are ignored here`)
  return limits
}

/** What remains of a client’s place when hosts change, for products that hash the client by themselves. */
export const OTHER_HASH =
  'its own hash chooses the host: another than NLB’s 60 buckets would, and when hosts change, other clients move'

export function extendedRules(cluster: ClusterConfig): readonly PortRule[] {
  return cluster.rules.filter(rule => rule.timeoutMinutes > 0)
}

export function extendedText(rules: readonly PortRule[]): string {
  return rules.map(portRuleText).join(', ')
}

export function portText({ protocol, port }: { readonly protocol: string; readonly port: number }): string {
  return `${protocol.toUpperCase()} ${port}`
}
