import t from 'tap'
import { clusterPolicy } from '../../../gateway/nlb/cluster-policy.js'
import { explain } from '../../../gateway/nlb/explain.js'
import { ClusterRun, clusterHost, icmp, later, MSMQ_RULE, tcp } from '../../fixtures/nlb-cluster.js'

t.test('why a packet goes where it goes', async t => {
  const { cluster } = new ClusterRun()
  const packet = tcp('10.0.0.7:49152')
  t.match(explain(cluster, packet), {
    rule: 0,
    ruleText: 'TCP 1801, multiple',
    key: 'address 10.0.0.7 and port 49152',
    hash: 'nlb-sub-1',
    bucket: 51,
    owners: ['A'],
    outcome: 'accepted',
    acceptors: ['A'],
    summary: /nlb-sub-1 affinity none: bucket 51: A accepts/,
  })
  t.match(explain(cluster, tcp('10.0.0.7', 5000)), { rule: -1, bucket: null, hash: null, owners: [], acceptors: ['A'] })
  t.match(explain(cluster, icmp('10.0.0.7')), { outcome: 'accepted', summary: /all hosts take ICMP/ })
  t.match(explain(cluster, later(packet)), { outcome: 'black-hole', summary: /black hole/ })
  cluster.open(packet)
  t.match(explain(cluster, later(packet)).whatWouldChangeIt, [/nothing as long as the connection lives/])
  cluster.partition([['A'], ['B', 'C']], 0)
  cluster.advance(30_000)
  t.match(explain(cluster, packet), { outcome: 'split-brain', summary: /split brain: A and [BC] take it/ })
})

t.test('each host says why, in words of its own', async t => {
  const run = new ClusterRun({ rules: [{ ...MSMQ_RULE, mode: 'single' }] })
  run.cluster.addHost(clusterHost(3), 0)
  run.cluster.crash('C', 0)
  const { hosts } = explain(run.cluster, tcp('10.0.0.7'))
  t.match(hosts, [
    { host: 'A', accepts: true, why: /one host of this rule/ },
    { host: 'B', accepts: false, why: /another is the one host/ },
    { host: 'C', accepts: false, why: /down or cut off/ },
    { host: 'D', accepts: false, why: /not joined/ },
  ])
})

t.test('as a policy for planes: who takes a connection has it until it is released', async t => {
  const run = new ClusterRun()
  const policy = clusterPolicy(run.cluster, { protocol: 'tcp', address: '10.0.0.100', port: 1801 })
  const client = { address: '10.0.0.7', port: 49_152 }
  t.match(policy.pick(client), { host: 'A', bucket: 51, verdict: { outcome: 'accepted', acceptors: ['A'] } })
  t.equal(run.view('A')?.connections, 1)
  policy.released?.(client)
  t.equal(run.view('A')?.connections, 0)
  run.cluster.crash('A', 0)
  t.match(policy.pick(client), { host: null, verdict: { outcome: 'black-hole' } }, 'health does not count')
  t.match(policy.pick(client).reason, /black hole/)
})
