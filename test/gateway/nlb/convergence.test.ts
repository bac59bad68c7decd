import t from 'tap'
import {
  CALM_MS,
  ClusterRun,
  clientsOfBuckets,
  clusterHost,
  clusterHosts,
  later,
  tcp,
} from '../../fixtures/nlb-cluster.js'

const CLIENTS = clientsOfBuckets('none')

t.test('a host dies: missed after 5 s, done some 3 s later, and never later than 10 s (2003)', async t => {
  for (let offsetMs = 0; offsetMs < 1000; offsetMs += 37)
    for (const [count, victim] of [
      [2, 'A'],
      [3, 'B'],
      [8, 'H'],
    ] as const) {
      const run = new ClusterRun({ hosts: count, parameters: { profile: '2003' } }).pass(30_000 + offsetMs)
      const beganMs = run.nowMs
      run.cluster.crash(victim, beganMs)
      const tookMs = run.passUntil(() => run.cluster.converged() && !run.map().includes('-'))
      const missed = run.eventsOf('host-lost').map(({ atMs }) => atMs - beganMs)
      const name = `${victim} of ${count}, ${offsetMs} ms into the period`
      // its last beat was up to a period ago, and each host looks once a period
      if (missed.length !== count - 1 || missed.some(ms => ms < 4000 || ms > 6000)) t.fail(`${name}: missed ${missed}`)
      const convergedMs = tookMs - Math.max(...missed)
      if (convergedMs < 2000 || convergedMs > 3000) t.fail(`${name}: converged ${convergedMs} ms after all missed it`)
      if (tookMs < 7000 || tookMs > 9000) t.fail(`${name}: ${tookMs} ms`)
    }
  t.pass()
})

t.test('until then its share is a black hole, and nothing else is', async t => {
  for (const profile of ['2003', '2008r2'] as const) {
    const run = new ClusterRun({ hosts: 4, parameters: { profile } }).pass(5_000)
    const before = run.map()
    run.cluster.crash('C', run.nowMs)
    const seen = new Set<string>()
    run.onStep = () => {
      for (const [bucket, client] of CLIENTS.entries()) {
        const { outcome, acceptors } = run.cluster.verdict(tcp(client))
        const stays = before[bucket] !== 'C'
        seen.add(`${stays ? 'others' : 'dead'} ${outcome}`)
        if (stays && acceptors[0] !== before[bucket]) t.fail(`${run.nowMs} ms: bucket ${bucket} moved`)
      }
    }
    const converged = () => run.eventsOf('converged').length > 3
    run.passUntil(() => {
      run.onStep?.()
      return converged() || !run.map().includes('-')
    })
    t.ok(seen.has('others accepted') && seen.has('dead black-hole'), `${profile}: traffic went on, the share was lost`)
    t.notOk(seen.has('others black-hole') || seen.has('others split-brain') || seen.has('dead split-brain'))
    t.same(run.map().match(/-/), null, 'then everything is taken')
    const moved = CLIENTS.filter((_, bucket) => run.map()[bucket] !== before[bucket])
    t.equal(moved.length, 15, 'only its share has moved')
    t.equal(run.reason(tcp(CLIENTS[2]!), 'C'), 'unreachable')
    t.equal(run.state('C'), 'down')
  }
})

t.test('a join, to the second, as the one documented history goes (2008 R2)', async t => {
  const run = new ClusterRun({ hosts: clusterHosts(3, { beatOffsetMs: 0 }) }).pass(30_000)
  const beganMs = run.nowMs
  run.cluster.addHost(clusterHost(3, { beatOffsetMs: 0 }), beganMs)
  const history: [string | null | undefined, number][] = []
  const note = () => {
    const phase = run.view('D')?.phase
    if (phase !== history.at(-1)?.[0]) history.push([phase, (run.nowMs - beganMs) / 1000])
  }
  run.cluster.advance(run.nowMs)
  note()
  run.onStep = note
  run.pass(15_000)
  t.strictSame(history, [
    ['phase1', 0],
    ['stable1', 3],
    ['stable2', 9],
    ['converged', 10],
  ])
  t.equal(run.eventsOf('converged', 'D').length, 1, 'event 28')
  t.equal(run.eventsOf('converged-as-default', 'A').length, 2, 'event 29, at the start and now')
})

t.test('wherever the beats lie, a join takes 10 s, and 3 s in the 2003 profile', async t => {
  for (const [profile, expectedS] of [
    ['2008r2', 10],
    ['2003', 3],
  ] as const)
    for (let offsetMs = 0; offsetMs < 1000; offsetMs += 83) {
      const run = new ClusterRun({ parameters: { profile } }).pass(30_000 + offsetMs)
      run.cluster.addHost(clusterHost(3, { beatOffsetMs: (offsetMs * 7) % 1000 }), run.nowMs)
      const tookMs = run.passUntil(() => run.state('D') === 'converged')
      if (tookMs < (expectedS - 1) * 1000 || tookMs > (expectedS + 1) * 1000)
        t.fail(`${profile} ${offsetMs}: ${tookMs}`)
    }
  t.pass()
})

t.test('traffic goes on while a host joins, which takes nothing before it is in', async t => {
  const run = new ClusterRun().pass(1000)
  const before = run.map()
  run.cluster.addHost(clusterHost(3), run.nowMs)
  let steps = 0
  run.onStep = () => {
    if (run.state('D') === 'converged') return
    steps++
    for (const [bucket, client] of CLIENTS.entries())
      if (run.host(tcp(client)) !== before[bucket]) t.fail(`bucket ${bucket} at ${run.nowMs}`)
    if (run.reason(tcp(CLIENTS[0]!), 'D') !== 'not-joined') t.fail(`${run.reason(tcp(CLIENTS[0]!), 'D')}`)
  }
  run.pass(CALM_MS)
  t.ok(steps > 20)
  t.strictSame(run.shares(), { A: 15, B: 15, C: 15, D: 15 })
  const after = run.map()
  t.ok(
    [...after].every((owner, bucket) => owner === before[bucket] || owner === 'D'),
    'what moved went to the joiner',
  )
})

t.test('a cluster comes up: nobody takes anything before it has converged', async t => {
  for (const [profile, expectedMs] of [
    ['2003', 3000],
    ['2008r2', 10_000],
  ] as const) {
    const run = new ClusterRun({ settled: false, parameters: { profile } })
    t.equal(run.cluster.verdict(tcp('10.0.0.7')).outcome, 'black-hole')
    t.equal(run.state('A'), 'converging')
    t.equal(run.eventsOf('driver-started').length, 3, 'event 4')
    t.equal(run.eventsOf('cluster-started').length, 3, 'event 5')
    const tookMs = run.passUntil(() => run.cluster.converged())
    t.ok(Math.abs(tookMs - expectedMs) <= 1000, `${profile}: ${tookMs} ms`)
    t.equal(run.map(), 'ABC'.repeat(20))
    t.strictSame(
      run.cluster.hosts().map(({ state }) => state),
      ['default', 'converged', 'converged'],
    )
    t.strictSame(run.view('C')?.members, ['A', 'B', 'C'])
    t.equal(run.eventsOf('converged').length, 2)
    t.equal(run.eventsOf('converged-as-default').length, 1)
  }
  const settled = new ClusterRun()
  t.ok(settled.cluster.converged(), 'or it has been up for long')
})

t.test('period and tolerance scale it all', async t => {
  for (const [heartbeatPeriodMs, heartbeatsMissedMax] of [
    [100, 5],
    [100, 20],
    [10_000, 5],
  ] as const) {
    const run = new ClusterRun({ parameters: { heartbeatPeriodMs, heartbeatsMissedMax, profile: '2003' } })
    run.pass(heartbeatPeriodMs * 10)
    const beganMs = run.nowMs
    run.cluster.crash('A', beganMs)
    const tookMs = run.passUntil(() => !run.map().includes('-'), heartbeatPeriodMs * 100)
    const missedMs = Math.max(...run.eventsOf('host-lost').map(({ atMs }) => atMs)) - beganMs
    const periods = (ms: number) => ms / heartbeatPeriodMs
    t.ok(Math.abs(periods(missedMs) - heartbeatsMissedMax) <= 1, `missed after ${missedMs} ms`)
    t.ok(periods(tookMs - missedMs) >= 2 && periods(tookMs - missedMs) <= 3, `converged after ${tookMs} ms`)
  }
})

t.test('a host that boots before it was missed', async t => {
  const run = new ClusterRun().pass(10_000)
  const before = run.map()
  run.cluster.crash('B', run.nowMs)
  run.pass(2_000)
  run.cluster.recover('B', run.nowMs)
  t.equal(run.eventsOf('host-lost').length, 0)
  t.equal(run.cluster.verdict(tcp(CLIENTS[1]!)).outcome, 'black-hole', 'it has to join first')
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.equal(run.map(), before, 'and nothing else has moved')
})

t.test('who comes back takes what it needs and no more', async t => {
  const run = new ClusterRun({ hosts: 5 })
  run.cluster.crash('C', run.nowMs)
  run.pass(CALM_MS)
  const without = run.map()
  run.cluster.recover('C', run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 12, B: 12, C: 12, D: 12, E: 12 })
  t.equal([...run.map()].filter((owner, bucket) => owner !== without[bucket]).length, 12)
})

t.test('what happens during a convergence begins it anew', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.cluster.addHost(clusterHost(4), run.nowMs)
  run.pass(9_000)
  t.equal(run.state('E'), 'converging')
  run.cluster.setWeight('A', 0, 100, run.nowMs)
  const tookMs = run.passUntil(() => run.cluster.converged())
  t.ok(tookMs >= 9_000 && tookMs <= 11_000, `${tookMs} ms more`)
  t.strictSame(run.shares(), { A: 20, B: 10, C: 10, D: 10, E: 10 })
})

t.test('the host that leads dies in the middle of a convergence', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.cluster.addHost(clusterHost(4), run.nowMs)
  run.pass(9_900)
  run.cluster.crash('A', run.nowMs)
  run.pass(CALM_MS)
  t.ok(run.cluster.converged())
  t.strictSame(run.shares(), { B: 15, C: 15, D: 15, E: 15 })
  t.equal(run.state('B'), 'default')
})

t.test('new weights: the fewest buckets move, existing connections none', async t => {
  const run = new ClusterRun({ hosts: 2 })
  const opened = CLIENTS.map(client => [tcp(client), run.open(tcp(client))] as const)
  const before = run.map()
  run.cluster.setWeight('A', 0, 100, run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 40, B: 20 })
  t.equal([...run.map()].filter((owner, bucket) => owner !== before[bucket]).length, 10)
  for (const [packet, host] of opened) t.equal(run.host(later(packet)), host)
  const again = opened.filter(([packet, host]) => run.open(packet) !== host)
  t.equal(again.length, 10, 'a new connection goes by the new map, also between the same ends')
  for (const [packet, host] of again) t.not(run.host(later(packet)), host, 'the former owner has forgotten the old one')
  t.equal(run.eventsOf('adjusted', 'A').length, 1, 'event 38')
})

t.test('a weight of 0 is never a share', async t => {
  const run = new ClusterRun({ hosts: 3 })
  run.cluster.setWeight('B', 0, 0, run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), { A: 30, C: 30 })
  run.cluster.crash('A', run.nowMs)
  run.cluster.crash('C', run.nowMs)
  run.pass(CALM_MS)
  t.strictSame(run.shares(), {}, 'not even when nobody else is there')
  t.ok(run.cluster.converged())
  t.equal(run.state('B'), 'default')
})

t.test('time in one leap comes to the same as time in steps', async t => {
  const story = (leapMs: number) => {
    const run = new ClusterRun({ hosts: 4 })
    run.cluster.crash('A', 0)
    for (let nowMs = leapMs; nowMs <= 60_000; nowMs += leapMs) run.cluster.advance(nowMs)
    return [run.events, run.map(), run.cluster.hosts()]
  }
  const steps = story(10)
  t.strictSame(story(60_000), steps)
  t.strictSame(story(7_500), steps)
})

t.test('changes are told once for each call', async t => {
  const run = new ClusterRun({ hosts: 4 })
  run.changes = 0
  run.cluster.verdict(tcp('10.0.0.7'))
  run.pass(CALM_MS)
  t.equal(run.changes, 0, 'beats that say nothing new are no change')
  run.cluster.crash('D', run.nowMs)
  t.equal(run.changes, 1)
  run.changes = 0
  run.cluster.advance(run.nowMs + 60_000)
  t.equal(run.changes, 1, 'a convergence of three hosts within one advance')
  run.nowMs += 60_000
  run.changes = 0
  run.cluster.command('drain', 'all', run.nowMs)
  t.equal(run.changes, 1)
})

t.test('nothing is due where no host runs', async t => {
  const run = new ClusterRun()
  run.cluster.command('stop', 'all', 0)
  t.equal(run.cluster.nextDueMs(), Number.POSITIVE_INFINITY)
  t.notOk(run.cluster.converged())
})

t.test('names and rules that do not exist', async t => {
  const { cluster } = new ClusterRun()
  t.throws(() => cluster.crash('Z', 0), RangeError)
  t.throws(() => cluster.command('stop', 'Z', 0), RangeError)
  t.throws(() => cluster.command('drain', 'A', 0, { rule: 1 }), RangeError)
  t.throws(() => cluster.setWeight('A', 0, 101, 0), { name: 'ClusterConfigError' })
  t.throws(() => cluster.setWeight('A', 5, 50, 0), RangeError)
  t.throws(() => cluster.owners(1), RangeError)
  t.throws(() => cluster.partition([['A', 'Z']], 0), RangeError)
  t.throws(() => cluster.addHost(clusterHost(0), 0), { name: 'ClusterConfigError' }, 'a name that is taken')
  t.ok(cluster.converged(), 'and nothing came of it')
})
