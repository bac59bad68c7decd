import { platform } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DEMO_PARTS, demoScenario, findScenario, shippedScenarios } from '../../lab/scenario-catalogue.js'
import { runScenario } from '../../lab/worlds/run-scenario.js'
import { CAPTURED_ON_SOCKETS, eachGoesAsItSays, isOverHttp } from '../fixtures/scenario-runs.js'

const AT_ONCE = 3

// Each scenario may wait for what it expects; the machine may be busy with other tests.
t.setTimeout(280_000)

const shipped = shippedScenarios()

t.test('the catalogue', async t => {
  for (const { file, scenario } of shipped)
    t.match(file, `/${scenario.scenario}.yaml`, 'a file is named as its scenario')
  const shown = new Set<string>(shipped.flatMap(({ scenario }) => scenario.behaviours))
  for (let number = 1; number <= 16; number++) t.ok(shown.has(`NLB-${number}`), `NLB-${number}`)
  for (let number = 1; number <= 8; number++) t.ok(shown.has(`QMID-${number}`), `QMID-${number}`)
  for (const part of DEMO_PARTS) t.equal(demoScenario(part).scenario, `demo-${part}`)
  t.equal(findScenario('../package'), null)
})

t.test(
  'each shipped scenario of the binary protocol goes as it says, on real sockets',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const scenarios = [...shipped.map(({ scenario }) => scenario), ...DEMO_PARTS.map(demoScenario)]
    await eachGoesAsItSays(
      t,
      scenarios.filter(scenario => !isOverHttp(scenario) && !CAPTURED_ON_SOCKETS.includes(scenario.scenario)),
      AT_ONCE,
    )
  },
)

t.test(
  'a run can be ended early and leaves nothing behind',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const interrupted = new AbortController()
    const [first] = shipped
    const run = runScenario(first!.scenario, {
      seed: 2,
      signal: interrupted.signal,
      onProgress: text => {
        if (text === 'sending') interrupted.abort(new Error('enough'))
      },
    })
    await t.rejects(run)
    const left = () => process.getActiveResourcesInfo().filter(kind => /Process|TCPServer|TCPSocket/.test(kind))
    for (let waits = 0; left().length > 0 && waits < 500; waits++) await sleep(20) // handles close a turn later
    t.same(left(), [])
  },
)
