import t from 'tap'
import { DecodeError } from '../../../protocol/errors.js'
import { decodeSrmpRequest } from '../../../protocol/srmp/request.js'

/* Five megabytes of ill will. What takes time as the square of its size would take hours, what takes it as the size takes
 * parts of a second: the bound between them is far from both, for machines that are slow or busy. */

const CPU_SECONDS_MAX = 20
const MEMORY_FACTOR_MAX = 40

const MEGABYTE = 1 << 20
const PARTS: [string, string][] = [['Content-Type', `multipart/related; boundary="${'a'.repeat(70)}"; type=text/xml`]]
const XML: [string, string][] = [['Content-Type', 'text/xml']]
const DELIMITER = `--${'a'.repeat(70)}`
const SOAP =
  '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://schemas.xmlsoap.org/srmp/"><se:Header>'

const filled = (start: string, unit: string, size: number, end = ''): Buffer =>
  Buffer.from(start + unit.repeat(Math.floor((size - start.length - end.length) / unit.length)) + end)
const parts = (start: string, unit: string): Buffer => filled(`${DELIMITER}${start}`, unit, 5 * MEGABYTE)
const xml = (start: string, unit: string, end = ''): Buffer => filled(start, unit, MEGABYTE, end)

const BODIES: [name: string, headers: [string, string][], body: Buffer][] = [
  ['delimiters', PARTS, parts('', `\r\n\r\n${DELIMITER}`)],
  ['all but a delimiter', PARTS, parts('\r\n\r\n', `--${'a'.repeat(69)}`)],
  ['the letter of the boundary', PARTS, parts('\r\n\r\n', 'a')],
  ['delimiters inside lines', PARTS, parts('\r\n\r\n', `${DELIMITER}x`)],
  ['dashes', PARTS, parts('\r\n\r\n', '-')],
  ['headers', PARTS, parts('\r\n', 'a: b\r\n')],
  ['one header', PARTS, parts('\r\na: ', 'b')],
  ['folded lines', PARTS, parts('\r\na: b\r\n', ' c\r\n')],
  ['line breaks', PARTS, parts('\r\n\r\n', '\r\n')],
  ['empty parts', PARTS, parts('', `\r\nContent-Length: 0\r\n\r\n${DELIMITER}`)],
  ['five megabytes of XML', XML, filled('', '<a>', 5 * MEGABYTE)],
  ['start tags', XML, xml('', '<a>')],
  ['elements', XML, xml('<a>', '<b/>')],
  ['deep and wide', XML, xml('<a>', `${'<b>'.repeat(60)}${'</b>'.repeat(60)}`)],
  ['attributes', XML, xml('<a ', 'b="" ')],
  ['attributes that declare', XML, xml('<a>', '<b xmlns:c="d" c:e="f"/>')],
  ['an attribute', XML, xml('<a b="', 'c')],
  ['an attribute of references', XML, xml('<a b="', '&lt;')],
  ['references', XML, xml('<a>', '&amp;', '</a>')],
  ['a reference', XML, xml('<a>&', 'b')],
  ['a number', XML, xml('<a>&#', '1', ';</a>')],
  ['CDATA', XML, xml('<a>', '<![CDATA[]]>')],
  ['brackets', XML, xml('<a>', ']')],
  ['comments', XML, xml('<a>', '<!---->')],
  ['an open comment', XML, xml('<a><!--', '- ')],
  ['returns', XML, xml('<a>', '\r')],
  ['line feeds', XML, xml('<a>', '\n')],
  ['declarations of entities', XML, xml('<!DOCTYPE a [', '<!ENTITY b "c">')],
  ['a name', XML, xml('<', 'a')],
  ['a name, with an end', XML, xml('<', 'a', '/>')],
  ['a name, not closed', XML, xml('<', 'a', '>')],
  ['a prefix', XML, xml('<', 'a', ':b/>')],
  ['an encoding', XML, xml('<?xml version="1.0" encoding="', 'a', '"?><a/>')],
  ['a namespace', XML, xml('<Envelope xmlns="', 'a', '"/>')],
  ['blanks in a tag', XML, xml('<a', ' ')],
  ['entries of nobody', XML, Buffer.from(`${SOAP}${'<b/>'.repeat(9_990)}</se:Header><se:Body/></se:Envelope>`)],
  [
    'names of queues',
    XML,
    xml(
      `${SOAP}<Msmq xmlns="msmq.namespace.xml"><DestinationMqf>`,
      'a ',
      '</DestinationMqf></Msmq></se:Header><se:Body/></se:Envelope>',
    ),
  ],
  [
    'a number of zeros',
    XML,
    xml(`${SOAP}<Msmq xmlns="msmq.namespace.xml"><Class>`, '0', '</Class></Msmq></se:Header><se:Body/></se:Envelope>'),
  ],
  ['a Content-Type', [['Content-Type', `multipart/related; ${'a="\\"";'.repeat(10_000)}`]], Buffer.from('x')],
]

for (const [name, headers, body] of BODIES) {
  t.test(name, async t => {
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    let error: unknown
    try {
      decodeSrmpRequest({ method: 'POST', target: '/', headers, body: [body] })
    } catch (thrown) {
      error = thrown
    }
    t.ok(error instanceof DecodeError && error.message.length < 500, 'an error, and a short one')
    const { user, system } = process.cpuUsage(before)
    const grown = process.memoryUsage().heapUsed - heapBefore
    t.ok((user + system) / 1e6 < CPU_SECONDS_MAX, `${(user + system) / 1e6} s of processor time`)
    t.ok(grown < MEMORY_FACTOR_MAX * Math.max(body.length, MEGABYTE), `${grown} bytes of memory`)
  })
}
