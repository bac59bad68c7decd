import fc from 'fast-check'
import t from 'tap'
import { ExplorationTally, FAILING_LISTED } from '../../../lab/explore/exploration.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import { SCENARIO_TEXT } from '../../fixtures/run-record.js'
import { madeUpSeed } from '../../fixtures/seed-runner.js'

const SCENARIO = parseScenario(SCENARIO_TEXT, 'by-hand.yaml')

function tallied(seeds: readonly number[]) {
  const tally = new ExplorationTally(SCENARIO, { from: 1, to: 500 })
  for (const seed of seeds) tally.add(madeUpSeed(seed))
  return tally.exploration()
}

t.test('the order of the seeds is of no consequence', async () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1 }), seeds => {
      t.same(tallied(seeds), tallied(seeds.toSorted((a, b) => a - b)))
    }),
    { numRuns: 50, seed: 1 },
  )
})

t.test('what many seeds come to', async t => {
  const seeds = Array.from({ length: 500 }, (_, index) => index + 1)
  const { anomalies, unmet, vacuous, failing, ...rest } = tallied(seeds)
  const failed = seeds.filter(seed => seed % 7 !== 0)
  const times = failed.filter(seed => seed % 5 !== 0).map(seed => (seed * 7919) % 10_007)
  const sorted = times.toSorted((a, b) => a - b)
  t.match(anomalies, [
    {
      kind: 'duplicated',
      seeds: failed.length,
      count: failed.reduce((sum, seed) => sum + (seed % 7), 0),
      firstSeed: 1,
      text: 'seen by 1',
      firstMs: { min: sorted[0], median: sorted[Math.round((sorted.length - 1) / 2)], max: sorted.at(-1) },
    },
  ])
  t.equal(anomalies[0]?.firstMs?.deciles.length, 11)
  t.same(unmet, [{ count: 'duplicated', expected: 0, seeds: failed.length, firstSeed: 1, least: 1, most: 6 }])
  t.same(vacuous, ['NLB-13: 1'], 'a claim that no seed shows, with the reason of the first; resend was seen in some')
  t.same(failing, failed.slice(0, FAILING_LISTED))
  t.match(rest, {
    seeds: 500,
    seedsAsExpected: 71,
    asExpected: false,
    sent: 5000,
    delivered: 4500,
    simulatedMs: 125_250,
  })
  t.equal(rest.longestWaitMs, 99)
  t.match(rest.waitsMs, { min: 0, max: 99 })
  t.match(rest.resent, { seeds: 166, firstMs: { min: 3, max: 498 } })
})

t.test('all as expected but never exercised: not as expected', async t => {
  const { failing, seedsAsExpected, asExpected, vacuous } = tallied([14, 28])
  t.same(failing, [])
  t.equal(seedsAsExpected, 2)
  t.same(vacuous, ['NLB-13: 14', 'resend'])
  t.equal(asExpected, false)
})
