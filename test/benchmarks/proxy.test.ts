import t from 'tap'
import { findHaproxy, haproxyConfiguration } from '../../benchmarks/peers/haproxy.js'
import { proxyBulkBenchmark } from '../../benchmarks/proxy-bulk.js'
import { proxyEchoBenchmark } from '../../benchmarks/proxy-echo.js'
import { quickContext } from '../fixtures/bench-context.js'

const haproxy = findHaproxy()

for (const benchmark of [proxyBulkBenchmark, proxyEchoBenchmark]) {
  t.test(`${benchmark.name}: everything arrives through the proxy plane`, async t => {
    const { figures, skipped } = await benchmark.run(quickContext())
    t.strictSame(skipped, haproxy === null ? ['haproxy not installed'] : [])
    for (const figure of figures) {
      t.ok(figure.verdict.ok, `${figure.name}: ${figure.verdict.says}`)
      t.ok((figure.verdict.counts.delivered ?? 0) > 0)
    }
    t.ok(figures.some(figure => figure.name.endsWith('proxy plane')))
    const judged = figures.filter(figure => figure.goal !== null)
    t.equal(judged.length, haproxy === null ? 0 : 1, 'a goal is judged against HAProxy or not at all')
  })
}

t.test('HAProxy is held to one thread at layer 4', async t => {
  const at = (port: number) => ({ address: '127.0.0.9', port })
  const text = haproxyConfiguration({ listen: at(1801), to: at(1) }, at(1802))
  for (const line of ['nbthread 1', 'mode tcp', 'bind 127.0.0.9:1801', 'server target 127.0.0.9:1']) {
    t.ok(text.includes(`  ${line}\n`), line)
  }
})
