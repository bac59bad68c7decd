import t from 'tap'
import { syntheticRecord } from '../../benchmarks/synthetic-record.js'
import { verdictBenchmark } from '../../benchmarks/verdict-record.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { quickContext } from '../fixtures/bench-context.js'

const MESSAGES = 200_000

t.test('every fault among 200,000 messages is found and counted', async t => {
  const { run, expected } = syntheticRecord(MESSAGES)
  const view = createRunView(run)
  const { counts, findings } = createVerdict(view)
  t.match(counts, expected)
  t.equal(counts.sent, MESSAGES)
  t.ok(expected.duplicated > 0 && expected.unacknowledged >= 0)
  t.equal(counts.delivered, MESSAGES - expected.lost - expected.deadLettered)
  t.equal(view.acks.length, Math.floor(MESSAGES / 8 / 64) * 8)
  t.same(
    findings.filter(({ id }) => ['mqlab-disagrees', 'misrouted-ack', 'ack-never-arrived'].includes(id)),
    [],
  )
  t.match(findings.find(({ id }) => id === 'duplicated')?.first.text, /message 10007 of S1 was delivered by R1 and R2/)
})

t.test('lost, held and dead-lettered messages lie further apart', async t => {
  const { run, expected } = syntheticRecord(1_700_000)
  const { counts } = createVerdict(createRunView(run))
  t.match(counts, expected)
  t.ok(expected.lost > 0 && expected.unacknowledged > 0 && expected.deadLettered > 0)
})

t.test('the benchmark says how long it took, how large it was, and that nothing was missed', async t => {
  const { figures } = await verdictBenchmark.run({ ...quickContext(), messages: MESSAGES, repetitions: 1 })
  t.equal(figures.length, 2)
  for (const { name, value, verdict, goal } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0 && goal !== null, name)
  }
})
