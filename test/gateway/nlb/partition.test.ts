import t from 'tap'
import {
  CALM_MS,
  ClusterRun,
  clientsOfBuckets,
  clusterHost,
  later,
  MSMQ_RULE,
  tcp,
} from '../../fixtures/nlb-cluster.js'

const CLIENTS = clientsOfBuckets('none')
const outcomes = (run: ClusterRun) => new Set(CLIENTS.map(client => run.cluster.verdict(tcp(client)).outcome))

t.test('a partition: each side converges alone and owns everything', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.cluster.partition(
    [
      ['A', 'B'],
      ['C', 'D'],
    ],
    run.nowMs,
  )
  t.strictSame(outcomes(run), new Set(['accepted']), 'nobody has noticed yet')
  run.pass(CALM_MS)
  t.strictSame(outcomes(run), new Set(['split-brain']), 'clients that reach both are taken twice')
  for (const client of CLIENTS) {
    const { acceptors } = run.cluster.verdict(tcp(client))
    t.ok(acceptors.length === 2 && acceptors[0]! < 'C' && acceptors[1]! > 'B', `${client}: ${acceptors}`)
  }
  t.strictSame(
    run.cluster.hosts().map(({ state }) => state),
    ['default', 'converged', 'default', 'converged'],
    'more than one default host is how people see it',
  )
  t.strictSame(run.view('C')?.members, ['C', 'D'])
  t.notOk(run.cluster.converged(), 'this is no whole cluster')
  t.strictSame(run.shares(), { A: 30, B: 30, C: 30, D: 30 })
})

t.test('clients that reach one side only see one cluster', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.cluster.partition(
    [
      ['A', 'B'],
      ['C', 'D'],
    ],
    run.nowMs,
    ['C', 'D'],
  )
  t.strictSame(outcomes(run), new Set(['accepted', 'black-hole']), 'at first half of them see nobody')
  t.equal(run.cluster.reach('A'), 'unreachable')
  t.equal(run.cluster.reach('C'), 'reachable')
  run.pass(CALM_MS)
  t.strictSame(outcomes(run), new Set(['accepted']))
  t.ok(CLIENTS.every(client => run.host(tcp(client)) > 'B'))
  t.equal(run.reason(tcp(CLIENTS[0]!), 'A'), 'unreachable')
})

t.test('re-merge: event 18, split brain until it has converged, then one owner again', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.cluster.partition(
    [
      ['A', 'B'],
      ['C', 'D'],
    ],
    run.nowMs,
  )
  run.pass(CALM_MS)
  t.equal(run.eventsOf('duplicate-subnets').length, 0)
  run.cluster.heal(run.nowMs)
  run.pass(2_000)
  t.ok(run.eventsOf('duplicate-subnets').length > 0, 'event 18')
  t.ok(outcomes(run).has('split-brain'))
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.strictSame(outcomes(run), new Set(['accepted']))
  t.strictSame(run.shares(), { A: 15, B: 15, C: 15, D: 15 })
  t.strictSame(
    run.cluster
      .hosts()
      .filter(({ state }) => state === 'default')
      .map(({ name }) => name),
    ['A'],
  )
})

t.test('a partition that nobody had time to notice leaves no trace', async t => {
  const run = new ClusterRun({ hosts: 4 }).pass(500)
  const before = run.map()
  run.cluster.partition(
    [
      ['A', 'B'],
      ['C', 'D'],
    ],
    run.nowMs,
  )
  run.pass(3_000)
  run.cluster.heal(run.nowMs)
  run.events.length = 0
  run.pass(CALM_MS)
  t.strictSame(run.events, [])
  t.equal(run.map(), before)
})

t.test('connections live through partition and re-merge where they are', async t => {
  const run = new ClusterRun({ hosts: 4 })
  const opened = CLIENTS.map(client => [tcp(client), run.open(tcp(client))] as const)
  const check = (when: string) => {
    for (const [packet, host] of opened) if (`${run.acceptors(later(packet))}` !== host) t.fail(`${when}: ${host}`)
    t.pass(when)
  }
  run.cluster.partition([['A', 'B'], ['C'], ['D']], run.nowMs)
  run.onStep = () => check(`${run.nowMs} ms`)
  run.pass(CALM_MS)
  run.cluster.heal(run.nowMs)
  run.pass(CALM_MS)
})

t.test('a connection opened in a split brain has two owners', async t => {
  const run = new ClusterRun({ hosts: 2 })
  run.cluster.partition([['A'], ['B']], run.nowMs)
  run.pass(CALM_MS)
  const packet = tcp('10.0.0.7:49152')
  t.strictSame(run.cluster.open(packet).acceptors, ['A', 'B'])
  t.equal(run.cluster.verdict(later(packet)).outcome, 'split-brain')
  run.cluster.heal(run.nowMs)
  run.pass(CALM_MS)
  t.equal(run.cluster.verdict(later(packet)).outcome, 'split-brain', 'as long as it lives')
  run.cluster.close(packet)
  t.equal(run.cluster.verdict(packet).outcome, 'accepted')
})

t.test('one host is not heard, and hears: its share has two owners', async t => {
  const run = new ClusterRun({ hosts: 3 })
  run.cluster.muteHeartbeats('B', 'all', true, run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.view('A')?.members, ['A', 'C'])
  t.strictSame(run.view('B')?.members, ['A', 'B', 'C'])
  t.equal(run.state('B'), 'converging', 'it knows that something is wrong')
  t.notOk(run.cluster.converged())
  for (const [bucket, client] of CLIENTS.entries()) {
    const expected = bucket % 3 === 1 ? 'split-brain' : 'accepted'
    t.equal(run.cluster.verdict(tcp(client)).outcome, expected, `bucket ${bucket}`)
  }
  run.cluster.muteHeartbeats('B', 'all', false, run.nowMs)
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.strictSame(run.shares(), { A: 20, B: 20, C: 20 })
})

t.test('one host does not hear one other: no agreement, and traffic goes on as it was', async t => {
  const run = new ClusterRun({ hosts: 3 })
  const before = run.map()
  run.cluster.muteHeartbeats('B', 'C', true, run.nowMs)
  run.pass(10 * CALM_MS)
  t.notOk(run.cluster.converged())
  t.equal(run.map(), before)
  run.cluster.muteHeartbeats('B', 'C', false, run.nowMs)
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
})

t.test('a joiner with other rules is not admitted, and the cluster does not converge while it is there', async t => {
  const rows = [
    ['no rules', []],
    ['one more', [MSMQ_RULE, { startPort: 80, endPort: 80 }]],
    ['another range', [{ ...MSMQ_RULE, endPort: 1802 }]],
    ['another mode', [{ ...MSMQ_RULE, mode: 'single' as const }]],
    ['another protocol', [{ ...MSMQ_RULE, protocol: 'both' as const }]],
  ] as const
  for (const [name, rules] of rows) {
    const run = new ClusterRun({ hosts: 3 })
    const before = run.map()
    run.cluster.addHost(clusterHost(3, { rules }), run.nowMs)
    run.pass(10 * CALM_MS)
    t.equal(run.map(), before, `${name}: the distribution is kept`)
    t.notOk(run.cluster.converged(), `${name}: no convergence`)
    t.equal(run.state('A'), 'converging')
    t.strictSame(outcomes(run), new Set(['accepted']))
    t.ok(CLIENTS.every(client => run.reason(tcp(client), 'D') === 'not-joined'))
    t.ok(run.eventsOf('rules-differ', 'A').length > 0 && run.eventsOf('rules-differ', 'D').length > 0)
    run.cluster.setRules([MSMQ_RULE], run.nowMs, 'D')
    run.pass(CALM_MS)
    t.ok(run.cluster.converged(), `${name}: healed`)
    t.strictSame(run.shares(), { A: 15, B: 15, C: 15, D: 15 })
  }
})

t.test('a host whose rules were changed alone: everybody keeps what it has', async t => {
  for (const rules of [
    [{ startPort: 80, endPort: 80 }, MSMQ_RULE],
    [MSMQ_RULE, { startPort: 80, endPort: 80 }],
  ]) {
    const run = new ClusterRun({ hosts: 3 })
    const forgotten = tcp('10.0.0.7', 5000)
    t.equal(run.host(forgotten), 'A')
    run.cluster.setRules(rules, run.nowMs, 'B')
    run.pass(CALM_MS)
    t.notOk(run.cluster.converged())
    for (const [bucket, client] of CLIENTS.entries())
      t.equal(run.host(tcp(client)), 'ABC'[bucket % 3], `bucket ${bucket}`)
    t.equal(run.host(forgotten), 'A', 'what no rule covers as well')
    run.cluster.setRules([MSMQ_RULE], run.nowMs, 'B')
    run.pass(CALM_MS)
    t.ok(run.cluster.converged())
    t.equal(run.map(), 'ABC'.repeat(20))
  }
})

t.test('other rules on all hosts', async t => {
  const run = new ClusterRun({ hosts: 3 })
  run.cluster.setRules([{ startPort: 80, endPort: 80, mode: 'single' }, MSMQ_RULE], run.nowMs)
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.equal(run.map(1), 'ABC'.repeat(20), 'a rule that stays keeps its map')
  t.equal(run.map(0), 'A'.repeat(60))
  t.equal(run.cluster.config.rules.length, 2)
})

t.test('a duplicate priority: the same', async t => {
  const run = new ClusterRun({ hosts: 3 })
  const before = run.map()
  run.cluster.addHost(clusterHost(3, { priority: 2 }), run.nowMs)
  run.pass(10 * CALM_MS)
  t.notOk(run.cluster.converged())
  t.equal(run.map(), before)
  t.ok(run.eventsOf('duplicate-priority', 'B').length > 0 && run.eventsOf('duplicate-priority', 'D').length > 0)
  t.equal(run.cluster.verdict(tcp('10.0.0.7')).outcome, 'accepted')
  run.cluster.removeHost('D', run.nowMs)
  run.pass(CALM_MS)
  t.ok(run.cluster.converged(), 'healed')
  t.equal(run.map(), before)
})

t.test('a cluster that was set up wrongly never converges', async t => {
  for (const hosts of [
    [clusterHost(0), clusterHost(1, { priority: 1 })],
    [clusterHost(0), clusterHost(1, { rules: [] })],
  ])
    for (const settled of [true, false]) {
      const run = new ClusterRun({ hosts, settled })
      run.pass(100_000)
      t.notOk(run.cluster.converged())
      t.strictSame(outcomes(run), new Set(['black-hole']))
      run.cluster.command('stop', 'B', run.nowMs)
      run.pass(CALM_MS)
      t.ok(run.cluster.converged(), 'the other alone does')
    }
})
