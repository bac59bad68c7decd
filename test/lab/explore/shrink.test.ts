import t from 'tap'
import type { FailingWay } from '../../../lab/explore/failing-way.js'
import { runSeed } from '../../../lab/explore/run-seed.js'
import { scenarioText } from '../../../lab/explore/scenario-text.js'
import { failedSeed, type SeedSummary } from '../../../lab/explore/seed-summary.js'
import { shrink } from '../../../lab/explore/shrink.js'
import { shrunkFile } from '../../../lab/explore/shrunk-file.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'

const LARGE = String.raw`
scenario: large
about: much that is of no consequence
topology:
  settings: { IgnoreOSNameValidation: 1, MaxUnackedPacket: 32, SeqResend13Time: 0.2 }
  gateway: { source: translate, affinity: single, idleTimeoutMs: 61234 }
  receivers: { count: 4, queues: [{ name: private$\orders, transactional: true }, { name: private$\other }] }
  senders: { count: 5, consumerPauseMs: 20 }
load: { to: 'DIRECT=TCP:{vip}\private$\orders', delivery: transactional, messages: 200, perTransaction: 4, sizeBytes: 1000, ratePerS: 3.3 }
faults:
  - { kill: R1, atS: 3.21, backAfterS: 7.7 }
  - { stop: R2, atS: 17.123, backAfterS: 5.5 }
  - { kill: R1, atS: 31.7, backAfterS: 1.9 }
  - { kill: R2, atS: 40.4, backAfterS: 2.2 }
expect: { lost: 0, duplicated: 0, sent: 1000 }
exercises: [resend]
`
const WAY: FailingWay = { kind: 'unmet', count: 'duplicated', expected: 0 }

/** Duplicates where R1 is killed after half a minute and R2 has been stopped, and somebody sends three messages or more. */
function madeUp(scenario: Scenario, seed: number): SeedSummary {
  const [load] = scenario.load
  const killed = scenario.faults.some(({ kill = [], atS = 0 }) => kill.includes('R1') && atS >= 30)
  const stopped = scenario.faults.some(({ stop }) => stop !== undefined)
  const duplicates = killed && stopped && load!.messages >= 3
  const strange = scenario.topology.gateway?.affinity !== 'single'
  const anomaly = (kind: string) => ({ kind, behaviour: null, count: 1, firstMs: 35_000, text: `${kind} was seen` })
  return {
    ...failedSeed(seed, ''),
    asExpected: !duplicates,
    anomalies: [...(duplicates ? [anomaly('duplicated')] : []), ...(strange ? [anomaly('lost')] : [])],
    unmet: duplicates ? [{ count: 'duplicated', expected: 0, actual: 1 }] : [],
    durationMs: 90_000,
  }
}

t.test('what is left is what it takes, and no other anomaly comes in', async t => {
  const original = parseScenario(LARGE, 'large.yaml')
  const options = { run: madeUp }
  const shrunk = await shrink(inSimulation(original), { seed: 77, way: WAY }, options)
  if (shrunk === null) return t.fail('it fails')
  t.equal(shrunk.minimal, true)
  t.equal(
    scenarioText(shrunk.scenario, null),
    String.raw`scenario: large
about: much that is of no consequence
topology: { gateway: { affinity: single, source: translate }, receivers: { count: 2 }, senders: {} }
load: { to: 'DIRECT=TCP:{vip}\private$\orders', delivery: transactional, messages: 3 }
faults:
  - { stop: R2, atS: 0, backAfterS: 1 }
  - { kill: R1, atS: 30, backAfterS: 1 }
expect: { duplicated: 0 }
seed: 77
simulated: { time: { loadS: 1, drainS: 1 } }
`,
  )
  const again = await shrink(inSimulation(original), { seed: 77, way: WAY }, options)
  t.same(again, shrunk)

  const file = shrunkFile(shrunk, original, madeUp(shrunk.scenario, 77))
  t.equal(file.name, 'large-seed-77.yaml')
  t.match(file.text, /^# Shows duplicated, expected 0\.\n# duplicated after 35\.000 s: duplicated was seen\n/)
  t.match(file.text, /mqlab run large-seed-77\.yaml --world sim\n/)
  t.match(file.text, /settings: \{ SeqResend13Time: 0\.2 \}/, 'with the times that serve on sockets')
  t.equal(file.socketsObstacle, null)
  const read = parseScenario(file.text, file.name)
  t.match(read, { scenario: 'large-seed-77', seed: 77 })
  t.same(inSimulation(read).faults, shrunk.scenario.faults)

  const untimed = parseScenario(LARGE.replace(/ settings: .*\n/, ' settings: {}\n'), 'large.yaml')
  const slow = { ...madeUp(shrunk.scenario, 77), durationMs: 86_400_000 }
  t.match(shrunkFile(shrunk, untimed, slow).text, /# Not on sockets: it takes 1 d with MSMQ's own timers\.\n/)
})

t.test('bounds are kept, and what does not fail is left', async t => {
  const scenario = inSimulation(parseScenario(LARGE, 'large.yaml'))
  let ran = 0
  const run = (candidate: Scenario, seed: number) => {
    ran += 1
    return madeUp(candidate, seed)
  }
  const bounded = await shrink(scenario, { seed: 1, way: WAY }, { run, runsMax: 5 })
  t.equal(ran, 5)
  t.match(bounded, { runs: 5, minimal: false })
  t.equal(await shrink(scenario, { seed: 1, way: { kind: 'anomaly', id: 'reordered' } }, { run }), null)
})

t.test('a run in the simulation', async t => {
  const clones = parseScenario(
    String.raw`
scenario: clones
about: four machines from one image
topology:
  settings: { RemoveDuplicateSize: 9000 }
  receivers: { count: 2, queues: { name: private$\orders, number: 100, transactional: true } }
  senders: [{ name: S1 }, { name: S2, cloneOf: S1 }, { name: S3 }, { name: S4, cloneOf: S1 }]
load: { to: 'PRIVATE={R1.guid}\64', delivery: transactional, messages: 12, perTransaction: 3, ratePerS: 0.5, arrival: poisson }
expect: { misroutedAcks: 0 }
simulated: { time: { drainS: 1200 } }
`,
    'clones.yaml',
  )
  const simulated = inSimulation(clones)
  const way: FailingWay = { kind: 'unmet', count: 'misroutedAcks', expected: 0 }
  const shrunk = await shrink(simulated, { seed: 3, way }, { run: runSeed })
  if (shrunk === null) return t.fail('clones get the acks of each other')
  const { topology, load } = shrunk.scenario
  t.match(
    topology.senders.filter(({ cloneOf }) => cloneOf !== undefined),
    { length: 1 },
  )
  t.same(load[0]?.messages, 1)
  const read = inSimulation(parseScenario(shrunkFile(shrunk, clones, runSeed(shrunk.scenario, 3)).text, 'shrunk.yaml'))
  t.match(runSeed(read, read.seed ?? 0), { asExpected: false, unmet: [{ count: 'misroutedAcks', expected: 0 }] })
})
