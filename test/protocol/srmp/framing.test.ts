import t from 'tap'
import type { SrmpMessage } from '../../../protocol/srmp/message.js'
import {
  decodeSrmpRequest,
  encodeSrmpRequest,
  parseRawRequest,
  renderRawRequest,
} from '../../../protocol/srmp/request.js'
import { srmpVector, vectorBytes } from '../../fixtures/srmp-vectors.js'

/* The multipart body: as the product writes it, as RFC 2046 has it, and wrongly. */

const sample = decodeSrmpRequest(parseRawRequest(vectorBytes(srmpVector('d-stream-first'))).request)
const envelope = parseRawRequest(vectorBytes(srmpVector('d-no-body'))).request.body[0]!.toString()
const SIZE = Buffer.byteLength(envelope)

const TYPE = 'multipart/related; boundary="b b"; type=text/xml'

function decode(body: string | Buffer, contentType: string | null = TYPE, method = 'POST'): SrmpMessage {
  const headers: [string, string][] = contentType === null ? [] : [['CONTENT-type', contentType]]
  return decodeSrmpRequest({ method, target: '/msmq/q', headers, body: [Buffer.from(body)] })
}

const head = `--b b\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Length: ${SIZE}\r\n\r\n${envelope}`
const part = (bytes: string, id = 'body@x'): string =>
  `--b b\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes.length}\r\nContent-Id: ${id}\r\n\r\n${bytes}`
const end = '--b b--\r\n'

t.test('framings that are taken', async t => {
  const rows: [name: string, body: string, contentType?: string][] = [
    ['as the product does', head + part('abc') + end],
    ['a line break before each delimiter', `${head}\r\n${part('abc')}\r\n${end}`],
    ['nothing behind the end', head + part('abc') + end.trimEnd()],
    ['an epilogue', `${head + part('abc') + end}whatever\r\n--b b`],
    ['a preamble', `This is MIME.\r\n${head}${part('abc')}${end}`],
    ['line breaks first', `\r\n${head}${part('abc')}${end}`],
    [
      'no lengths, as RFC 2046',
      `--b b\r\nContent-Type: text/xml\r\n\r\n${envelope}\r\n--b b\r\nContent-ID: <body@x>\r\n\r\nabc\r\n--b b--`,
    ],
    ['no lengths, as the product', `--b b\r\n\r\n${envelope}--b b\r\nContent-ID: <body@x>\r\n\r\nabc--b b--`],
    [
      'other case and order, folded lines',
      `--b b  \r\nCONTENT-LENGTH:${SIZE}\r\nX: y\r\n z\r\ncontent-type:\ttext/xml\r\n\r\n${envelope}--b b\r\ncontent-id: "body@x"\r\nCONTENT-Length:3 \r\n\r\nabc${end}`,
    ],
    ['line feeds alone', (head + part('abc') + end).replaceAll('\r\n', '\n')],
    [
      'parameters in another order',
      head + part('abc') + end,
      'Multipart/Related ; Type="text/xml"; start=x; BOUNDARY="b b"',
    ],
    ['a quoted pair', head + part('abc') + end, 'multipart/related; boundary="b\\ b"'],
    ["a part that is nobody's", head + part('zz', '<other>') + part('abc') + end],
    ['a part without a name first', `${head}--b b\r\nContent-Length: 2\r\n\r\nzz${part('abc')}${end}`],
  ]
  for (const [name, body, contentType] of rows) {
    const message = decode(body, contentType)
    t.equal(message.body?.bytes.toString(), 'abc', name)
    t.equal(message.body?.contentId, 'body@x', name)
  }
  const bare = decode(`--b\r\n\r\n${envelope}--b\r\nContent-Id: body@x\r\n\r\nabc--b--`, 'multipart/related;boundary=b')
  t.equal(bare.body?.bytes.toString(), 'abc', 'a boundary without quotes')
})

t.test('parts by their names', async t => {
  const message = decode(
    head +
      part('one', 'photo') +
      part('', 'extension@x') +
      part('--b b\r\n\r\n--b b--', 'body@y') +
      part('two', '') +
      end,
  )
  t.equal(message.body?.bytes.toString(), '--b b\r\n\r\n--b b--', 'a body may hold the delimiter')
  t.equal(message.extension?.bytes.length, 0)
  t.strictSame(
    message.attachments.map(one => [one.contentId, one.bytes.toString()]),
    [
      ['photo', 'one'],
      ['', 'two'],
    ],
  )
  const only = decode(head + end)
  t.has(only, { body: null, extension: null, attachments: [] })
})

t.test('bodies that are envelopes', async t => {
  for (const type of ['text/xml', 'text/xml; charset=utf-8', 'TEXT/XML;charset="UTF-8"', 'application/xml']) {
    t.equal(decode(envelope, type).body, null, type)
  }
  t.equal(decode(`\ufeff<?xml version="1.0"?>\n${envelope}`, 'text/xml').body, null)
  const { body } = decodeSrmpRequest({
    method: 'POST',
    target: '/',
    headers: [['Content-Type', TYPE]],
    body: [Buffer.from(head.slice(0, 50)), Buffer.from(head.slice(50) + part('abc')), Buffer.from(end)],
  })
  t.equal(body?.bytes.toString(), 'abc', 'a request in pieces')
})

t.test('framings that are refused', async t => {
  const mime = 'MSMQ_DECODE_SRMP_MIME'
  const http = 'MSMQ_DECODE_SRMP_HTTP'
  const rows: [name: string, body: string | Buffer, code: string, contentType?: string | null][] = [
    ['no Content-Type', envelope, http, null],
    ['JSON', envelope, http, 'application/json'],
    ['another charset', envelope, http, 'text/xml; charset=utf-16'],
    ['no boundary', head + end, http, 'multipart/related; type=text/xml'],
    ['an empty boundary', head + end, http, 'multipart/related; boundary=""'],
    ['a boundary that does not end', head + end, http, 'multipart/related; boundary="b b'],
    ['a boundary that is too long', head + end, http, `multipart/related; boundary="${'b'.repeat(71)}"`],
    ['form data', head + end, http, 'multipart/form-data; boundary="b b"'],
    ['nothing', '', mime],
    ['no delimiter', envelope, mime],
    ['another boundary', head.replaceAll('b b', 'c') + end, mime],
    ['a delimiter inside a line', `x${head}${end}`, mime],
    ['no parts', end, mime],
    ['no end', head + part('abc'), mime],
    ['no end, without lengths', `--b b\r\n\r\n${envelope}`, mime],
    ['an end that is cut', `${head + part('abc')}--b b-`, mime],
    ['a length too large', head + part('abc').replace(': 3', ': 4') + end, mime],
    ['a length too small', head + part('abc').replace(': 3', ': 2') + end, mime],
    ['a length beyond the body', head + part('abc').replace(': 3', ': 3000') + end, mime],
    ['a length of 20 digits', head + part('abc').replace(': 3', ': 30000000000000000000') + end, mime],
    ['a length that is none', head + part('abc').replace(': 3', ': -3') + end, mime],
    [
      'an encoded part',
      head + part('abc').replace('Content-Id', 'Content-Transfer-Encoding: base64\r\nContent-Id') + end,
      mime,
    ],
    ['a head that is no head', head + part('abc').replace('Content-Id: ', 'Content Id ') + end, mime],
    ['a head without an end', '--b b\r\nContent-Type: text/xml\r\n', mime],
    ['two bodies', head + part('abc') + part('abc', 'body@y') + end, mime],
    ['two extensions', head + part('abc', 'extension@x') + part('abc', '<extension@x>') + end, mime],
    ['101 parts', head + part('', 'x').repeat(101) + end, mime],
    ['an envelope that is not XML', head.replace('text/xml', 'text/html') + end, mime],
    ['an envelope in the second part', part('abc') + head + end, mime],
    ['an empty envelope', '', 'MSMQ_DECODE_SRMP_XML', 'text/xml'],
    ['an envelope in UTF-16', Buffer.from(envelope, 'utf16le'), 'MSMQ_DECODE_SRMP_XML', 'text/xml'],
    [
      'an envelope that is not UTF-8',
      Buffer.from(envelope.replace('order', '\u00e9'), 'latin1'),
      'MSMQ_DECODE_SRMP_XML',
      'text/xml',
    ],
    ['an envelope of more than 1 MiB', envelope.padEnd((1 << 20) + 1), 'MSMQ_DECODE_SRMP_SIZE', 'text/xml'],
    ['more than 5 MiB', head + part('x'.repeat(5 << 20)) + end, 'MSMQ_DECODE_SRMP_SIZE'],
  ]
  for (const [name, body, code, contentType = TYPE] of rows)
    t.throws(() => decode(body, contentType), { name: 'DecodeError', code }, name)
  t.throws(() => decode(envelope, 'text/xml', 'GET'), { code: http, field: 'method' })
  t.ok(decode(envelope.padEnd(1 << 20), 'text/xml'), 'an envelope of 1 MiB')
  t.equal(decode(head + part('x'.repeat(4 << 20)) + end).body?.bytes.length, 4 << 20, 'a body of 4 MiB')
})

t.test('what is written', async t => {
  const options = { host: 'farm:8080', target: '/MSMQ/private$/Ord\u00e9r s?A=B', boundary: 9 }
  const extension = { contentId: 'extension@x', bytes: Buffer.from('ext') }
  const { target, headers, body, bodyOffset, bodyLength } = encodeSrmpRequest({ ...sample, extension }, options)
  t.equal(target, '/msmq/private$/ord%C3%A9r%20s?a=b', 'in lower case, and fit for a request line')
  t.strictSame(headers, [
    ['Host', 'farm:8080'],
    ['Content-Type', 'multipart/related; boundary="MSMQ - SOAP boundary, 9"; type=text/xml'],
    ['SOAPAction', '"MSMQMessage"'],
    ['Proxy-Accept', 'NonInteractiveClient'],
  ])
  const bytes = Buffer.concat(body)
  t.ok(bytes.subarray(bodyOffset, bodyOffset + bodyLength).equals(sample.body!.bytes))
  t.ok(body.includes(sample.body!.bytes), 'the body is not copied')
  t.ok(bytes.toString('latin1').endsWith('Content-Id: extension@x\r\n\r\next--MSMQ - SOAP boundary, 9--\r\n'))
  const onlyExtension = encodeSrmpRequest({ ...sample, body: null, extension }, options)
  t.has(onlyExtension, { bodyOffset: 0, bodyLength: 0 })
  t.match(onlyExtension.headers[1]![1], /^multipart/)
  const empty = encodeSrmpRequest({ ...sample, body: { contentId: 'body@x', bytes: Buffer.alloc(0) } }, options)
  t.equal(decodeSrmpRequest({ method: 'POST', ...empty }).body?.bytes.length, 0, 'an empty body is a body')
  const nothing = encodeSrmpRequest({ ...sample, body: null }, options)
  t.equal(nothing.headers[1]![1], 'text/xml', 'nothing but an envelope has no parts')
  const raw = renderRawRequest({ method: 'POST', ...nothing }).toString()
  t.ok(raw.includes(`Content-Type: text/xml\r\nContent-Length: ${nothing.body[0]!.length}\r\nSOAPAction`))
})
