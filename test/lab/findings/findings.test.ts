import t from 'tap'
import { ExplorationTally } from '../../../lab/explore/exploration.js'
import { failedSeed } from '../../../lab/explore/seed-summary.js'
import type { Findings } from '../../../lab/findings/findings.js'
import { balancerCells, balancerScenario, cloneCells, cloneScenario } from '../../../lab/findings/grid.js'
import { findingsMarkdown } from '../../../lab/findings/markdown.js'
import { stallChart } from '../../../lab/findings/stall-chart.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'

t.test('every configuration is a scenario, and all differ', async t => {
  const scenarios = [...balancerCells().map(balancerScenario), ...cloneCells().map(cloneScenario)]
  t.equal(new Set(scenarios.map(scenario => JSON.stringify(scenario))).size, scenarios.length)
  for (const scenario of scenarios) {
    const { topology, time } = inSimulation(scenario)
    t.same(topology.settings, {}, "MSMQ's own timers")
    t.ok(time.drainS >= 3600)
  }
  const { topology, load } = cloneScenario({ clones: 4, perMinute: 1 })
  t.same(
    topology.senders.map(({ cloneOf }) => cloneOf),
    [undefined, 'S1', 'S1', 'S1'],
  )
  t.same(
    load.map(({ startAfterMs }) => startAfterMs),
    [0, 15_000, 30_000, 45_000],
  )
})

/** Two seeds: without affinity behind translation both have duplicates; clones wait for each their own number of seconds. */
function madeUp(): Findings {
  const explored = (scenario: Scenario, duplicated: boolean, waitMs: number) => {
    const tally = new ExplorationTally(scenario, { from: 1, to: 2 })
    for (const seed of [1, 2]) {
      const sighting = { kind: 'duplicated', behaviour: null, count: 3, firstMs: 390_000, text: '' }
      const anomalies = duplicated ? [sighting] : []
      tally.add({
        ...failedSeed(seed, ''),
        anomalies,
        sent: 12,
        longestWaitMs: waitMs,
        firstResendMs: 30_004 + waitMs * 10,
      })
    }
    return tally.exploration()
  }
  return {
    seeds: { from: 1, to: 2 },
    balancers: balancerCells().map(cell => ({
      cell,
      exploration: explored(balancerScenario(cell), cell.balancer.id === 'translate' && cell.affinity === 'none', 0),
    })),
    clones: cloneCells().map(cell => ({ cell, exploration: explored(cloneScenario(cell), false, cell.clones * 1000) })),
  }
}

t.test('tables say what was seen, in how many seeds, how much of it and how soon', async t => {
  const text = findingsMarkdown(madeUp(), 'findings.svg')
  t.match(text, /\n- \*\*Windows NLB\*\*, 9 configurations: every message delivered once/)
  t.match(
    text,
    /\*\*Appliance that translates the source\*\*, 27 configurations: duplicates in 9, at the earliest after 6 min 30 s\./,
  )
  t.match(text, /\n\| none \| 1 min \| duplicates 2\/2, 25 %, 6 min 30 s \|/)
  t.match(text, /\n\| single \| 1 min \| nothing \| nothing \| nothing \|/)
  t.match(text, /\n\| 4 \| 0\.2 \| 2\/2 \| 1 min 10 s \| 4.000 s \| 0 \| 0 \|/)
  t.match(text, /`mqlab findings --seeds 1\.\.2 --markdown docs\/findings\.md` prints the same again/)
})

t.test('the chart has a line for each number of clones, higher up where it takes longer until they stall', async t => {
  const svg = stallChart(madeUp().clones)
  const heights = [...svg.matchAll(/<polyline[^>]*points="[\d.]+,([\d.]+)/g)].map(([, y]) => Number(y))
  t.equal(heights.length, 4)
  t.same(
    heights,
    heights.toSorted((a, b) => b - a),
  )
  t.ok(heights[0]! > heights[3]!)
})
