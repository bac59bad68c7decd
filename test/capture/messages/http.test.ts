import t from 'tap'
import { srmpFields } from '../../../protocol/srmp/fields.js'
import { decodeSpelledRequest, parseRawRequest } from '../../../protocol/srmp/request.js'
import { createRandom } from '../../fixtures/mutations.js'
import { ToldStreams } from '../../fixtures/seen-log.js'
import { SRMP_VECTORS, srmpVector, vectorBytes } from '../../fixtures/srmp-vectors.js'

/* SRMP in captured HTTP: both directions, paired. */

const requests = SRMP_VECTORS.filter(({ type }) => type === 'request')
const good = requests.filter(({ expectStatus }) => expectStatus === 200)
const PLAIN = vectorBytes(srmpVector('4.1-simple-message'))
const STREAM = vectorBytes(srmpVector('d-stream-first'))
const OK = vectorBytes(srmpVector('4.3-response-to-message'))

const text = (value: string) => Buffer.from(value, 'latin1')
const answer = (status: number, more = 'Content-Length: 0\r\n\r\n') => text(`HTTP/1.1 ${status} Word\r\n${more}`)

/** The same request with its body in chunks of `size` bytes. */
function chunked(request: Buffer, size: number, trailer = ''): Buffer {
  const end = request.indexOf('\r\n\r\n') + 4
  const head = request.toString('latin1', 0, end).replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
  const pieces: Buffer[] = [text(head)]
  for (let at = end; at < request.length; at += size) {
    const piece = request.subarray(at, at + size)
    pieces.push(text(`${piece.length.toString(16)};name=value\r\n`), piece, text('\r\n'))
  }
  return Buffer.concat([...pieces, text(`0\r\n${trailer}\r\n`)])
}

const bodyOf = (request: Buffer) => request.subarray(request.indexOf('\r\n\r\n') + 4)

t.test('every vector in two segments, cut at every byte of the head, and one at every byte', async t => {
  for (const vector of requests) {
    const bytes = vectorBytes(vector)
    const expected = vector.expectStatus === 200
    const head = bytes.indexOf('\r\n\r\n') + 8
    for (let cut = 1; cut < bytes.length; cut += cut < head || bytes.equals(STREAM) ? 1 : 17) {
      const told = new ToldStreams()
      const connection = told.open(8080)
      connection.segment(0, bytes.subarray(0, cut)).segment(0, bytes.subarray(cut)).segment(1, OK).end()
      const { log } = told
      const [request] = log.requests
      const isRight =
        log.told.join() === 'connection,request,response,ended' &&
        (request?.message !== null) === expected &&
        (request?.fault === null) === expected &&
        request?.first.number === 2 &&
        request.last.number === 3 &&
        log.responses[0]?.request === request
      if (isRight) continue
      t.fail(`${vector.name} cut at ${cut}: ${log.told}`)
      return
    }
    t.pass(vector.name)
  }
})

t.test('fields are those of the decoder, and outlive the frame', async t => {
  for (const vector of good) {
    const bytes = vectorBytes(vector)
    const told = new ToldStreams()
    told.open(80).send(0, bytes, 700)
    const request = told.log.requests[0]!
    const { message, spelling } = decodeSpelledRequest(parseRawRequest(bytes).request)
    t.strictSame(srmpFields(request.message!, spelling), srmpFields(message, spelling), vector.name)
    t.equal(request.bodySize, bodyOf(bytes).length)
    t.equal(request.head.method, 'POST')
    t.not(request.kind, null)
  }
})

t.test('one after the other, answered one after the other', async t => {
  const told = new ToldStreams()
  const connection = told.open(80)
  for (let i = 0; i < 3; i += 1) connection.segment(0, i === 1 ? STREAM : PLAIN).segment(1, answer(200 + 100 * i))
  t.strictSame(
    told.log.responses.map(({ status, request }) => [status, request?.index, request?.kind]),
    [
      [200, 0, 'user'],
      [300, 1, 'user'],
      [400, 2, 'user'],
    ],
  )
})

t.test('pipelined, and answers that come in one segment', async t => {
  const told = new ToldStreams()
  const connection = told.open(80)
  connection.send(0, Buffer.concat([PLAIN, STREAM, PLAIN]), 1460)
  connection.send(1, Buffer.concat([answer(200), answer(503, 'Content-Length: 3\r\n\r\nno.'), OK]), 50)
  t.strictSame(
    told.log.responses.map(({ status, request }) => [status, request?.index]),
    [
      [200, 0],
      [503, 1],
      [200, 2],
    ],
  )
})

t.test('100-continue is no answer', async t => {
  const told = new ToldStreams()
  const end = PLAIN.indexOf('\r\n\r\n') + 4
  const head = text(PLAIN.toString('latin1', 0, end).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'))
  const connection = told.open(80).segment(0, head)
  connection.segment(1, text('HTTP/1.1 100 Continue\r\n\r\n')).segment(0, PLAIN.subarray(end)).segment(1, OK)
  t.strictSame(told.log.told, ['connection', 'request', 'response'])
  t.equal(told.log.responses[0]!.status, 200)
  t.equal(told.log.responses[0]!.request, told.log.requests[0])
})

t.test('an answer before the request is whole', async t => {
  const told = new ToldStreams()
  const connection = told.open(80).segment(0, PLAIN.subarray(0, 700)).segment(1, answer(413))
  t.strictSame(told.log.told, ['connection'])
  connection.segment(0, PLAIN.subarray(700))
  t.strictSame(told.log.told, ['connection', 'request', 'response'])
  t.equal(told.log.responses[0]!.request, told.log.requests[0])

  const other = new ToldStreams()
  other.open(80).segment(0, PLAIN.subarray(0, 700)).segment(1, answer(413)).end('reset')
  t.strictSame(other.log.told, ['connection', 'request', 'response', 'ended'])
  t.equal(other.log.requests[0]!.message, null, 'what is not whole is not decoded')
})

t.test('chunks of every size, in segments of every size', async t => {
  const { message, spelling } = decodeSpelledRequest(parseRawRequest(STREAM).request)
  for (const size of [1, 5, 64, 1000, 100_000]) {
    for (const segment of [1, 13, 500, 100_000]) {
      const told = new ToldStreams()
      const response = text('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n')
      const connection = told
        .open(80)
        .send(0, Buffer.concat([chunked(STREAM, size, 'X-Trailer: 1\r\n'), PLAIN]), segment)
      connection.send(1, Buffer.concat([response, response]), segment)
      const [first, second] = told.log.requests
      t.strictSame(srmpFields(first!.message!, spelling), srmpFields(message, spelling), `${size} in ${segment}`)
      t.equal(first!.bodySize, bodyOf(STREAM).length)
      t.not(second?.message, null)
      t.equal(told.log.responses.length, 2)
    }
  }
})

t.test('answers whose body ends with the connection, and such as have none', async t => {
  const told = new ToldStreams()
  const connection = told
    .open(80)
    .segment(0, PLAIN)
    .segment(1, text('HTTP/1.0 500 Oops\r\n\r\n<html>HTTP/1.1 200 OK\r\n\r\n'))
  connection.segment(1, text('HTTP/1.1 200 OK\r\n\r\n'))
  t.equal(told.log.responses.length, 0)
  connection.end()
  t.strictSame(
    told.log.responses.map(({ status }) => status),
    [500],
  )

  const none = new ToldStreams()
  const other = none.open(80)
  const head = text('HEAD /msmq/private$/q HTTP/1.1\r\nHost: a\r\n\r\n')
  other.segment(0, head).segment(1, answer(200, 'Content-Length: 1000\r\n\r\n'))
  other.segment(0, PLAIN).segment(1, answer(204, '\r\n')).segment(0, PLAIN).segment(1, OK)
  t.strictSame(
    none.log.responses.map(({ status, request }) => [status, request?.head.method]),
    [
      [200, 'HEAD'],
      [204, 'POST'],
      [200, 'POST'],
    ],
  )
})

t.test('another target, with what the product writes in the head', async t => {
  const other = text(PLAIN.toString('latin1').replace('/msmq/private$/simpleq', '/virtual/orders'))
  const told = new ToldStreams()
  told.open(80).segment(0, other).segment(1, OK)
  t.equal(told.log.requests[0]?.kind, 'user')

  const foreign = new ToldStreams()
  const connection = foreign.open(80)
  connection.segment(0, text('POST /api HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello')).segment(1, answer(200))
  connection.segment(0, text('GET /msmqnot HTTP/1.1\r\n\r\n')).segment(1, answer(404))
  t.strictSame(foreign.log.told, [], 'nobody else’s requests')
  connection.segment(0, PLAIN).segment(1, OK)
  t.strictSame(foreign.log.told, ['connection', 'request', 'response'], 'until one is to MSMQ')
  t.equal(foreign.log.requests[0]!.index, 2)
  t.equal(foreign.log.responses[0]!.request, foreign.log.requests[0])
})

t.test('on port 1801 as well, with no malformed packet', async t => {
  const told = new ToldStreams()
  told.open(1801).send(0, PLAIN, 100).segment(1, OK).end()
  t.strictSame(told.log.told, ['connection', 'request', 'response', 'ended'])
})

t.test('a fault of the envelope is said; a GET claims nothing', async t => {
  const told = new ToldStreams()
  const connection = told.open(80)
  connection.segment(0, vectorBytes(srmpVector('d-neg-no-to'))).segment(1, answer(400))
  connection.segment(0, text('GET /msmq/ HTTP/1.1\r\n\r\n')).segment(1, answer(403))
  t.match(told.log.requests[0]!.fault?.code, /^MSMQ_DECODE_SRMP_/)
  t.strictSame([told.log.requests[1]!.fault, told.log.requests[1]!.message], [null, null])
})

t.test('bodies and heads beyond their bounds', async t => {
  const told = new ToldStreams()
  const connection = told.open(80)
  const size = 6 * 1024 * 1024
  connection.segment(0, text(`POST /msmq/q HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: ${size}\r\n\r\n`))
  connection
    .send(0, Buffer.alloc(size, 0x20), 1024 * 1024)
    .segment(1, answer(413))
    .segment(0, PLAIN)
    .segment(1, OK)
  t.equal(told.log.requests[0]!.fault?.code, 'MSMQ_DECODE_SRMP_SIZE')
  t.equal(told.log.requests[0]!.bodySize, size)
  t.not(told.log.requests[1]!.message, null)

  const endless = new ToldStreams()
  const other = endless.open(80).segment(0, PLAIN).segment(1, OK)
  other.send(0, text(`POST /msmq/q HTTP/1.1\r\nX: ${'y'.repeat(100_000)}`), 1460)
  other.segment(0, PLAIN)
  t.equal(endless.log.requests.length, 2, 'the next one is found')
})

t.test('a hole of every size at every place: whole requests are decoded, the others never', async t => {
  const sent = [PLAIN, STREAM, PLAIN]
  const cuts: number[] = [0]
  for (const bytes of sent) cuts.push(cuts.at(-1)! + bytes.length)
  const stream = Buffer.concat(sent)
  for (const size of [1, 300, 1500]) {
    for (let from = 0; from + size <= stream.length; from += 3) {
      const told = new ToldStreams()
      const connection = told.open(80)
      // Each request begins a segment, as those do that wait for the answer before.
      for (let i = 0; i < sent.length; i += 1) {
        const [start, end] = [cuts[i]!, cuts[i + 1]!]
        if (start < from) connection.segment(0, stream.subarray(start, Math.min(end, from)))
        if (from >= start && from < end) connection.hole(0, size)
        if (end > from + size) connection.segment(0, stream.subarray(Math.max(start, from + size), end))
        connection.segment(1, OK)
      }
      connection.end()
      const { log } = told
      const whole = sent.filter((_, i) => cuts[i + 1]! <= from || cuts[i]! >= from + size).length
      const decoded = log.requests.filter(({ message }) => message !== null).length
      const wrong = log.responses.some(({ request }) => request !== null && request.first.number < 0)
      if (decoded === whole && log.faults.length === 0 && !wrong) continue
      t.fail(`hole of ${size} at ${from}: ${decoded} of ${whole}, ${log.told}`)
      return
    }
    t.pass(`${size} bytes`)
  }
})

t.test('a hole in a body of known size: the request is told without its message, and answered', async t => {
  const told = new ToldStreams()
  const connection = told.open(80).segment(0, PLAIN.subarray(0, 600)).hole(0, 100).segment(0, PLAIN.subarray(700))
  connection.segment(1, OK).segment(0, STREAM).segment(1, answer(500)).end()
  t.strictSame(
    told.log.responses.map(({ status, request }) => [status, request?.index, request?.message === null]),
    [
      [200, 0, true],
      [500, 1, false],
    ],
  )
  t.equal(told.log.requests[0]!.bodySize, bodyOf(PLAIN).length)
})

t.test('answers after missing ones', async t => {
  const told = new ToldStreams()
  const connection = told.open(80).segment(0, PLAIN).hole(1, OK.length).segment(0, STREAM).segment(1, OK)
  t.equal(told.log.responses[0]!.request, told.log.requests[1], 'who asks again has had its answer')
  connection.hole(0, null).segment(1, answer(503))
  t.strictSame([told.log.responses[1]!.status, told.log.responses[1]!.request], [503, null])

  const pipelining = new ToldStreams()
  const other = pipelining.open(80).segment(0, PLAIN).segment(0, STREAM).hole(1, OK.length).segment(1, answer(400))
  t.equal(pipelining.log.responses[0]!.request, null, 'whose it is nobody knows')
  other.end()
})

t.test('a start in the middle, and one side only', async t => {
  const told = new ToldStreams()
  const connection = told.open(80, 'none').hole(0, null).hole(1, null)
  connection.segment(0, bodyOf(PLAIN)).segment(1, OK).segment(0, STREAM).segment(1, answer(202))
  t.strictSame(
    told.log.responses.map(({ status, request }) => [status, request?.kind]),
    [[202, 'user']],
  )
  t.strictSame(told.log.told, ['connection', 'hole', 'hole', 'request', 'response'])

  const requestsOnly = new ToldStreams()
  const client = requestsOnly.open(80, 'none').hole(0, null)
  for (let i = 0; i < 200; i += 1) client.segment(0, PLAIN)
  client.end()
  t.equal(requestsOnly.log.requests.length, 200)
})

t.test('messages that wait for their answers are bounded over all connections', async t => {
  const told = new ToldStreams({ heldSizeMax: 64 * 1024 })
  const connections = Array.from({ length: 100 }, () => told.open(80).segment(0, STREAM))
  for (const connection of connections) connection.segment(1, OK).end()
  const paired = told.log.responses.filter(({ request }) => request !== null).length
  t.equal(told.log.responses.length, 100)
  t.ok(paired > 20 && paired < 60, `${paired} with their requests`)
  const next = told.open(80).segment(0, STREAM).segment(1, OK)
  t.not(told.log.responses.at(-1)!.request, null, 'what was freed is there again')
  next.end()
})

t.test('a connection that becomes something else', async t => {
  const told = new ToldStreams()
  const connection = told.open(80).segment(0, PLAIN).segment(1, OK)
  connection.segment(0, text('GET /msmq HTTP/1.1\r\nUpgrade: x\r\n\r\n')).segment(1, answer(101, '\r\n'))
  connection.segment(0, PLAIN).segment(1, OK).end()
  t.strictSame(
    told.log.responses.map(({ status }) => status),
    [200, 101],
  )
})

t.test('pings', async t => {
  const told = new ToldStreams()
  const [from, to] = [
    { address: '10.0.0.7', port: 50_000 },
    { address: '10.0.0.5', port: 3527 },
  ]
  const ping = Buffer.from('017d485504000000d1587355509195954997b6e611ea26c6', 'hex')
  told.streams.datagram(from, to, ping, told.nextFrame())
  told.streams.datagram(to, from, ping, told.nextFrame())
  told.streams.datagram(to, from, ping.subarray(1), told.nextFrame())
  told.streams.datagram(from, { address: '10.0.0.5', port: 53 }, ping, told.nextFrame())
  told.streams.datagram(from, to, Buffer.alloc(24), told.nextFrame())
  t.strictSame(
    told.log.pings.map(one => [one.from.port, one.ping.cookie, one.at.number]),
    [
      [50_000, 4, 1],
      [3527, 4, 2],
    ],
  )
  t.equal(told.streams.counts.pings, 2)
})

t.test('damaged requests and answers, in random segments: no crash', async t => {
  const requestStream = Buffer.concat(requests.map(vectorBytes))
  let whole = 0
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = createRandom(seed)
    const damaged = [Buffer.from(requestStream), Buffer.concat(requests.map(() => OK))] as const
    for (const bytes of damaged) for (let hit = random(6); hit > 0; hit -= 1) bytes[random(bytes.length)] = random(256)
    const told = new ToldStreams()
    const connection = told.open(random(2) === 0 ? 80 : 1801)
    const at: [number, number] = [0, 0]
    while (at[0] < damaged[0].length || at[1] < damaged[1].length) {
      const direction = random(3) === 0 ? 1 : 0
      const end = at[direction] + 1 + random(direction === 0 ? 2_000 : 150)
      if (random(15) === 0) connection.hole(direction, random(3) === 0 ? null : end - at[direction])
      else if (at[direction] < damaged[direction].length) {
        connection.segment(direction, damaged[direction].subarray(at[direction], end))
      }
      at[direction] = end
    }
    connection.end()
    whole += told.log.requests.filter(({ message }) => message !== null).length
  }
  t.ok(whole > 200, `${whole} messages`)
})
