import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_TRAFFIC, generateCapture } from '../../../benchmarks/capture-generator.js'
import { readCapture } from '../../../capture/read-capture.js'
import { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { ScenarioFacts } from '../../../diagnosis/scenario/scenario-facts.js'
import { scenarioOf } from '../../../diagnosis/scenario/scenario-of.js'
import { parseScenario } from '../../../lab/scenario-file.js'

const folder = mkdtempSync(join(tmpdir(), 'mqlab-inferred-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** Addresses and QMIds, and nothing that gives machines names. */
for (const [source, holeShare] of [
  ['keep', 0],
  ['translate', 0],
  ['keep', 0.01],
] as const) {
  t.test(`source ${source}, ${holeShare * 100} % of the frames missing: machines, balancer and load`, async t => {
    const file = join(folder, `${source}-${holeShare}.pcapng`)
    const traffic = { bytes: 6e6, senders: 9, receivers: 3, misroutedShare: 0, duplicateShare: 0, source, holeShare }
    const truth = generateCapture(file, { ...DEFAULT_TRAFFIC, ...traffic })
    const facts = new ScenarioFacts()
    const diagnosis = new Diagnosis({ finders: [facts] })
    await readCapture([file], diagnosis)
    diagnosis.finish()
    const text = scenarioOf(facts, diagnosis)!
    const { topology, load } = parseScenario(text, 'inferred.yaml')
    t.equal(topology.gateway?.source, source)
    t.equal(topology.receivers.length, 3)
    t.equal(topology.senders.length, 9)
    t.match(text, /^# R1: 10\.2\.0\.\d, .*QMId [0-9a-f-]{36}$/m)
    const messages = load.reduce((sum, each) => sum + each.messages * each.from!.length, 0)
    if (holeShare === 0) t.equal(messages, truth.messages)
    else t.ok(messages > truth.messages * 0.8 && messages < truth.messages, `${messages} of ${truth.messages}`)
    for (const { delivery, perTransaction, sizeBytes, to } of load) {
      t.same(to, ['DIRECT=TCP:{vip}\\private$\\orders'])
      t.equal(sizeBytes, 1024)
      if (delivery === 'transactional' && holeShare === 0) t.equal(perTransaction, 4)
    }
    t.same(new Set(load.map(({ delivery }) => delivery)), new Set(['transactional', 'recoverable', 'express']))
  })
}

t.test('a capture without messages gives no scenario', async t => {
  const facts = new ScenarioFacts()
  const diagnosis = new Diagnosis({ finders: [facts] })
  await readCapture([join(folder, 'none.pcapng')], diagnosis)
  diagnosis.finish()
  t.equal(scenarioOf(facts, diagnosis), null)
})
