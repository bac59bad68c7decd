import { eventsOf, type RunGateway, type RunRecord } from './history.js'
import { messageKey } from './message-facts.js'
import { CLUSTER_NAME } from './scenario-nodes.js'

/**
 * Names of the hosts that the balancer gave something to: by its decisions where it tells of them, and by the hosts' own
 * notes of what was sent to the cluster and came to them. A kernel tells of no decision.
 */
export function balancedHosts(run: RunRecord): Set<string> {
  const { gateway } = run
  const hosts = new Set<string>()
  if (gateway === null) return hosts
  for (const { decision } of eventsOf(run, 'gateway-decision')) if (decision.host !== null) hosts.add(decision.host)
  const guidOf = new Map(run.nodes.map(({ name, guid }) => [name, guid]))
  const toCluster = new Set(
    eventsOf(run, 'sent')
      .filter(({ queue }) => goesTo(gateway, queue))
      .map(({ node, messageId }) => messageKey(guidOf.get(node) ?? '', messageId)),
  )
  for (const kind of ['arrived', 'discarded', 'forwarded'] as const)
    for (const { node, source, messageId } of eventsOf(run, kind))
      if (gateway.hosts.includes(node) && toCluster.has(messageKey(source, messageId))) hosts.add(node)
  return hosts
}

/** Whether a format name is the cluster's: by its address, its QMId, or the name that stands for it. */
export function goesTo({ address, guid }: RunGateway, formatName: string): boolean {
  const [, host = ''] = /^(?:DIRECT=(?:TCP:|OS:|HTTP:\/\/)|PRIVATE=)([^\\/:]+)/i.exec(formatName) ?? []
  return [address, CLUSTER_NAME.toLowerCase(), guid].includes(host.toLowerCase())
}
