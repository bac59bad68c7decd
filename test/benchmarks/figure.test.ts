import t from 'tap'
import { createFigure, median, medianRatio, type Sample, spread } from '../../benchmarks/figure.js'
import { isDelivered, isGoalMissed, reportText } from '../../benchmarks/report.js'

const delivered = (value: number): Sample => ({
  value,
  verdict: { ok: true, says: 'all arrived', counts: { sent: 10, delivered: 10 } },
})
const lost = (value: number): Sample => ({
  value,
  verdict: { ok: false, says: 'one is missing', counts: { sent: 10, delivered: 9 } },
})

t.test('medians and spread', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.ok(Number.isNaN(median([])))
  t.equal(spread([8, 10, 12]), 0.2)
  t.equal(spread([9, 10, 10, 11, 1000]), 0.1, 'one wild repetition does not decide it')
  t.equal(spread([7]), 0)
})

t.test('each repetition is held against its own ceiling', async t => {
  // The machine halves its speed in the second repetition; the ratio does not notice.
  t.equal(medianRatio([50, 25, 50], [100, 50, 100]), 0.5)
  t.equal(medianRatio([50, 60], [100]), 0.55)
})

t.test('a figure of lost messages is not delivered, however fast', async t => {
  const options = {
    benchmark: 'x',
    name: 'y',
    unit: 'messages/s',
    goal: { at: 'least', of: 'value', value: 5 } as const,
  }
  const good = createFigure({ ...options, samples: [delivered(10), delivered(12), delivered(11)] })
  t.match(good, { value: 11, met: true, ratio: null, verdict: { ok: true, counts: { sent: 30, delivered: 30 } } })
  const bad = createFigure({ ...options, samples: [delivered(10), lost(99), delivered(11)] })
  t.match(bad, { met: true, verdict: { ok: false, says: 'one is missing', counts: { sent: 30, delivered: 29 } } })
  t.equal(createFigure({ ...options, samples: [] }).verdict.ok, false, 'nothing measured is not delivered')
})

t.test('goals: at least and at most, of the value and of the ratio', async t => {
  const figure = (at: 'least' | 'most', of: 'value' | 'ratio', value: number) =>
    createFigure({
      benchmark: 'x',
      name: 'y',
      unit: 'us',
      samples: [delivered(50)],
      ceiling: { name: 'c', samples: [delivered(100)] },
      goal: { at, of, value },
    }).met
  t.equal(figure('least', 'ratio', 0.5), true)
  t.equal(figure('least', 'ratio', 0.6), false)
  t.equal(figure('most', 'ratio', 0.5), true)
  t.equal(figure('most', 'ratio', 0.4), false)
  t.equal(figure('least', 'value', 50), true)
  t.equal(figure('most', 'value', 49), false)
})

t.test('the report names the machine, the misses and the losses', async t => {
  const machine = {
    cpu: 'a processor',
    cores: 2,
    memoryBytes: 1,
    system: 'linux',
    node: 'v20',
    commit: 'abc1234',
    loadAverage: 0.1,
    time: '2026-01-01T00:00:00.000Z',
  }
  const figure = createFigure({
    benchmark: 'express',
    name: 'direct',
    unit: 'messages/s',
    samples: [lost(10)],
    ceiling: { name: 'raw', samples: [delivered(100)] },
    goal: { at: 'least', of: 'ratio', value: 0.2 },
  })
  const report = {
    machine,
    seed: 7,
    seconds: 1,
    repetitions: 1,
    figures: [figure],
    skipped: ['proxy: haproxy not installed'],
    remarks: ['transactional: SeqMaxAckDelay 40 ms'],
  }
  const text = reportText(report)
  for (const part of [
    'a processor',
    'abc1234',
    'seed 7',
    'MISSED',
    'FAILED: one is missing',
    'skipped: proxy: haproxy',
    'with transactional: SeqMaxAckDelay 40 ms',
  ]) {
    t.ok(text.includes(part), part)
  }
  t.equal(isDelivered(report), false)
  t.equal(isGoalMissed(report), true)
})
