import t from 'tap'
import { readMapping } from '../../../gateway/front-end/read-mapping.js'
import { redirectionsOf } from '../../../gateway/front-end/tables.js'

const read = (text: string) => readMapping(Buffer.from(text), 'm.xml')

t.test('redirections as Windows Server 2003 and later have them', async t => {
  const mapping = read(`<?xml version="1.0" encoding="UTF-8"?>
<redirections xmlns="msmq-queue-redirections.xml">
  <!-- the farm's orders -->
  <redirection>
    <from>http://www.northwindtraders.com/msmq/orderq</from>
    <to>http://OrderServer/msmq/private$/orderq</to>
  </redirection>
  <redirection>
    <to>
      http://Sender/msmq/private$/order_queue$
    </to>
    <from><![CDATA[http://www.northwindtraders.com/msmq/acks?a=1&b=2]]></from>
  </redirection>
</redirections>
`)
  t.strictSame(mapping, {
    file: 'm.xml',
    form: 'redirections',
    rules: [
      {
        table: 'inbound',
        from: { url: 'http://www.northwindtraders.com/msmq/orderq', file: 'm.xml', line: 5, column: 11 },
        to: { url: 'http://OrderServer/msmq/private$/orderq', file: 'm.xml', line: 6, column: 9 },
      },
      {
        table: 'inbound',
        from: { url: 'http://www.northwindtraders.com/msmq/acks?a=1&b=2', file: 'm.xml', line: 12, column: 11 },
        to: { url: 'http://Sender/msmq/private$/order_queue$', file: 'm.xml', line: 10, column: 7 },
      },
    ],
    exceptions: [],
    defaultReceipts: [],
    transparent: false,
    faults: [],
  })
  t.strictSame(redirectionsOf([mapping]), {
    inbound: [
      { from: 'http://www.northwindtraders.com/msmq/orderq', to: 'http://OrderServer/msmq/private$/orderq' },
      { from: 'http://www.northwindtraders.com/msmq/acks?a=1&b=2', to: 'http://Sender/msmq/private$/order_queue$' },
    ],
    outbound: [],
    outboundExceptions: [],
    streamReceipts: [],
    defaultStreamReceipt: null,
    transparent: false,
  })
})

t.test('the mapping of Windows XP, with a prefix', async t => {
  const mapping = read(`<q:mapping host="localhost" xmlns:q="msmq-queue-mapping.xml">
  <q:queue><q:name>http://S1/msmq/private$/order_queue$</q:name><q:alias>http://public/msmq/orderack</q:alias></q:queue>
</q:mapping>`)
  t.strictSame(mapping.faults, [])
  t.equal(mapping.form, 'mapping')
  t.match(mapping.rules, [
    {
      table: 'inbound',
      from: { url: 'http://public/msmq/orderack' },
      to: { url: 'http://S1/msmq/private$/order_queue$' },
    },
  ])
})

t.test('stream receipts go by shape, for only LogicalAddress has a known name', async t => {
  const mapping = read(`<StreamReceiptSetup xmlns="msmq-streamreceipt-mapping.xml">
  <anything><LogicalAddress>http://partner/*</LogicalAddress><whatever>http://public/msmq/acks</whatever></anything>
  <anything><other>http://public/msmq/acks2</other><LogicalAddress>http://else/*</LogicalAddress></anything>
  <rest>http://public/msmq/all</rest>
</StreamReceiptSetup>`)
  t.strictSame(mapping.faults, [])
  const tables = redirectionsOf([mapping])
  t.strictSame(tables.streamReceipts, [
    { from: 'http://partner/*', to: 'http://public/msmq/acks' },
    { from: 'http://else/*', to: 'http://public/msmq/acks2' },
  ])
  t.equal(tables.defaultStreamReceipt, 'http://public/msmq/all')
})

t.test('UTF-16, as editors of Windows write it, and a byte order mark', async t => {
  const text =
    '<?xml version="1.0" encoding="utf-16"?>\r\n<redirections xmlns="msmq-queue-redirections.xml">\r\n<redirection><from>http://ä/msmq/q</from><to>http://b/msmq/q</to></redirection></redirections>'
  const little = Buffer.from(`\ufeff${text}`, 'utf16le')
  const big = Buffer.from(little).swap16()
  const utf8 = Buffer.from(`\ufeff${text.replace('utf-16', 'utf-8')}`)
  for (const bytes of [little, big, utf8]) {
    const { rules, faults } = readMapping(bytes, 'm.xml')
    t.strictSame(faults, [])
    t.strictSame(rules[0]?.from, { url: 'http://ä/msmq/q', file: 'm.xml', line: 3, column: 20 })
  }
  const oneLine = '\ufeff<redirections xmlns="msmq-queue-redirections.xml"><redirection/></redirections>'
  t.match(read(oneLine).faults, [{ id: 'element-missing', line: 1, column: 51 }, {}], 'the mark takes no column')
})

const NS = 'xmlns="msmq-queue-redirections.xml"'
const rule = '<redirection><from>http://a/msmq/q</from><to>http://b/msmq/q</to></redirection>'

t.test('what is wrong with a file, and where', async t => {
  const rows: [name: string, text: string, faults: string[]][] = [
    ['nothing', '', ['1 not-xml']],
    ['no XML', 'from=a to=b', ['1 not-xml']],
    ['cut off', `<redirections ${NS}>\n  <redirection>`, ['2 not-xml']],
    ['a DTD', `<!DOCTYPE a [<!ENTITY x "y">]><redirections ${NS}/>`, ['1 not-xml']],
    ['an ampersand', `<redirections ${NS}>\n<redirection><from>http://a/?a&b</from>`, ['2 not-xml']],
    ['another root', `<configuration ${NS.replace('redirections', 'x')}/>`, ['1:1 root-unknown']],
    ['a root by its namespace', `<redirects ${NS}>${rule}</redirects>`, ['1:1 root-unknown']],
    ['no namespace', `<redirections>\n${rule}</redirections>`, ['1:1 namespace-wrong']],
    [
      'another namespace',
      `<redirections xmlns="msmq-queue-mapping.xml">${rule}</redirections>`,
      ['1:1 namespace-wrong'],
    ],
    ['a namespace in other letters', `<redirections xmlns="MSMQ-queue-redirections.xml"/>`, ['1:1 namespace-wrong']],
    ['a root in other letters', `<Redirections ${NS}>${rule}</Redirections>`, ['1:1 element-case']],
    [
      'elements in other letters',
      `<redirections ${NS}>\n<Redirection>\n<From>http://a/msmq/q</From>\n<to>http://b/msmq/q</to></Redirection></redirections>`,
      ['2:1 element-case', '3:1 element-case'],
    ],
    ['an unknown element', `<redirections ${NS}>\n <redirect/></redirections>`, ['2:2 element-unknown']],
    [
      'an unknown element in a rule',
      `<redirections ${NS}><redirection>\n<form>http://a/msmq/q</form><to>http://b/msmq/q</to></redirection></redirections>`,
      ['2:1 element-unknown', '1:51 element-missing'],
    ],
    [
      'no to',
      `<redirections ${NS}>\n<redirection><from>http://a/msmq/q</from></redirection></redirections>`,
      ['2:1 element-missing'],
    ],
    [
      'two from',
      `<redirections ${NS}>\n<redirection><from>http://a/msmq/q</from>\n<from>http://a/msmq/r</from><to>http://b/msmq/q</to></redirection></redirections>`,
      ['3:1 element-repeated'],
    ],
    [
      'an empty to',
      `<redirections ${NS}>\n<redirection><from>http://a/msmq/q</from><to> </to></redirection></redirections>`,
      ['2:42 address-missing'],
    ],
    ['text in the root', `<redirections ${NS}>http://a/msmq/q ${rule}</redirections>`, ['1:1 text-misplaced']],
    [
      'text in a rule',
      `<redirections ${NS}>\n${rule.replace('<to>', 'and <to>')}</redirections>`,
      ['2:1 text-misplaced'],
    ],
    [
      'an element in an address',
      `<redirections ${NS}><redirection>\n<from>http://a<b/></from><to>http://b/msmq/q</to></redirection></redirections>`,
      ['2:15 element-unknown'],
    ],
    [
      'an element of another namespace',
      `<redirections ${NS}>\n<redirection xmlns=""><from>http://a/msmq/q</from><to>http://b/msmq/q</to></redirection></redirections>`,
      ['2:1 namespace-wrong', '2:23 namespace-wrong', '2:51 namespace-wrong'],
    ],
    [
      'receipts in no known shape',
      `<StreamReceiptSetup xmlns="msmq-streamreceipt-mapping.xml">\n<LogicalAddress>http://a/*</LogicalAddress>\n<x><y>http://b/msmq/q</y></x>\n<x><logicalAddress>http://b/msmq/q</logicalAddress><y>http://b/msmq/q</y></x></StreamReceiptSetup>`,
      ['2:1 shape-unknown', '3:1 shape-unknown', '4:4 element-case'],
    ],
    ['too deep', '<a>'.repeat(20), ['1 not-xml']],
  ]
  for (const [name, text, expected] of rows) {
    const faults = read(text).faults.map(({ id, line, column }) =>
      id === 'not-xml' ? `${line} ${id}` : `${line}:${column} ${id}`,
    )
    t.strictSame(faults, expected, name)
  }
  t.match(read(`<redirections>${rule}</redirections>`).rules, [{ table: 'inbound' }], 'rules are read all the same')
  t.ok(read(`<redirections ${NS}>${'<x/>'.repeat(5000)}</redirections>`).faults.length <= 100, 'bounded')
})
