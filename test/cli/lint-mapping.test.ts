import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { temporaryDirectory } from '../fixtures/qm-child.js'

/* `mqlab lint-mapping` as people run it. */

type Rule = readonly [from: string, to: string]

const xml = (...rules: Rule[]) =>
  `<redirections xmlns="msmq-queue-redirections.xml">\n${rules.map(([from, to]) => `<redirection><from>${from}</from><to>${to}</to></redirection>\n`).join('')}</redirections>\n`

const ORDERS = 'http://vip/msmq/private$/orders'
const BACK = 'http://back/msmq/private$/orders'

function files(t: Test, contents: Record<string, string>): string {
  const folder = temporaryDirectory(t)
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const lint = (...args: string[]) => mqlabInProcess(['lint-mapping', ...args])

t.test('findings by line, for people and for programs', async t => {
  const folder = files(t, {
    'b.xml': xml(['http://vip/*', BACK], [ORDERS, 'http://other/msmq/private$/orders']),
    'A.xml': xml([ORDERS, 'http://vip/msmq/private$/orders2']),
  })
  const text = await mqlab(['lint-mapping', folder, '--name', 'FE1', '--alias', 'vip'])
  t.equal(text.code, 1)
  const [a, b] = [join(folder, 'A.xml'), join(folder, 'b.xml')]
  t.equal(text.stdout.split('\n').filter(line => line.startsWith('    remedy: ')).length, 2)
  t.ok(text.stdout.startsWith(`${a}:2:62: error: vip is not one machine's name`), text.stdout)
  t.match(text.stdout, `\n${b}:3:20: error: ${ORDERS} is mapped already (${a}:2:20)`)
  t.match(text.stderr, '2 errors, 0 warnings; 3 rules in 2 files\n')

  const json = await lint(folder, '--name', 'FE1', '--alias', 'vip', '--json')
  t.equal(json.code, 1)
  const findings = json.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(findings, [
    { id: 'to-virtual-name', severity: 'error', file: a, line: 2, column: 62, behaviour: 'NLB-6', related: null },
    { id: 'from-repeated', severity: 'error', file: b, line: 3, column: 20, related: { file: a, line: 2, column: 20 } },
  ])
})

t.test('files of one directory are one machine, of several directories several', async t => {
  const folder = files(t, {
    'fe1/a.xml': xml([ORDERS, BACK]),
    'fe2/a.xml': xml([ORDERS, 'http://back2/msmq/private$/orders']),
    'good/a.xml': xml([ORDERS, BACK]),
    'good/b.xml': xml(['http://vip/msmq/private$/more', BACK]),
  })
  const path = (name: string) => join(folder, name)
  const two = await lint(path('fe1'), path('fe2'), '--json')
  t.equal(two.code, 1)
  t.match(JSON.parse(two.stdout), { id: 'several-back-ends', file: path('fe1/a.xml'), behaviour: 'NLB-6' })
  t.match(two.stderr, 'of 2 machines')
  const good = await mqlab(['lint-mapping', path('good')])
  t.match(good, { code: 0, stdout: '', stderr: '0 errors, 0 warnings; 2 rules in 2 files\n' })
  const separate = await lint('--separate', path('good/a.xml'), path('good/b.xml'), '--json')
  t.equal(separate.code, 1)
  t.match(separate.stdout, '"id":"not-on-every-front-end"')
})

t.test('with a configuration: its names, rules, files and queues', async t => {
  const yaml = (name: string, to: string) =>
    `name: ${name}\nhttp: 80\naliases: [vip]\nmapping: mapping\nqueues: [{ name: 'private$\\here' }]\ninbound:\n  - from: ${ORDERS}\n    to: ${to}\n`
  const folder = files(t, {
    'one/fe.yaml': yaml('FE1', 'http://fe1/msmq/private$/there'),
    'one/mapping/x.xml': xml(['http://vip/msmq/private$/acks', 'http://FE1/msmq/private$/order_queue$']),
    'two/fe.yaml': yaml('FE2', 'http://fe2/msmq/private$/here'),
    'two/mapping/x.xml': '<mapping/>',
  })
  const one = await lint('--yaml', join(folder, 'one/fe.yaml'), '--json')
  t.equal(one.code, 1)
  t.match(JSON.parse(one.stdout), { id: 'no-such-queue', file: join(folder, 'one/fe.yaml'), line: 8, column: 9 })
  const both = await lint('--yaml', join(folder, 'one/fe.yaml'), '--yaml', join(folder, 'two/fe.yaml'), '--json')
  const ids = both.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).id)
  t.strictSame(ids.sort(), ['namespace-wrong', 'no-such-queue', 'not-on-every-front-end', 'several-back-ends'])
})

t.test('what cannot be read is exit code 2, what is no mapping file a finding', async t => {
  const folder = files(t, { 'a.xml': 'from: to' })
  const mqlab = mqlabOnceStarted()
  const rows: [args: string[], code: number, said: RegExp][] = [
    [[], 2, /nothing to look at/],
    [[join(folder, 'no.xml')], 2, /no\.xml: no such file/],
    [['--yaml', join(folder, 'a.xml')], 2, /a\.xml:1:/],
    [[join(folder, 'a.xml')], 1, /1 error, 0 warnings/],
  ]
  for (const [args, code, said] of rows) {
    const ended = await mqlab(['lint-mapping', ...args])
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, said)
    if (code === 2) t.match(ended.stderr, /^mqlab: [^\n]*\n$/)
  }
})
