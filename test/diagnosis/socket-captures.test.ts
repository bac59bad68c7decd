import { platform } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { runScenario } from '../../lab/worlds/run-scenario.js'
import { diagnoseFile } from '../fixtures/captured-run.js'
import { captured } from '../fixtures/run-captures.js'
import { CALLED, misroutedInCapture, misroutedInRun } from '../fixtures/verdict-in-capture.js'

/** Each waits for real timers, and this machine may be busy. */
t.setTimeout(280_000)

/** Short ones, of each kind: kept and translated sources, names, several queues, HTTP. In simulation all are compared. */
const SCENARIOS = [
  'nlb-3-names-refused',
  'nlb-4-plain-messages-over-http',
  'nlb-11-acks-to-the-balancer',
  'nlb-14-torn-transactions',
]

for (const name of SCENARIOS)
  t.test(
    `${name} on sockets: its capture says what its verdict says`,
    { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
    async t => {
      const file = join(t.testdir(), 'run.pcapng')
      const view = await captured(file, async capture =>
        createRunView(await runScenario(findScenario(name)!, { seed: 1, capture, nodesAs: 'thread' })),
      )
      const verdict = createVerdict(view)
      const { diagnosis, reading } = await diagnoseFile(file)
      const found = new Map(diagnosis.book.list().map(finding => [finding.id, finding]))
      t.strictSame(
        reading.files.flatMap(({ troubles }) => troubles),
        [],
      )
      t.strictSame(misroutedInCapture(found), misroutedInRun(view), 'which ack, where')
      const counts = new Map(verdict.findings.map(({ id, count }) => [id, count]))
      for (const [id, called] of Object.entries(CALLED) as [FindingKindId, string][])
        t.equal(found.get(id)?.count ?? 0, counts.get(called) ?? 0, `${id}: as many as ${called}`)
      if (!verdict.findings.some(({ severity }) => severity === 'anomaly'))
        t.strictSame(
          [...found.values()].filter(({ severity }) => severity === 'error').map(({ id }) => id),
          [],
          'nothing is wrong',
        )
    },
  )
