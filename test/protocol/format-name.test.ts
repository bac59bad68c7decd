import fc from 'fast-check'
import t from 'tap'
import {
  type DirectFormatName,
  directWireName,
  type FormatName,
  formatNameKey,
  formatNameText,
  hostOf,
  isReadOnly,
  parseDirectWireName,
  parseFormatName,
  parseFormatNames,
} from '../../protocol/format-name.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const GUID = '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'

const direct = (
  protocol: DirectFormatName['protocol'],
  address: string,
  path: string,
  more: Partial<DirectFormatName> = {},
): DirectFormatName => ({ kind: 'direct', protocol, address, path, suffix: '', ...more })

const ROWS: readonly [text: string, name: FormatName][] = [
  ['DIRECT=TCP:192.0.2.10\\private$\\q', direct('TCP', '192.0.2.10', 'private$\\q')],
  ['DIRECT=TCP:2001:db8::1\\PRIVATE$\\order_queue$', direct('TCP', '2001:db8::1', 'PRIVATE$\\order_queue$')],
  ['DIRECT=OS:server1\\orders', direct('OS', 'server1', 'orders')],
  ['DIRECT=OS:.\\private$\\q', direct('OS', '.', 'private$\\q')],
  ['DIRECT=OS:server1\\private$\\q;JOURNAL', direct('OS', 'server1', 'private$\\q', { suffix: 'JOURNAL' })],
  ['DIRECT=OS:server1\\private$\\q;sub', direct('OS', 'server1', 'private$\\q', { subqueue: 'sub' })],
  ['DIRECT=OS:server1\\q;sub;JOURNAL', direct('OS', 'server1', 'q', { subqueue: 'sub', suffix: 'JOURNAL' })],
  ['DIRECT=OS:server1\\SYSTEM$;DEADXACT', direct('OS', 'server1', 'SYSTEM$', { suffix: 'DEADXACT' })],
  ['DIRECT=TCP:192.0.2.1\\SYSTEM$;JOURNAL', direct('TCP', '192.0.2.1', 'SYSTEM$', { suffix: 'JOURNAL' })],
  ['DIRECT=HTTP://server9/msmq/private$/web', direct('HTTP', 'server9', 'msmq/private$/web')],
  ['DIRECT=HTTPS://server9:8443/MSMQ/q', direct('HTTPS', 'server9:8443', 'MSMQ/q')],
  ['DIRECT=HTTP://[2001:db8::1]:80/msmq/q', direct('HTTP', '[2001:db8::1]:80', 'msmq/q')],
  ['DIRECT=SPX:00000012:00a0c9123456\\q', direct('SPX', '00000012:00a0c9123456', 'q')],
  ['DIRECT=IPX:00000012:00a0c9123456\\q', direct('IPX', '00000012:00a0c9123456', 'q')],
  [`PUBLIC=${GUID}`, { kind: 'public', guid: GUID, suffix: '' }],
  [`PUBLIC=${GUID};JOURNAL`, { kind: 'public', guid: GUID, suffix: 'JOURNAL' }],
  [`PRIVATE=${GUID}\\00000004`, { kind: 'private', queueManager: GUID, number: 4, suffix: '' }],
  [`PRIVATE=${GUID}\\deadbeef;JOURNAL`, { kind: 'private', queueManager: GUID, number: 0xdeadbeef, suffix: 'JOURNAL' }],
  [`MACHINE=${GUID};DEADLETTER`, { kind: 'machine', guid: GUID, suffix: 'DEADLETTER' }],
  [`CONNECTOR=${GUID}`, { kind: 'connector', guid: GUID, suffix: '' }],
  [`DL=${GUID}`, { kind: 'distribution-list', guid: GUID }],
  [`DL=${GUID}@example.test`, { kind: 'distribution-list', guid: GUID, domain: 'example.test' }],
  ['MULTICAST=239.255.255.255:65535', { kind: 'multicast', address: '239.255.255.255', port: 65535 }],
]

t.test('every form, both ways', async t => {
  for (const [text, name] of ROWS) {
    t.strictSame(parseFormatName(text), name, text)
    t.equal(formatNameText(name), text, 'written back')
  }
})

t.test('keywords and GUIDs in any case, numbers of any length', async t => {
  t.equal(
    formatNameText(parseFormatName('direct=os:Server1\\Private$\\Q;journal')),
    'DIRECT=OS:Server1\\Private$\\Q;JOURNAL',
  )
  t.equal(formatNameText(parseFormatName(`private=${GUID.toUpperCase()}\\F`)), `PRIVATE=${GUID}\\0000000f`)
  t.equal(
    formatNameKey(parseFormatName('DIRECT=OS:SERVER1\\q')),
    formatNameKey(parseFormatName('direct=os:server1\\Q')),
    'keys ignore case',
  )
  t.not(
    formatNameKey(parseFormatName('DIRECT=OS:server1\\q')),
    formatNameKey(parseFormatName('DIRECT=TCP:192.0.2.1\\q')),
  )
})

t.test('what is no format name', async t => {
  const texts = [
    ...['', 'q', 'server1\\q', 'DIRECT=', 'DIRECT=OS:', 'DIRECT=OS:server1', 'DIRECT=OS:server1\\', 'DIRECT=OS:\\q'],
    ...['DIRECT=UDP:server1\\q', 'DIRECT=TCP:server1\\q', 'DIRECT=TCP:300.1.1.1\\q', 'DIRECT=TCP:192.0.2.1:1801\\q'],
    ...['DIRECT=OS:server1\\other$\\q', 'DIRECT=OS:server1\\private$\\a\\b', 'DIRECT=OS:s\\q;a;b', 'DIRECT=OS:s\\q;'],
    ...['DIRECT=OS:s\\SYSTEM$', 'DIRECT=OS:s\\q;DEADXACT', 'DIRECT=OS:s\\a,b', 'DIRECT=OS:s\\a"b', 'DIRECT=OS:s\\a+b'],
    ...[`DIRECT=OS:s\\${'q'.repeat(125)}`, `DIRECT=OS:${'s'.repeat(257)}\\q`, `DIRECT=OS:s\\q;${'s'.repeat(33)}`],
    ...[
      'DIRECT=OS:s\\q\u0000',
      'DIRECT=HTTP://server9/q',
      'DIRECT=HTTP:server9/msmq/q',
      'DIRECT=HTTP://s:99999/msmq/q',
    ],
    ...['PUBLIC=x', `PUBLIC=${GUID};DEADXACT`, `PUBLIC=${GUID};`, `PRIVATE=${GUID}`, `PRIVATE=${GUID}\\123456789`],
    ...[`PRIVATE=${GUID}\\x`, `MACHINE=${GUID}`, `CONNECTOR=${GUID};JOURNAL`, `DL=${GUID}@`, 'DL=x'],
    ...['MULTICAST=192.0.2.1:1', 'MULTICAST=224.0.0.1', 'MULTICAST=224.0.0.1:65536', 'MULTICAST=240.0.0.1:1'],
  ]
  for (const text of texts) t.throws(() => parseFormatName(text), { code: 'MSMQ_OPTION_FORMAT_NAME' }, text)
})

t.test('several names in one', async t => {
  const text = `DIRECT=OS:a\\q,PUBLIC=${GUID},DL=${GUID},MULTICAST=224.0.0.1:1`
  t.strictSame(parseFormatNames(text).map(formatNameText).join(','), text)
  t.equal(parseFormatNames('DIRECT=OS:a\\q;JOURNAL').length, 1, 'a journal alone may be named')
  t.throws(() => parseFormatNames('DIRECT=OS:a\\q,DIRECT=OS:b\\q;JOURNAL'), { code: 'MSMQ_OPTION_FORMAT_NAME' })
  t.throws(() => parseFormatNames('DIRECT=OS:a\\q,'), { code: 'MSMQ_OPTION_FORMAT_NAME' })
  t.ok(isReadOnly(parseFormatName('DIRECT=OS:a\\q;JOURNAL')))
  t.notOk(isReadOnly(parseFormatName('DIRECT=OS:a\\q')))
})

t.test('wire names and hosts', async t => {
  const name = parseDirectWireName('OS:server1\\private$\\q')
  t.strictSame(name, direct('OS', 'server1', 'private$\\q'))
  t.equal(directWireName(name!), 'OS:server1\\private$\\q')
  t.equal(parseDirectWireName('rubbish'), null)
  t.equal(parseDirectWireName('DIRECT=OS:server1\\q'), null, 'the wire has no prefix')
  t.equal(hostOf(direct('HTTP', 'server9:8080', 'msmq/q')), 'server9')
  t.equal(hostOf(direct('HTTPS', '[2001:db8::1]:443', 'msmq/q')), '2001:db8::1')
  t.equal(hostOf(direct('TCP', '2001:db8::1', 'q')), '2001:db8::1')
})

t.test('no text that a peer sends breaks the reader; what it reads, it writes back', async t => {
  let named = 0
  const part = fc.constantFrom(
    'OS:',
    'TCP:',
    'HTTP:',
    '//',
    '\\',
    '/',
    'private$',
    'SYSTEM$',
    'msmq',
    ';',
    'JOURNAL',
    '1.2.3.4',
    'q',
    'é',
    '\0',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 8 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(text, wire => {
      const name = parseDirectWireName(wire)
      if (name === null) return true
      named++
      return formatNameKey(parseFormatName(formatNameText(name))) === formatNameKey(name)
    }),
    { seed: SUITE_SEED, numRuns: 20_000 },
  )
  t.ok(named > 10, `${named} names among them`)
})
