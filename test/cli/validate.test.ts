import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { temporaryDirectory } from '../fixtures/qm-child.js'

/* `mqlab validate` as people run it. */

t.test('exit codes, for people and for programs', async t => {
  const good = await mqlab(['validate', 'examples/supported-1-direct-tcp.yaml'])
  t.equal(good.code, 0)
  t.match(good.stdout, /NLB-1\/direct-tcp {2}supported {2}examples\/supported-1-direct-tcp\.yaml:7\n/)
  t.match(good.stdout, /supported-1-direct-tcp: supported \(3 supported\)/)

  const bad = await mqlab(['validate', 'examples/complaint-01-unacknowledged.yaml'])
  t.equal(bad.code, 1)
  t.match(bad.stdout, /NLB-11\/acks-to-the-balancer {2}unsupported/)
  t.match(bad.stdout, /remedy: /)

  const json = await mqlabInProcess(['validate', 'examples/complaint-06-stalls-after-minutes.yaml', '--json'])
  t.equal(json.code, 1)
  const { verdict, rows } = JSON.parse(json.stdout)
  t.equal(verdict, 'supported-if')
  t.match(rows[0], {
    rule: 'NLB-1/direct-tcp',
    verdict: 'supported-if',
    condition: String,
    line: Number,
    path: ['sends', 0],
  })
  t.match(rows[0].prediction, { when: 'always', stress: null })
})

t.test('with --prove a prediction stands beside what was seen', async t => {
  const file = 'examples/complaint-10-one-way-firewall.yaml'
  const report = join(temporaryDirectory(t), 'proof.html')
  const text = await mqlab(['validate', file, '--prove', '--seeds', '3..4', '--no-sockets', '--report', report])
  t.equal(text.code, 1, 'it is not supported, however well that is proved')
  t.match(
    text.stdout,
    /predicted: unacknowledged >= 1\n {2}simulated: CONFIRMED in 2 of 2 seeds; seed 3: unacknowledged 36/,
  )
  t.match(text.stdout, /on sockets: not run: not wanted \(--no-sockets\)/)
  t.match(text.stdout, /predictions: 1 confirmed/)
  const json = await mqlabInProcess(['validate', file, '--prove', '--seeds', '3', '--no-sockets', '--json'])
  t.match(JSON.parse(json.stdout).rows, [
    { proof: { state: 'confirmed', simulation: { seeds: 1, asPredicted: 1, shown: { seed: 3 } }, sockets: null } },
  ])
})

t.test('what cannot be validated is one line', async t => {
  const file = join(temporaryDirectory(t), 'bad.yaml')
  const mqlab = mqlabOnceStarted()
  writeFileSync(file, 'topology: bad\nsends: { to: nowhere, delivery: express }\nnodes: { count: 2 }\n')
  for (const [args, words] of [
    [[file], /bad\.yaml:2:\d+ sends: there are no senders/],
    [['examples/none.yaml'], /examples\/none\.yaml/],
    [[], /nothing to validate/],
    [['examples/supported-1-direct-tcp.yaml', '--report', 'x.html'], /--report: .* without --prove/],
    [['examples/supported-1-direct-tcp.yaml', '--seeds', '9..2'], /A\.\.B/],
  ] as const) {
    const { code, stderr, stdout } = await mqlab(['validate', ...args])
    t.equal(code, 2, args.join(' '))
    t.match(stderr, words)
    t.equal(stderr.trim().split('\n').length, 1, 'one line')
    t.equal(stdout, '')
  }
})
