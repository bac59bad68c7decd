import { readFileSync } from 'node:fs'
import t from 'tap'
import { behaviourIndex, worldsOf } from '../../lab/behaviour-index.js'
import { shippedScenarios } from '../../lab/scenario-catalogue.js'
import { parseScenario } from '../../lab/scenario-file.js'

const shipped = shippedScenarios().map(({ scenario }) => scenario)

t.test('every behaviour has a scenario in both worlds; QMID-9 has none, and says why', async t => {
  const index = behaviourIndex(shipped)
  t.equal(index.length, 25)
  for (const { behaviour, statement, scenarios, notShown } of index) {
    t.not(statement, '')
    if (behaviour === 'QMID-9') {
      t.same(scenarios, [])
      t.match(notShown, /no directory/)
      continue
    }
    t.equal(notShown, null, behaviour)
    for (const world of ['sim', 'loopback'] as const)
      t.ok(
        scenarios.some(({ worlds }) => worlds.includes(world)),
        `${behaviour} in world ${world}`,
      )
  }
  t.same(
    index.find(({ behaviour }) => behaviour === 'NLB-10'),
    {
      behaviour: 'NLB-10',
      statement: 'A receiver that has logged the message rejects the resend and acknowledges again.',
      scenarios: [{ scenario: 'nlb-10-resend-acknowledged-again', worlds: ['sim', 'loopback'] }],
      notShown: null,
    },
  )
})

t.test('a behaviour that nobody claims has no scenarios', async t => {
  const index = behaviourIndex(shipped.filter(({ behaviours }) => !behaviours.includes('NLB-10')))
  t.same(index.find(({ behaviour }) => behaviour === 'NLB-10')?.scenarios, [])
})

const sample = (more: string) =>
  parseScenario(
    `scenario: sample
behaviours: [NLB-9]
about: a test
topology: { receivers: { name: R1, queues: { name: private$\\q, transactional: true } }, senders: { name: S1 } }
load: { to: 'DIRECT=TCP:{R1}\\private$\\q', delivery: transactional, messages: 1 }
expect: { lost: 0 }
${more}`,
    'sample.yaml',
  )

t.test('a scenario counts for the worlds that run it, and for what it claims there', async t => {
  const onSim = sample('faults: [{ atS: 1, disk: { of: R1, full: true }, forS: 1 }]')
  t.same(worldsOf(onSim), ['sim'])
  t.same(worldsOf(sample('')), ['sim', 'loopback'])
  const entryOf = (more: string, wanted: string) =>
    behaviourIndex([sample(more)]).find(({ behaviour }) => behaviour === wanted)?.scenarios
  t.same(entryOf('simulated: { behaviours: [NLB-10] }', 'NLB-9'), [{ scenario: 'sample', worlds: ['loopback'] }])
  t.same(entryOf('simulated: { behaviours: [NLB-10] }', 'NLB-10'), [{ scenario: 'sample', worlds: ['sim'] }])
})

t.test('docs/scenarios.md has the catalogue as it is', async t => {
  const text = readFileSync('docs/scenarios.md', 'utf8')
  const rows = text.split('\n').filter(line => /^\| (NLB|QMID)-\d+ \|/.test(line))
  t.same(
    rows,
    behaviourIndex(shipped).map(
      ({ behaviour, statement, scenarios, notShown }) =>
        `| ${behaviour} | ${statement.replaceAll('<', '\\<')} | ${notShown === null ? scenarios.map(({ scenario, worlds }) => `${scenario} (${worlds.join(', ')})`).join('; ') : `none: ${notShown}`} |`,
    ),
  )
  const readings = text.split('\n').filter(line => line.startsWith('- **') && /^- \*\*(nlb|qmid)-/.test(line))
  t.same(
    readings,
    shipped.flatMap(({ scenario, reading }) => (reading === undefined ? [] : [`- **${scenario}**: ${reading.trim()}`])),
  )
})
