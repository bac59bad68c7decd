import t from 'tap'
import {
  CLUSTER_PARAMETERS,
  ClusterConfigError,
  type ClusterInput,
  clusterConfig,
  type HostInput,
} from '../../../gateway/nlb/cluster-config.js'
import { nlbEvent } from '../../../gateway/nlb/events.js'
import { WEIGHT_DEFAULT } from '../../../gateway/nlb/port-rule.js'

const VIP = '10.0.0.100'

const hosts = (count: number, more: (index: number) => Partial<HostInput> = () => ({})): HostInput[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `H${index + 1}`,
    address: `10.0.1.${index + 1}`,
    ...more(index),
  }))

const cluster = (more: Partial<ClusterInput> = {}): ClusterInput => ({ addresses: [VIP], hosts: hosts(2), ...more })

function problemsOf(input: ClusterInput): string[] {
  try {
    clusterConfig(input)
    return []
  } catch (error) {
    if (!(error instanceof ClusterConfigError)) throw error
    return error.problems.map(({ path }) => path.join('.'))
  }
}

t.test('defaults are Windows’', async t => {
  const config = clusterConfig(cluster())
  t.strictSame(CLUSTER_PARAMETERS, {
    heartbeatPeriodMs: 1000,
    heartbeatsMissedMax: 5,
    profile: '2008r2',
    filterIcmp: false,
    connectionsMax: 262_144,
  })
  t.equal(WEIGHT_DEFAULT, 50)
  t.match(config, { name: 'CLUSTER', mode: 'unicast', parameters: CLUSTER_PARAMETERS })
  t.equal(config.rules.length, 1, 'one rule for everything')
  t.match(config.hosts, [
    { name: 'H1', priority: 1, initial: 'started', perRule: [{ weight: 50, handlingPriority: 1 }], beatOffsetMs: 0 },
    { name: 'H2', priority: 2, initial: 'started', perRule: [{ weight: 50, handlingPriority: 2 }], beatOffsetMs: 500 },
  ])
  t.strictSame(clusterConfig(cluster({ rules: [] })).rules, [], 'no rules are no rules')
})

t.test('what a host has for itself', async t => {
  const rules = [
    { startPort: 1801, endPort: 1801 },
    { startPort: 80, endPort: 80, mode: 'single' as const },
  ]
  const own: HostInput = {
    name: 'H9',
    address: '10.0.1.9',
    priority: 9,
    weight: 30,
    handlingPriority: 4,
    perRule: [undefined, { handlingPriority: 1 }],
  }
  const { perRule } = clusterConfig(cluster({ rules, hosts: [...hosts(1), own] })).hosts[1]!
  t.strictSame(perRule, [
    { weight: 30, handlingPriority: 4 },
    { weight: 30, handlingPriority: 1 },
  ])
})

t.test('ranges of every field', async t => {
  const parameters = (part: ClusterInput['parameters']) => cluster({ ...(part !== undefined && { parameters: part }) })
  const host = (part: Partial<HostInput>) => cluster({ hosts: [...hosts(1), { ...hosts(2)[1]!, ...part }] })
  const rows: [name: string, input: ClusterInput, ...paths: string[]][] = [
    ['right', cluster()],
    ['two addresses', cluster({ addresses: [VIP, 'fe80::64'] })],
    ['no address', cluster({ addresses: [] }), 'addresses'],
    ['no IP address', cluster({ addresses: [VIP, 'cluster'] }), 'addresses.1'],
    ['no host', cluster({ hosts: [] }), 'hosts'],
    ['32 hosts', cluster({ hosts: hosts(32) })],
    ['beats every 100 ms', parameters({ heartbeatPeriodMs: 100 })],
    ['beats every 10 s', parameters({ heartbeatPeriodMs: 10_000 })],
    ['beats too often', parameters({ heartbeatPeriodMs: 99 }), 'parameters.heartbeatPeriodMs'],
    ['beats too seldom', parameters({ heartbeatPeriodMs: 10_001 }), 'parameters.heartbeatPeriodMs'],
    ['100 missed', parameters({ heartbeatsMissedMax: 100 })],
    ['4 missed', parameters({ heartbeatsMissedMax: 4 }), 'parameters.heartbeatsMissedMax'],
    ['101 missed', parameters({ heartbeatsMissedMax: 101 }), 'parameters.heartbeatsMissedMax'],
    ['a fraction', parameters({ heartbeatsMissedMax: 5.5 }), 'parameters.heartbeatsMissedMax'],
    ['few descriptors', parameters({ connectionsMax: 15 }), 'parameters.connectionsMax'],
    ['priority 32', host({ priority: 32 })],
    ['priority 0', host({ priority: 0, handlingPriority: 1 }), 'hosts.1.priority'],
    ['priority 33', host({ priority: 33, handlingPriority: 1 }), 'hosts.1.priority'],
    ['one priority twice runs, and does not converge', host({ priority: 1 })],
    ['one name twice', host({ name: 'H1' }), 'hosts.1.name'],
    ['no host address', host({ address: 'H2' }), 'hosts.1.address'],
    ['the cluster’s address', host({ address: VIP }), 'hosts.1.address'],
    ['weight 0', host({ weight: 0 })],
    ['weight 101', host({ weight: 101 }), 'hosts.1.perRule.0.weight'],
    ['half a weight', host({ weight: 0.5 }), 'hosts.1.perRule.0.weight'],
    ['handling priority 33', host({ handlingPriority: 33 }), 'hosts.1.perRule.0.handlingPriority'],
    ['beats after the period', host({ beatOffsetMs: 1000 }), 'hosts.1.beatOffsetMs'],
    ['beats before it', host({ beatOffsetMs: -1 }), 'hosts.1.beatOffsetMs'],
    ['other rules run, and do not converge', host({ rules: [] })],
    ['rules of its own that cannot be', host({ rules: [{ startPort: -1 }] }), 'hosts.1.rules.0.startPort'],
    ['a rule that cannot be', cluster({ rules: [{}, {}] }), 'rules.1.startPort'],
  ]
  for (const [name, input, ...paths] of rows) t.strictSame(problemsOf(input), paths, name)
  t.ok(
    problemsOf(cluster({ hosts: hosts(33, () => ({ priority: 1 })) })).includes('hosts'),
    '33 hosts are one too many',
  )
})

t.test('an error is one line and says where', async t => {
  t.throws(() => clusterConfig(cluster({ hosts: hosts(1, () => ({ weight: 300 })) })), {
    name: 'ClusterConfigError',
    message: 'hosts.0.perRule.0.weight: 300: whole numbers 0 to 100 allowed',
  })
})

t.test('events bear Windows’ numbers', async t => {
  const numbers = {
    'driver-started': 4,
    'cluster-started': 5,
    'cluster-stopped': 6,
    'duplicate-subnets': 18,
    'rule-enabled': 23,
    'rule-disabled': 24,
    converged: 28,
    'converged-as-default': 29,
    reloaded: 36,
    adjusted: 38,
    'rule-draining': 39,
    'all-rules-enabled': 41,
    'all-rules-disabled': 42,
    'all-rules-draining': 43,
    'drain-started': 44,
    'drain-interrupted': 45,
    converging: null,
    'host-lost': null,
  } as const
  for (const [kind, id] of Object.entries(numbers) as [keyof typeof numbers, number | null][])
    t.match(nlbEvent(7, 'A', kind), { atMs: 7, host: 'A', kind, id }, kind)
  t.match(nlbEvent(0, 'A', 'rule-draining', 'TCP 1801').text, /: TCP 1801$/)
  t.notMatch(nlbEvent(0, 'A', 'converged').text, /:/, 'no colon without a detail')
})
