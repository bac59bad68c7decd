import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { RunRecord } from '../../../lab/history.js'
import { createRunView, createVerdict } from '../../../lab/verdict.js'
import { simulateScenario } from '../../../lab/worlds/simulated.js'
import { otherNodes } from '../../fixtures/other-nodes.js'
import { eventsHash, FOUL, simulatedScenario } from '../../fixtures/simulation-runs.js'

const HOUR_MS = 3_600_000

const judge = (run: RunRecord) => createVerdict(createRunView(run))

t.test('timers are the product’s own, and a resend of six hours takes no time', async t => {
  const run = simulateScenario(
    simulatedScenario('faults: [{ atS: 0, link: { between: [S1, R1], partition: true }, forS: 90000 }]'),
    {
      seed: 1,
    },
  )
  const resends = run.events.filter(event => event.kind === 'resend')
  t.equal(resends.length, 0, 'nothing was sent, so nothing is sent again')
  const verdict = judge(run)
  t.ok(verdict.asExpected, JSON.stringify(verdict.unmet))
  t.ok(run.endedMs - run.startedMs > 25 * HOUR_MS, 'the run lasted for more than a day')
})

t.test('whatever befalls links, disks, clocks and machines, what is owed arrives once all is well again', async t => {
  for (let seed = 1; seed <= 12; seed++) {
    const verdict = judge(simulateScenario(simulatedScenario(FOUL), { seed }))
    t.ok(verdict.asExpected, `seed ${seed}: ${JSON.stringify({ unmet: verdict.unmet, findings: verdict.findings })}`)
  }
})

t.test('the same seed gives the same events, byte for byte; another seed gives others', async t => {
  const hash = (seed: number) => eventsHash(simulateScenario(simulatedScenario(FOUL), { seed }))
  t.equal(hash(5), hash(5))
  t.not(hash(5), hash(6))
})

t.test('events are told as they happen, and need not be kept', async t => {
  let told = 0
  const scenario = simulatedScenario('')
  const run = simulateScenario(scenario, { seed: 1, keepEvents: false, onEvent: () => told++ })
  t.equal(run.events.length, 0)
  t.equal(run.samples.length, 0)
  t.equal(told, simulateScenario(scenario, { seed: 1 }).events.length)
})

t.test('a machine that nobody starts again: what it owes has a reason', async t => {
  const run = simulateScenario(simulatedScenario('faults: [{ atS: 5, kill: R1 }]\ntime: { drainS: 90 }'), { seed: 1 })
  const { counts } = judge(run)
  t.notOk(run.drained)
  t.ok(counts.unacknowledged > 0)
  t.equal(counts.lost, 0)
})

t.test('another release of Node gives the same events', async t => {
  const nodes = otherNodes()
  if (nodes.length === 0) {
    t.skip('there is no other Node here: name one with MQLAB_OTHER_NODE')
    return
  }
  const program = join(import.meta.dirname, '../../fixtures/simulation-hash.js')
  const own = execFileSync(process.execPath, [program], { encoding: 'utf8' })
  for (const node of nodes) t.equal(execFileSync(node, [program], { encoding: 'utf8' }), own, node)
})
