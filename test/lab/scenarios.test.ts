import { platform } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createReport } from '../../lab/report/report.js'
import { DEMO_PARTS, demoScenario, findScenario, shippedScenarios } from '../../lab/scenario-catalogue.js'
import type { Scenario } from '../../lab/scenario-schema.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { runOnLoopback } from '../../lab/worlds/loopback.js'

/** Scenarios at once: they mostly wait for timers, yet each is up to eight processes. */
const AT_ONCE = 3

// Each scenario may wait for what it expects; the machine may be busy with other tests.
t.setTimeout(280_000)

const shipped = shippedScenarios()

t.test('the catalogue', async t => {
  for (const { file, scenario } of shipped)
    t.match(file, `/${scenario.scenario}.yaml`, 'a file is named as its scenario')
  const shown = new Set<string>(shipped.flatMap(({ scenario }) => scenario.behaviours))
  for (const number of [1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15]) t.ok(shown.has(`NLB-${number}`), `NLB-${number}`)
  for (const number of [3, 4, 5, 6, 8]) t.ok(shown.has(`QMID-${number}`), `QMID-${number}`)
  for (const part of DEMO_PARTS) t.equal(demoScenario(part).scenario, `demo-${part}`)
  t.equal(findScenario('../package'), null)
})

t.test(
  'each shipped scenario goes as it says, on real sockets',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const scenarios: Scenario[] = [...shipped.map(({ scenario }) => scenario), ...DEMO_PARTS.map(demoScenario)]
    const running = new Set<Promise<void>>()
    for (const scenario of scenarios) {
      const done = goes(scenario).finally(() => running.delete(done))
      running.add(done)
      if (running.size >= AT_ONCE) await Promise.race(running)
    }
    await Promise.all(running)

    async function goes(scenario: Scenario): Promise<void> {
      const view = createRunView(await runOnLoopback(scenario, { seed: 1 }))
      const verdict = createVerdict(view)
      t.ok(verdict.asExpected, scenario.scenario, {
        unmet: verdict.unmet,
        vacuous: verdict.vacuous,
        counts: verdict.counts,
      })
      t.equal(verdict.counts.unknown, 0, `${scenario.scenario}: nothing unknown`)
      t.match(createReport([{ view, verdict }], scenario.scenario), /<svg/)
    }
  },
)

t.test(
  'a run can be ended early and leaves nothing behind',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const interrupted = new AbortController()
    const [first] = shipped
    const run = runOnLoopback(first!.scenario, {
      seed: 2,
      signal: interrupted.signal,
      onProgress: text => {
        if (text === 'sending') interrupted.abort(new Error('enough'))
      },
    })
    await t.rejects(run)
    const left = () => process.getActiveResourcesInfo().filter(kind => /Process|TCPServer|TCPSocket/.test(kind))
    for (let waits = 0; left().length > 0 && waits < 100; waits++) await sleep(20) // handles close a turn later
    t.same(left(), [])
  },
)
