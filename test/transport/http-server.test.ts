import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ExchangeId } from '../../queue-manager/actions.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'
import { comesTrue, httpDriven, RawClient, rawPost } from '../fixtures/http-peers.js'
import { ScriptedEngine } from '../fixtures/scripted-engine.js'

const ADDRESS = '127.0.92.2'

function answerAll(engine: ScriptedEngine, status = 200): void {
  engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status }] : []
}

function bodies(engine: ScriptedEngine): string[] {
  return engine.of('httpRequested').map(({ request }) => Buffer.concat(request.body).toString('latin1'))
}

t.test('a request comes in whole, and is answered as the product does', async t => {
  const { engine, port } = await httpDriven(t, ADDRESS)
  answerAll(engine)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write(rawPost('hello', ['SOAPAction: "MSMQMessage"', 'X-Twice: 1', 'x-twice: 2'], '/MSMQ/private$/Q?a=b'))
  const { peer, request } = await engine.when('httpRequested')
  t.strictSame(peer, { address: '127.0.0.1', port: client.socket.localPort })
  t.strictSame(
    { ...request, body: Buffer.concat(request.body).toString() },
    {
      method: 'POST',
      target: '/MSMQ/private$/Q?a=b',
      headers: [
        ['Host', 'here'],
        ['Content-Length', '5'],
        ['SOAPAction', '"MSMQMessage"'],
        ['X-Twice', '1'],
        ['x-twice', '2'],
      ],
      body: 'hello',
      secure: false,
    },
  )
  t.ok(await client.answered(1))
  t.match(
    client.text,
    /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\nServer: Microsoft-IIS\/7\.0\r\nDate: [^\r]+ GMT\r\n\r\n$/,
  )
  client.write(rawPost('again'))
  t.ok(await client.answered(2), 'the connection is kept')
})

t.test('every status is sent as it is', async t => {
  const { engine, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  for (const status of [200, 400, 500]) {
    answerAll(engine, status)
    client.write(rawPost(''))
    t.ok((await client.answered(engine.of('httpRequested').length + 1)) || client.statuses.at(-1) === status)
    t.equal(client.statuses.at(-1), status)
  }
})

t.test('pipelined requests are answered in their order, whatever the order of the engine', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  const text = Array.from({ length: 6 }, (_, n) => rawPost(`request ${n}`)).join('')
  for (let at = 0; at < text.length; at += 7) client.write(text.slice(at, at + 7))
  t.ok(await comesTrue(() => engine.of('httpRequested').length === 6))
  t.strictSame(bodies(engine), ['request 0', 'request 1', 'request 2', 'request 3', 'request 4', 'request 5'])
  const ids = engine.of('httpRequested').map(({ exchange }) => exchange)
  const answer = (n: number, status: number) =>
    driver.call(engine => engine.act({ do: 'http-answer', exchange: ids[n]!, status }))
  answer(5, 205)
  answer(1, 201)
  await sleep(30)
  t.strictSame(client.statuses, [], 'the first is still to come')
  answer(0, 200)
  t.ok(await client.answered(2))
  await sleep(20)
  t.strictSame(client.statuses, [200, 201])
  for (const n of [4, 3, 2]) answer(n, 200 + n)
  t.ok(await client.answered(6))
  t.strictSame(client.statuses, [200, 201, 202, 203, 204, 205])
})

t.test('chunked bodies, a body announced, HTTP/1.0', async t => {
  const { engine, port } = await httpDriven(t, ADDRESS)
  answerAll(engine)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  client.write('3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n')
  t.ok(await client.answered(1))
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
  t.ok(await client.answered(2))
  t.strictSame(client.statuses, [200, 100])
  client.write('fgh')
  t.ok(await client.answered(3))
  client.write('POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nij')
  t.ok(await client.ended(), 'not kept for one that did not ask')
  t.strictSame(client.statuses, [200, 100, 200, 200])
  t.strictSame(bodies(engine), ['abcde', 'fgh', 'ij'])
})

t.test('what is no message for us gets 400 and does not reach the engine', async t => {
  const { engine, port } = await httpDriven(t, ADDRESS, { httpLimits: { bodyBytesMax: 1000, discardBytesMax: 5000 } })
  answerAll(engine)
  const big = rawPost('x'.repeat(4000))
  const rows: [what: string, text: string, statuses: number[], closes: boolean][] = [
    ['a GET', `GET / HTTP/1.1\r\nHost: x\r\n\r\n${rawPost('after')}`, [400, 200], false],
    ['a PUT with a body', `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab`, [400], false],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', [400], true],
    ['no host', 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', [400], false],
    ['no HTTP', 'hello there\r\n\r\n', [400], true],
    ['no HTTP after a request', `${rawPost('before')}\0\0`, [200, 400], true],
    ['an expectation', rawPost('', ['Expect: miracles']), [400], true],
    ['a body too large', big, [400], true],
    [
      'a body too large, chunked',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfa0\r\n'.concat(
        'x'.repeat(4000),
        '\r\n0\r\n\r\n',
      ),
      [400],
      true,
    ],
    ['a body much too large', rawPost('x'.repeat(50_000)), [400], true],
    [
      'a body too large, announced',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n',
      [400],
      true,
    ],
    ['headers too large', rawPost('', [`X: ${'x'.repeat(17_000)}`]), [400], true],
    ['a broken chunk', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdefg\r\n', [400], true],
    ['both lengths', rawPost('3\r\nabc\r\n0\r\n\r\n', ['Transfer-Encoding: chunked']), [400], true],
    ['two lengths', rawPost('abc', ['Content-Length: 30']), [400], true],
    ['two equal lengths', rawPost('abc', ['Content-Length: 3']), [400], true],
    ['a length that is no number', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc', [400], true],
    [
      'an encoding that is not chunked',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc',
      [400],
      true,
    ],
    [
      'chunked, but not last',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      [400],
      true,
    ],
    [
      'a header with a blank before its colon',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc',
      [400],
      true,
    ],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400], true],
    ['a tunnel', 'CONNECT here:80 HTTP/1.1\r\nHost: x\r\n\r\n', [], true],
  ]
  for (const [what, text, statuses, closes] of rows) {
    const client = await RawClient.connect(t, ADDRESS, port)
    client.write(text)
    if (closes) t.ok(await client.ended(), `${what}: the connection ends`)
    else t.ok(await client.answered(statuses.length), what)
    t.strictSame(client.statuses, statuses, what)
    client.socket.destroy()
  }
  t.strictSame(bodies(engine), ['after', 'before'])
})

t.test('what could not be understood is answered after what could', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write(`${rawPost('one')}${rawPost('two')}nonsense\r\n\r\n`)
  t.ok(await comesTrue(() => engine.of('httpRequested').length === 2))
  await sleep(20)
  t.equal(client.text, '')
  const ids = engine.of('httpRequested').map(({ exchange }) => exchange)
  for (const exchange of ids.toReversed())
    driver.call(engine => engine.act({ do: 'http-answer', exchange, status: 200 }))
  t.ok(await client.ended())
  t.strictSame(client.statuses, [200, 200, 400])
})

t.test('no more than some requests of a connection are taken ahead; none is lost', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS, { httpLimits: { requestsAheadMax: 8 } })
  const client = await RawClient.connect(t, ADDRESS, port)
  const text = Array.from({ length: 5000 }, (_, n) => rawPost(`${n}`)).join('')
  client.write(text)
  t.ok(await comesTrue(() => engine.of('httpRequested').length === 8))
  await sleep(50)
  t.equal(engine.of('httpRequested').length, 8)
  engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status: 200 }] : []
  const waiting = engine.of('httpRequested').map(({ exchange }) => exchange)
  for (const exchange of waiting) driver.call(engine => engine.act({ do: 'http-answer', exchange, status: 200 }))
  t.ok(await client.answered(5000))
  t.strictSame(
    bodies(engine),
    Array.from({ length: 5000 }, (_, n) => `${n}`),
  )
})

t.test('an answer to a client that has gone goes nowhere', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write(rawPost('one'))
  const { exchange } = await engine.when('httpRequested')
  client.socket.resetAndDestroy()
  await sleep(30)
  const answer = (id: ExchangeId) => driver.call(engine => engine.act({ do: 'http-answer', exchange: id, status: 200 }))
  answer(exchange)
  answer(exchange)
  answer(999)
  const next = await RawClient.connect(t, ADDRESS, port)
  answerAll(engine)
  next.write(rawPost('two'))
  t.ok(await next.answered(1), 'and hurts nobody')
})

t.test('stopping: what was taken is answered, nothing more is taken', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS, { limits: { lingerMs: 30_000 } })
  const idle = await RawClient.connect(t, ADDRESS, port)
  const half = await RawClient.connect(t, ADDRESS, port)
  half.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
  const busy = await RawClient.connect(t, ADDRESS, port)
  busy.write(`${rawPost('one')}${rawPost('two')}`)
  t.ok(await comesTrue(() => engine.of('httpRequested').length === 2))
  const stopped = driver.stop()
  busy.write(rawPost('three'))
  t.ok(await idle.ended())
  t.ok(await half.ended())
  t.equal(half.text, '')
  const [one, two] = engine.of('httpRequested').map(({ exchange }) => exchange)
  driver.call(engine => engine.act({ do: 'http-answer', exchange: two!, status: 200 }))
  await sleep(20)
  driver.call(engine => engine.act({ do: 'http-answer', exchange: one!, status: 400 }))
  await stopped
  t.ok(await busy.ended())
  t.strictSame(busy.statuses, [400, 200])
  t.equal(engine.of('httpRequested').length, 2)
})

t.test('stopping ends also when nobody answers', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write(rawPost('one'))
  await engine.when('httpRequested')
  await driver.stop()
  t.ok(await client.ended())
  t.equal(client.text, '')
})

t.test('an address that is taken', async t => {
  const { port } = await httpDriven(t, ADDRESS)
  const second = new Driver({
    engine: new ScriptedEngine(),
    store: new MemoryStore(),
    resolver: () => [],
    listen: { address: ADDRESS, port: 0 },
    http: { address: ADDRESS, port },
  })
  await t.rejects(second.start(), {
    code: 'MSMQ_TRANSPORT_LISTEN',
    message: `listen ${ADDRESS}:${port}: EADDRINUSE`,
    cause: { code: 'EADDRINUSE' },
  })
  await second.stop()
})
