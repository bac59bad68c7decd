import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig, type QmFlags, qmConfig } from '../../cli/qm-config.js'
import { NO_KEYS } from '../../queue-manager/security/security-keys.js'

const EXAMPLE = join(process.cwd(), 'docs/examples/qm.yaml')

const GOOD = `name: R1
dnsName: r1.example.com
address: 127.0.0.9
port: 1801
guid: '{5F2C9A10-7B1E-4C55-9D3A-0A1B2C3D4E01}'
data: ./data
control: run/r1.sock
controlToken: token
metrics: 9180
http: 8080
aliases: [farm.example.com, 192.0.2.9]
httpName: shop.example.com
logLevel: debug
settings: { seqresend13time: 5 }
queues:
  - { name: private$\\orders, transactional: true, quotaKB: null, access: 'everyone:send,!receive' }
  - name: prices
    guid: 9d1c5a3e-0f4b-4a57-8f0e-2f1f7d5b6c01
names: { R2: 127.0.0.2, CLUSTER: [127.0.0.3, 127.0.0.4] }
queueManagers: { 5F2C9A10-7B1E-4C55-9D3A-0A1B2C3D4E02: 127.0.0.2 }
`

const directory = mkdtempSync(join(tmpdir(), 'mqlab-config-'))
t.teardown(() => rmSync(directory, { recursive: true }))

function configOf(text: string, flags: QmFlags = {}) {
  const config = join(directory, 'qm.yaml')
  writeFileSync(config, text)
  return qmConfig({ ...flags, config })
}

t.test('a file says everything', async t => {
  t.same(configOf(GOOD), {
    name: 'R1',
    dnsName: 'r1.example.com',
    address: '127.0.0.9',
    port: 1801,
    guid: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01',
    data: join(directory, 'data'),
    control: join(directory, 'run/r1.sock'),
    controlToken: join(directory, 'token'),
    metrics: { address: '127.0.0.1', port: 9180 },
    http: {
      http: { address: '127.0.0.9', port: 8080 },
      https: undefined,
      ca: undefined,
      aliases: ['farm.example.com', '192.0.2.9'],
      name: 'shop.example.com',
    },
    logLevel: 'debug',
    settings: { SeqResend13Time: 5 },
    queues: [
      {
        name: 'private$\\orders',
        transactional: true,
        quotaKB: null,
        access: [{ who: 'everyone', allow: ['send'], deny: ['receive'] }],
      },
      { name: 'prices', guid: '9d1c5a3e-0f4b-4a57-8f0e-2f1f7d5b6c01' },
    ],
    security: NO_KEYS,
    names: { R2: ['127.0.0.2'], CLUSTER: ['127.0.0.3', '127.0.0.4'] },
    queueManagers: { '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e02': ['127.0.0.2'] },
  })
})

t.test('flags win, setting by setting and queue by queue', async t => {
  const flags = {
    name: 'R7',
    port: '0',
    data: 'here',
    control: 'off',
    metrics: '[::1]:9999',
    http: '[::1]:80',
    alias: ['::2'],
    httpName: 'localhost',
    logLevel: 'warn',
    set: ['SeqResend13Time=7', 'cleanupinterval=100'],
    queue: ['orders:transactional', 'private$\\new'],
  }
  t.match(configOf(GOOD, flags), {
    name: 'R7',
    address: '127.0.0.9',
    port: 0,
    data: 'here',
    control: 'off',
    metrics: { address: '::1', port: 9999 },
    http: {
      http: { address: '::1', port: 80 },
      aliases: ['farm.example.com', '192.0.2.9', '::2'],
      name: 'localhost',
    },
    logLevel: 'warn',
    settings: { SeqResend13Time: 7, CleanupInterval: 100 },
    queues: [
      { name: 'private$\\orders', transactional: true, access: [{ who: 'everyone' }] },
      { name: 'prices' },
      { name: 'private$\\new', transactional: false },
    ],
  })
})

t.test('without a file', async t => {
  t.same(qmConfig({ name: 'R1' }), {
    name: 'R1',
    dnsName: undefined,
    address: '127.0.0.1',
    port: undefined,
    guid: undefined,
    data: undefined,
    control: undefined,
    controlToken: undefined,
    metrics: undefined,
    http: { http: undefined, https: undefined, ca: undefined, aliases: [], name: undefined },
    logLevel: 'info',
    settings: {},
    queues: [],
    security: NO_KEYS,
    names: {},
    queueManagers: {},
  })
})

/** What is replaced, by what, where the error points (line:column), its field, and words that its text must have. */
const BAD: readonly (readonly [what: string, by: string, at: string, field: string, words: RegExp])[] = [
  ['name: R1', 'nmae: R1', '1:1', 'nmae', /did you mean name\?/],
  ['R1\n', 'a name\n', '1:7', 'name', /"a name" is not allowed: 1 to 15 characters/],
  ['127.0.0.9', 'here', '3:10', 'address', /an IP address of this machine/],
  ['1801', '70000', '4:7', 'port', /at most 65535/],
  ["'{5F2C9A10", "'{5F2C9A1", '5:7', 'guid', /is not allowed: a GUID/],
  ['9180', '10.0.0.1:9180', '9:10', 'metrics', /a loopback address/],
  ['9180', '90000', '9:10', 'metrics', /at most 65535/],
  ['8080', '10.0.0.1', '10:7', 'http', /PORT, or ADDRESS:PORT/],
  ['8080', '80800', '10:7', 'http', /at most 65535/],
  ['192.0.2.9', '192.0.2.9:80', '11:29', 'aliases[1]', /a host name or an IP address, without a port/],
  ['shop.example.com', 'http://shop', '12:11', 'httpName', /a host name or an IP address, without a port/],
  ['httpName: shop.example.com', 'cert: gone.pem', '12:7', 'cert', /gone\.pem: ENOENT/],
  ['debug', 'chatty', '13:11', 'logLevel', /trace, debug, info, warn, error, silent/],
  ['seqresend13time', 'SeqResend31Time', '14:13', 'settings.SeqResend31Time', /did you mean SeqResend13Time\?/],
  ['time: 5', 'time: -5', '14:30', 'settings.seqresend13time', /from 0.001/],
  ['transactional', 'transactionel', '16:30', 'queues[0].transactionel', /did you mean transactional\?/],
  ['private$\\orders', 'private$\\a\\b', '16:13', 'queues[0].name', /private\$\\NAME or NAME/],
  ['quotaKB: null', 'quotaKB: -1', '16:60', 'queues[0].quotaKB', /at least 0/],
  ["'everyone:send,", "'everyone:sned,", '16:74', 'queues[0].access', /send, receive, peek, journal, manage/],
  ["'everyone:", "'nobody:", '16:74', 'queues[0].access', /everyone, anonymous or a SID/],
  ['name: prices', 'name: PRIVATE$\\Orders', '17:11', 'queues[1].name', /there twice: queues\[0\]/],
  ['name: prices', 'name: private$\\p', '18:11', 'queues[1].guid', /only a public queue/],
  [
    'prices\n    guid: 9d1c5a3e-0f4b-4a57-8f0e-2f1f7d5b6c01',
    'p\n    number: 99',
    '18:13',
    'queues[1].number',
    /private/,
  ],
  ['R2: 127.0.0.2', 'R2: r2.example', '19:14', 'names.R2', /an IP address/],
  ['{ 5F2C9A10', '{ 5F2C9A1', '20:18', 'queueManagers.5F2C9A1', /GUID/],
  ['queues:', 'queues: [', '', '', /not YAML/],
]

t.test('bad files: file, line, field and what is allowed', async t => {
  for (const [what, by, at, field, words] of BAD) {
    t.ok(GOOD.includes(what), `the sample has ${what}`)
    t.throws(() => parseConfig(GOOD.replace(what, by), 'bad.yaml'), { exitCode: 2, message: words }, by)
    try {
      parseConfig(GOOD.replace(what, by), 'bad.yaml')
    } catch (error) {
      const { message } = error as Error
      if (at !== '') t.ok(message.startsWith(`bad.yaml:${at} ${field}`), message)
      t.notOk(message.includes('\n'), 'one line')
    }
  }
})

t.test('keys: a file that is not there, one that is no key, texts in the file', async t => {
  writeFileSync(join(directory, 'no.pem'), 'not a key\n')
  const at = (security: string) => `name: R1\nsecurity:\n  ${security}\n`
  const bad: readonly (readonly [security: string, message: RegExp])[] = [
    ['exchange: { privateKey: gone.pem }', /qm\.yaml:3:\d+ security\.exchange\.privateKey: .*gone\.pem: ENOENT/],
    [
      'exchange: { privateKey: no.pem }',
      /qm\.yaml:3:\d+ security\.exchange\.privateKey: allowed is an RSA private key/,
    ],
    ['sid: S-1-x', /qm\.yaml:3:8 security\.sid: allowed is a SID/],
    ['peers: { x: no.pem }', /qm\.yaml:3:\d+ security\.peers: allowed is a GUID/],
    ['signing: { privateKey: no.pem }', /security\.signing\.certificate: is missing/],
  ]
  for (const [security, message] of bad) t.throws(() => configOf(at(security)), { exitCode: 2, message }, security)
})

t.test('the example that is shipped', async t => {
  const config = qmConfig({ config: EXAMPLE })
  t.match(config, {
    name: 'R1',
    data: join(process.cwd(), 'docs/examples/r1-data'),
    metrics: { address: '127.0.0.1', port: 9180 },
    settings: { MachineQuota: 4_194_304 },
    names: { CLUSTER: ['127.0.0.3', '127.0.0.4'] },
  })
  t.same(
    config.queues.map(({ name }) => name),
    ['private$\\orders', 'private$\\secret', 'prices'],
  )
})
