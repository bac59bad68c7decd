import fc from 'fast-check'
import t from 'tap'
import { asWritten, mergePatch, scenarioText } from '../../../lab/explore/scenario-text.js'
import { shippedScenarios } from '../../../lab/scenario-catalogue.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'

t.test('every shipped scenario is written as it is run in the simulation, and read again as the same', async t => {
  for (const { scenario } of shippedScenarios()) {
    const simulated = inSimulation({ ...scenario, seed: 4711 })
    for (const onSockets of [null, scenario]) {
      const text = scenarioText(simulated, onSockets)
      t.same(inSimulation(parseScenario(text, 'written.yaml')), simulated, scenario.scenario)
    }
    const onSockets = parseScenario(scenarioText(simulated, scenario), 'written.yaml')
    t.same(onSockets.topology.settings, { ...scenario.topology.settings, ...onSockets.topology.settings })
    t.same(onSockets.time, scenario.time)
    t.same(asWritten(simulated), simulated)
  }
})

const TEXT = String.raw`
scenario: terse
about: as short as it can be
topology:
  settings: { SeqResend13Time: 0.4, IgnoreOSNameValidation: 1, ResidentPacketsKB: 100 }
  gateway: { source: keep, affinity: none, kind: appliance }
  receivers: [{ count: 3, queues: [{ name: private$\orders, transactional: true }] }]
  senders: [{ count: 1, name: S1, settings: {} }]
load: [{ to: ['DIRECT=TCP:{vip}\private$\orders'], delivery: transactional, messages: 6, sizeBytes: 256 }]
time: { loadS: 7, drainS: 8 }
expect: { lost: 0 }
simulated: { topology: { settings: { QMIdCacheLifetime: 60 } }, time: { drainS: 604800 } }
`

t.test('a written scenario says nothing that goes without saying', async t => {
  const original = parseScenario(TEXT, 'terse.yaml')
  t.equal(
    scenarioText(inSimulation(original), null),
    String.raw`scenario: terse
about: as short as it can be
topology:
  settings: { IgnoreOSNameValidation: 1, ResidentPacketsKB: 100 }
  gateway: { source: keep }
  receivers: { queues: { name: private$\orders, transactional: true }, count: 3 }
  senders: { name: S1 }
load: { to: 'DIRECT=TCP:{vip}\private$\orders', delivery: transactional, messages: 6 }
expect: { lost: 0 }
simulated: { topology: { settings: { QMIdCacheLifetime: 60 } }, time: { drainS: 604800 } }
`,
  )
  t.match(
    scenarioText(inSimulation(original), original),
    /settings: \{ SeqResend13Time: 0\.4, Ignore.*\ntime: \{ loadS: 7/s,
  )
})

t.test('what no file can say is not written', async t => {
  const simulated = inSimulation(parseScenario(TEXT, 'terse.yaml'))
  const nobody = { ...simulated, topology: { ...simulated.topology, receivers: [] } }
  t.equal(asWritten(nobody), null)
  t.equal(asWritten({ ...simulated, load: undefined }), null)
  const crash = { kill: ['S1'], atS: 3, backAfterS: 2, onceAcknowledged: false } as Scenario['faults'][number]
  const faulty = asWritten({ ...simulated, faults: [crash] })
  if (faulty === null) t.fail('the machine with the load may end in the simulation')
  else
    t.match(scenarioText(faulty, null), /simulated:.*faults: \{ kill: S1, atS: 3, backAfterS: 2 \}/s, 'not on sockets')
})

t.test('a merge patch makes one of the other', async t => {
  const json = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 3 }, fc.nat(3), fc.constantFrom('a', 'b', true), tie('list'), tie('map')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
  })).value
  fc.assert(
    fc.property(json, json, (from, to) => {
      const patch = mergePatch(from, to)
      t.same(patch === undefined ? from : applied(from, patch), to)
    }),
    { numRuns: 300, seed: 1 },
  )
})

/** RFC 7396. */
function applied(value: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete result[key]
    else result[key] = applied(result[key], change)
  }
  return result
}
