import t from 'tap'
import { LatencyRecorder, monotonicUs } from '../../benchmarks/latency.js'
import { runOpenLoop } from '../../benchmarks/open-loop.js'

t.test('percentiles to a tenth of a microsecond', async t => {
  const recorder = new LatencyRecorder()
  for (let us = 1; us <= 1000; us++) recorder.record(us / 10)
  const summary = recorder.summary()
  t.equal(summary.count, 1000)
  t.ok(Math.abs(summary.p50 - 50) < 0.2, `p50 ${summary.p50}`)
  t.ok(Math.abs(summary.p99 - 99) < 0.2, `p99 ${summary.p99}`)
  t.ok(Math.abs(summary.max - 100) < 0.2, `max ${summary.max}`)
  recorder.reset()
  t.equal(recorder.summary().count, 0)
  t.equal(recorder.summary().max, 0)
  recorder.record(-1)
  recorder.record(1e12)
  t.equal(recorder.summary().count, 2, 'out of range is recorded at the ends, not dropped')
})

t.test('every slot is sent, and a stall counts against all it held up', async t => {
  const latencies: number[] = []
  const sent = await runOpenLoop({
    ratePerS: 1000,
    durationMs: 100,
    send: (intendedUs, index) => {
      latencies.push(monotonicUs() - intendedUs)
      if (index !== 20) return
      const end = monotonicUs() + 30_000
      while (monotonicUs() < end);
    },
  })
  t.equal(sent, 100)
  t.equal(latencies.length, 100)
  t.ok(
    latencies.every(latency => latency >= 0),
    'never before its time',
  )
  // Slots 21 to 49 fell due while the loop stood still for 30 ms: 29, 28, ... ms late.
  t.ok(latencies.filter(latency => latency > 4500).length >= 24, 'the stall shows in all slots it delayed')
  t.ok((latencies[21] ?? 0) > 28_000, 'the first of them waited for nearly all of it')
})

t.test('an error in send ends the run', async t => {
  const send = () => {
    throw new Error('no more')
  }
  await t.rejects(runOpenLoop({ ratePerS: 1000, durationMs: 10, send }), /no more/)
})
