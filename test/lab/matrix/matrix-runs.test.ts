import t from 'tap'
import { COLUMNS } from '../../../lab/matrix/columns.js'
import { type MatrixOptions, runMatrix } from '../../../lab/matrix/matrix.js'
import { parseScenario } from '../../../lab/scenario-file.js'

const SCENARIO = parseScenario(
  `
scenario: expects-what-does-not-happen
about: one message, which arrives
topology:
  settings: { IdleAckDelay: 20 }
  gateway: { source: keep }
  receivers: { count: 1, queues: { name: 'private$\\orders' } }
  senders: { count: 1 }
load: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: express, messages: 1 }
time: { loadS: 1, drainS: 1 }
expect: { duplicated: 1 }
`,
  'wrong.yaml',
)
const options: MatrixOptions = {
  scenarios: [SCENARIO],
  columns: COLUMNS.filter(({ plane }) => plane === 'proxy'),
  seed: 1,
  atOnce: 2,
  lacking: () => null,
}

t.test(
  'what is expected and not seen is a disagreement that nothing explains; the other source mode is not asked',
  async t => {
    const { cells, disagreements } = await runMatrix(options)
    t.match(cells, [
      { column: 'proxy-kept', state: 'ran', runs: 3, asExpected: false, unmet: ['duplicated 1 expected, 0 seen'] },
      { column: 'proxy-translated', state: 'ran', runs: 1, asExpected: null, symptoms: [] },
    ])
    t.match(disagreements, [{ column: 'proxy-kept', reference: null, explanation: null }])
    t.equal(disagreements.length, 1)
  },
)

t.test('a balancer that is not here is missing, and disagrees with nobody', async t => {
  const { cells, disagreements } = await runMatrix({ ...options, lacking: () => 'not installed' })
  t.match(cells, [{ state: 'missing', why: 'not installed', runs: 0, asExpected: null }, { state: 'missing' }])
  t.same(disagreements, [])
})
