import t from 'tap'
import { nlbKernelBenchmark } from '../../benchmarks/nlb-kernel.js'
import { nlbModelBenchmark } from '../../benchmarks/nlb-model.js'
import { nlbProxyConnectionsBenchmark } from '../../benchmarks/nlb-proxy-connections.js'
import { nlbProxyEchoBenchmark } from '../../benchmarks/nlb-proxy-echo.js'
import { nlbProxyMessagesBenchmark } from '../../benchmarks/nlb-proxy-messages.js'
import { nlbProxySessionsBenchmark } from '../../benchmarks/nlb-proxy-sessions.js'
import { findHaproxy, haproxyConfiguration } from '../../benchmarks/peers/haproxy.js'
import { processUsage } from '../../benchmarks/process-usage.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { nlbProxyBulkBenchmark } from '../../benchmarks/proxy-bulk.js'
import { benchmarkAddress } from '../../benchmarks/roles/address.js'
import { findBenchmarks } from '../../benchmarks/suite.js'
import { namespacesLacking } from '../../gateway/planes/kernel/programs.js'
import { quickContext } from '../fixtures/bench-context.js'

const haproxy = findHaproxy()
const lacking = namespacesLacking()
const onLinux = process.platform === 'linux'

for (const benchmark of [
  nlbProxyBulkBenchmark,
  nlbProxyConnectionsBenchmark,
  nlbProxyEchoBenchmark,
  nlbProxyMessagesBenchmark,
  nlbProxySessionsBenchmark,
])
  t.test(`${benchmark.name}: everything arrives through the NLB gateway`, async t => {
    const { figures, skipped } = await benchmark.run(quickContext())
    t.strictSame(skipped, haproxy === null ? ['haproxy not installed'] : [])
    t.ok(figures.some(({ name }) => name.includes('NLB gateway')))
    for (const { name, verdict } of figures) {
      t.ok(verdict.ok, `${name}: ${verdict.says}`)
      t.ok((verdict.counts.delivered ?? 0) > 0, name)
    }
    const costs = figures.filter(({ name }) => name.endsWith('processor time'))
    if (onLinux) for (const { name, value } of costs) t.ok(value > 0, name)
  })

t.test('nlb-kernel: everything arrives, in every mode', { skip: lacking ?? false }, async t => {
  const { figures, remarks } = await nlbKernelBenchmark.run(quickContext())
  const modes = figures.filter(({ goal }) => goal !== null).map(({ name }) => name)
  t.strictSame(
    modes,
    ['nlb', 'dnat', 'snat', 'dsr'].map(mode => `kernel plane, ${mode}`),
  )
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0, name)
  }
  t.match(remarks?.[0], /^TCP congestion control \w+$/)
})

t.test('nlb-model: one host takes each client, the same by table and by the hosts’ filters', async t => {
  const { figures } = await nlbModelBenchmark.run(quickContext())
  t.equal(figures.length, 4)
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0, name)
  }
})

t.test('connections to nobody have failed, and sessions that end are lost', async t => {
  await withProcesses({}, async start => {
    const opener = await start('connection-opener', {})
    const nobody = { address: benchmarkAddress(90), port: 1801 }
    const run = { to: nobody, sources: [benchmarkAddress(91)], atOnce: 2, durationMs: 30, warmUpMs: 0 }
    const { opened, completed, failures, counted } = await opener.call('run', run)
    t.ok(opened > 0)
    t.strictSame({ completed, counted, failures }, { completed: 0, counted: 0, failures: { ECONNREFUSED: opened } })

    const holder = await start('session-holder', {})
    const target = await start('echo-server', { address: nobody.address })
    const to = await target.call('listening')
    const holding = { to, sources: [benchmarkAddress(91)], sessions: 5, bodyBytes: 1024 }
    t.strictSame(await holder.call('open', holding), { open: 5, echoed: 5, lost: {} })
    t.strictSame(await holder.call('open', { ...holding, to: nobody }), {
      open: 5,
      echoed: 0,
      lost: { ECONNREFUSED: 5 },
    })
  })
})

t.test('what a process uses is read from outside it', { skip: onLinux ? false : 'needs /proc' }, async t => {
  await withProcesses({}, async start => {
    const server = await start('echo-server', { address: benchmarkAddress(92) })
    const usage = processUsage(server.pid)
    t.ok((usage?.processorUs ?? 0) > 1000)
    t.ok((usage?.residentBytes ?? 0) > 1_000_000)
  })
  t.equal(processUsage(0), undefined)
})

t.test('a first word names a family', t => {
  const names = (name: string) => findBenchmarks(name).map(benchmark => benchmark.name)
  t.ok(names('nlb').includes('nlb-model') && names('nlb').includes('nlb-proxy-bulk'))
  t.notOk(names('nlb-proxy').includes('nlb-model'))
  t.strictSame(names('srmp'), ['srmp'], 'a whole name is one benchmark')
  t.strictSame(names('nl'), [])
  t.end()
})

t.test('HAProxy is given room for as many connections as are measured', t => {
  const at = (port: number) => ({ address: '127.0.0.9', port })
  t.match(haproxyConfiguration({ listen: at(1801), to: at(1), connectionsMax: 9000 }, at(2)), /^ {2}maxconn 9000$/m)
  t.end()
})
