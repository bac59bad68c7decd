import type { NlbCluster } from '../../nlb/cluster.js'
import { portRuleText } from '../../nlb/port-rule.js'

/** What one host does with frames, as the model has it: all that rules are generated from. */
export interface HostFilter {
  readonly host: string
  /** The machine has power and clients reach it. Else no frame comes in or goes out, its own address included. */
  readonly connected: boolean
  /** In cluster mode. Else it has no connections either. */
  readonly running: boolean
  /** Frames for the cluster arrive, and it looks at them. */
  readonly listens: boolean
  readonly takesIcmp: boolean
  /** One for each rule of the cluster, and at the end that for what none covers. */
  readonly rules: readonly RuleFilter[]
}

export interface RuleFilter {
  /** Tells rules apart when they change. */
  readonly text: string
  /** Nothing passes: connections that exist do not either. */
  readonly blocked: boolean
  /** Whose new connections it takes, ascending. All 60 or none where the client does not matter. */
  readonly buckets: readonly number[]
}

/** The filters of all hosts. Extended affinity is not in it: what it holds for single clients does not reach the kernel. */
export function hostFilters(cluster: NlbCluster): HostFilter[] {
  const { rules, parameters } = cluster.config
  const ownersByRule = [...rules.keys(), -1].map(rule => cluster.owners(rule))
  return cluster.hosts().map(({ name, address, state, reached, defaultBuckets }): HostFilter => {
    const running = state !== 'down' && state !== 'stopped' && state !== 'suspended'
    return {
      host: name,
      connected: isConnected(cluster, name, address),
      running,
      listens: running && reached,
      takesIcmp: !parameters.filterIcmp || defaultBuckets > 0,
      rules: ownersByRule.map((owners, index) => {
        const rule = rules[index]
        return {
          text: rule === undefined ? '' : `${portRuleText(rule)} ${rule.mode} ${rule.affinity}`,
          blocked: rule !== undefined && (rule.mode === 'disabled' || cluster.portState(name, index) === 'disabled'),
          buckets: owners.flatMap((names, bucket) => (names.includes(name) ? [bucket] : [])),
        }
      }),
    }
  })
}

/**
 * What a host takes before and after a change: the step on the way that gives up buckets before anybody gets them, so
 * that no two hosts take the same client in between.
 */
export function commonFilter(before: HostFilter | undefined, after: HostFilter): HostFilter {
  return {
    ...after,
    rules: after.rules.map(rule => {
      const had = before?.rules.find(({ text }) => text === rule.text)?.buckets ?? []
      return { ...rule, buckets: rule.buckets.filter(bucket => had.includes(bucket)) }
    }),
  }
}

/** Of a host that was removed from a cluster, which has so many rules: its machine is still there. */
export function removedFilter(before: HostFilter, ruleCount: number): HostFilter {
  const nothing: RuleFilter = { text: '', blocked: true, buckets: [] }
  return { ...before, running: false, listens: false, rules: Array.from({ length: ruleCount + 1 }, () => nothing) }
}

/** The model is asked as a client would: by a packet to the host's own address. */
function isConnected(cluster: NlbCluster, name: string, address: string): boolean {
  const probe = {
    protocol: 'udp',
    sourceAddress: '0.0.0.0',
    sourcePort: 0,
    destinationAddress: address,
    destinationPort: 0,
  } as const
  return cluster.verdict(probe).verdicts.some(({ host, accepts }) => host === name && accepts)
}
