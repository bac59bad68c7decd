import t from 'tap'
import { NlbCluster } from '../../../../gateway/nlb/cluster.js'
import { type ClusterInput, clusterConfig } from '../../../../gateway/nlb/cluster-config.js'
import { jhash } from '../../../../gateway/nlb/jhash.js'
import { commonFilter, type HostFilter, hostFilters } from '../../../../gateway/planes/kernel/host-filter.js'
import { countElements, countTracked, readCounters } from '../../../../gateway/planes/kernel/kernel-counts.js'
import { nlbRules } from '../../../../gateway/planes/kernel/nlb-rules.js'
import { type RouterMode, routerRules } from '../../../../gateway/planes/kernel/router-rules.js'

const INPUT: ClusterInput = {
  addresses: ['10.0.0.100', '10.0.0.101'],
  parameters: { profile: '2003' },
  rules: [
    { startPort: 1801, endPort: 1801, protocol: 'tcp', affinity: 'none' },
    { startPort: 0, endPort: 1000, affinity: 'network' },
    { startPort: 80, endPort: 90, protocol: 'udp', mode: 'disabled', address: '10.0.0.101' },
    { startPort: 3527, endPort: 3527, protocol: 'udp', mode: 'single' },
  ],
  hosts: [
    { name: 'R1', address: '10.0.0.11' },
    { name: 'R2', address: '10.0.0.12' },
  ],
}

function settled(input: ClusterInput = INPUT): NlbCluster {
  const cluster = new NlbCluster({ config: clusterConfig(input), hash: jhash(9) })
  cluster.settle(0)
  return cluster
}

const textOf = (cluster: NlbCluster, filter: HostFilter) => nlbRules(cluster.config, 9, filter)

const lineOf = (text: string, part: string) =>
  text
    .split('\n')
    .find(line => line.includes(part))
    ?.trim()

const chainOf = (text: string, name: string) =>
  new RegExp(`  chain ${name} \\{\\n([^}]*?)\\n  \\}`, 's')
    .exec(text.replaceAll(/\{ (\d+ : goto \w+,? ?)+\}/g, set => set.replaceAll('}', ')')))?.[1]
    ?.split('\n')
    .map(line => line.trim())

t.test('one host’s filter as text', async t => {
  const cluster = settled()
  const [r1, r2] = hostFilters(cluster) as [HostFilter, HostFilter]
  const text = textOf(cluster, r1)
  t.match(text, /^add table netdev mqlab\nflush table netdev mqlab\ntable netdev mqlab \{/, 'one transaction')
  t.same(chainOf(text, 'rule_2'), ['drop'], 'mode disabled')
  t.same(chainOf(text, 'rule_3'), ['tcp flags & (fin|syn|rst|ack) != syn goto known', 'goto take', 'goto leave'])
  t.equal(
    lineOf(text, 'jhash ip saddr . th sport')?.slice(0, 55),
    'jhash ip saddr . th sport mod 60 seed 9 vmap { 0 : goto',
  )
  t.equal(lineOf(text, 'jhash ip saddr & 255.255.255.0')?.match(/\d+ : goto take/g)?.length, 30)
  t.equal(lineOf(text, 'ip daddr != '), 'ip daddr != { 10.0.0.100, 10.0.0.101 } accept')

  const tried = text.split('\n').flatMap(line => /goto rule_(\d)/.exec(line)?.[1] ?? [])
  t.same(tried, ['2', '0', '1', '3'], 'a rule for one address goes before those for all')
  t.match(text, /meta l4proto \{ tcp, udp \} th dport 0-1000 goto rule_1/)
  t.match(text, /ip frag-off & 0x1fff != 0 meta l4proto \{ tcp, udp \} goto fragment_1/)
  t.notMatch(text, /goto fragment_[023]/, 'fragments count as from and for port 0')
  t.same(chainOf(text, 'rest'), ['tcp flags & (fin|syn|rst|ack) != syn goto known', 'goto take', 'goto leave'])
  t.same(
    chainOf(textOf(cluster, r2), 'rest'),
    ['tcp flags & (fin|syn|rst|ack) != syn goto known', 'goto leave'],
    'R2 is not the default host',
  )
  t.match(text, /size 262144;/)
})

t.test('what a host does follows from its state', async t => {
  const of = (act: (cluster: NlbCluster) => void, input?: ClusterInput) => {
    const cluster = settled(input)
    act(cluster)
    const filter = hostFilters(cluster)[1]!
    return { ...filter, text: textOf(cluster, filter) }
  }
  const buckets = ({ rules }: HostFilter) => rules.map(rule => rule.buckets.length)

  const up = of(() => {})
  t.same(buckets(up), [30, 30, 0, 0, 0])
  t.same([up.connected, up.running, up.listens, up.takesIcmp], [true, true, true, true])
  t.same(
    up.rules.map(({ blocked }) => blocked),
    [false, false, true, false, false],
  )
  t.notMatch(up.text, /flush set/)

  const stopped = of(cluster => cluster.command('stop', 'R2', 0))
  t.same([stopped.connected, stopped.running, stopped.listens], [true, false, false])
  t.match(
    stopped.text,
    /flush set netdev mqlab connections\nflush set netdev mqlab closing\n$/,
    'it forgets connections',
  )

  const crashed = of(cluster => cluster.crash('R2', 0))
  t.same([crashed.connected, crashed.listens], [false, false])
  t.same(chainOf(crashed.text, 'in')?.slice(1), ['drop'], 'nothing passes')
  t.same(chainOf(crashed.text, 'out')?.slice(1), ['drop'])

  const cutOff = of(cluster => cluster.partition([['R1', 'R2']], 0, ['R1']))
  t.same([cutOff.connected, cutOff.running, cutOff.listens], [false, true, false])
  t.notMatch(cutOff.text, /flush set/, 'it still has its connections')

  const starved = of(cluster => cluster.learnMac('R1', 0))
  t.same([starved.connected, starved.running, starved.listens], [true, true, false])
  const favoured = of(cluster => cluster.learnMac('R2', 0))
  t.ok(favoured.listens)

  const disabled = of(cluster => cluster.command('disable', 'R2', 0, { rule: 0 }))
  t.same(chainOf(disabled.text, 'rule_0'), ['drop'])

  const draining = of(cluster => {
    cluster.countConnections('R2', 3, 0)
    cluster.command('drainstop', 'R2', 0)
    cluster.advance(20_000)
  })
  t.same(buckets(draining), [0, 0, 0, 0, 0])
  t.ok(draining.listens, 'for what it has')

  const one = of(() => {}, { ...INPUT, parameters: { filterIcmp: true } })
  t.notOk(one.takesIcmp)
  t.match(one.text, /meta l4proto icmp drop/)
})

t.test('on the way to another map nobody takes what another still has', async t => {
  const cluster = settled()
  const before = hostFilters(cluster)
  cluster.setWeight('R1', 0, 10, 0)
  cluster.setWeight('R2', 1, 10, 0)
  cluster.advance(20_000)
  const after = hostFilters(cluster)
  const between = after.map((filter, index) => commonFilter(before[index], filter))
  const takers = (filters: readonly HostFilter[], rule: number, bucket: number) =>
    filters.filter(({ rules }) => rules[rule]!.buckets.includes(bucket)).map(({ host }) => host)
  let moved = 0
  for (const rule of [0, 1])
    for (let bucket = 0; bucket < 60; bucket++) {
      const [old, next] = [takers(before, rule, bucket), takers(after, rule, bucket)]
      t.same(takers(between, rule, bucket), old[0] === next[0] ? old : [])
      if (old[0] !== next[0]) moved++
    }
  t.equal(moved, 40)
  t.same(commonFilter(undefined, after[0]!).rules[0]!.buckets, [], 'a new host begins with nothing')
})

t.test('an appliance’s rules as text', async t => {
  const cluster = settled()
  const rules = (mode: RouterMode, act: (cluster: NlbCluster) => void = () => {}) => {
    const own = settled()
    act(own)
    return routerRules({
      config: own.config,
      mode,
      seed: 9,
      filters: hostFilters(own),
      hosts: [
        { name: 'R1', address: '10.0.0.11', mark: 1 },
        { name: 'R2', address: '10.0.0.12', mark: 2 },
        { name: 'gone', address: '10.0.0.13', mark: 3 },
      ],
      snatAddress: '10.0.0.100',
    })
  }
  t.ok(cluster.converged())
  t.match(rules('dnat'), /ct mark set 1 dnat to 10\.0\.0\.11/)
  t.match(rules('dnat'), /ip saddr 10\.0\.0\.11 ip daddr 10\.0\.0\.11 ct status dnat snat to 10\.0\.0\.100/)
  t.match(rules('snat'), /ct status dnat snat to 10\.0\.0\.100/)
  t.match(rules('dsr'), /ct mark set 2 meta mark set 2 accept/)
  t.notMatch(rules('dsr'), /nat/)
  for (const mode of ['dnat', 'snat', 'dsr'] as const) {
    t.same(chainOf(rules(mode), 'rule_2'), ['counter name nobody drop'])
    t.same(chainOf(rules(mode), 'rule_3'), ['goto to_1', 'counter name nobody drop'])
    t.match(rules(mode), /ct mark \{ 3 \} drop/, 'a host that left has lost its connections')
    const crashed = rules(mode, own => own.crash('R2', 0))
    t.match(crashed, /ct mark \{ 2, 3 \} drop/)
    t.notMatch(crashed, /goto to_2/, 'its buckets are nobody’s')
    const disabled = rules(mode, own => own.command('disable', 'R1', 0, { rule: 0 }))
    t.match(disabled, /ct mark \{ 1 \} meta l4proto tcp ct original proto-dst 1801 drop/)
    t.match(
      rules(mode),
      /ct mark \{ 1, 2 \} ct original ip daddr 10\.0\.0\.101 meta l4proto udp ct original proto-dst 80-90/,
    )
  }
})

t.test('what nft and conntrack print', async t => {
  const counters = readCounters(
    '{"nftables":[{"metainfo":{"version":"1.0.6"}},{"counter":{"family":"netdev","name":"opened","table":"mqlab","handle":1,"packets":7,"bytes":420}}]}',
  )
  t.match(counters.get('opened'), { packets: 7, bytes: 420 })
  t.equal(
    countElements('{"nftables":[{"metainfo":{}},{"set":{"name":"connections","elem":[{"elem":{}},{"elem":{}}]}}]}'),
    2,
  )
  t.equal(countElements('{"nftables":[{"metainfo":{}},{"set":{"name":"connections"}}]}'), 0)
  const tracked = `ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.51 dst=10.0.0.100 sport=2 dport=1801 src=10.0.0.11 dst=10.0.0.51 sport=1801 dport=2 [ASSURED] mark=1 use=1
ipv4     2 tcp      6 119 TIME_WAIT src=10.0.0.51 dst=10.0.0.100 sport=3 dport=1801 src=10.0.0.11 dst=10.0.0.51 sport=1801 dport=3 [ASSURED] mark=1 use=1
ipv4     2 tcp      6 59 SYN_RECV src=10.0.0.51 dst=10.0.0.100 sport=4 dport=1801 src=10.0.0.12 dst=10.0.0.51 sport=1801 dport=4 mark=2 use=1
ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.51 dst=10.0.0.11 sport=5 dport=1801 src=10.0.0.11 dst=10.0.0.51 sport=1801 dport=5 [ASSURED] mark=0 use=1
ipv4     2 udp      17 29 src=10.0.0.51 dst=10.0.0.100 sport=6 dport=3527 [UNREPLIED] src=10.0.0.11 dst=10.0.0.51 sport=3527 dport=6 mark=1 use=1
`
  t.same(
    countTracked(tracked),
    new Map([
      [1, 1],
      [2, 1],
    ]),
  )
})
