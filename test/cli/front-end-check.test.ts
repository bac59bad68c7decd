import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkReport, checkText } from '../../cli/front-end-check.js'
import { frontEndConfig } from '../../cli/front-end-config.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { temporaryDirectory } from '../fixtures/qm-child.js'

/* What `mqlab front-end` is told, without starting one. */

const EXAMPLE = 'docs/examples/front-end.yaml'

function configOf(t: Test, text: string, files: Record<string, string> = {}): string {
  const folder = temporaryDirectory(t)
  mkdirSync(join(folder, 'mapping'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'mapping', name), content)
  writeFileSync(join(folder, 'fe.yaml'), text)
  return join(folder, 'fe.yaml')
}

t.test('the example of the documentation, from its files to the tables', async t => {
  const config = frontEndConfig(EXAMPLE)
  t.strictSame(config.redirections, {
    inbound: [
      {
        from: 'http://orders.example.com:8080/msmq/private$/returns',
        to: 'http://backend:8080/msmq/private$/returns',
      },
      { from: 'http://orders.example.com:8080/msmq/private$/orders', to: 'http://backend:8080/msmq/private$/orders' },
      { from: 'http://127.0.0.100:8080/msmq/private$/orders', to: 'http://backend:8080/msmq/private$/orders' },
      {
        from: 'http://orders.example.com:8080/msmq/private$/acks-fe1',
        to: 'http://fe1:8080/msmq/private$/order_queue$',
      },
    ],
    outbound: [{ from: 'http://partner.example.net/*', to: 'http://relay.example.com:8080/msmq/relay' }],
    outboundExceptions: ['http://partner.example.net/msmq/private$/direct'],
    streamReceipts: [
      { from: 'http://partner.example.net/*', to: 'http://orders.example.com:8080/msmq/private$/acks-fe1' },
    ],
    defaultStreamReceipt: null,
    transparent: false,
  })
  t.strictSame(config.qm.http.redirections, config.redirections)
  t.ok(config.qm.http.aliases.includes('localhost'))
  t.equal(config.qm.settings.MachineQuota, 1_048_576)
  const [yaml] = config.mappings
  const lines = readFileSync(EXAMPLE, 'utf8').split('\n')
  for (const { from, to } of yaml!.rules) {
    for (const { url, line, column } of [from, to]) t.ok(lines[line - 1]?.slice(column - 1).startsWith(url), url)
  }
  const report = checkReport(config)
  t.strictSame(report.findings, [], 'nothing is wrong in the documentation')
  t.strictSame(report.ignored, [])
  t.strictSame(
    report.rules.map(({ table, effect }) => `${table}: ${effect}`),
    [
      'inbound: kept, and handed on to backend:8080',
      'outbound: sent to relay.example.com:8080 instead',
      'receipts: receipts are asked for at http://orders.example.com:8080/msmq/private$/acks-fe1',
      'inbound: kept, and handed on to backend:8080',
      'inbound: kept, and handed on to backend:8080',
      'inbound: put into private$\\order_queue$ here',
    ],
  )
  t.match(checkText(config), /front-end\.yaml:28/)
})

t.test('what the command prints with --check, as text and as JSON', async t => {
  const config = configOf(
    t,
    `name: FE1\nhttp: 0\naliases: vip\nmapping: mapping\ninbound: { from: 'http://vip/msmq/private$/q', to: 'http://vip/msmq/private$/q' }\n`,
    { 'a.xml': 'none' },
  )
  const json = await mqlab(['front-end', config, '--check', '--json'])
  t.equal(json.code, 0)
  t.match(JSON.parse(json.stdout), {
    name: 'FE1',
    http: { address: '127.0.0.1', port: 0 },
    https: null,
    data: null,
    rules: [{ table: 'inbound', file: config, line: 5 }],
    ignored: [{ id: 'not-xml', line: 1 }],
    findings: [{ id: 'to-itself', line: 5 }],
  })
  const { code, stdout } = await mqlabInProcess(['front-end', config, '--check'])
  t.equal(code, 0)
  t.match(stdout, /^ignored: .*a\.xml:1:\d+ no usable XML.*\n1 finding; mqlab lint-mapping --yaml .*fe\.yaml tells$/m)
})

t.test('what cannot be is one line on stderr and exit code 2', async t => {
  const rows: [name: string, config: string, flags: string[], said: RegExp][] = [
    ['no listener', configOf(t, 'name: FE1\n'), [], /fe\.yaml: http or https is missing/],
    ['no file', '/no/such.yaml', [], /such\.yaml: no such file/],
    [
      'no directory',
      configOf(t, 'name: FE1\nhttp: 0\nmapping: nowhere\n'),
      [],
      /fe\.yaml:3:10 mapping: .*nowhere cannot be read \(ENOENT\); name files/,
    ],
    [
      'a key',
      configOf(t, 'name: FE1\nhttp: 0\nmappings: x\n'),
      [],
      /:3:1 mappings: unknown key mappings: did you mean mapping/,
    ],
    ['nothing', configOf(t, '# to be written\n'), [], /fe\.yaml:1:1 the file is empty: it says nothing\n/],
    ['no certificate', configOf(t, 'https: 8443\n'), [], /fe\.yaml https: 8443: .*; give cert and key\n/],
    [
      'half a rule',
      configOf(t, "name: FE1\nhttp: 0\ninbound: [{ from: 'http://a/msmq/q' }]\n"),
      [],
      /:3:\d+ inbound\[0\]\.to: is missing/,
    ],
    [
      'strict',
      configOf(t, 'name: FE1\nhttp: 0\nmapping: mapping\n', { 'a.xml': '<redirections>\n</redirections>' }),
      ['--strict'],
      /mapping\/a\.xml:1:1 <redirections> has no namespace; write xmlns="msmq-queue-redirections\.xml"/,
    ],
    [
      'strict by the file',
      configOf(t, 'name: FE1\nhttp: 0\nstrict: true\nmapping: mapping\n', { 'b.xml': 'x', 'a.xml': '<a/>' }),
      [],
      /mapping\/a\.xml:1:1 <a> is no mapping file/,
    ],
  ]
  const mqlab = mqlabOnceStarted()
  for (const [name, config, flags, said] of rows) {
    const { code, stderr } = await mqlab(['front-end', config, ...flags])
    t.equal(code, 2, name)
    t.match(stderr, said, name)
    t.match(stderr, /^mqlab: [^\n]*\n$/, name)
  }
})
