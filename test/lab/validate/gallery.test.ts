import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prove } from '../../../lab/validate/prove.js'
import { RULES } from '../../../lab/validate/rules/index.js'
import { readTopologyFile } from '../../../lab/validate/topology-file.js'
import { validate } from '../../../lab/validate/validate.js'

/* Every file of examples/: what validate says of it is what it expects, and simulated runs show what was predicted. */

const FOLDER = join(process.cwd(), 'examples')
const gallery = readdirSync(FOLDER).map(file => ({
  file,
  ...validate(readTopologyFile(join(FOLDER, file))),
}))
const SEEDS = [1]

t.test('the gallery has what people ask for', async t => {
  const names = gallery.map(({ deployment }) => deployment.topology.topology)
  t.strictSame(
    names.map(name => `${name}.yaml`),
    gallery.map(({ file }) => file),
    'each is called as its file',
  )
  const verdicts = (prefix: string) =>
    gallery.filter(({ file }) => file.startsWith(prefix)).map(({ verdict }) => verdict)
  t.strictSame(verdicts('supported-'), ['supported', 'supported', 'supported', 'supported'])
  t.equal(verdicts('complaint-').length, 10)
  t.notOk(verdicts('complaint-').includes('supported'), 'each complaint has a reason')
  t.strictSame(new Set(verdicts('unsupported-')), new Set(['unsupported']))
})

for (const { file, deployment, verdict, rows } of gallery) {
  t.test(file, async t => {
    const { expect } = deployment.topology
    t.equal(verdict, expect?.verdict, 'the verdict')
    const bad = Object.fromEntries(rows.filter(row => row.verdict !== 'supported').map(row => [row.rule, row.verdict]))
    const expectedBad = Object.fromEntries(
      Object.entries(expect?.rows ?? {}).filter(([, expected]) => expected !== 'supported'),
    )
    t.strictSame(bad, expectedBad, 'every row that is not plainly supported, and no other')
    for (const [rule, expected] of Object.entries(expect?.rows ?? {}))
      t.ok(
        rows.some(row => row.rule === rule && row.verdict === expected),
        `${rule}: ${expected}`,
      )
    for (const proof of await prove(rows, { seeds: SEEDS, socketsLacking: 'sockets are not of this test' })) {
      const { row, state, why, simulation } = proof
      if (state === 'not run') t.ok((why ?? '').length > 10, `${row.rule} says why it is not run`)
      else t.equal(state, 'confirmed', `${row.rule}: ${JSON.stringify(simulation)}`)
    }
  })
}

t.test('rules say what the table says of them', async t => {
  const rows = gallery.flatMap(validation => validation.rows)
  for (const row of rows) {
    const rule = RULES.find(({ id }) => id === row.rule)
    t.ok(rule?.verdicts.includes(row.verdict), `${row.rule} may say ${row.verdict}`)
    t.equal(row.condition !== undefined, row.verdict === 'supported-if', `${row.rule}: a condition where it is one`)
    if (row.verdict === 'unsupported') t.ok(row.remedy, `${row.rule} has a remedy`)
    t.ok(row.reason.length > 20 && row.consequence.length > 10, `${row.rule} explains itself`)
  }
  t.equal(new Set(RULES.map(({ id }) => id)).size, RULES.length, 'each has an id of its own')
})
