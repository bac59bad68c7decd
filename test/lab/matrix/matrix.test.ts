import t from 'tap'
import { COLUMNS } from '../../../lab/matrix/columns.js'
import { planeLacking } from '../../../lab/matrix/lacking.js'
import { matrixMarkdown } from '../../../lab/matrix/markdown.js'
import { runMatrix } from '../../../lab/matrix/matrix.js'
import { symptomsOf, symptomsText } from '../../../lab/matrix/symptoms.js'
import { findScenario } from '../../../lab/scenario-catalogue.js'
import { verdictOf } from '../../fixtures/run-record.js'

t.setTimeout(280_000)

t.test('symptoms are what a verdict counts, and nothing of it is called: works', async t => {
  const all = { S1: '111111', S2: '111111' }
  t.equal(symptomsText(symptomsOf(verdictOf({ delivered: { R1: all } }))), 'works')
  const torn = verdictOf({
    delivered: { R1: { S1: '110111', S2: '111111' }, R2: { S1: '111000' } },
    held: { S2: [1, 2] },
  })
  t.equal(symptomsText(symptomsOf(torn)), 'duplicated 2, torn 1, unacknowledged 2')
})

t.test('one scenario behind every balancer that can be had here: those of one kind show the same', async t => {
  const scenario = findScenario('nlb-11-acks-to-the-balancer')!
  for (const column of COLUMNS) {
    const lacks = planeLacking(column)
    if (lacks !== null) await t.test(column.title, { skip: lacks }, async () => undefined)
  }
  const matrix = await runMatrix({
    scenarios: [scenario],
    columns: COLUMNS,
    seed: 1,
    atOnce: 3,
    lacking: planeLacking,
  })
  t.same(matrix.disagreements, [])
  for (const { column, state, symptoms, asExpected } of matrix.cells) {
    if (state === 'missing') continue
    const { source } = COLUMNS.find(({ id }) => id === column)!
    t.equal(state, 'ran', column)
    if (source === 'keep') t.same(symptoms, [], `${column}: every order ack finds its sender`)
    else {
      t.same(symptoms.map(({ kind }) => kind).slice(0, 2), ['misrouted', 'unacknowledged'], column)
      t.equal(asExpected, true, `${column}: what the scenario expects`)
    }
  }
  const text = matrixMarkdown({
    matrix,
    acks: [],
    scenarios: [scenario],
    command: 'mqlab matrix',
    date: '2026-11-22',
    versions: ['Node.js'],
  })
  t.match(text, /\| nlb-11-acks-to-the-balancer \| misrouted \d+, unacknowledged 9 ✓/)
  t.match(text, /Nowhere: in each table all columns show the same/)
})
