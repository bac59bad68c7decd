import t from 'tap'
import { startHttpCeiling } from '../../benchmarks/http-ceiling.js'
import { findHaproxy, haproxyConfiguration } from '../../benchmarks/peers/haproxy.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { benchmarkAddress } from '../../benchmarks/roles/address.js'
import { srmpBenchmark, srmpDurableBenchmark } from '../../benchmarks/srmp.js'
import { srmpCodecBenchmark } from '../../benchmarks/srmp-codec.js'
import { quickContext } from '../fixtures/bench-context.js'

for (const benchmark of [srmpBenchmark, srmpDurableBenchmark]) {
  t.test(
    `${benchmark.name}: each message once, in order, whatever forwarded it, and the settings are stated`,
    async t => {
      const { figures, skipped, remarks } = await benchmark.run(quickContext())
      t.strictSame(skipped, benchmark === srmpBenchmark && findHaproxy() === null ? ['haproxy not installed'] : [])
      for (const { name, verdict } of figures) t.ok(verdict.ok, `${name}: ${verdict.says}`)
      const rates = figures.filter(({ unit, name }) => unit === 'messages/s' && /recoverable|stream/.test(name))
      t.ok(rates.length >= 2)
      for (const { name, value, ratio, verdict } of rates) {
        t.ok(value > 0 && (ratio ?? 0) > 0, name)
        t.ok((verdict.counts.delivered ?? 0) >= 200, name)
        t.match(verdict.counts, { lost: 0, duplicated: 0, reordered: 0 }, name)
        if (name.startsWith('stream')) t.ok((verdict.counts.orderAcks ?? 0) > 0, 'stream receipts came')
      }
      for (const part of ['sender', 'balancer', 'both front ends', 'back end'])
        t.ok(
          (figures.find(({ name }) => name === `stream: ${part}` || name.endsWith(`: ${part}`))?.value ?? 0) > 0,
          part,
        )
      t.ok(remarks?.some(remark => remark.includes('OrderAckTimeout')))
      const commits = figures.filter(({ name }) => name.endsWith('messages to a commit'))
      t.equal(commits.length, benchmark === srmpDurableBenchmark ? 6 : 0)
      t.ok(commits.every(({ value }) => value > 0))
      t.equal(figures.filter(({ goal }) => goal !== null).length, benchmark === srmpBenchmark ? 2 : 0)
    },
  )
}

t.test('srmp-codec: every request decodes, and encodes to the same bytes', async t => {
  const { figures } = await srmpCodecBenchmark.run(quickContext())
  t.equal(figures.length, 4)
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0 && (verdict.counts.requests ?? 0) > 0, name)
  }
})

t.test('a ceiling with nobody behind it has failed', async t => {
  await withProcesses({}, async start => {
    const ceiling = await startHttpCeiling(start, {
      posterAddress: benchmarkAddress(120),
      answererAddress: benchmarkAddress(121),
      bodyBytes: 1024,
      connections: 1,
    })
    const { verdict } = await ceiling.sample(20, 4, { address: benchmarkAddress(122), port: 8080 })
    t.notOk(verdict.ok)
    t.match(verdict.says, /statuses \{"0":4\}/)
  })
})

t.test('HAProxy reads HTTP where it stands before an HTTP server', async t => {
  const at = (port: number) => ({ address: '127.0.0.9', port })
  t.ok(haproxyConfiguration({ mode: 'http', listen: at(8080), to: at(1) }, at(8081)).includes('  mode http\n'))
})
