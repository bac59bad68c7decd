import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ALL_WELL, always, sometimes } from '../../../lab/validate/prediction.js'
import { prove } from '../../../lab/validate/prove.js'
import { isTrial, type RuleRow } from '../../../lab/validate/rule.js'
import { RULES } from '../../../lab/validate/rules/index.js'
import { rulesMarkdown } from '../../../lab/validate/rules-table.js'
import { parseTopology, readTopologyFile } from '../../../lab/validate/topology-file.js'
import { validate } from '../../../lab/validate/validate.js'

const EXAMPLES = join(process.cwd(), 'examples')

const rowsOf = (text: string) => validate(parseTopology(text, 'topology.yaml')).rows
const said = (rows: readonly RuleRow[]) => rows.map(({ rule, verdict }) => `${rule} ${verdict}`)

/** What the gallery has no file for: things that nothing can be run for. */
const REST = [
  `topology: too-big
senders: { count: 2 }
sends: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: recoverable, sizeBytes: 5000000 }
balancer: { kind: nftables, affinity: single, check: none }
nodes: { count: 2, queues: { name: private$\\orders, quotaKB: 1000 } }
`,
  `topology: everything-else
senders: { count: 2 }
sends: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: recoverable }
balancer: { kind: aws-nlb, source: keep }
nodes: { count: 2, queues: { name: private$\\orders, quotaKB: 1000 } }
`,
]

t.test('every rule is met somewhere', async t => {
  const rows = [
    ...readdirSync(EXAMPLES).flatMap(file => validate(readTopologyFile(join(EXAMPLES, file))).rows),
    ...REST.flatMap(rowsOf),
  ]
  t.strictSame(
    RULES.map(({ id }) => id).filter(id => !rows.some(({ rule }) => rule === id)),
    [],
  )
})

t.test('docs/validate.md is current', async t => {
  t.ok(
    readFileSync(join(process.cwd(), 'docs/validate.md'), 'utf8').endsWith(`\n${rulesMarkdown(RULES)}`),
    'write its table anew: npx mqlab validate --rules',
  )
})

const WORST = `topology: worst
senders: { count: 3, identity: cloned, reachable: false }
sends:
  - to: DIRECT=OS:{cluster}\\private$\\orders
    delivery: transactional
    perTransaction: 2
balancer: { kind: f5, source: snat, idleTimeoutS: 60 }
nodes: { count: 3, queues: { name: private$\\orders } }
`

t.test('all that applies is said at once, where it stands', async t => {
  const rows = rowsOf(WORST)
  t.strictSame(said(rows), [
    'NLB-3/name-validation unsupported',
    'NLB-8/sender-unreachable unsupported',
    'NLB-11/acks-to-the-balancer unsupported',
    'NLB-13/resend-to-another-node unsupported',
    'NLB-1/idle-timeout unsupported',
    'NLB-1/health-check supported',
    'MQ-3/queue-type unsupported',
    'QMID-1/cloned-machines unsupported',
  ])
  const places = new Map(rows.map(({ rule, path }) => [rule, path.join('.')]))
  t.equal(places.get('NLB-3/name-validation'), 'sends.0')
  t.equal(places.get('NLB-11/acks-to-the-balancer'), 'balancer')
  t.equal(places.get('QMID-1/cloned-machines'), 'senders.0')
  const acks = rows.find(({ rule }) => rule.startsWith('NLB-11'))
  t.match(acks?.proof, { notRun: /find no queue/ }, 'what never arrives is not acknowledged either')
})

t.test('how many nodes are busy: sessions decide, and where messages are sent again, chance', async t => {
  const rowOf = (delivery: string, to: string) =>
    rowsOf(`topology: busy
senders: { count: 2 }
sends: { to: ${to}, delivery: ${delivery}, ratePerS: 2 }
balancer: { kind: f5, source: snat }
nodes: { count: 3, queues: [{ name: private$\\a, transactional: ${delivery === 'transactional'} }, { name: private$\\b }] }`).find(
      ({ rule }) => rule === 'NLB-1/few-clients',
    )
  const a = "'DIRECT=TCP:{vip}\\private$\\a'"
  const b = "'DIRECT=TCP:{vip}\\private$\\b'"
  t.match(rowOf('express', a)?.proof, { prediction: { when: 'always' } })
  t.match(rowOf('transactional', a)?.proof, { notRun: /resend/ })
  t.equal(rowOf('express', `[${a}, ${b}]`), undefined, 'two senders, four sessions, three nodes')
})

t.test('the verdict follows the file', async t => {
  const change = (what: string, by: string) => said(rowsOf(WORST.replace(what, by)))
  t.notOk(
    change('count: 3, queues', 'count: 3, registry: { ignoreosnamevalidation: 1 }, queues').includes(
      'NLB-3/name-validation unsupported',
    ),
  )
  t.ok(change('idleTimeoutS: 60', 'idleTimeoutS: 600').includes('NLB-1/idle-timeout supported'))
  t.ok(change(', source: snat', '').includes('NLB-11/source-not-stated unknown'))
  t.ok(
    change('senders: { count: 3', 'senders: { count: 3, registry: { CleanupInterval: 20000 }').includes(
      'NLB-1/idle-timeout supported',
    ),
    'MSMQ closes idle sessions before the balancer forgets them',
  )
  t.notOk(
    change('name: private$\\orders }', 'name: private$\\orders, transactional: true }').includes(
      'MQ-3/queue-type unsupported',
    ),
  )
  t.strictSame(
    said(
      rowsOf(
        WORST.replace('OS:{cluster}', 'TCP:{vip}').replace(
          'f5, source: snat',
          'windows-nlb, portRules: { ports: 1801, mode: disabled }',
        ),
      ),
    ).filter(row => row.startsWith('NLB-1/port')),
    ['NLB-1/port-rule unsupported'],
  )
})

t.test('a prediction that runs contradict is shown as such, and silence proves nothing', async t => {
  const rows = validate(readTopologyFile(join(EXAMPLES, 'complaint-01-unacknowledged.yaml'))).rows
  const row = rows.find(({ rule }) => rule.startsWith('NLB-11'))!
  const { proof } = row
  if (!isTrial(proof)) return t.fail('it is run')
  const variants = [
    proof.prediction,
    always({ ...ALL_WELL }),
    sometimes({ duplicated: '>= 1000' }),
    sometimes([{ duplicated: '>= 1000' }, { unacknowledged: '>= 1' }]),
    always({ unacknowledged: 0 }, 'answer-dropped'),
  ]
  const options = { seeds: [5, 6, 7], socketsLacking: 'not here' }
  const proofs = await prove(
    variants.map(prediction => ({ ...row, proof: { ...proof, prediction } })),
    options,
  )
  t.strictSame(
    proofs.map(
      ({ state, simulation }) => `${state} ${simulation?.asPredicted}/${simulation?.otherwise}/${simulation?.vacuous}`,
    ),
    ['confirmed 3/0/0', 'contradicted 0/3/0', 'contradicted 0/3/0', 'confirmed 3/0/0', 'not shown 0/0/3'],
  )
  t.match(proofs[1]?.simulation?.shown, { seed: 5, outcome: 'otherwise', measured: { delivered: 36, duplicated: 0 } })
  t.ok((proofs[1]?.simulation?.shown.measured.unacknowledged ?? 0) > 0, 'with what was seen')
  t.equal(proofs[0]?.socketsWhy, 'not here')
})

t.test('a proof can be interrupted while it simulates', async t => {
  const { rows } = validate(readTopologyFile(join(EXAMPLES, 'supported-1-direct-tcp.yaml')))
  const controller = new AbortController()
  let seen = 0
  const proof = prove(rows, {
    seeds: Array.from({ length: 1000 }, (_, index) => index),
    socketsLacking: 'not here',
    signal: controller.signal,
    onProgress: () => {
      seen += 1
      if (seen === 1) setTimeout(() => controller.abort(new Error('enough')))
    },
  })
  await t.rejects(proof, { message: 'enough' })
  t.ok(seen < 500, `${seen} runs`)
})

t.test('a proof has the file’s numbers, and no more machines than it can', async t => {
  const [row] = rowsOf(`topology: many
senders: { count: 200, registry: { CleanupInterval: 90000 } }
sends: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: recoverable, ratePerS: 0.5, sizeBytes: 2000 }
balancer: { kind: windows-nlb, affinity: network }
nodes: { count: 3, queues: { name: private$\\orders } }
`)
  if (row === undefined || !isTrial(row.proof)) return t.fail('it is run')
  const simulated = row.proof.scenario('sim')
  t.equal(simulated.topology.senders.length, 16)
  t.match(simulated.topology.senders[0]?.settings, { CleanupInterval: 90_000 })
  t.match(simulated.topology.gateway, { kind: 'nlb', affinity: 'network', source: 'keep' })
  t.match(simulated.load, [{ ratePerS: 0.5, sizeBytes: 2000, delivery: 'recoverable' }])
  t.strictSame(simulated.topology.settings, {}, 'timers are MSMQ’s own')
  const sockets = row.proof.scenario('sockets')
  t.ok((sockets.topology.settings.SeqResend13Time ?? 30) < 1, 'on sockets they are short')
  t.strictSame(sockets.topology.senders[0]?.settings, {}, 'and those of the file do not count')
  const [proof] = await prove([row], { seeds: [1], socketsLacking: null })
  t.match(proof?.socketsWhy, /19 machines, and 16 are the most/)
})
