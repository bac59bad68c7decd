import { platform } from 'node:os'
import t from 'tap'
import { demoScenario, shippedScenarios } from '../../lab/scenario-catalogue.js'
import { CAPTURED_ON_SOCKETS, eachGoesAsItSays, isOverHttp } from '../fixtures/scenario-runs.js'

const AT_ONCE = 2

// Each scenario may wait for what it expects, and for machines to come back; this machine may be busy with other tests.
t.setTimeout(290_000)

t.test(
  'each shipped scenario over HTTP goes as it says, on real sockets',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const scenarios = [...shippedScenarios().map(({ scenario }) => scenario), demoScenario('front-ends')]
    await eachGoesAsItSays(
      t,
      scenarios.filter(scenario => isOverHttp(scenario) && !CAPTURED_ON_SOCKETS.includes(scenario.scenario)),
      AT_ONCE,
    )
  },
)
