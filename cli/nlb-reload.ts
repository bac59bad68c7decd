import { isDeepStrictEqual } from 'node:util'
import type { NlbCluster } from '../gateway/nlb/cluster.js'
import type { ClusterConfig, HostConfig } from '../gateway/nlb/cluster-config.js'
import { type NlbConfig, nlbConfig } from './nlb-config.js'

export interface ReloadReport {
  /** What is new, a line each. */
  readonly changed: readonly string[]
  /** What the file says and only a new start would bring. */
  readonly ignored: readonly string[]
}

/**
 * Reads the file of a running cluster again, and has the cluster changed to what it says: rules, hosts, weights and
 * priorities in rules. Nothing is changed when the file cannot be used.
 * @throws {CliError} naming file, place and what is wrong
 */
export function reload(running: NlbConfig, cluster: NlbCluster, nowMs: number): ReloadReport {
  const next = nlbConfig(running.path, running.flags)
  const report = { changed: applyConfig(cluster, next.cluster, nowMs), ignored: ignoredParts(running, next) }
  cluster.command('reload', 'all', nowMs)
  return report
}

function applyConfig(cluster: NlbCluster, next: ClusterConfig, nowMs: number): string[] {
  const changed: string[] = []
  const nextOf = new Map(next.hosts.map(host => [host.name, host]))
  for (const host of cluster.config.hosts) {
    const wanted = nextOf.get(host.name)
    if (wanted !== undefined && isSameMachine(host, wanted)) continue
    cluster.removeHost(host.name, nowMs)
    changed.push(`host ${host.name} is gone`)
  }
  const isThere = new Set(cluster.config.hosts.map(({ name }) => name))
  for (const host of next.hosts) {
    if (isThere.has(host.name)) continue
    cluster.addHost(host, nowMs)
    changed.push(`host ${host.name} is new`)
  }
  if (!isDeepStrictEqual(cluster.config.rules, next.rules)) {
    cluster.setRules(next.rules, nowMs)
    changed.push(`${next.rules.length} port rules, other than before`)
  }
  for (const host of next.hosts) changed.push(...applyHost(cluster, host, nowMs))
  return changed
}

function applyHost(cluster: NlbCluster, wanted: HostConfig, nowMs: number): string[] {
  const changed: string[] = []
  const now = () => cluster.config.hosts.find(({ name }) => name === wanted.name)!
  if (!isDeepStrictEqual(now().rules, wanted.rules)) {
    cluster.setRules(wanted.rules, nowMs, wanted.name)
    changed.push(`host ${wanted.name} has other rules`)
  }
  for (const [rule, { weight, handlingPriority }] of wanted.perRule.entries()) {
    const part = now().perRule[rule]
    if (part?.weight !== weight) {
      cluster.setWeight(wanted.name, rule, weight, nowMs)
      changed.push(`host ${wanted.name}, rule ${rule}: weight ${part?.weight} is now ${weight}`)
    }
    if (part?.handlingPriority !== handlingPriority) {
      cluster.setHandlingPriority(wanted.name, rule, handlingPriority, nowMs)
      changed.push(
        `host ${wanted.name}, rule ${rule}: handling priority ${part?.handlingPriority} is now ${handlingPriority}`,
      )
    }
  }
  return changed
}

const isSameMachine = (a: HostConfig, b: HostConfig) => a.address === b.address && a.priority === b.priority

function ignoredParts(running: NlbConfig, next: NlbConfig): string[] {
  const parts: readonly [name: string, of: (config: NlbConfig) => unknown][] = [
    ['cluster', ({ cluster: { name, addresses, mode } }) => ({ name, addresses, mode })],
    ['parameters', ({ cluster }) => cluster.parameters],
    ['hash', ({ hash }) => hash.name],
    ['ports', ({ ports }) => ports],
    ['forward', ({ forward }) => forward],
    ['machines', ({ machines }) => machines],
  ]
  return parts
    .filter(([, of]) => !isDeepStrictEqual(of(running), of(next)))
    .map(([name]) => `${name}: takes effect at the next start`)
}
