import type { HostState } from '../gateway/nlb/host-view.js'
import { portRuleText } from '../gateway/nlb/port-rule.js'
import { MetricsText } from '../transport/metrics-text.js'
import type { ServedCluster } from './nlb-service.js'
import { clusterView } from './nlb-view.js'
import { packageVersion } from './program.js'
import { byLabel, processMemory } from './qm-metrics.js'

const HOST_STATES: readonly HostState[] = [
  'down',
  'stopped',
  'suspended',
  'converging',
  'draining',
  'converged',
  'default',
]

/** What `GET /metrics` tells of a cluster. */
export async function nlbMetricsText({ config, live, events, startedMs, counters }: ServedCluster): Promise<string> {
  const view = clusterView(config, live, startedMs, await counters())
  const { hosts, cluster, counters: counted } = view
  const text = new MetricsText()
  text
    .family('mqlab_info', 'gauge', 'What runs: always 1.')
    .sample(1, { version: packageVersion(), name: view.name, plane: view.plane, mode: view.mode, hash: view.hash })
  text.single('mqlab_start_time_seconds', 'gauge', 'When the cluster was started, Unix time.', startedMs / 1000)
  text.single(
    'mqlab_nlb_converged',
    'gauge',
    '1 when all running hosts are converged with each other.',
    view.converged ? 1 : 0,
  )
  const state = text.family('mqlab_nlb_host_state', 'gauge', 'State of a host: 1 for the one it is in.')
  for (const host of hosts)
    for (const each of HOST_STATES) state.sample(host.state === each ? 1 : 0, { host: host.name, state: each })
  const ofHosts = (name: string, help: string, of: (host: (typeof hosts)[number]) => number) =>
    byLabel(
      text,
      name,
      'gauge',
      help,
      'host',
      hosts.map(host => [host.name, of(host)] as const),
    )
  ofHosts('mqlab_nlb_host_reached', 'Whether packets of clients reach a host.', ({ reached }) => (reached ? 1 : 0))
  ofHosts(
    'mqlab_nlb_host_members',
    'Hosts that a host counts as members, itself included.',
    host => host.members.length,
  )
  ofHosts('mqlab_nlb_host_descriptors', 'Connections that a host keeps track of.', ({ connections }) => connections)
  const buckets = text.family('mqlab_nlb_rule_buckets', 'gauge', 'Buckets of a rule, of 60, that a host owns.')
  for (const [index, rule] of cluster.rules.entries())
    for (const { name: host, rules } of hosts)
      buckets.sample(rules[index]?.buckets ?? 0, { rule: portRuleText(rule), host })
  const enabled = text.family('mqlab_nlb_rule_enabled', 'gauge', '1 unless a rule is disabled or draining on a host.')
  for (const [index, rule] of cluster.rules.entries())
    for (const { name: host, rules } of hosts)
      enabled.sample(rules[index]?.state === 'enabled' ? 1 : 0, { rule: portRuleText(rule), host })
  const told = text.family('mqlab_nlb_events_total', 'counter', 'Events of hosts, by kind.')
  for (const { kind, host, count } of events.counts.values()) told.sample(count, { kind, host })
  planeCounters(text, counted)
  processMemory(text)
  return text.toString()
}

function planeCounters(text: MetricsText, { hosts, silences, splitBrains, failures }: Counters): void {
  const each = Object.entries(hosts)
  const total = (name: string, help: string, of: (host: Counters['hosts'][string]) => number | null) => {
    const known = each.flatMap(([host, counters]) => {
      const value = of(counters)
      return value === null ? [] : [[host, value] as const]
    })
    if (known.length > 0) byLabel(text, name, name.endsWith('_total') ? 'counter' : 'gauge', help, 'host', known)
  }
  total('mqlab_nlb_connections_total', 'Connections given to a host.', host => host.connections)
  total('mqlab_nlb_connections', 'Connections of a host that are open now.', host => host.active)
  total('mqlab_nlb_datagrams_total', 'UDP datagrams given to a host.', host => host.datagrams)
  total('mqlab_nlb_bytes_to_host_total', 'Bytes from clients to a host.', host => host.bytesToHost)
  total('mqlab_nlb_bytes_to_client_total', 'Bytes from a host to clients.', host => host.bytesToClient)
  if (silences !== null)
    text.single('mqlab_nlb_silences_total', 'counter', 'New connections and datagrams that nobody took.', silences)
  if (splitBrains !== null)
    text.single(
      'mqlab_nlb_split_brains_total',
      'counter',
      'New connections and datagrams that several hosts took.',
      splitBrains,
    )
  byLabel(
    text,
    'mqlab_nlb_failures_total',
    'counter',
    'Failures to bring bytes to a host, by the system’s word.',
    'reason',
    Object.entries(failures),
  )
}

type Counters = ReturnType<typeof clusterView>['counters']
