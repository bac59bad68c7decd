import t from 'tap'
import type { FilterReason, Packet } from '../../../gateway/nlb/packet.js'
import {
  ClusterRun,
  clientsOfBuckets,
  clusterHosts,
  icmp,
  later,
  MSMQ_RULE,
  tcp,
  udp,
  VIP,
} from '../../fixtures/nlb-cluster.js'

t.test('the golden vectors, through a whole cluster', async t => {
  // three equal hosts own the buckets 1, 2, 3 in turn
  const rows: [affinity: 'none' | 'single' | 'network', from: string, bucket: number][] = [
    ['none', '10.0.0.7:49152', 51],
    ['none', '10.0.0.7:49153', 41],
    ['single', '10.0.0.7:49152', 39],
    ['single', '10.0.0.7:1', 39],
    ['single', '192.168.5.1:50000', 55],
    ['network', '192.168.5.1:50000', 48],
    ['network', '192.168.5.200:50001', 48],
  ]
  for (const [affinity, from, bucket] of rows) {
    const run = new ClusterRun({ rules: [{ ...MSMQ_RULE, affinity }] })
    const owner = 'ABC'[bucket % 3]!
    t.match(
      run.cluster.verdict(tcp(from)),
      {
        outcome: 'accepted',
        acceptors: [owner],
        rule: 0,
        bucket,
        verdicts: ['A', 'B', 'C'].map(host => ({
          host,
          accepts: host === owner,
          reason: host === owner ? 'bucket' : 'not-my-bucket',
        })),
      },
      `${affinity} ${from}`,
    )
  }
  t.equal(new ClusterRun().map(), 'ABC'.repeat(20))
  t.equal(new ClusterRun({ hosts: 4 }).map(), 'ABCD'.repeat(15))
})

t.test('affinity: what of the client decides', async t => {
  const hostsOf = (affinity: 'none' | 'single' | 'network', clients: string[]) => {
    const run = new ClusterRun({ hosts: 8, rules: [{ ...MSMQ_RULE, affinity }] })
    return new Set(clients.map(client => run.host(tcp(client)))).size
  }
  const ports = Array.from({ length: 200 }, (_, index) => `10.0.0.7:${40_000 + index}`)
  const addresses = Array.from({ length: 200 }, (_, index) => `10.0.0.${index + 1}:40000`)
  const networks = Array.from({ length: 200 }, (_, index) => `10.0.${index}.7:40000`)
  t.equal(hostsOf('none', ports), 8)
  t.equal(hostsOf('single', ports), 1)
  t.equal(hostsOf('network', ports), 1)
  t.equal(hostsOf('single', addresses), 8)
  t.equal(hostsOf('network', addresses), 1)
  t.equal(hostsOf('network', networks), 8)
})

t.test('shares by weight', async t => {
  const rows: [weights: number[], shares: Record<string, number>][] = [
    [[30, 60], { A: 20, B: 40 }],
    [[70, 30], { A: 42, B: 18 }],
    [[100, 100, 100], { A: 20, B: 20, C: 20 }],
    [[0, 50], { B: 60 }],
    [[1, 1], { A: 30, B: 30 }],
    [[0, 0], {}],
  ]
  for (const [weights, shares] of rows) {
    const hosts = clusterHosts(weights.length).map((host, index) => ({ ...host, weight: weights[index]! }))
    t.strictSame(new ClusterRun({ hosts }).shares(), shares, `${weights}`)
  }
  const nobody = new ClusterRun({ hosts: clusterHosts(2, { weight: 0 }) })
  t.equal(nobody.cluster.verdict(tcp('10.0.0.7')).outcome, 'black-hole', 'all weights 0: nobody takes it')
})

t.test('weights of single rules', async t => {
  const rules = [MSMQ_RULE, { startPort: 80, endPort: 80, protocol: 'tcp' as const }]
  const [a, b] = clusterHosts(2)
  const run = new ClusterRun({
    rules,
    hosts: [
      { ...a!, perRule: [{ weight: 25 }, { weight: 0 }] },
      { ...b!, weight: 75 },
    ],
  })
  t.strictSame(run.shares(0), { A: 15, B: 45 })
  t.strictSame(run.shares(1), { B: 60 })
})

t.test('single host: the best handling priority takes all, and not the default host', async t => {
  const hosts = clusterHosts(3).map((host, index) => ({ ...host, handlingPriority: [3, 1, 2][index]! }))
  const run = new ClusterRun({ rules: [{ ...MSMQ_RULE, mode: 'single' }], hosts })
  for (const client of clientsOfBuckets('none')) t.equal(run.host(tcp(client)), 'B', client)
  t.equal(run.reason(tcp('10.0.0.7'), 'B'), 'single-host')
  t.equal(run.reason(tcp('10.0.0.7'), 'A'), 'single-host')
  run.cluster.crash('B', run.nowMs)
  run.pass(20_000)
  t.equal(run.host(tcp('10.0.0.7')), 'C', 'the next in handling priority')
  run.cluster.recover('B', run.nowMs)
  run.pass(20_000)
  t.equal(run.host(tcp('10.0.0.7')), 'B', 'and back')
})

t.test('disabled: a firewall on all hosts', async t => {
  const run = new ClusterRun({ rules: [{ ...MSMQ_RULE, mode: 'disabled' }] })
  const verdict = run.cluster.verdict(tcp('10.0.0.7'))
  t.match(verdict, { outcome: 'black-hole', acceptors: [] })
  t.ok(verdict.verdicts.every(({ reason }) => reason === 'rule-disabled'))
  t.strictSame(run.shares(), {})
  t.ok(run.cluster.converged(), 'it is converged all the same')
})

t.test('the forgotten rule: the default host takes everything', async t => {
  const run = new ClusterRun()
  for (const client of clientsOfBuckets('none').slice(0, 20)) t.equal(run.host(tcp(client, 1802)), 'A', client)
  t.equal(run.host(udp('10.0.0.7')), 'A', 'the ping too')
  t.match(run.cluster.verdict(tcp('10.0.0.7', 1802)), { rule: -1, bucket: null })
  t.equal(run.reason(tcp('10.0.0.7', 1802), 'A'), 'default-host')
  t.equal(run.reason(tcp('10.0.0.7', 1802), 'B'), 'default-host')
  run.cluster.crash('A', run.nowMs)
  run.pass(20_000)
  t.equal(run.host(tcp('10.0.0.7', 1802)), 'B', 'the lowest that is present')
  const none = new ClusterRun({ rules: [] })
  t.equal(none.host(tcp('10.0.0.7')), 'A', 'no rules at all')
})

t.test('the default host is the lowest priority, wherever it stands in the list', async t => {
  const hosts = clusterHosts(3).map((host, index) => ({ ...host, priority: [7, 5, 32][index]! }))
  const run = new ClusterRun({ rules: [], hosts })
  t.equal(run.host(tcp('10.0.0.7')), 'B')
  t.equal(run.state('B'), 'default')
  t.equal(run.state('A'), 'converged')
  t.equal(run.state('C'), 'converged')
})

t.test('a rule for one address goes before one for all', async t => {
  const other = '10.0.0.101'
  const run = new ClusterRun({
    addresses: [VIP, other],
    rules: [MSMQ_RULE, { ...MSMQ_RULE, address: other, mode: 'disabled' }],
  })
  t.equal(run.cluster.verdict(tcp('10.0.0.7')).outcome, 'accepted')
  t.equal(run.cluster.verdict(tcp('10.0.0.7', 1801, { destinationAddress: other })).outcome, 'black-hole')
})

t.test('UDP: each datagram is a draw, and one rule for UDP may land elsewhere than TCP', async t => {
  const rules = [MSMQ_RULE, { startPort: 3527, endPort: 3527, protocol: 'udp' as const, affinity: 'none' as const }]
  const run = new ClusterRun({ rules })
  const landed = Array.from({ length: 200 }, (_, index) => {
    const client = `10.0.3.${index}:${50_000 + index}`
    return [run.host(tcp(client)), run.host(udp(`10.0.3.${index}:${60_000 + index}`))] as const
  })
  t.strictSame([...new Set(landed.map(([, host]) => host))].sort(), ['A', 'B', 'C'])
  const apart = landed.filter(([connection, ping]) => connection !== ping).length
  t.ok(apart > 100 && apart < 165, `two of three pings land elsewhere: ${apart} of 200`)
  const first = udp('10.0.3.1:60001')
  run.cluster.open(first)
  t.strictSame(run.acceptors(later(first)), run.acceptors(first), 'nobody remembers a datagram')
  t.ok(run.cluster.hosts().every(({ connections }) => connections === 0))
})

t.test('what no bucket decides', async t => {
  const rules = [{ startPort: 0, endPort: 65_535, affinity: 'none' as const }]
  const run = new ClusterRun({ rules })
  const reasons = (packet: Packet): FilterReason[] => run.cluster.verdict(packet).verdicts.map(({ reason }) => reason)
  t.strictSame(reasons(icmp('10.0.0.7')), ['icmp', 'icmp', 'icmp'])
  t.match(run.cluster.verdict(icmp('10.0.0.7')), { outcome: 'accepted', acceptors: ['A', 'B', 'C'], bucket: null })

  const own = tcp('10.0.0.7', 1801, { destinationAddress: '10.0.1.2' })
  t.match(run.cluster.verdict(own), { outcome: 'accepted', acceptors: ['B'] }, 'its own address is not filtered')
  t.equal(run.reason(own, 'B'), 'own-address')
  run.cluster.command('disable', 'B', 0)
  t.strictSame(run.acceptors(own), ['B'], 'whatever the state of its port rules')

  for (const host of ['A', 'C'])
    for (const client of clientsOfBuckets('none').slice(0, 12)) {
      const looped = tcp(client, 1801, { sentBy: host })
      t.strictSame(run.acceptors(looped), [host], 'a cluster node reaches itself, never another')
      t.equal(run.reason(looped, host), 'looped-back')
    }
})

t.test('FilterIcmp: one host answers', async t => {
  const run = new ClusterRun({ parameters: { filterIcmp: true } })
  for (let number = 0; number < 30; number++)
    t.equal(run.acceptors(icmp(`10.0.9.${number}`)).length, 1, `10.0.9.${number}`)
})

t.test('fragments carry no ports', async t => {
  // under affinity none the later fragments of a datagram are drawn by other bytes than its first
  const run = new ClusterRun({
    hosts: 8,
    rules: [{ startPort: 3527, endPort: 3527, protocol: 'udp', affinity: 'none' }],
  })
  let astray = 0
  for (let number = 0; number < 64; number++) {
    const first = udp(`10.0.4.1:${50_000 + number}`)
    const rest = { ...first, fragment: true }
    t.ok(run.acceptors(rest).length <= 1, 'never two')
    t.strictSame(
      run.acceptors(rest),
      run.acceptors({ ...rest, sourcePort: 1, destinationPort: 2 }),
      'ports do not count',
    )
    if (run.acceptors(rest)[0] !== run.acceptors(first)[0]) astray++
  }
  t.ok(astray > 0, `${astray} of 64 datagrams are torn apart`)
})

t.test('a switch that has learned the cluster’s MAC address', async t => {
  const run = new ClusterRun({ rules: [{ ...MSMQ_RULE }] })
  run.cluster.learnMac('B', 0)
  const clients = clientsOfBuckets('none')
  const outcomes = clients.map(client => run.cluster.verdict(tcp(client)))
  t.equal(outcomes.filter(({ outcome }) => outcome === 'accepted').length, 20, 'the third that is B’s goes on')
  t.equal(outcomes.filter(({ outcome }) => outcome === 'black-hole').length, 40, 'the others starve')
  t.ok(outcomes.every(({ acceptors }) => acceptors.every(host => host === 'B')))
  t.equal(run.reason(tcp(clients[0]!), 'A'), 'not-delivered')
  run.cluster.learnMac(null, 0)
  t.ok(
    clients.every(client => run.cluster.verdict(tcp(client)).outcome === 'accepted'),
    'it floods again',
  )
})

t.test('connections: known ones are taken, unknown ones dropped', async t => {
  const run = new ClusterRun()
  const packet = tcp('10.0.0.7:49152')
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole', 'nobody knows it')
  t.equal(run.reason(later(packet), 'A'), 'unknown-connection')
  t.equal(run.open(packet), 'A')
  t.equal(run.view('A')?.connections, 1)
  t.match(run.cluster.verdict(later(packet)), { outcome: 'accepted', acceptors: ['A'] })
  t.equal(run.reason(later(packet), 'A'), 'connection')
  run.cluster.close(packet)
  t.equal(run.view('A')?.connections, 0)
  t.equal(run.cluster.verdict(later(packet)).outcome, 'black-hole')
  run.cluster.verdict(packet)
  t.equal(run.view('A')?.connections, 0, 'a question changes nothing')
})

t.test('all descriptors taken', async t => {
  const run = new ClusterRun({ hosts: 1, parameters: { connectionsMax: 16 } })
  for (let port = 0; port < 16; port++) run.open(tcp(`10.0.0.7:${port + 1}`))
  const next = tcp('10.0.0.7:100')
  t.match(run.cluster.open(next), { outcome: 'black-hole', verdicts: [{ reason: 'no-descriptor' }] })
  run.cluster.close(tcp('10.0.0.7:1'))
  t.equal(run.open(next), 'A')
})

t.test('the fast path gives the same answer as the whole', async t => {
  const rules = [
    MSMQ_RULE,
    { startPort: 80, endPort: 80, mode: 'single' as const },
    { startPort: 3527, endPort: 3527, protocol: 'udp' as const, affinity: 'network' as const },
    { startPort: 9, endPort: 9, mode: 'disabled' as const },
  ]
  const run = new ClusterRun({ hosts: 5, rules })
  const compare = (name: string) => {
    for (let number = 0; number < 400; number++) {
      const address = `10.${number & 7}.0.${number & 255}`
      for (const [protocol, port] of [
        ['tcp', 1801],
        ['tcp', 80],
        ['udp', 3527],
        ['tcp', 9],
        ['tcp', 5],
      ] as const) {
        const packet: Packet = { ...tcp(`${address}:${5000 + number}`, port), protocol }
        const bits = run.cluster.acceptorsV4(protocol === 'tcp' ? 6 : 17, u32(address), 5000 + number, u32(VIP), port)
        const names = ['A', 'B', 'C', 'D', 'E'].filter((_, index) => ((bits >>> index) & 1) === 1)
        if (`${names}` !== `${run.acceptors(packet)}`) t.fail(`${name}: ${protocol} ${address} to ${port}: ${names}`)
      }
    }
    t.pass(name)
  }
  compare('converged')
  run.cluster.crash('B', 0)
  compare('B is dead, and not yet missed')
  run.pass(20_000)
  compare('without B')
  run.cluster.command('disable', 'C', run.nowMs, { rule: 0 })
  compare('C disabled')
  run.cluster.learnMac('D', run.nowMs)
  compare('one host gets all')
  run.cluster.learnMac(null, run.nowMs)
  run.cluster.partition(
    [
      ['A', 'C'],
      ['D', 'E'],
    ],
    run.nowMs,
  )
  run.pass(20_000)
  compare('split brain')
})

function u32(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0)
}
