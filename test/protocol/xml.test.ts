import fc from 'fast-check'
import t from 'tap'
import { parseXml, XML_LIMITS, XmlElement, XmlError } from '../../protocol/xml.js'
import { createRandom } from '../fixtures/mutations.js'
import { SRMP_VECTORS } from '../fixtures/srmp-vectors.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'
import { mutateText } from '../fixtures/text-mutations.js'

t.test('a tree with names, namespaces, text and places', async t => {
  const text =
    '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<a xmlns="urn:a" xmlns:b="urn:b" b:c="1" d=\'2\'>\r\n' +
    '  é<b:e/>x &amp; &#x79;<![CDATA[ <z> ]]><!-- no -->\r\n</a>\n'
  const root = parseXml(Buffer.from(text))
  t.equal(root.name, 'a')
  t.equal(root.namespace, 'urn:a')
  t.strictSame(root.attributes, [
    { name: 'c', namespace: 'urn:b', value: '1' },
    { name: 'd', namespace: '', value: '2' },
  ])
  t.equal(root.attribute('c', 'urn:b'), '1')
  t.equal(root.attribute('c'), null)
  t.equal(root.text, '\n  éx & y <z> \n')
  const [child] = root.children
  t.equal(child!.namespace, 'urn:b')
  t.equal(child!.outerText, '<b:e/>')
  t.equal(child!.line, 3)
  t.equal(child!.column, 4)
  t.equal(child!.offset, Buffer.from(text).indexOf('<b:e/>'))
  t.ok(root.outerText.startsWith('<a xmlns') && root.outerText.endsWith('</a>'))
})

t.test('what is refused, where', async t => {
  const rows: [string, string | Uint8Array, string, number?, number?][] = [
    ['nothing', '', 'MSMQ_XML_SYNTAX'],
    ['no element', 'text', 'MSMQ_XML_SYNTAX'],
    ['tags crossed', '<a>\n <b></a>', 'MSMQ_XML_SYNTAX', 2, 9],
    ['not closed', '<a><b/>', 'MSMQ_XML_SYNTAX'],
    ['two roots', '<a/><b/>', 'MSMQ_XML_SYNTAX'],
    ['text behind the root', '<a/>x', 'MSMQ_XML_SYNTAX'],
    ['an entity', '<a>&bomb;</a>', 'MSMQ_XML_SYNTAX'],
    ['an entity of the prototype', '<a>&constructor;</a>', 'MSMQ_XML_SYNTAX'],
    ['a reference to nothing', '<a>&#0;</a>', 'MSMQ_XML_SYNTAX'],
    ['a control character', '<a>\u0001</a>', 'MSMQ_XML_SYNTAX'],
    ['a prefix of nothing', '<x:a/>', 'MSMQ_XML_SYNTAX'],
    ['an attribute twice', '<a b="1" b="2"/>', 'MSMQ_XML_SYNTAX'],
    ['an attribute twice, by namespace', '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>', 'MSMQ_XML_SYNTAX'],
    ['a value without quotes', '<a b=1/>', 'MSMQ_XML_SYNTAX'],
    ['the end of CDATA in text', '<a>]]></a>', 'MSMQ_XML_SYNTAX'],
    ['a DTD', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'MSMQ_XML_FORBIDDEN'],
    ['an external DTD', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 'MSMQ_XML_FORBIDDEN'],
    ['a processing instruction', '<?style x?><a/>', 'MSMQ_XML_FORBIDDEN'],
    ['XML 1.1', '<?xml version="1.1"?><a/>', 'MSMQ_XML_FORBIDDEN'],
    ['another encoding', '<?xml version="1.0" encoding="utf-16"?><a/>', 'MSMQ_XML_ENCODING'],
    ['no UTF-8', Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e), 'MSMQ_XML_ENCODING'],
    ['UTF-16', Buffer.from('<a/>', 'utf16le'), 'MSMQ_XML_SYNTAX'],
    ['too deep', '<a>'.repeat(65) + '</a>'.repeat(65), 'MSMQ_XML_SIZE'],
    ['too many elements', `<a>${'<b/>'.repeat(10_000)}</a>`, 'MSMQ_XML_SIZE'],
    ['too many attributes', `<a ${Array.from({ length: 65 }, (_, i) => `b${i}=""`).join(' ')}/>`, 'MSMQ_XML_SIZE'],
    ['too large', `<a>${' '.repeat(1 << 20)}</a>`, 'MSMQ_XML_SIZE'],
  ]
  for (const [name, text, code, line, column] of rows) {
    try {
      parseXml(text)
      t.fail(`${name}: taken`)
    } catch (error) {
      t.ok(error instanceof XmlError, name)
      t.has(error, { code, ...(line === undefined ? {} : { line, column }) }, name)
    }
  }
  t.ok(parseXml('<a>'.repeat(64) + '</a>'.repeat(64)), 'as deep as is allowed')
  t.ok(parseXml(`<a>${'<b/>'.repeat(9_999)}</a>`), 'as many as are allowed')
})

t.test('prefixes that are known beforehand', async t => {
  const root = parseXml('<a se:b="1"/>', XML_LIMITS, { se: 'urn:se' })
  t.equal(root.attribute('b', 'urn:se'), '1')
  t.throws(() => parseXml('<toString:a/>'), XmlError)
})

t.test('damaged envelopes are a tree or an XmlError', async t => {
  const random = createRandom(SUITE_SEED)
  const sources = SRMP_VECTORS.map(({ rawBase64 }) => Buffer.from(rawBase64, 'base64').toString()).map(text =>
    text.slice(text.indexOf('<'), text.lastIndexOf('>') + 1),
  )
  let refused = 0
  for (let round = 0; round < 5_000; round++) {
    const text = mutateText(sources[random(sources.length)]!, random)
    try {
      parseXml(text)
    } catch (error) {
      if (!(error instanceof XmlError)) t.fail(`seed ${SUITE_SEED}, round ${round}: ${text}`)
      refused++
    }
  }
  t.ok(refused > 500 && refused < 5_000, `seed ${SUITE_SEED}: ${refused} refused`)
})

t.test('any text is a tree or an XmlError', async t => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '/',
    '</a>',
    '<a',
    '</a>',
    ' b="',
    '"',
    '&',
    ';',
    '#',
    '!',
    '[CDATA[',
    ']]>',
    '--',
    'x:',
    '?',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 30 }), pieces => {
      try {
        return parseXml(pieces.join('')) instanceof XmlElement
      } catch (error) {
        return error instanceof XmlError
      }
    }),
    { seed: SUITE_SEED, numRuns: 3000 },
  )
  t.pass('3000 texts')
})
