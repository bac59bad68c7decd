import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AskCluster, withCluster } from '../../cli/nlb-client.js'
import { nlbConfig } from '../../cli/nlb-config.js'
import { nlbMetricsText } from '../../cli/nlb-metrics.js'
import { NlbService, type ServedCluster } from '../../cli/nlb-service.js'
import { explanationText, parameterRows, queryText, rulesText } from '../../cli/nlb-text.js'
import { EventRing } from '../../cli/nlb-view.js'
import { startServiceServer } from '../../control/control-server.js'
import { LiveCluster } from '../../gateway/live-cluster.js'
import type { PlaneCounters } from '../../gateway/planes/plane.js'
import { temporaryDirectory } from '../fixtures/qm-child.js'

const LINES = [
  'cluster: { name: SHOP, addresses: [127.86.2.100, 127.86.2.101] }',
  'rules: [{ ports: 1801, protocol: tcp }, { ports: 80, address: 127.86.2.101 }, { ports: 80 }]',
  'hosts: [{ name: R1, address: 127.86.2.11 }, { name: R2, address: 127.86.2.12 }, { name: R3, address: 127.86.2.13 }]',
  'settled: true',
]
/** It takes a minute to converge, so that what converges is seen to, whatever the machine does meanwhile. */
const SLOW = [...LINES, 'parameters: { heartbeatPeriodMs: 10000 }']
const NO_TRAFFIC: PlaneCounters = { hosts: {}, silences: 3, splitBrains: null, failures: { ECONNREFUSED: 2 } }

/** A cluster that no plane serves, and its control socket. */
async function serve(t: Test, lines: readonly string[] = LINES) {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'cluster.yaml')
  writeFileSync(path, lines.join('\n'))
  const config = nlbConfig(path)
  const events = new EventRing()
  const live = new LiveCluster({ config: config.cluster, hash: config.hash, onEvent: event => events.add(event) })
  live.start(config.settled)
  t.teardown(() => live.stop())
  const served: ServedCluster = { config, live, events, startedMs: Date.now(), counters: () => NO_TRAFFIC }
  const control = join(folder, 'c.nlb')
  const server = await startServiceServer(() => new NlbService(served), { listen: { path: control } })
  t.teardown(() => server.close())
  const ask: AskCluster = (method, parameters) => withCluster({ control }, ask => ask(method, parameters))
  return { ask, served, path, control }
}

const states = async (ask: AskCluster) => (await ask('view', {})).hosts.map(({ name, state }) => `${name} ${state}`)

t.test('a cluster shows itself', async t => {
  const { ask } = await serve(t)
  const view = await ask('view', {})
  t.match(view, { name: 'SHOP', converged: true, hash: 'nlb-sub-1', hashIsSubstitute: true, plane: 'proxy' })
  t.match(queryText(view, view.hosts), /Host 1 \(R1\) has converged as DEFAULT; it counts R1, R2, R3 as members\./)
  t.match(rulesText(view), /80 at 127\.86\.2\.101/)
  t.strictSame(
    parameterRows(view).filter(([name]) => name === 'HostPriority' || name === 'AliveMsgPeriod'),
    [
      ['AliveMsgPeriod', '1000', null],
      ['HostPriority', '1', 'R1'],
      ['HostPriority', '2', 'R2'],
      ['HostPriority', '3', 'R3'],
    ],
  )
  const events = await ask('events', { max: 2 })
  t.equal(events.length, 2)
  t.ok(Math.abs(events[1]!.timeMs - Date.now()) < 60_000, 'events have the time of day')
})

t.test('orders reach all, one, or one of a cluster, with the codes of Windows', async t => {
  const { ask } = await serve(t)
  const codes = async (...order: Parameters<typeof command>) =>
    (await command(...order)).map(({ host, code }) => `${host} ${code}`)
  const command = (verb: 'start' | 'stop' | 'suspend' | 'resume' | 'drain', target: string, port?: string) =>
    ask('command', { verb, target, ...(port !== undefined && { port }) })
  t.strictSame(await codes('stop', 'r2'), ['R2 1000'])
  t.strictSame(await codes('stop', 'SHOP:127.86.2.12'), ['R2 1001'])
  t.strictSame(await codes('suspend', '127.86.2.101:3'), ['R3 1000'])
  t.strictSame(await codes('start', 'all'), ['R1 1001', 'R2 1000', 'R3 1013'])
  t.strictSame(await codes('drain', '3', '1801'), ['R3 1013'])
  t.strictSame(await codes('resume', 'shop:R3'), ['R3 1000'])
  t.strictSame(await codes('drain', 'R3', '1801'), ['R3 1005'])
  t.strictSame(await codes('stop', 'vip'), ['R1 1000', 'R2 1000', 'R3 1001'])
  t.strictSame(await states(ask), ['R1 stopped', 'R2 stopped', 'R3 stopped'])
  await t.rejects(command('stop', 'R4'), { exitCode: 2, message: /host "R4": allowed is R1, R2, R3/ })
})

t.test('rules are named by a port, and by a cluster address where they differ', async t => {
  const { ask } = await serve(t)
  const rules = async (port: string) =>
    (await ask('command', { verb: 'disable', target: 'R1', port })).map(({ rule, code }) => `${rule} ${code}`)
  t.strictSame(await rules('127.86.2.101:80'), ['TCP+UDP 80 at 127.86.2.101 1000'])
  t.strictSame(await rules('VIP:80'), ['TCP+UDP 80 1000'])
  t.strictSame(await rules('80'), ['TCP+UDP 80 at 127.86.2.101 1001', 'TCP+UDP 80 1001'])
  t.strictSame(await rules('all'), ['null 1000'])
  await t.rejects(rules('81'), {
    exitCode: 2,
    message: /port "81": allowed is all, PORT or VIP:PORT of a rule: TCP 1801/,
  })
})

t.test('faults: power, partition, a switch', async t => {
  const { ask } = await serve(t, SLOW)
  t.strictSame(await ask('crash', { target: 'R1' }), ['R1'])
  t.match(await states(ask), ['R1 down'])
  t.strictSame(await ask('recover', { target: 'all' }), ['R1', 'R2', 'R3'])
  t.match(await states(ask), ['R1 converging'])
  await ask('partition', { groups: [['R1'], ['2', '3']], clientsReach: ['R1'] })
  t.strictSame(
    (await ask('view', {})).hosts.map(({ reached }) => reached),
    [true, false, false],
  )
  await ask('heal', {})
  await ask('learnMac', { host: 'R3' })
  t.strictSame(
    (await ask('view', {})).hosts.map(({ reached }) => reached),
    [false, false, true],
  )
  await ask('learnMac', { host: null })
  await ask('mute', { from: 'R1', to: 'all', muted: true })
  await t.rejects(ask('partition', { groups: [['R9']] }), { exitCode: 2, message: /R9/ })
})

t.test('an explanation says who takes it and what would change that', async t => {
  const { ask } = await serve(t)
  const packet = { protocol: 'tcp', sourceAddress: '10.0.0.7', sourcePort: 1, destinationPort: 1801 } as const
  const answer = await ask('explain', { ...packet, destinationAddress: 'VIP' })
  // the golden vector of affinity single, and the map of three equal hosts
  t.match(answer, { bucket: 39, owners: ['R1'], acceptors: ['R1'], outcome: 'accepted' })
  t.match(explanationText(answer), /bucket {2}39 of 60, of R1\n/)
  t.match(explanationText(answer), /nlb-sub-1, a substitute/)
  t.notOk(answer.note, 'the proxy does what the model says')
  const own = await ask('explain', { ...packet, destinationAddress: 'VIP', sentBy: '2' })
  t.match(own, { acceptors: ['R2'] })
  await t.rejects(ask('explain', { ...packet, destinationAddress: 'VIP', sentBy: 'R7' }), { message: /R7/ })
})

t.test('a file that is read again changes what runs, or nothing at all', async t => {
  const { ask, path } = await serve(t)
  t.strictSame(await ask('reload', {}), { changed: [], ignored: [] })
  writeFileSync(
    path,
    [
      'cluster: { name: SHOP, addresses: [127.86.2.100, 127.86.2.101] }',
      'parameters: { heartbeatPeriodMs: 500 }',
      'rules: [{ ports: 1801, protocol: tcp }, { ports: 81 }]',
      'hosts: [{ name: R1, address: 127.86.2.11, weight: 20 }, { name: R3, address: 127.86.2.13, priority: 3 }, { name: R4, address: 127.86.2.14, priority: 4 }]',
      'settled: true',
    ].join('\n'),
  )
  const { changed, ignored } = await ask('reload', {})
  t.match(changed, [/R2 is gone/, /R4 is new/, /2 port rules/, /R1, rule 0: weight 50 is now 20/, /R1, rule 1: weight/])
  t.strictSame(ignored, ['parameters: takes effect at the next start'])
  t.strictSame(
    (await ask('view', {})).hosts.map(({ name }) => name),
    ['R1', 'R3', 'R4'],
  )
  t.equal((await ask('events', { max: 1 }))[0]!.id, 36)
  writeFileSync(path, 'hosts: []')
  await t.rejects(ask('reload', {}), { exitCode: 2, message: /cluster\.yaml:1:/ })
  t.equal((await ask('view', {})).hosts.length, 3, 'nothing has changed')
})

t.test('metrics tell states, buckets, events and what the plane counts', async t => {
  const { served, ask } = await serve(t, SLOW)
  const settled = await nlbMetricsText(served)
  t.match(settled, 'mqlab_nlb_converged 1\n')
  t.match(settled, 'mqlab_nlb_host_state{host="R1",state="default"} 1\n')
  await ask('command', { verb: 'disable', target: 'R2', port: '1801' })
  const text = await nlbMetricsText(served)
  for (const line of [
    'mqlab_nlb_converged 0',
    'mqlab_nlb_host_state{host="R1",state="converging"} 1',
    'mqlab_nlb_rule_buckets{rule="TCP 1801",host="R1"} 20',
    'mqlab_nlb_rule_enabled{rule="TCP 1801",host="R2"} 0',
    'mqlab_nlb_events_total{kind="rule-disabled",host="R2"} 1',
    'mqlab_nlb_silences_total 3',
    'mqlab_nlb_failures_total{reason="ECONNREFUSED"} 2',
  ])
    t.ok(text.split('\n').includes(line), line)
  t.notMatch(text, /split_brains/, 'what the plane does not know is not 0')
})
