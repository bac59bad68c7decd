import t from 'tap'
import { drawFaults, withDrawnFaults } from '../../../lab/faults/draw-faults.js'
import type { ChaosKind, ScenarioFault } from '../../../lab/faults/fault-schema.js'
import { CHAOS_KINDS } from '../../../lab/faults/fault-schema.js'
import { faultText } from '../../../lab/faults/fault-text.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import { scenarioNodes } from '../../../lab/scenario-nodes.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'
import { type FaultRunOptions, faultRun, faultScenario } from '../../fixtures/fault-runs.js'

const CLUSTER: FaultRunOptions = {
  receivers: '{ count: 3, queues: { name: private$\\orders, transactional: true } }',
  senders: '{ count: 2 }',
  gateway: '{ kind: nlb, affinity: single, source: keep }',
  to: 'DIRECT=TCP:{vip}\\private$\\orders',
}
const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1)

function withChaos(chaos: string, options: FaultRunOptions = CLUSTER): Scenario {
  return inSimulation(parseScenario(faultScenario([], { ...options, chaos }), 'chaos.yaml'))
}

const kindOf = (fault: ScenarioFault): ChaosKind => CHAOS_KINDS.find(kind => fault[kind] !== undefined)!

t.test('by time, and each right in its place beside the others', async t => {
  const scenario = withChaos('{ untilS: 300, everyS: 10, quietChance: 0 }')
  const kinds = new Set<ChaosKind>()
  for (const seed of SEEDS) {
    const drawn = drawFaults(scenario, seed)
    const { problems } = scenarioNodes({ ...scenario, faults: drawn }, true)
    if (problems.length > 0) t.same(problems, [], `seed ${seed}`)
    const times = drawn.map(({ atS = 0 }) => atS)
    if (times.some((time, index) => time < (times[index - 1] ?? 0) || time >= 300)) t.fail(`times of seed ${seed}`)
    for (const fault of drawn) kinds.add(kindOf(fault))
  }
  t.same(
    CHAOS_KINDS.filter(kind => !kinds.has(kind)),
    ['stop', 'swapQmId'],
    'all but those without a weight',
  )
})

t.test('what is drawn can be written down and read again', async t => {
  const scenario = withChaos('{ untilS: 300, everyS: 10, quietChance: 0 }')
  for (const seed of SEEDS.slice(0, 10)) {
    const drawn = drawFaults(scenario, seed)
    const written = inSimulation(
      parseScenario(faultScenario([], { ...CLUSTER, simulatedFaults: drawn.map(faultText) }), 'drawn.yaml'),
    )
    t.same(written.faults, drawn, `seed ${seed}`)
  }
})

t.test('the seed decides, and nothing else', async t => {
  const scenario = withChaos('{ untilS: 300, everyS: 10 }')
  t.same(drawFaults(scenario, 7), drawFaults(scenario, 7))
  t.not(JSON.stringify(drawFaults(scenario, 7)), JSON.stringify(drawFaults(scenario, 8)))
})

t.test('as often as asked for, and in some seeds never', async t => {
  const scenario = withChaos('{ untilS: 600, everyS: 10, quietChance: 0.25, weights: { cut: 1 } }')
  const counts = SEEDS.map(seed => drawFaults(scenario, seed).length)
  const quiet = counts.filter(count => count === 0).length
  t.ok(quiet > 25 && quiet < 75, `${quiet} of 200 are quiet`)
  const mean = counts.reduce((sum, count) => sum + count, 0) / (counts.length - quiet)
  t.ok(mean > 55 && mean < 65, `${mean} each of the others`)
  t.same(drawFaults(withChaos('{ untilS: 600, everyS: 10, quietChance: 1 }'), 1), [])
})

t.test('kinds by their weights, and none that befalls nothing', async t => {
  const scenario = withChaos('{ untilS: 600, everyS: 5, quietChance: 0, weights: { cut: 3, drop: 1, leave: 0 } }')
  const counts = { cut: 0, drop: 0, other: 0 }
  for (const seed of SEEDS)
    for (const fault of drawFaults(scenario, seed)) {
      const kind = kindOf(fault)
      counts[kind === 'cut' || kind === 'drop' ? kind : 'other'] += 1
    }
  t.equal(counts.other, 0)
  t.ok(Math.abs(counts.cut / counts.drop - 3) < 0.3, `${counts.cut} : ${counts.drop}`)
  const alone = withChaos('{ untilS: 60, everyS: 5, quietChance: 0, weights: { leave: 1, partition: 1 } }', {})
  t.same(drawFaults(alone, 1), [], 'there is no gateway')
})

t.test('what befalls packets that the load does not have is not drawn', async t => {
  const chaos = '{ untilS: 300, everyS: 5, quietChance: 0, weights: { drop: 1, delay: 1, cut: 1 } }'
  const kinds = (options: FaultRunOptions) => {
    const scenario = withChaos(chaos, options)
    const drawn = SEEDS.slice(0, 40).flatMap(seed => drawFaults(scenario, seed))
    return new Set(drawn.flatMap(({ drop, delay, before, after }) => drop ?? delay ?? before ?? after ?? []))
  }
  const http = kinds({ to: 'DIRECT=HTTP://{R1}:8080/msmq/private$/orders' })
  t.same([...http].sort(), ['http-answer', 'http-post', 'stream-receipt'])
  t.notOk(kinds({ delivery: 'express' }).has('order-ack'))
  const plain = withChaos('{ untilS: 300, everyS: 5, quietChance: 0, weights: { drop: 1 } }', {
    delivery: 'recoverable',
  })
  const dropped = SEEDS.flatMap(seed => drawFaults(plain, seed)).map(({ drop }) => drop)
  t.ok(dropped.length > 100 && !dropped.includes('user-message'), 'no network takes a plain message out of a stream')
})

t.test('a run draws for itself, and its record says what', async t => {
  const options = {
    ...CLUSTER,
    chaos: '{ untilS: 60, everyS: 5, quietChance: 0 }',
    load: 'ratePerS: 1',
    messages: 30,
    seed: 3,
  }
  const { run } = faultRun([], options)
  t.equal(run.scenario.chaos, undefined)
  const scenario = withChaos(options.chaos, { ...CLUSTER, load: options.load, messages: options.messages })
  t.same(run.scenario.faults, drawFaults(scenario, 3))
  t.same(withDrawnFaults(run.scenario, 99), run.scenario, 'nothing is left to chance')
})
