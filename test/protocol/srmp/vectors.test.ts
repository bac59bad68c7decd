import t from 'tap'
import { DecodeError } from '../../../protocol/errors.js'
import { responseFields, srmpFields } from '../../../protocol/srmp/fields.js'
import { decodeSrmpFragment } from '../../../protocol/srmp/fragment.js'
import { parseRawResponse } from '../../../protocol/srmp/http-head.js'
import {
  decodeSpelledRequest,
  decodeSrmpRequest,
  encodeSrmpRequest,
  type HttpRequestLike,
  parseRawRequest,
  renderRawRequest,
} from '../../../protocol/srmp/request.js'
import { SRMP_VECTORS, type SrmpVector, srmpVector, vectorBytes } from '../../fixtures/srmp-vectors.js'

const requests = SRMP_VECTORS.filter(vector => vector.type === 'request')

function requestOf(vector: SrmpVector): HttpRequestLike {
  const { request, rest } = parseRawRequest(vectorBytes(vector))
  if (rest.length > 0) throw new Error(`${vector.name}: ${rest.length} bytes behind the request`)
  return request
}

function reencoded(vector: SrmpVector): Buffer {
  const request = requestOf(vector)
  const boundary = Number(/boundary, (\d+)"/.exec(vector.http!.headers['Content-Type']!)?.[1] ?? 0)
  const options = { host: vector.http!.headers.Host!, target: vector.http!.path!, boundary }
  const message = decodeSrmpRequest(request)
  const encoded = encodeSrmpRequest(message, options)
  const bytes = Buffer.concat(encoded.body)
  const part = bytes.subarray(encoded.bodyOffset, encoded.bodyOffset + encoded.bodyLength)
  if (!part.equals(message.body?.bytes ?? Buffer.alloc(0)))
    throw new Error(`${vector.name}: the body is not where it is said to be`)
  return renderRawRequest({ method: 'POST', ...encoded })
}

t.test('requests as fields', async t => {
  for (const vector of requests.filter(one => one.expectStatus === 200)) {
    const request = requestOf(vector)
    t.strictSame(Object.fromEntries(request.headers), vector.http!.headers, `${vector.name}: headers`)
    const { message, spelling } = decodeSpelledRequest(request)
    t.has(srmpFields(message, spelling), vector.fields, vector.name)
  }
})

t.test('malformed requests', async t => {
  const malformed = requests.filter(one => one.expectStatus === 400)
  t.ok(malformed.length > 0)
  for (const vector of malformed) {
    t.throws(
      () => decodeSrmpRequest(requestOf(vector)),
      { name: 'DecodeError', code: /^MSMQ_DECODE_SRMP_/, section: /^\[MC-MQSRM\] 2\./ },
      vector.name,
    )
  }
  try {
    decodeSrmpRequest(requestOf(srmpVector('d-neg-no-to')))
  } catch (error) {
    t.has(error, { structure: 'Header/path', field: 'to', section: '[MC-MQSRM] 2.2.4.2' })
  }
})

t.test('what the product writes is written again to the byte', async t => {
  const ours = requests.filter(
    one => one.expectStatus === 200 && (one.name.startsWith('d-') || one.notes?.startsWith('written by the product')),
  )
  t.ok(ours.length >= 6, 'receipts and derived messages')
  for (const vector of ours) t.equal(reencoded(vector).toString(), vectorBytes(vector).toString(), vector.name)
})

t.test('what others wrote means the same when it is written again', async t => {
  for (const vector of requests.filter(one => one.expectStatus === 200)) {
    const { request } = parseRawRequest(reencoded(vector))
    t.strictSame(decodeSrmpRequest(request), decodeSrmpRequest(requestOf(vector)), vector.name)
  }
})

t.test('responses', async t => {
  for (const vector of SRMP_VECTORS.filter(one => one.type === 'response')) {
    const { response, rest } = parseRawResponse(vectorBytes(vector))
    t.equal(rest.length, 0)
    t.has(responseFields(response), vector.fields, vector.name)
  }
})

t.test('fragments', async t => {
  for (const vector of SRMP_VECTORS.filter(one => one.type === 'fragment')) {
    t.has(decodeSrmpFragment(vectorBytes(vector)), vector.fields, vector.name)
  }
  t.throws(() => decodeSrmpFragment(Buffer.from('<nothing/>')), DecodeError)
  t.throws(() => decodeSrmpFragment(Buffer.from('<to>ftp://x/y</to>')), { code: 'MSMQ_DECODE_SRMP_VALUE' })
  t.throws(() => decodeSrmpFragment(Buffer.from('<to>http:')), { code: 'MSMQ_DECODE_SRMP_XML' })
  const rows: [string, Record<string, unknown>][] = [
    ['<to>MSMQ:MULTICAST=234.1.1.1:8001</to>', { destinationFormatName: 'MULTICAST=234.1.1.1:8001', port: 8001 }],
    [
      '<to>http://[::1]:8080/msmq\\q?x=y</to>',
      { host: '::1', port: 8080, queuePath: 'q', private: false, query: 'x=y' },
    ],
    ['<rev><via>MSMQ:DIRECT=OS:m\\q</via></rev>', { responseQueue: 'DIRECT=OS:m\\q' }],
    ['<rev><via/></rev>', { responseQueue: null }],
    [
      '<path se:mustUnderstand="1"><action/><to>http://a/b</to><id>uuid:1@11111111-2222-4333-8444-555555555555</id></path>',
      { label: null, to: 'http://a/b' },
    ],
    ['<sentAt>20070618T210654</sentAt>', { utc: '2007-06-18T21:06:54Z' }],
    ['<services se:mustUnderstand="1"><durable/></services>', { durable: true, deliveryReceiptTo: null }],
    [
      '<streamId>uid:4a85b192-3ccd-4ba2-a0ac-7f0a11be1b08\\4839986701558349830</streamId>',
      { seqId: '4839986701558349830', seqOrdinal: 6 },
    ],
    [
      '<stream se:mustUnderstand="1"><streamId>uid:4a85b192-3ccd-4ba2-a0ac-7f0a11be1b08\\1</streamId><current>2</current></stream>',
      { current: '2', previous: null, isFirst: false, elementName: 'stream' },
    ],
    ['<Class>255</Class>', { class: 255, className: 'ORDER_ACK' }],
    ['<Provider><Type>1234</Type><Name>ProviderName</Name></Provider>', { type: 1234, name: 'ProviderName' }],
    ['<m:App xmlns:m="msmq.namespace.xml"> 36 </m:App>', { app: 36 }],
    ['<DigestMethod Algorithm="x#sha1"></DigestMethod>', { algorithm: 'x#sha1' }],
  ]
  for (const [xml, fields] of rows) t.has(decodeSrmpFragment(Buffer.from(xml)), fields, xml)
})
