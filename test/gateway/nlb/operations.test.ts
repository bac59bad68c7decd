import t from 'tap'
import type { NlbEventKind } from '../../../gateway/nlb/events.js'
import type { CommandCode, NlbVerb } from '../../../gateway/nlb/operations.js'
import {
  CALM_MS,
  ClusterRun,
  clientsOfBuckets,
  clusterHost,
  later,
  MSMQ_RULE,
  tcp,
  udp,
} from '../../fixtures/nlb-cluster.js'

const CLIENTS = clientsOfBuckets('none')
const TWO_RULES = [MSMQ_RULE, { startPort: 80, endPort: 80, protocol: 'tcp' as const, affinity: 'none' as const }]

t.test('return codes and events of every verb, in every state', async t => {
  const states: Record<string, (run: ClusterRun) => void> = {
    running: () => undefined,
    stopped: run => run.cluster.command('stop', 'B', run.nowMs),
    suspended: run => run.cluster.command('suspend', 'B', run.nowMs),
    draining: run => {
      run.open(tcp(CLIENTS[1]!))
      run.cluster.command('drainstop', 'B', run.nowMs)
    },
    down: run => run.cluster.crash('B', run.nowMs),
  }
  const rows: [verb: NlbVerb, ...outcomes: [state: string, code: CommandCode, ...events: NlbEventKind[]][]][] = [
    [
      'start',
      ['running', 1001],
      ['stopped', 1000, 'cluster-started'],
      ['suspended', 1013],
      ['draining', 1000, 'drain-interrupted'],
      ['down', null],
    ],
    [
      'stop',
      ['running', 1000, 'cluster-stopped'],
      ['stopped', 1001],
      ['suspended', 1013],
      ['draining', 1000, 'drain-interrupted', 'cluster-stopped'],
      ['down', null],
    ],
    [
      'drainstop',
      ['running', 1000, 'drain-started'],
      ['stopped', 1005],
      ['suspended', 1013],
      ['draining', 1001],
      ['down', null],
    ],
    [
      'suspend',
      ['running', 1000, 'suspended'],
      ['stopped', 1000, 'suspended'],
      ['suspended', 1001],
      ['draining', 1000, 'suspended'],
      ['down', null],
    ],
    [
      'resume',
      ['running', 1001],
      ['stopped', 1001],
      ['suspended', 1000, 'resumed'],
      ['draining', 1001],
      ['down', null],
    ],
    ['reload', ['running', 1000, 'reloaded'], ['suspended', 1013], ['down', null]],
    ['enable', ['running', 1001], ['stopped', 1005], ['suspended', 1013], ['down', null]],
    ['disable', ['running', 1000, 'all-rules-disabled'], ['stopped', 1005], ['suspended', 1013], ['down', null]],
    ['drain', ['running', 1000, 'all-rules-draining'], ['stopped', 1005], ['suspended', 1013], ['down', null]],
  ]
  for (const [verb, ...outcomes] of rows)
    for (const [state, code, ...kinds] of outcomes) {
      const run = new ClusterRun({ rules: TWO_RULES })
      states[state]!(run)
      run.events.length = 0
      const results = run.cluster.command(verb, 'B', run.nowMs)
      t.match(results, [{ host: 'B', code, text: /\w/ }], `${verb} when ${state}`)
      const said = run.events.filter(({ host }) => host === 'B').map(({ kind }) => kind)
      for (const kind of kinds) t.ok(said.includes(kind), `${verb} when ${state}: ${kind}`)
      if (code !== 1000) t.strictSame(run.events, [], `${verb} when ${state}: nothing happened`)
    }
})

t.test('one verb for all hosts', async t => {
  const run = new ClusterRun()
  run.cluster.command('stop', 'B', 0)
  t.match(run.cluster.command('stop', 'all', 0), [
    { host: 'A', code: 1000 },
    { host: 'B', code: 1001 },
    { host: 'C', code: 1000 },
  ])
  t.ok(run.cluster.hosts().every(({ state }) => state === 'stopped'))
  t.equal(run.cluster.verdict(tcp('10.0.0.7')).outcome, 'black-hole')
  t.equal(run.reason(tcp('10.0.0.7'), 'A'), 'stopped')
})

t.test('stop: gone at once, connections dropped; nobody has to miss it', async t => {
  const run = new ClusterRun()
  const packet = tcp(CLIENTS[1]!)
  t.equal(run.open(packet), 'B')
  run.cluster.command('stop', 'B', run.nowMs)
  t.equal(run.state('B'), 'stopped')
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole')
  t.equal(run.cluster.reach('B'), 'unreachable')
  const tookMs = run.passUntil(() => run.cluster.converged())
  t.ok(tookMs <= 10_500, `${tookMs} ms, without the 5 s of a host that dies`)
  t.equal(run.eventsOf('host-lost').length, 0)
  t.strictSame(run.shares(), { A: 30, C: 30 })
  t.not(run.host(packet), 'B')
  run.cluster.command('start', 'B', run.nowMs)
  t.equal(run.state('B'), 'converging')
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 20, B: 20, C: 20 })
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole', 'what it had does not come back')
})

t.test('the default host stops: the next takes over', async t => {
  const run = new ClusterRun({ rules: [] })
  run.cluster.command('stop', 'A', run.nowMs)
  run.pass(CALM_MS)
  t.equal(run.state('B'), 'default')
  t.equal(run.host(udp('10.0.0.7')), 'B')
})

t.test('drainstop: no new ones, the old ones to their end, then it stops', async t => {
  const run = new ClusterRun()
  const first = tcp(CLIENTS[1]!)
  const second = tcp(CLIENTS[4]!)
  run.open(first)
  run.open(second)
  run.cluster.command('drainstop', 'B', run.nowMs)
  t.equal(run.state('B'), 'draining')
  t.equal(run.eventsOf('drain-started', 'B')[0]?.id, 44)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 30, C: 30 }, 'still a member, without a share')
  t.strictSame(run.view('A')?.members, ['A', 'B', 'C'])
  for (const client of CLIENTS)
    if (client !== CLIENTS[1] && client !== CLIENTS[4]) t.not(run.host(tcp(client)), 'B', client)
  t.equal(run.host(later(first)), 'B')
  run.pass(10 * CALM_MS)
  t.equal(run.state('B'), 'draining', 'for ever, if they last')
  run.cluster.close(first)
  t.equal(run.state('B'), 'draining')
  run.cluster.close(second)
  t.equal(run.state('B'), 'stopped')
  t.equal(run.eventsOf('cluster-stopped', 'B')[0]?.id, 6)
  t.equal(run.eventsOf('drain-interrupted').length, 0)
  const idle = new ClusterRun()
  idle.cluster.command('drainstop', 'B', 0)
  t.equal(idle.state('B'), 'stopped', 'with nothing to wait for, at once')
})

t.test('drainstop with a time limit cuts the rest', async t => {
  const run = new ClusterRun()
  run.open(tcp(CLIENTS[1]!))
  run.cluster.command('drainstop', 'B', run.nowMs, { drainTimeoutMs: 60_000 })
  run.pass(59_000)
  t.equal(run.state('B'), 'draining')
  run.pass(2_000)
  t.equal(run.state('B'), 'stopped')
  t.equal(run.cluster.verdict(later(tcp(CLIENTS[1]!))).outcome, 'black-hole')
})

t.test('a drain is interrupted by start, and by stop: event 45', async t => {
  for (const verb of ['start', 'stop'] as const) {
    const run = new ClusterRun()
    const packet = tcp(CLIENTS[1]!)
    run.open(packet)
    run.cluster.command('drainstop', 'B', run.nowMs, { drainTimeoutMs: 60_000 })
    run.pass(CALM_MS)
    run.cluster.command(verb, 'B', run.nowMs)
    t.equal(run.eventsOf('drain-interrupted', 'B')[0]?.id, 45)
    run.pass(100_000)
    t.equal(run.state('B'), verb === 'start' ? 'converged' : 'stopped')
    t.equal(run.acceptors(later(packet)).join(), verb === 'start' ? 'B' : '')
    t.ok(run.cluster.converged())
  }
})

t.test('suspend: it leaves, and obeys nothing but resume', async t => {
  const run = new ClusterRun()
  run.cluster.command('suspend', 'B', run.nowMs)
  t.equal(run.state('B'), 'suspended')
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 30, C: 30 })
  run.cluster.command('resume', 'B', run.nowMs)
  t.equal(run.state('B'), 'stopped', 'resumed is not started')
  run.cluster.command('start', 'B', run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 20, B: 20, C: 20 })
})

t.test('port rules: enable 23, disable 24, drain 39; all of them 41, 42, 43', async t => {
  const run = new ClusterRun({ rules: TWO_RULES })
  const ids = (rule?: number) =>
    (['drain', 'disable', 'enable'] as const).map(verb => {
      run.events.length = 0
      run.cluster.command(verb, 'B', run.nowMs, rule === undefined ? {} : { rule })
      return run.events.find(({ host, id }) => host === 'B' && id !== null && id !== 28)?.id
    })
  t.strictSame(ids(0), [39, 24, 23])
  t.strictSame(ids(), [43, 42, 41])
  run.cluster.command('drain', 'B', run.nowMs, { rule: 1 })
  t.match(run.eventsOf('rule-draining', 'B').at(-1)?.text, /TCP 80$/, 'which rule')
})

t.test('disable: all traffic of the rule is blocked at once, on this host', async t => {
  const run = new ClusterRun({ rules: TWO_RULES })
  const packet = tcp(CLIENTS[1]!)
  const other = tcp(CLIENTS[1]!, 80)
  run.open(packet)
  run.open(other)
  run.cluster.command('disable', 'B', run.nowMs, { rule: 0 })
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole', 'existing ones too')
  t.equal(run.reason(later(packet), 'B'), 'port-disabled')
  t.equal(run.cluster.portState('B', 0), 'disabled')
  t.equal(run.cluster.portState('B', 1), 'enabled')
  t.equal(run.host(later(other)), 'B', 'the other rule goes on')
  run.pass(CALM_MS)
  t.strictSame(run.shares(0), { A: 30, C: 30 }, 'others take its share')
  t.strictSame(run.shares(1), { A: 20, B: 20, C: 20 })
  run.cluster.command('enable', 'B', run.nowMs, { rule: 0 })
  run.pass(CALM_MS)
  t.strictSame(run.shares(0), { A: 20, B: 20, C: 20 })
  t.equal(run.cluster.portState('B', 0), 'enabled')
})

t.test('drain of a port: no new ones, the old ones go on', async t => {
  const run = new ClusterRun({ rules: TWO_RULES })
  const packet = tcp(CLIENTS[1]!)
  run.open(packet)
  run.cluster.command('drain', 'B', run.nowMs, { rule: 0, drainTimeoutMs: 120_000 })
  t.equal(run.cluster.portState('B', 0), 'draining')
  run.pass(CALM_MS)
  t.equal(run.host(later(packet)), 'B')
  t.strictSame(run.shares(0), { A: 30, C: 30 })
  t.equal(run.state('B'), 'converged', 'the host is as before')
  run.pass(CALM_MS)
  t.equal(run.host(later(packet)), 'B')
  run.pass(120_000)
  t.equal(run.cluster.portState('B', 0), 'disabled', 'after its time the rest is cut')
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole')
})

t.test('every host disabled: a black hole; the default host of other ports is not touched', async t => {
  const run = new ClusterRun()
  run.cluster.command('disable', 'all', run.nowMs)
  t.equal(run.cluster.verdict(tcp('10.0.0.7')).outcome, 'black-hole')
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.strictSame(run.shares(), {})
  t.equal(run.host(udp('10.0.0.7')), 'A')
})

t.test('a host that boots is what its configuration says', async t => {
  const hosts = [clusterHost(0), clusterHost(1, { initial: 'stopped' }), clusterHost(2, { initial: 'suspended' })]
  const run = new ClusterRun({ hosts, settled: false }).pass(CALM_MS)
  t.strictSame(
    run.cluster.hosts().map(({ state }) => state),
    ['default', 'stopped', 'suspended'],
  )
  t.ok(run.cluster.converged(), 'those that run are whole')
  t.equal(run.cluster.command('start', 'C', run.nowMs)[0]?.code, 1013)
  t.equal(run.cluster.command('start', 'B', run.nowMs)[0]?.code, 1000)
  run.cluster.crash('B', run.nowMs)
  run.cluster.recover('B', run.nowMs)
  t.equal(run.state('B'), 'stopped')
})

t.test('hosts come and go', async t => {
  const run = new ClusterRun({ hosts: 2 })
  run.cluster.removeHost('A', run.nowMs)
  t.strictSame(
    run.cluster.hosts().map(({ name }) => name),
    ['B'],
  )
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { B: 60 })
  run.cluster.addHost(clusterHost(0), run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 30, B: 30 })
  t.equal(run.cluster.config.hosts.length, 2)
})
