import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { findScenario } from '../../../lab/scenario-catalogue.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { captureSimulation } from '../../fixtures/captured-simulation.js'

const folder = mkdtempSync(join(tmpdir(), 'mqlab-inferred-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** Of the catalogue: what is inferred from a run's capture shows, simulated, the same kinds of findings. */
const SAME = [
  'nlb-2-names-accepted',
  'nlb-3-names-refused',
  'nlb-11-acks-to-the-balancer',
  'nlb-12-receipts-to-the-cluster',
  'nlb-13-resend-to-another-receiver',
  'nlb-14-torn-transactions',
  'nlb-8-windows-nlb',
  'qmid-3-4-ack-to-the-other-clone',
  'qmid-6-busy-clones',
  'qmid-8-fresh-identities',
]

async function inferred(name: string): Promise<{ readonly findings: readonly string[]; readonly scenario: Scenario }> {
  const { findings, scenario } = await captureSimulation(findScenario(name)!, folder)
  return { findings, scenario: parseScenario(scenario!, `${name}.yaml`) }
}

for (const name of SAME)
  t.test(`${name}: the same findings`, async t => {
    const { findings, scenario } = await inferred(name)
    const again = await captureSimulation({ ...scenario, scenario: `${name}-again` }, folder)
    t.same(again.findings, findings)
  })

t.test('machines, the balancer and the load are those of the run', async t => {
  const { scenario } = await inferred('nlb-12-acks-to-the-wrong-sender')
  const { topology, load } = scenario
  t.match(topology.gateway, { affinity: 'none', source: 'translate', protocol: 'tcp' })
  t.same(topology.receivers.map(({ name }) => name).toSorted(), ['R1', 'R2', 'R3', 'R4', 'R5', 'R6'])
  for (const { queues } of topology.receivers) t.match(queues, [{ name: 'private$\\orders', transactional: true }])
  t.same(topology.senders, [])
  t.equal(
    load.reduce((sum, { messages, from }) => sum + messages * from!.length, 0),
    54,
  )
  for (const each of load) t.match(each, { delivery: 'transactional', perTransaction: 3, sizeBytes: 256 })
})

t.test('clones share a QMId, and each has a name', async t => {
  const { scenario } = await inferred('qmid-3-4-ack-to-the-other-clone')
  t.match(
    scenario.topology.senders.toSorted((a, b) => a.name!.localeCompare(b.name!)),
    [{ name: /S\d/ }, { name: /S\d/ }],
  )
  t.equal(scenario.topology.senders.filter(({ cloneOf }) => cloneOf !== undefined).length, 1)
})

t.test('front ends pass on to a back end, by connection or by request', async t => {
  for (const [name, balance] of [
    ['nlb-5-two-front-ends', 'connection'],
    ['nlb-5-two-front-ends-per-request', 'request'],
  ] as const) {
    const { findings, scenario } = await inferred(name)
    t.match(scenario.topology, {
      gateway: { protocol: 'http', balance },
      frontEnds: [{ name: /F[12]/ }, { name: /F[12]/ }],
      backEnd: { name: 'B1' },
    })
    t.notOk(findings.includes('duplicate-delivery'))
  }
})

t.test('what is guessed says so, and why', async t => {
  const { scenario } = await captureSimulation(findScenario('nlb-8-order-ack-in-a-new-session')!, folder, 2)
  t.match(scenario, /^ {4}kind: appliance # guessed: \S/m)
  t.match(scenario, /drainS: [\d.]+ # guessed: until the end of the capture/)
})
