import t from 'tap'
import { DecodeError } from '../../../protocol/errors.js'
import { decodeEnvelope, type Envelope, envelopeText } from '../../../protocol/srmp/envelope.js'
import { parseXml, type XmlElement } from '../../../protocol/xml.js'

/* Every element of an envelope: there, not there, twice, elsewhere, with other prefixes, with wrong content. */

const guid = (digit: string): string => `${digit.repeat(8)}-1111-2222-3333-444444444444`

/** Whatever can be said, for the sake of having every element. */
const FULL: Envelope = {
  action: 'MSMQ:a <label>',
  to: 'http://farm:8080/msmq/private$/orders',
  id: { index: 0xffffffff, guid: guid('a') },
  via: 'MSMQ:PUBLIC=aaaaaaaa-1111-2222-3333-444444444444',
  expiresAtS: 0x7fffffff,
  sentAtS: 1_700_000_000,
  durable: true,
  deliveryReceiptTo: 'http://sender/msmq/private$/admin',
  commitmentReceiptRequest: { sendTo: 'https://sender/msmq/other', positiveOnly: true, negativeOnly: true },
  stream: {
    streamId: { guid: guid('b'), sequence: { timeStamp: 0xffffffff, ordinal: 0xfffffffe } },
    current: 7,
    previous: 5,
    sendReceiptsTo: 'http://sender/MSMQ/PRIVATE$/order_queue$',
  },
  streamReceipt: { streamId: { guid: guid('c'), sequence: { timeStamp: 1, ordinal: 2 } }, lastOrdinal: 9 },
  deliveryReceipt: { receivedAtS: 1_700_000_001, id: { index: 1, guid: guid('d') } },
  commitmentReceipt: { decidedAtS: 1_700_000_002, decision: 'negative', id: { index: 2, guid: guid('e') } },
  msmq: {
    class: 0xc001,
    priority: 7,
    journal: true,
    deadLetter: true,
    correlation: Buffer.alloc(20, 0xfb),
    trace: true,
    connectorType: guid('f'),
    app: 36,
    bodyType: 8,
    hashAlgorithm: 0x8004,
    eod: { first: true, last: true, connectorId: guid('0') },
    provider: { type: 1, name: 'Provider & Name' },
    sourceQmGuid: guid('a'),
    destinationMqf: ['http://m1/msmq/q', 'http://m2/msmq/q'],
    adminMqf: ['http://m3/msmq/q'],
    responseMqf: ['MSMQ:PUBLIC=aaaaaaaa-1111-2222-3333-444444444444'],
    ttrqS: 1_700_100_000,
  },
  signature: '<Signature xmlns="http://www.w3.org/2000/02/xmldsig#"><SignedInfo a="b"/></Signature>',
}

interface Tree {
  name: string
  readonly namespace: string
  readonly attributes: readonly { name: string; value: string }[]
  readonly text: string
  children: Tree[]
}

function treeOf({ name, namespace, attributes, text, children }: XmlElement): Tree {
  return { name, namespace, attributes, text, children: children.map(treeOf) }
}

interface Style {
  readonly prefix: (namespace: string) => string
  readonly space: string
}

const PREFIXES = new Map([
  ['http://schemas.xmlsoap.org/soap/envelope/', 'SOAP-ENV:'],
  ['http://schemas.xmlsoap.org/srmp/', 's:'],
  ['http://schemas.xmlsoap.org/rp/', ''],
  ['msmq.namespace.xml', '_m-.1:'],
  ['http://www.w3.org/2000/02/xmldsig#', 'ds:'],
])
const STYLE: Style = { prefix: namespace => PREFIXES.get(namespace) ?? '', space: '' }

function escapedText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** All namespaces declared at the top, one of them as the default: not as any of us writes it. */
function written(tree: Tree, style = STYLE, isTop = true): string {
  const name = style.prefix(tree.namespace) + tree.name
  const declarations = isTop
    ? [...PREFIXES].map(([uri, prefix]) => ` xmlns${prefix === '' ? '' : `:${prefix.slice(0, -1)}`}="${uri}"`).join('')
    : ''
  const soap = PREFIXES.get('http://schemas.xmlsoap.org/soap/envelope/')
  const attributes = tree.attributes.map(one => ` ${soap}${one.name}="${one.value}"`).join('')
  const inside = tree.children.map(child => style.space + written(child, style, false)).join('') + style.space
  return `<${name}${attributes}${declarations}>${escapedText(tree.text)}${inside}</${name}>`
}

const decode = (text: string): Envelope => decodeEnvelope(Buffer.from(text), 0).envelope
const fullTree = (): Tree => treeOf(parseXml(envelopeText(FULL)))

/** Every element below the header, by path. */
function* elementsOf(
  parent: Tree,
  path: string,
): Generator<{ parent: Tree; index: number; path: string; name: string }> {
  for (const [index, child] of parent.children.entries()) {
    yield { parent, index, path, name: child.name }
    yield* elementsOf(child, `${path}/${child.name}`)
  }
}

function header(tree: Tree): Tree {
  return tree.children[0]!
}

/** Mandatory where what they stand in is there. */
const MANDATORY = new Set([
  'Header/path', 'Header/path/action', 'Header/path/to', 'Header/path/id', 'Header/path/rev/via',
  'Header/properties', 'Header/properties/expiresAt',
  'Header/services/deliveryReceiptRequest/sendTo', 'Header/services/commitmentReceiptRequest/sendTo',
  'Header/Stream/streamId', 'Header/Stream/current', 'Header/Stream/start/sendReceiptsTo',
  'Header/streamReceipt/streamId', 'Header/streamReceipt/lastOrdinal',
  'Header/deliveryReceipt/receivedAt', 'Header/deliveryReceipt/id',
  'Header/commitmentReceipt/decidedAt', 'Header/commitmentReceipt/decision', 'Header/commitmentReceipt/id',
  'Header/Msmq', 'Header/Msmq/Class', 'Header/Msmq/Priority', 'Header/Msmq/BodyType', 'Header/Msmq/SourceQmGuid',
  'Header/Msmq/TTrq', 'Header/Msmq/Provider/Type', 'Header/Msmq/Provider/Name',
]) // biome-ignore format: a list

const IGNORED = ['Header/Signature/SignedInfo']

t.test('everything, in whatever order, with other prefixes, with and without white space', async t => {
  t.strictSame(decode(envelopeText(FULL)), FULL)
  const reversed = fullTree()
  const turn = (tree: Tree): void => {
    tree.children.reverse()
    for (const child of tree.children) turn(child)
  }
  turn(header(reversed))
  const { signature: _, ...rest } = FULL
  for (const [name, tree] of Object.entries({ 'other prefixes': fullTree(), reversed })) {
    for (const space of ['', '\r\n\t  ']) {
      const decoded = decode(written(tree, { ...STYLE, space }))
      t.has(decoded, rest, `${name}${space === '' ? '' : ', indented'}`)
      t.ok(decoded.signature?.startsWith('<ds:Signature'), 'as it was written')
    }
  }
})

t.test('elements that are not there', async t => {
  for (const { path, name } of elementsOf(header(fullTree()), 'Header')) {
    const where = `${path}/${name}`
    if (IGNORED.includes(where)) continue
    const tree = fullTree()
    const place = [...elementsOf(header(tree), 'Header')].find(one => `${one.path}/${one.name}` === where)!
    place.parent.children.splice(place.index, 1)
    if (!MANDATORY.has(where)) {
      t.notSame(decode(written(tree)), FULL, `${where} may be missing`)
      continue
    }
    t.throws(() => decode(written(tree)), { code: 'MSMQ_DECODE_SRMP_MISSING', field: name, structure: path }, where)
  }
})

t.test('elements that are there twice', async t => {
  for (const { path, name } of elementsOf(header(fullTree()), 'Header')) {
    const where = `${path}/${name}`
    if (IGNORED.includes(where)) continue
    const tree = fullTree()
    const place = [...elementsOf(header(tree), 'Header')].find(one => `${one.path}/${one.name}` === where)!
    place.parent.children.push(place.parent.children[place.index]!)
    t.throws(() => decode(written(tree)), { code: 'MSMQ_DECODE_SRMP_REPEATED', field: name, structure: path }, where)
  }
  const both = fullTree()
  const stream = header(both).children.find(child => child.name === 'Stream')!
  header(both).children.push({ ...stream, name: 'stream' })
  t.throws(() => decode(written(both)), { code: 'MSMQ_DECODE_SRMP_REPEATED' }, 'stream and Stream')
})

t.test('elements of nobody, and of other namespaces', async t => {
  const tree = fullTree()
  const strange = (namespace: string): Tree => ({ name: 'id', namespace, attributes: [], text: 'x', children: [] })
  const unknown = { ...strange(''), name: 'unknown' }
  for (const { parent } of [...elementsOf(header(tree), 'Header')]) {
    // Of another namespace than the parent's, whatever that is.
    const other = parent.namespace === 'msmq.namespace.xml' ? 'http://schemas.xmlsoap.org/srmp/' : 'msmq.namespace.xml'
    if (!parent.children.some(child => child.namespace === other)) parent.children.unshift(strange(other), unknown)
  }
  const { signature: _, ...rest } = FULL
  t.has(decode(written(tree)), rest)
  const text = envelopeText(FULL)
  t.throws(
    () => decode(text.replace('<path xmlns="http://schemas.xmlsoap.org/rp/"', '<path')),
    { code: 'MSMQ_DECODE_SRMP_MISSING', field: 'path' },
    'a path that is of SRMP is none',
  )
})

t.test('the frame', async t => {
  const text = envelopeText(FULL)
  const rows: [string, string, string, string][] = [
    ['no envelope', text.replaceAll('se:Envelope', 'se:Envelop'), 'MSMQ_DECODE_SRMP_MISSING', 'Envelope'],
    ['another SOAP', text.replace('/soap/envelope/', '/soap/envelope'), 'MSMQ_DECODE_SRMP_MISSING', 'Envelope'],
    ['no header', text.replace(/<se:Header>.*<\/se:Header>/s, ''), 'MSMQ_DECODE_SRMP_MISSING', 'Header'],
    ['no body', text.replace('<se:Body></se:Body>', ''), 'MSMQ_DECODE_SRMP_MISSING', 'Body'],
    [
      'the body first',
      text.replace('<se:Header>', '<se:Body/><se:Header>').replace('<se:Body></se:Body>', ''),
      'MSMQ_DECODE_SRMP_ORDER',
      'Header',
    ],
    ['something between', text.replace('<se:Body>', '<x/><se:Body>'), 'MSMQ_DECODE_SRMP_ORDER', 'Body'],
    ['two bodies', text.replace('<se:Body>', '<se:Body/><se:Body>'), 'MSMQ_DECODE_SRMP_REPEATED', 'Body'],
  ]
  for (const [name, envelope, code, field] of rows) {
    t.throws(() => decode(envelope), { code, field, section: '[MC-MQSRM] 2.2.2' }, name)
  }
  const filled = text.replace('<se:Body></se:Body>', '<se:Body><order xmlns="urn:x"><path/></order></se:Body><after/>')
  t.strictSame(decode(filled), FULL, 'a body with something in it')
})

t.test('mustUnderstand', async t => {
  const text = envelopeText(FULL)
  for (const entry of ['path', 'properties', 'services', 'Stream']) {
    const start = text.indexOf(`<${entry} `)
    const marked = ' se:mustUnderstand="1"'
    const at = text.indexOf(marked, start)
    const without = text.slice(0, at) + text.slice(at + marked.length)
    t.throws(() => decode(without), { code: 'MSMQ_DECODE_SRMP_MISSING', structure: 'Header', field: entry }, entry)
    const zero = `${text.slice(0, at)} se:mustUnderstand="0"${text.slice(at + marked.length)}`
    t.throws(() => decode(zero), { code: 'MSMQ_DECODE_SRMP_VALUE', field: entry }, entry)
  }
})

t.test('contents', async t => {
  const u64 = '18446744073709551615'
  const dates = [
    '',
    '20070619',
    '20070619T2106',
    '20070230T000000',
    '20070229T000000',
    '20071301T000000',
    '20070619t210654',
  ].concat(
    '20070619T240000',
    '20070619T236000',
    '20070619T235960',
    '19691231T235959',
    '20070619T210654Z',
    '2007061xT210654',
  )
  const ids = [
    '',
    'uuid:',
    '1@x',
    `uuid:4294967296@${guid('a')}`,
    `uuid:1@{${guid('a')}}`,
    `uid:1@${guid('a')}`,
    `uuid:@${guid('a')}`,
  ].concat(`uuid:-1@${guid('a')}`, `uuid:1@${guid('a')}0`, `uuid:1.0@${guid('a')}`)
  const streams = [
    '',
    'uid:',
    guid('a'),
    `uid:${guid('a')}`,
    `uid:${guid('a')}\\`,
    `uid:${guid('a')}\\18446744073709551616`,
  ].concat(`uuid:${guid('a')}\\1`, `uid:${guid('a')}/1`, `uid:${guid('a')}\\0x1`)
  const u32 = ['', '-1', '+1', '1.0', '0x1', '4294967296', u64, '1 2', '１']
  const guids = ['', `{${guid('a')}}`, 'x', `${guid('a')}0`]
  const urls = [
    '',
    'ftp://x/y',
    'host',
    'http:',
    'http://',
    'http:///msmq/q',
    'http://h:65536/q',
    'http://a b/q',
    'DIRECT=http://x/y',
    'http://x/a\nb',
  ]
  const rows: [path: string, bad: string[], good: string[]][] = [
    [
      'path/to',
      urls.concat('MSMQ:DIRECT=OS:x\\y'),
      ['HTTPS://h/q', 'http://[::1]:80/msmq/q', 'MSMQ:MULTICAST=234.1.1.1:8001', 'http://h/msmq/a b?c=d'],
    ],
    ['path/id', ids, [`uuid:0@${guid('A')}`, `uuid:0000000000000000000007@${guid('a')}`]],
    ['path/rev/via', [], ['', 'http://x/y', 'nonsense']],
    ['properties/expiresAt', dates, ['20080229T000000', '99991231T235959', ' \n20380119T031407\t']],
    ['properties/sentAt', dates.concat('21060207T062816'), ['21060207T062815', '19700101T000000']],
    ['services/deliveryReceiptRequest/sendTo', urls, ['http://x/y']],
    ['services/commitmentReceiptRequest/sendTo', urls, ['https://x/y']],
    ['Stream/streamId', streams, [`uid:${guid('A')}\\${u64}`, `uid:${guid('a')}\\0`]],
    ['Stream/current', u32.concat('0'), ['1', '4294967295', '0042']],
    ['Stream/previous', u32, ['0', '4294967295']],
    ['Stream/start/sendReceiptsTo', urls, ['http://x/y?z=A']],
    ['streamReceipt/streamId', streams, []],
    ['streamReceipt/lastOrdinal', u32, ['0']],
    ['deliveryReceipt/receivedAt', dates, []],
    ['deliveryReceipt/id', ids, []],
    ['commitmentReceipt/decidedAt', dates, []],
    ['commitmentReceipt/decision', ['', 'Positive', 'yes'], ['positive', ' negative ']],
    ['commitmentReceipt/id', ids, []],
    ['Msmq/Class', u32.concat('65536'), ['65535', '0']],
    ['Msmq/Priority', u32.concat('8'), ['0', '7']],
    ['Msmq/Journal', [], ['', 'anything']],
    [
      'Msmq/Correlation',
      ['', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAA==', '????????????????????????????'],
      ['AAAAAAAAAAAAAA\n  AAAAAAAAAAAAA='],
    ],
    ['Msmq/ConnectorType', guids, [guid('A')]],
    ['Msmq/App', u32, ['4294967295']],
    ['Msmq/BodyType', u32, ['0']],
    ['Msmq/HashAlgorithm', u32, ['32772']],
    ['Msmq/Eod/ConnectorId', guids, []],
    ['Msmq/Provider/Type', u32, []],
    ['Msmq/Provider/Name', [], ['']],
    ['Msmq/SourceQmGuid', guids, [guid('B')]],
    ['Msmq/DestinationMqf', [], ['', '  http://a/b\n\thttp://c/d ']],
    ['Msmq/TTrq', dates, []],
  ]
  for (const [path, bad, good] of rows) {
    const withText = (text: string): string => {
      const tree = fullTree()
      const steps = path.split('/')
      let parent = header(tree)
      for (const step of steps.slice(0, -1)) parent = parent.children.find(child => child.name === step)!
      const index = parent.children.findIndex(child => child.name === steps.at(-1))
      parent.children[index] = { ...parent.children[index]!, text, children: [] }
      return written(tree)
    }
    for (const text of bad) {
      try {
        decode(withText(text))
        t.fail(`${path}: ${JSON.stringify(text)} was taken`)
      } catch (error) {
        const place = `Header/${path}`
        t.ok(error instanceof DecodeError, `${path}: ${error}`)
        t.has(error, {
          code: 'MSMQ_DECODE_SRMP_VALUE',
          structure: place.slice(0, place.lastIndexOf('/')),
          field: place.slice(place.lastIndexOf('/') + 1),
        })
      }
    }
    for (const text of good) t.doesNotThrow(() => decode(withText(text)), `${path}: ${JSON.stringify(text)}`)
  }
})

t.test('values as they are understood', async t => {
  const bare: Envelope = { ...FULL, stream: null, msmq: null, signature: null }
  const text = envelopeText(bare)
  t.strictSame(decode(text), bare)
  t.has(
    decode(text.replace(/<id>.*?<\/id>/, '<id>whatever</id>')),
    { id: { index: 1, guid: guid('0').replace(/./g, c => (c === '-' ? c : '0')) } },
    'an identifier without Msmq is not looked at',
  )
  t.throws(
    () => decode(text.replace(/<id>.*?<\/id>/, '')),
    { code: 'MSMQ_DECODE_SRMP_MISSING', field: 'id' },
    'but has to be there',
  )
  t.equal(decode(text.replace(/<via>.*?<\/via>/, '<via/>')).via, null)
  const label = (action: string): string =>
    decode(text.replace(/<action>.*?<\/action>/, `<action>${action}</action>`)).action
  t.equal(label('MSMQ:  a  b  '), 'MSMQ:  a  b  ', "blanks are the label's")
  t.equal(label('\n  MSMQ:a b\n  '), 'MSMQ:a b', 'line breaks are not')
  t.equal(label('MSMQ:a&#13;b'), 'MSMQ:a\rb')
  t.equal(label(''), '')
  t.equal(decode(envelopeText({ ...bare, action: 'MSMQ:a\rb\u0000\ud800' })).action, 'MSMQ:a\rb\ufffd\ufffd')
  t.throws(() => envelopeText({ ...bare, expiresAtS: -1 }), { code: 'MSMQ_ENCODE_SRMP_DATE' })
  t.throws(() => envelopeText({ ...bare, expiresAtS: 1.5 }), { code: 'MSMQ_ENCODE_SRMP_DATE' })
})

t.test('errors say where', async t => {
  const text = `\ufeff${envelopeText({ ...FULL, action: 'MSMQ:ä' })}`
  const broken = text.replace('<Priority>7<', '<Priority>8<')
  try {
    decodeEnvelope(Buffer.from(broken), 100)
    t.fail('was taken')
  } catch (error) {
    t.has(error, {
      code: 'MSMQ_DECODE_SRMP_VALUE',
      structure: 'Header/Msmq',
      field: 'Priority',
      offset: 100 + Buffer.from(broken).indexOf('<Priority>'),
      section: '[MC-MQSRM] 2.2.6.2',
    })
  }
})
