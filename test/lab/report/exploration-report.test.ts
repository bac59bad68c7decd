import t from 'tap'
import type { Exploration } from '../../../lab/explore/exploration.js'
import { createExplorationReport } from '../../../lab/report/exploration-report.js'
import { reportedRun } from '../../fixtures/reported-run.js'
import { handMadeRun } from '../../fixtures/run-record.js'

const exploration: Exploration = {
  scenario: handMadeRun({ scenario: [['about: a run that never was', 'about: "<b>clones</b>"']] }).scenario,
  wanted: { from: 1, to: 1000 },
  seeds: 800,
  asExpected: false,
  seedsAsExpected: 600,
  anomalies: [
    {
      kind: 'duplicated',
      behaviour: 'NLB-13',
      seeds: 200,
      count: 1234,
      firstMs: {
        min: 30_000,
        median: 2_790_000,
        max: 21_600_000,
        deciles: [30_000, 40_000, 5e4, 6e4, 7e4, 2_790_000, 3e6, 4e6, 5e6, 6e6, 21_600_000],
      },
      firstSeed: 17,
      text: 'message 1 of <S1> was delivered by R1 and R2',
    },
    { kind: 'lost', behaviour: null, seeds: 3, count: 3, firstMs: null, firstSeed: 99, text: 'message 4 of S1' },
  ],
  unmet: [{ count: 'duplicated', expected: 0, seeds: 200, firstSeed: 17, least: 1, most: 12 }],
  vacuous: ['resend'],
  failing: [17, 21],
  sent: 9600,
  delivered: 9597,
  simulatedMs: 86_400_000,
  longestWaitMs: 21_600_000,
  waitsMs: null,
  resent: { seeds: 0, firstMs: null },
}

t.test('an exploration says what went wrong, how often, and after how long', async t => {
  const report = createExplorationReport(exploration)
  t.match(
    report,
    'In 200 of 800 seeds (25 %) messages reached applications more than once, first after 30.000 s; 1 other kind of trouble was seen.',
  )
  t.match(report, 'Expected duplicated 0, saw 1 to 12 in 200 seeds, first in seed 17.')
  t.match(report, /In no seed; never happened: the resend timer fired/)
  t.match(report, 'Seeds 1 to 1000, of which 800 ran')
  t.match(report, /17, 21 and 198 more/)
  t.match(report, 'Seed 17: message 1 of &lt;S1&gt; was delivered')
  t.match(report, '&lt;b&gt;clones&lt;/b&gt;')
  t.match(report, '<title>duplicated: 30.000 s to 6 h, median 46 min 30 s</title>')
  t.equal(report.match(/class="median"/g)?.length, 1, 'what has no time is not in the chart')
  t.notMatch(report.replace(/<script.*/s, ''), /NaN|undefined/)
})

t.test('where nothing went wrong it says so', async t => {
  const well = { asExpected: true, seedsAsExpected: 800, anomalies: [], unmet: [], vacuous: [], failing: [] }
  const report = createExplorationReport({ ...exploration, ...well })
  t.match(report, 'In 800 seeds nothing went wrong.')
  t.notMatch(report, /class="first-times"/)
})

t.test('a shrunk seed stands there with its scenario and everything about its run', async t => {
  const file = { text: 'scenario: <small>\n', file: 'x-seed-17.yaml' }
  const report = createExplorationReport(exploration, [
    { ...reportedRun('small'), seed: 17, way: 'duplicated', ...file },
  ])
  t.match(report, 'Seed 17 made small: duplicated')
  t.match(report, 'scenario: &lt;small&gt;')
  t.match(report, 'mqlab run x-seed-17.yaml --world sim')
  t.match(report, /class="space-time"/)
  t.match(report, /class="run-data"/)
})
