import t from 'tap'
import { DEMO_PARTS, demoScenario, findScenario, shippedScenarios } from '../../lab/scenario-catalogue.js'
import { inSimulation } from '../../lab/scenario-worlds.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { simulateScenario } from '../../lab/worlds/simulated.js'
import { SEEDS_TIMEOUT_MS, seedRange } from '../fixtures/sim-tests.js'

/** What a scenario claims holds whatever the balancer draws. */
const [FIRST_SEED, LAST_SEED] = seedRange(1, 2)

// A day of virtual time takes up to a second; this machine may be busy with other tests.
t.setTimeout(Math.max(280_000, SEEDS_TIMEOUT_MS))

const scenarios = [...shippedScenarios().map(({ scenario }) => scenario), ...DEMO_PARTS.map(demoScenario)]

for (const scenario of scenarios) {
  t.test(`${scenario.scenario} goes as it says with MSMQ's own timers`, async t => {
    const simulated = inSimulation(scenario)
    t.same(simulated.behaviours, scenario.behaviours, 'claims the same as on sockets')
    t.same(simulated.exercises, scenario.exercises, 'and exercises the same')
    for (let seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
      const run = simulateScenario(simulated, { seed, samples: false })
      const verdict = createVerdict(createRunView(run))
      t.ok(verdict.asExpected, `seed ${seed}`, {
        unmet: verdict.unmet,
        vacuous: verdict.vacuous,
        deaths: run.deaths,
        counts: verdict.counts,
      })
      t.equal(verdict.counts.unknown, 0, `seed ${seed}: nothing unknown`)
    }
  })
}

t.test('one seed is one run, through a cluster too', async t => {
  const scenario = inSimulation(findScenario('nlb-8-windows-nlb')!)
  const events = (seed: number) => JSON.stringify(simulateScenario(scenario, { seed }).events)
  const first = events(7)
  t.ok(first.length > 10_000)
  t.ok(events(7) === first, 'byte for byte')
  t.notOk(events(8) === first, 'another seed is another run')
})
