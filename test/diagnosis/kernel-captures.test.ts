import t, { type Test } from 'tap'
import type { CaptureFinding } from '../../diagnosis/finding.js'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import type { RunView } from '../../lab/finding.js'
import type { Plane } from '../../lab/planes.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import type { Verdict } from '../../lab/verdict.js'
import { diagnoseFile } from '../fixtures/captured-run.js'
import { dumpedOnLoopback, dumpedRun, dumpSkip } from '../fixtures/dumped-run.js'
import { CALLED, misroutedInCapture, misroutedInRun } from '../fixtures/verdict-in-capture.js'

/** Each run is up to nine processes, and this machine may be busy. */
t.setTimeout(280_000)

/** Scenario, plane, and whether hosts see another address than the client's. */
const RUNS: readonly (readonly [scenario: string, plane: Plane, translates: boolean])[] = [
  ['nlb-11-acks-to-the-balancer', 'kernel-snat', true],
  ['nlb-14-torn-transactions', 'kernel-dnat', false],
  ['nlb-8-order-ack-in-a-new-session', 'kernel-dsr', false],
  ['nlb-8-order-ack-in-a-new-session', 'kernel-nlb', false],
]

async function findingsIn(...files: string[]) {
  const { diagnosis, reading } = await diagnoseFile(...files)
  return { found: new Map(diagnosis.book.list().map(finding => [finding.id, finding])), reading }
}

/** Nothing more and nothing less than the run knows of itself. */
function saysTheSame(
  t: Test,
  what: string,
  found: ReadonlyMap<FindingKindId, CaptureFinding>,
  { view, verdict }: { view: RunView; verdict: Verdict },
  translates: boolean,
): void {
  t.notOk(found.has('capture-hole'), `${what}: tcpdump had all of it`)
  t.strictSame(misroutedInCapture(found), misroutedInRun(view), `${what}: which ack, where`)
  const counts = new Map(verdict.findings.map(({ id, count }) => [id, count]))
  for (const [id, name] of Object.entries(CALLED) as [FindingKindId, string][])
    t.equal(found.get(id)?.count ?? 0, counts.get(name) ?? 0, `${what}: ${id}: as many as ${name}`)
  t.equal(found.has('source-translated'), translates, `${what}: the translation of addresses`)
  const isHealthy = !verdict.findings.some(({ severity }) => severity === 'anomaly')
  const errors = [...found.values()].filter(({ severity }) => severity === 'error').map(({ id }) => id)
  if (isHealthy) t.strictSame(errors, [], `${what}: nothing is wrong`)
}

for (const [name, plane, translates] of RUNS)
  t.test(`${name} on ${plane}, as tcpdump has it`, { skip: dumpSkip }, async t => {
    const run = await dumpedRun(findScenario(name)!, plane, t.testdir())
    if (plane === 'kernel-snat') t.ok(run.verdict.counts.misroutedAcks > 0, 'there is something to be found')
    if (plane === 'kernel-dnat') t.ok(run.verdict.counts.incompleteTransactions > 0, 'there is something to be found')

    const any = await findingsIn(run.any)
    t.strictSame(
      any.reading.files.flatMap(({ troubles }) => troubles),
      [],
    )
    saysTheSame(t, 'on any interface', any.found, run, translates)

    const cables = await findingsIn(...run.cables.values())
    saysTheSame(t, 'a file of each cable', cables.found, run, translates)

    const cut = await findingsIn(run.anyCut)
    t.ok(cut.found.has('frames-cut-short'), 'what -s 200 left out is told')
    const invented = misroutedInCapture(cut.found).filter(ack => !misroutedInRun(run.view).includes(ack))
    t.strictSame(invented, [], 'and nothing is made of it')
    for (const [id, name] of Object.entries(CALLED) as [FindingKindId, string][]) {
      const most = run.verdict.findings.find(finding => finding.id === name)?.count ?? 0
      t.ok((cut.found.get(id)?.count ?? 0) <= most, `no more of ${id}`)
    }
  })

const haproxySkip =
  dumpSkip || (findProgram('haproxy') === null && 'haproxy not found: install it (Debian: apt-get install haproxy)')

t.test('order acks that HAProxy misroutes, as tcpdump has them on lo and any', { skip: haproxySkip }, async t => {
  const scenario = findScenario('nlb-11-acks-to-the-balancer')!
  const { files, ...run } = await dumpedOnLoopback(scenario, 'haproxy', t.testdir())
  t.ok(run.verdict.counts.misroutedAcks > 0, 'there is something to be found')
  for (const { from, file } of files) {
    const { found } = await findingsIn(file)
    saysTheSame(t, `on ${from}`, found, run, true)
  }
})
