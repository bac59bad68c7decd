import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Finding } from '../../../gateway/front-end/finding.js'
import { FINDINGS } from '../../../gateway/front-end/finding.js'
import { lintMappings } from '../../../gateway/front-end/lint.js'
import type { MachineNames } from '../../../gateway/front-end/machine.js'
import { EMPTY_MAPPING, type Mapping, type MappingTable } from '../../../gateway/front-end/mapping.js'
import { readMapping } from '../../../gateway/front-end/read-mapping.js'

type Row = readonly [from: string, to: string]

const NOBODY: MachineNames = { own: [], aliases: [], queues: null }
const FE: MachineNames = {
  own: ['FE1', 'fe1.example.com', '10.0.0.1'],
  aliases: ['vip', '10.0.0.100'],
  queues: ['private$\\here'],
}
const BACK = 'http://back/msmq/private$/q'

/** Rules on lines of their own: rule n has its `from` in column 1 and its `to` in column 100. */
function mappingOf(tables: Partial<Record<MappingTable, readonly Row[]>>, more: Partial<Mapping> = {}): Mapping {
  let line = 0
  const at = (url: string, column: number) => ({ url, file: 'm.xml', line, column })
  const rules = (['inbound', 'outbound', 'receipts'] as const).flatMap(table =>
    (tables[table] ?? []).map(([from, to]) => {
      line++
      return { table, from: at(from, 1), to: at(to, 100) }
    }),
  )
  return { ...EMPTY_MAPPING, file: 'm.xml', form: 'yaml', rules, ...more }
}

/** Every kind that a test below has seen. */
const seen = new Set<string>()

const shown = (findings: readonly Finding[]) =>
  findings.map(({ id, severity, line, column }) => {
    seen.add(id)
    return `${line}${column === 100 ? ' to' : ' from'} ${id}${severity === 'warning' ? '?' : ''}`
  })

const shows = (tables: Parameters<typeof mappingOf>[0], names: MachineNames = NOBODY, more: Partial<Mapping> = {}) =>
  shown(lintMappings([{ mappings: [mappingOf(tables, more)], names }]))

t.test('addresses', async t => {
  const from: [url: string, found: string[]][] = [
    ['http://vip/msmq/private$/q', []],
    ['HTTPS://VIP:8443\\MSMQ\\private$\\q', []],
    ['http://vip/msmq/orders', []],
    ['http://vip/msmq/private$/order_queue$?SenderStream=XRntV', ['query?']],
    ['http://vip/msmq/private$/*', []],
    ['http://vip/msmq/private$/ord*', []],
    ['http://vip/msm*', []],
    ['http://vip/*', []],
    ['http://*', []],
    ['*', []],
    ['http*', []],
    ['https://*', []],
    ['http://vip*', ['wildcard-host?']],
    ['http://vip:80*', ['wildcard-host?']],
    ['http://vip/foo*', ['no-msmq']],
    ['http://vip/msmqx*', ['no-msmq']],
    ['http://vip/msmq/public/*', ['not-private']],
    ['http://vip/msmq/private$/q/*', ['no-queue']],
    ['http://v*p/msmq/private$/q', ['wildcard-inside']],
    ['http://vip/msmq/*/q*', ['wildcard-inside']],
    ['DIRECT=http://vip/msmq/private$/q', ['direct-prefix']],
    ['OS:vip\\private$\\q', ['not-http']],
    ['vip/msmq/private$/q', ['not-http']],
    ['http:/vip/msmq/private$/q', ['not-http']],
    ['http:///msmq/private$/q', ['not-http']],
    ['http://vip:99999/msmq/private$/q', ['not-http']],
    ['ftp://vip/msmq/private$/q', ['not-http']],
    ['ftp*', ['not-http']],
    ['http://vip/msmq/private$/q#1', ['fragment']],
    ['http://vi p/msmq/private$/q', ['blank-inside']],
    ['http://vip/msmq/\nprivate$/q', ['blank-inside']],
    ['http://vip', ['no-msmq']],
    ['http://vip/orders', ['no-msmq']],
    ['http://vip/private$/q', ['no-msmq']],
    ['http://vip/msmq', ['no-queue']],
    ['http://vip/msmq/', ['no-queue']],
    ['http://vip/msmq/private$', ['no-queue']],
    ['http://vip/msmq/private$/q;sub', ['no-queue']],
    ['http://vip/msmq/q,r', ['no-queue']],
    [`http://vip/msmq/private$/${'q'.repeat(124)}`, []],
    [`http://vip/msmq/private$/${'q'.repeat(125)}`, ['no-queue']],
    ['http://vip/msmq/private$/', ['trailing-slash']],
    ['http://vip/msmq//q', ['no-queue']],
    ['http://vip/msmq/private$/q/', ['trailing-slash']],
    ['http://vip/msmq/privat$/q', ['not-private']],
    ['http://vip/msmq/private/q', ['not-private']],
    ['http://vip/msmq/private$/a/b', ['no-queue']],
    ['http://vip/msmq/private%24/q', ['not-private']],
    ['http://vip/msmq/private$/my%20q', ['escaped?']],
  ]
  for (const [url, found] of from)
    t.strictSame(
      shows({ inbound: [[url, BACK]] }),
      found.map(id => `1 from ${id}`),
      url,
    )

  const to: [url: string, found: string[]][] = [
    [BACK, []],
    ['https://back:8443/msmq/private$/q', []],
    ['http://FE1/msmq/private$/here', []],
    ['http://FE1/msmq/private$/HERE', []],
    ['http://localhost/msmq/private$/here', []],
    ['http://10.0.0.1/msmq/private$/there', ['no-such-queue']],
    ['http://fe1.example.com/msmq/private$/order_queue$', []],
    ['http://back/msmq/q', ['public-queue?']],
    ['http://back/msmq/private$/*', ['wildcard-in-to']],
    ['http://back/msmq/privates/q', ['not-private']],
    ['http://back/msmq/private$/q#f', ['fragment']],
    ['http://back/msmq/private$/q?x', ['query?']],
    ['DIRECT=OS:back\\private$\\q', ['direct-prefix']],
    ['back\\private$\\q', ['not-http']],
    ['http://back/', ['no-msmq']],
    ['http://back/msmq/private$/q/', ['trailing-slash']],
    ['http://VIP/msmq/private$/q', ['to-virtual-name']],
    ['http://10.0.0.100/msmq/private$/q', ['to-virtual-name']],
    ['http://farm/msmq/private$/other', ['to-virtual-name']],
    ['http://farm/msmq/private$/q', ['to-itself']],
    ['HTTP://FARM:80/msmq\\private$/Q', ['to-itself']],
  ]
  for (const [url, found] of to)
    t.strictSame(
      shows({ inbound: [['http://farm/msmq/private$/q', url]] }, FE),
      found.map(id => `1 to ${id}`),
      url,
    )
})

t.test('rules beside each other', async t => {
  const rows: [name: string, rules: Row[], names: MachineNames, found: string[]][] = [
    [
      'different',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v/msmq/private$/b', BACK],
      ],
      NOBODY,
      [],
    ],
    [
      'the same twice',
      [
        ['http://v/msmq/private$/a', BACK],
        ['HTTP://V:80/msmq\\private$/A', BACK],
      ],
      NOBODY,
      ['2 from from-repeated?'],
    ],
    [
      'the same, to elsewhere',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from from-repeated'],
    ],
    [
      'after a wildcard',
      [
        ['http://v/msmq/*', BACK],
        ['http://v/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from from-shadowed'],
    ],
    [
      'after a wildcard, same end',
      [
        ['http://v/msmq/*', BACK],
        ['http://v/msmq/private$/*', BACK],
      ],
      NOBODY,
      ['2 from from-shadowed?'],
    ],
    [
      'before a wildcard',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v/msmq/*', `${BACK}2`],
      ],
      NOBODY,
      [],
    ],
    [
      'the same wildcard',
      [
        ['http://v/*', BACK],
        ['http://V/*', BACK],
      ],
      NOBODY,
      ['2 from from-repeated?'],
    ],
    [
      'scheme',
      [
        ['http://v/msmq/private$/a', BACK],
        ['https://v/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from names-nearly-same?'],
    ],
    [
      'scheme, same end',
      [
        ['http://v/msmq/private$/a', BACK],
        ['https://v/msmq/private$/a', BACK],
      ],
      NOBODY,
      [],
    ],
    [
      'full name',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v.x.org/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from names-nearly-same?'],
    ],
    [
      'private',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v/msmq/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from names-nearly-same?'],
    ],
    [
      'port',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://v:8080/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      ['2 from names-nearly-same?'],
    ],
    [
      'addresses are no short names',
      [
        ['http://10.0.0.7/msmq/private$/a', BACK],
        ['http://10.0.0.8/msmq/private$/a', `${BACK}2`],
      ],
      NOBODY,
      [],
    ],
    [
      'a circle',
      [
        ['http://a/msmq/private$/q', 'http://b/msmq/private$/q'],
        ['http://b/msmq/private$/q', 'http://a/msmq/private$/q'],
      ],
      NOBODY,
      ['1 to loop', '2 to loop'],
    ],
    [
      'a circle of three',
      [
        ['http://a/msmq/private$/q', 'http://b/msmq/private$/q'],
        ['http://b/msmq/private$/q', 'http://c/msmq/private$/q'],
        ['http://c/msmq/private$/q', 'http://a/msmq/private$/q'],
      ],
      NOBODY,
      ['1 to loop', '2 to loop', '3 to loop'],
    ],
    [
      'a chain',
      [
        ['http://a/msmq/private$/q', 'http://b/msmq/private$/q'],
        ['http://b/msmq/private$/q', 'http://c/msmq/private$/q'],
      ],
      NOBODY,
      ['1 to chained?'],
    ],
    [
      'into a circle',
      [
        ['http://x/msmq/private$/q', 'http://a/msmq/private$/q'],
        ['http://a/msmq/private$/q', 'http://b/msmq/private$/q'],
        ['http://b/msmq/private$/q', 'http://a/msmq/private$/q'],
      ],
      NOBODY,
      ['1 to chained?', '2 to loop', '3 to loop'],
    ],
    [
      'the virtual name by another rule',
      [
        ['http://v/msmq/private$/a', BACK],
        ['http://w/msmq/private$/b', 'http://v/msmq/private$/c'],
      ],
      FE,
      ['2 to to-virtual-name'],
    ],
    [
      'an alias that is not mapped',
      [['http://fe1/msmq/private$/a', BACK]],
      { ...FE, own: ['FE1'], aliases: ['fe1.example.com'] },
      ['1 from alias-without-rule?'],
    ],
    [
      'an alias that is',
      [
        ['http://fe1/msmq/private$/a', BACK],
        ['http://fe1.example.com/msmq/*', BACK],
      ],
      { ...FE, own: ['FE1'], aliases: ['fe1.example.com'] },
      [],
    ],
  ]
  for (const [name, inbound, names, found] of rows) t.strictSame(shows({ inbound }, names), found, name)
})

t.test('outbound', async t => {
  const through = (url: string): Row => ['http://far/*', url]
  const exception = (url: string) => ({ exceptions: [{ url, file: 'm.xml', line: 9, column: 1 }] })
  t.strictSame(shows({ outbound: [through('http://proxy:8080')] }, FE), [])
  t.strictSame(shows({ outbound: [through('http://proxy:8080/msmq')] }, FE), [])
  t.strictSame(shows({ outbound: [through('proxy')] }, FE), ['1 to not-http'])
  t.strictSame(shows({ outbound: [through('http://FE1/')] }, FE), ['1 to outbound-to-itself'])
  t.strictSame(shows({ outbound: [through('http://vip/')] }, FE), ['1 to outbound-to-itself'])
  t.strictSame(shows({ outbound: [through('http://p'), ['http://far/msmq/private$/q', 'http://r']] }), [
    '2 from from-shadowed',
  ])
  t.strictSame(shows({ outbound: [through('http://p')] }, FE, exception('http://far/msmq/private$/q')), [])
  t.strictSame(shows({ outbound: [through('http://p')] }, FE, exception('http://f*')), ['9 from wildcard-host?'])
  t.strictSame(shows({ outbound: [through('http://p')] }, FE, exception('http://near/*')), ['9 from exception-unused?'])
})

t.test('receipts', async t => {
  const acks = 'http://vip/msmq/acks'
  const home: Row = [acks, 'http://S1/msmq/private$/order_queue$']
  const asked: Row = ['http://partner/*', acks]
  const byDefault = (...urls: string[]) => ({
    defaultReceipts: urls.map((url, index) => ({ url, file: 'm.xml', line: 8 + index, column: 100 })),
  })
  t.strictSame(shows({ inbound: [home], receipts: [asked] }, FE), [])
  t.strictSame(shows({ receipts: [asked] }, FE), ['1 to receipts-lost'])
  t.strictSame(shows({ receipts: [['https://partner/*', acks]], inbound: [home] }, FE), ['2 to receipts-scheme?'])
  t.strictSame(shows({ inbound: [[acks, BACK]], receipts: [asked] }, FE), ['2 to receipts-not-order-queue'])
  t.strictSame(shows({ receipts: [['http://partner/*', 'http://FE1/msmq/private$/here']] }, FE), [
    '1 to receipts-not-order-queue',
  ])
  t.strictSame(
    shows({ receipts: [['http://partner/*', 'http://fe1/MSMQ/PRIVATE$/order_queue$?SenderStream=1']] }, FE),
    [],
  )
  t.strictSame(shows({ receipts: [['http://partner/*', 'http://public.org/msmq/private$/order_queue$']] }, FE), [
    '1 to receipts-elsewhere?',
  ])
  t.strictSame(
    shows({ receipts: [['http://partner/*', 'http://public.org/msmq/private$/order_queue$']] }),
    [],
    'nothing is known of the machine',
  )
  t.strictSame(
    shows({ inbound: [['http://vip/msmq/private$/q', BACK]], receipts: [asked] }),
    ['2 to receipts-lost'],
    'the name is in a rule',
  )
  t.strictSame(shows({}, FE, byDefault('http://vip/msmq/private$/order_queue$')), ['8 to receipts-lost'])
  t.strictSame(shows({ inbound: [home] }, FE, byDefault(acks, acks)), ['9 to receipts-default-repeated?'])
  t.strictSame(shows({ inbound: [['http://vip/*', home[1]]], receipts: [asked] }, FE), ['1 from receipts-shared'])
  t.strictSame(shows({ receipts: [['http://partner/*', 'S1']] }, FE), ['1 to not-http'])
})

t.test('front ends beside each other', async t => {
  const file = (name: string, rules: readonly Row[]) =>
    readMapping(
      Buffer.from(
        `<redirections xmlns="msmq-queue-redirections.xml">\n${rules.map(([from, to]) => `<redirection><from>${from}</from><to>${to}</to></redirection>\n`).join('')}</redirections>`,
      ),
      name,
    )
  const lint = (...machines: (readonly Row[])[]) =>
    lintMappings(
      machines.map((rules, index) => ({ mappings: [file(`fe${index + 1}.xml`, rules)], names: NOBODY })),
    ).map(({ id, severity, file, line, behaviour }) => {
      seen.add(id)
      return `${file}:${line} ${severity} ${id} ${behaviour}`
    })
  const vip = 'http://vip/msmq/private$/q'
  t.strictSame(lint([[vip, BACK]], [[vip, BACK]]), [])
  t.strictSame(lint([[vip, BACK]], [['http://vip/*', BACK]]), [])
  t.strictSame(lint([[vip, BACK]], [[vip, 'http://back2/msmq/private$/q']]), [
    'fe1.xml:2 error several-back-ends NLB-6',
  ])
  t.strictSame(lint([[vip, BACK]], [[vip, 'http://back.example.com/msmq/private$/q']]), [
    'fe1.xml:2 warning several-back-ends NLB-6',
  ])
  t.strictSame(lint([[vip, BACK]], []), ['fe1.xml:2 error not-on-every-front-end NLB-5'])
  t.strictSame(lint([[vip, BACK]], [[vip, BACK]], [['http://vip/msmq/private$/other', BACK]]), [
    'fe1.xml:2 error not-on-every-front-end NLB-5',
    'fe3.xml:2 error not-on-every-front-end NLB-5',
  ])
  const own = 'http://localhost/msmq/private$/q'
  t.strictSame(lint([[vip, own]], [[vip, own]]), ['fe1.xml:2 error several-back-ends NLB-6'], 'a queue on each node')
  const acks = 'http://vip/msmq/acks'
  t.strictSame(
    lint([[acks, 'http://S1/msmq/private$/order_queue$']], [[acks, 'http://S2/msmq/private$/order_queue$']]),
    ['fe1.xml:2 error receipts-shared NLB-12'],
  )
  const sender = (name: string) =>
    readMapping(
      Buffer.from(
        `<StreamReceiptSetup xmlns="msmq-streamreceipt-mapping.xml"><all>http://cluster/msmq/acks</all></StreamReceiptSetup>`,
      ),
      name,
    )
  const senders = ['s1.xml', 's2.xml'].map(name => ({ mappings: [sender(name)], names: NOBODY }))
  t.match(lintMappings(senders), [
    { id: 'receipts-elsewhere', file: 's1.xml' },
    { id: 'receipts-elsewhere', file: 's2.xml' },
    { id: 'receipts-shared', file: 's2.xml', behaviour: 'NLB-12', related: { file: 's1.xml', line: 1 } },
  ])
})

t.test('a back end beside its front ends', async t => {
  const vip = 'http://vip/msmq/private$/q'
  const other = 'http://back/msmq/private$/other'
  const backEnd = { own: ['BACK'], aliases: ['vip'], queues: ['private$\\q', 'private$\\other'] }
  const lint = (frontEnd: readonly Row[], rules: readonly Row[], names: MachineNames = backEnd) =>
    shown(
      lintMappings([
        { mappings: [mappingOf({ inbound: frontEnd })], names: FE },
        { mappings: [mappingOf({ inbound: rules })], names },
      ]),
    )
  t.strictSame(lint([[vip, BACK]], []), [], 'the alias is enough for the same path')
  t.strictSame(lint([[vip, other]], []), ['1 to path-differs?'])
  t.strictSame(lint([[vip, other]], [[vip, other]]), [], 'with the rule, the path may be another')
  t.strictSame(lint([['http://vip/*', BACK]], []), ['1 to path-differs?'], 'a wildcard fits other paths')
  t.strictSame(lint([[vip, other]], [], { ...backEnd, own: ['BACK2'] }), ['1 from not-on-every-front-end'])
  t.strictSame(lint([[vip, BACK]], [], { ...backEnd, aliases: [] }), ['1 from not-on-every-front-end'])
})

t.test('faults of files are findings, in the order of the lines', async t => {
  const text = `<redirections xmlns="x">
<redirection><from>http://v/msmq/q</from><To>http://v/q</To></redirection>
</redirections>`
  const findings = lintMappings([{ mappings: [readMapping(Buffer.from(text), 'm.xml')], names: NOBODY }])
  t.strictSame(
    findings.map(({ line, column, id }) => `${line}:${column} ${id}`),
    ['1:1 namespace-wrong', '2:42 element-case', '2:46 no-msmq'],
  )
  for (const { reason, remedy, id, severity } of findings) {
    t.ok(reason.length > 10 && remedy.length >= 10, `${id} says why and what to do`)
    t.equal(severity, FINDINGS[id].severity)
  }
})

t.test('every kind of finding has been seen, and is explained', async t => {
  const ofFiles =
    /^(unreadable|not-xml|root-unknown|(namespace|element|text|address|shape)-(wrong|case|unknown|missing|repeated|misplaced))$/
  const rest = Object.keys(FINDINGS).filter(id => !ofFiles.test(id))
  t.strictSame(
    rest.filter(id => !seen.has(id)),
    [],
  )
  const page = readFileSync('docs/front-end.md', 'utf8')
  const table = page.slice(page.indexOf('| id | severity'))
  t.strictSame(
    Object.keys(FINDINGS).filter(id => !table.includes(`\`${id}\``)),
    [],
    'in docs/front-end.md',
  )
})
