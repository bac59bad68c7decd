import t from 'tap'
import type { CaptureFinding } from '../../diagnosis/finding.js'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { shippedScenarios } from '../../lab/scenario-catalogue.js'
import { inSimulation } from '../../lab/scenario-worlds.js'
import { captureSimulated } from '../fixtures/captured-run.js'
import { CALLED, misroutedInCapture, misroutedInRun } from '../fixtures/verdict-in-capture.js'

/** This machine may be busy with other tests. */
t.setTimeout(280_000)

for (const { scenario } of shippedScenarios()) {
  t.test(`${scenario.scenario}: its capture says what its verdict says`, async t => {
    const run = await captureSimulated(scenario, 1, t.testdir())
    const found = new Map(run.diagnosis.book.list().map(finding => [finding.id, finding]))
    t.strictSame(
      run.reading.files.map(({ troubles }) => troubles),
      [[]],
      'the capture is whole',
    )
    t.strictSame(misroutedInCapture(found), misroutedInRun(run.view), 'which ack, where')
    const counts = new Map(run.verdict.findings.map(({ id, count }) => [id, count]))
    for (const [id, name] of Object.entries(CALLED) as [FindingKindId, string][]) {
      // the number of a transaction is in the TransactionHeader: over HTTP nothing says what belongs together
      if (id === 'transaction-torn' && scenario.topology.gateway?.protocol === 'http') continue
      t.equal(found.get(id)?.count ?? 0, counts.get(name) ?? 0, `${id}: as many as ${name}`)
    }
    if (counts.has('sequence-stuck')) t.ok(found.has('sequence-broken'), 'what is stuck is found stuck')
    if (counts.has('unacknowledged')) t.ok(found.has('outgoing-queue-stuck'), 'what waits is found waiting')
    if (counts.has('qmid-cache-row-wrong'))
      t.match(found.get('qmid-at-several-addresses'), { proven: 1 }, 'clones are found out')
    if (!run.verdict.findings.some(({ severity }) => severity === 'anomaly')) {
      const isQuiet = inSimulation(scenario).faults.length === 0
      const news = [...found.values()].filter(each => isNews(each, isQuiet)).map(({ id }) => id)
      t.strictSame(
        news,
        scenario.scenario.startsWith('qmid-5') ? ['qmid-at-several-addresses'] : [],
        'and nothing else',
      )
    }
  })
}

/** Where faults were struck, something is bound to be late or cut; errors there must not be. */
function isNews({ severity }: CaptureFinding, isQuiet: boolean): boolean {
  return severity === 'error' || (isQuiet && severity === 'warning')
}
