import { platform } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { createRunView } from '../../lab/verdict.js'
import { runScenario } from '../../lab/worlds/run-scenario.js'
import { diagnoseFile } from '../fixtures/captured-run.js'
import { captured } from '../fixtures/run-captures.js'
import { CAPTURED_ON_SOCKETS, wentAsItSays } from '../fixtures/scenario-runs.js'
import { CALLED, misroutedInCapture, misroutedInRun } from '../fixtures/verdict-in-capture.js'

/** Each waits for real timers, and this machine may be busy. */
t.setTimeout(280_000)

/* In simulation all scenarios are compared: see catalogue.test.ts. */
for (const name of CAPTURED_ON_SOCKETS)
  t.test(
    `${name} on sockets goes as it says, and its capture says the same`,
    { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
    async t => {
      const file = join(t.testdir(), 'run.pcapng')
      const view = await captured(file, async capture =>
        createRunView(await runScenario(findScenario(name)!, { seed: 1, capture, nodesAs: 'thread' })),
      )
      const verdict = wentAsItSays(t, view)
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
