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

t.test('timers are the product’s own, and the resend of six hours takes no time', async t => {
  const run = simulateScenario(simulatedScenario('faults: [{ drop: order-ack, to: S1, forS: 40000 }]'), { seed: 1 })
  const waits = run.events.flatMap(event => (event.kind === 'resend' ? [event.nextInMs] : []))
  t.ok(waits.includes(30_000) && waits.includes(300_000) && waits.includes(1_800_000), 'the first nine')
  t.ok(waits.includes(6 * HOUR_MS), `the tenth: ${waits}`)
  const verdict = judge(run)
  t.ok(verdict.asExpected, JSON.stringify(verdict.unmet))
  t.ok(run.endedMs - run.startedMs > 11 * HOUR_MS, 'virtual hours')
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
  const run = simulateScenario(scenario, { seed: 1, keepEvents: false, samples: false, onEvent: () => told++ })
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

const others = otherNodes()

t.test(
  'another release of Node gives the same events',
  { skip: others.length === 0 && 'there is no other Node here: name one with MQLAB_OTHER_NODE' },
  t => {
    const program = join(import.meta.dirname, '../../fixtures/simulation-hash.js')
    const own = execFileSync(process.execPath, [program], { encoding: 'utf8' })
    for (const node of others) t.equal(execFileSync(node, [program], { encoding: 'utf8' }), own, node)
    t.end()
  },
)

t.test('a disk that lies about what it has, and loses power: what was acknowledged and is gone is found', async t => {
  const faults = `faults:
  - { disk: { of: R1, unflushedMs: 60000 }, atS: 0, forS: 100 }
  - { kill: R1, atS: 12, backAfterS: 5 }`
  const kindsOf = (faults: string) =>
    judge(simulateScenario(simulatedScenario(faults), { seed: 2 })).findings.map(({ id }) => id)
  t.ok(kindsOf(faults).includes('acknowledged-before-persisted'))
  t.notOk(kindsOf(faults.replace('unflushedMs: 60000', 'slowMs: 5')).includes('acknowledged-before-persisted'))
})

t.test('what is aborted never arrives, whatever befalls the machines: there are no ghosts', async t => {
  const load = 'messages: 40, perTransaction: 4, ratePerS: 2, abortEvery: 3'
  for (let seed = 1; seed <= 6; seed++) {
    const { counts, findings } = judge(simulateScenario(simulatedScenario(FOUL, load), { seed }))
    t.notOk(findings.some(({ id }) => id === 'ghost' || id === 'lost' || id === 'mqlab-disagrees'))
    t.ok(counts.delivered < counts.sent && counts.delivered >= 20, `${counts.delivered} of ${counts.sent}`)
  }
})
