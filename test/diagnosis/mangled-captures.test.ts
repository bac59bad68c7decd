import t, { type Test } from 'tap'
import type { Diagnosis } from '../../diagnosis/diagnosis.js'
import type { Evidence } from '../../diagnosis/finding.js'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { captureSimulated, diagnoseFile } from '../fixtures/captured-run.js'
import {
  damagedFiles,
  type IntactCapture,
  type MangledCapture,
  mangledByTools,
  mangleSkip,
  thinnedByEditcap,
} from '../fixtures/mangled-captures.js'

/** This machine may be busy with other tests. */
t.setTimeout(280_000)

const SCENARIOS = [
  'nlb-13-resend-to-another-receiver',
  'nlb-8-windows-nlb',
  'nlb-5-two-front-ends',
  'qmid-3-4-ack-to-the-other-clone',
]

/** What must not be invented, and what of an instance stays as it is whatever happens to addresses and frames. */
const NAMED: Readonly<Partial<Record<FindingKindId, (evidence: Evidence) => string>>> = {
  'order-ack-misrouted': ackOf,
  'order-ack-to-another-sender': ackOf,
  'order-ack-to-a-clone': ackOf,
  'duplicate-delivery': ({ machines, message, sequence, number }) =>
    `delivered twice: ${machines[0]} ${message ?? `${sequence} ${number}`}`,
  'qmid-at-several-addresses': ({ machines }) => `clones: ${machines[0]}`,
}

function ackOf({ machines, sequence, number }: Evidence): string {
  return `astray: ${machines[0]} ${sequence} ${number}`
}

/** How often each was found; several acks may have one sequence and number. */
function instancesOf({ book }: Diagnosis): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { id, instances } of book.list())
    for (const evidence of NAMED[id] === undefined ? [] : instances) {
      const name = NAMED[id]!(evidence)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  return counts
}

interface Intact extends IntactCapture {
  readonly instances: ReadonlyMap<string, number>
  readonly errors: ReadonlySet<FindingKindId>
}

async function intactCapture(name: string, folder: string): Promise<Intact> {
  const { file, reading, diagnosis } = await captureSimulated(findScenario(name)!, 1, folder)
  const { firstUs, lastUs } = reading.period!
  return {
    file,
    frames: reading.packets.frames,
    period: [firstUs / 1e6, lastUs / 1e6],
    instances: instancesOf(diagnosis),
    errors: new Set(diagnosis.book.list().map(({ id }) => id)),
  }
}

async function judge(t: Test, intact: Intact, { how, files, loses }: MangledCapture): Promise<void> {
  const { diagnosis } = await diagnoseFile(...files)
  const found = instancesOf(diagnosis)
  const kinds = diagnosis.book.list()
  const invented = [...found].filter(([name, count]) => count > (intact.instances.get(name) ?? 0))
  t.strictSame(invented, [], `${how}: nothing invented`)
  const proven = kinds.filter(
    ({ id, severity, proven }) => severity === 'error' && proven > 0 && !intact.errors.has(id),
  )
  t.strictSame(
    proven.map(({ id, first }) => `${id}: ${first.text}`),
    [],
    `${how}: no other error is called proven`,
  )
  if (!loses) t.strictSame(found, intact.instances, `${how}: nothing lost`)
}

for (const name of SCENARIOS)
  t.test(name, async t => {
    const folder = t.testdir()
    const intact = await intactCapture(name, folder)

    await t.test("as Wireshark's tools and tcprewrite hand it on", { skip: mangleSkip }, async t => {
      for (const mangled of mangledByTools(intact, 1, folder)) await judge(t, intact, mangled)
    })

    await t.test('from a file that is damaged or ends too soon', async t => {
      for (const damaged of damagedFiles(intact.file, 7, folder, 25)) await judge(t, intact, damaged)
    })
  })

t.test('what is missing is told', { skip: mangleSkip }, async t => {
  const folder = t.testdir()
  const intact = await intactCapture('nlb-13-resend-to-another-receiver', folder)
  const tells: readonly (readonly [RegExp, FindingKindId])[] = [
    [/^editcap -s (60|96|128|200)$/, 'frames-cut-short'],
    [/^editcap, one of (4|20|80) frames dropped$/, 'capture-hole'],
  ]
  for (const mangled of thinnedByEditcap(intact, 3, folder)) {
    const expected = tells.find(([how]) => how.test(mangled.how))?.[1]
    if (expected === undefined) continue
    const { diagnosis } = await diagnoseFile(...mangled.files)
    t.ok(
      diagnosis.book.list().some(({ id }) => id === expected),
      `${mangled.how}: ${expected}`,
    )
  }
})
