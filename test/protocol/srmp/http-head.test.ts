import t from 'tap'
import { parseRawRequest, parseRawResponse, renderRawRequest } from '../../../protocol/srmp/http-head.js'

const ok = 'POST /msmq/q HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'

t.test('requests', async t => {
  const { request, rest } = parseRawRequest(Buffer.from(`${ok}${ok}`))
  t.strictSame(request, {
    method: 'POST',
    target: '/msmq/q',
    headers: [
      ['Host', 'a'],
      ['Content-Length', '3'],
    ],
    body: [Buffer.from('abc')],
  })
  t.equal(rest.toString(), ok)
  const taken: [string, string, string][] = [
    ['line feeds alone', 'POST / HTTP/1.1\nContent-Length:  3 \n\nabc', 'abc'],
    [
      'chunks',
      'POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n001\r\nc\r\n0\r\nT: r\r\n\r\n',
      'abc',
    ],
    ['no chunks', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ''],
    ['HTTP/1.0', 'POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n', ''],
    ['a folded line', 'POST / HTTP/1.1\r\nX: a\r\n\tb\r\nContent-Length: 0\r\n\r\n', ''],
    ['a length twice, the same', 'POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\na', 'a'],
    ['a method without a body', 'GET / HTTP/1.1\r\n\r\n', ''],
  ]
  for (const [name, text, body] of taken) {
    const { request, rest } = parseRawRequest(Buffer.from(text))
    t.equal(Buffer.concat(request.body).toString(), body, name)
    t.equal(rest.length, 0, name)
  }
})

t.test('requests that are none', async t => {
  const http = 'MSMQ_DECODE_SRMP_HTTP'
  const cut = 'MSMQ_DECODE_SRMP_TRUNCATED'
  const rows: [string, string, string][] = [
    ['nothing', '', cut],
    ['an empty head', '\r\n', http],
    ['half a head', ok.slice(0, 40), cut],
    ['half a body', ok.slice(0, -1), cut],
    ['no version', 'POST /\r\n\r\n', http],
    ['HTTP/2', 'POST / HTTP/2.0\r\n\r\n', http],
    ['a blank too many', 'POST  / HTTP/1.1\r\n\r\n', http],
    ['a method that is none', 'PO(ST / HTTP/1.1\r\n\r\n', http],
    ['a header without a colon', 'POST / HTTP/1.1\r\nHost\r\n\r\n', http],
    ['a blank before the colon', 'POST / HTTP/1.1\r\nContent-Length : 0\r\n\r\n', http],
    ['no length', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', http],
    ['a length that is none', ok.replace(': 3', ': 0x3'), http],
    ['two lengths', ok.replace('Host: a', 'Content-Length: 4'), http],
    ['another coding', ok.replace('Host: a', 'Transfer-Encoding: gzip'), http],
    ['a chunk without a size', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', http],
    ['a chunk that lies', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n', http],
    ['a chunk that is cut', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nabc', cut],
    ['no last chunk', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n', cut],
    ['too many headers', `POST / HTTP/1.1\r\n${'a: b\r\n'.repeat(201)}\r\n`, http],
    ['too long a head', `POST / HTTP/1.1\r\nA: ${'b'.repeat(66_000)}\r\n\r\n`, http],
    ['too long a head without an end', `POST / HTTP/1.1\r\nA: ${'b'.repeat(66_000)}`, http],
  ]
  for (const [name, text, code] of rows) {
    t.throws(() => parseRawRequest(Buffer.from(text)), { name: 'DecodeError', code }, name)
  }
})

t.test('responses', async t => {
  const { response, rest } = parseRawResponse(Buffer.from('HTTP/1.1 500 Oh dear\r\nContent-Length: 1\r\n\r\nxHTTP'))
  t.has(response, { status: 500, reason: 'Oh dear' })
  t.equal(rest.toString(), 'HTTP')
  const unmeasured = parseRawResponse(Buffer.from('HTTP/1.0 200\r\n\r\nall of it'))
  t.has(unmeasured.response, { status: 200, reason: '' })
  t.equal(unmeasured.response.body[0]?.toString(), 'all of it')
  for (const line of ['HTTP/1.1', 'HTTP/1.1 20', 'HTTP/1.1 2000 x', 'HTTP/1.1 abc', 'HTTP/3 200 OK', '200 OK']) {
    t.throws(() => parseRawResponse(Buffer.from(`${line}\r\n\r\n`)), { code: 'MSMQ_DECODE_SRMP_HTTP' }, line)
  }
})

t.test('a request as it stands on the wire', async t => {
  const body = [Buffer.from('ab'), Buffer.from('c')]
  const text = (headers: [string, string][]): string =>
    renderRawRequest({ method: 'POST', target: '/q', headers, body }).toString()
  t.equal(text([['A', 'b']]), 'POST /q HTTP/1.1\r\nA: b\r\nContent-Length: 3\r\n\r\nabc')
  t.equal(
    text([
      ['Content-type', 'x'],
      ['B', 'c'],
    ]),
    'POST /q HTTP/1.1\r\nContent-type: x\r\nContent-Length: 3\r\nB: c\r\n\r\nabc',
  )
  t.equal(text([['content-length', '3']]), 'POST /q HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc')
})
