import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { Action } from '../../queue-manager/actions.js'
import {
  comesTrue,
  httpDriven,
  httpPost,
  OK,
  outcomes,
  RawClient,
  rawHttpServer,
  rawPost,
} from '../fixtures/http-peers.js'

const ADDRESS = '127.0.92.6'

const PARTS = [
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.0 200 OK\r\n',
  'HTTP/1.1 304 Not Modified\r\n',
  'POST / HTTP/1.1\r\n',
  'Host: x\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\n',
  'Expect: 100-continue\r\n',
  '\r\n',
  'hello',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
]

/** Pieces of HTTP in an order that makes no sense, or just bytes. */
const nonsense = fc
  .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PARTS) }, { weight: 1, arbitrary: fc.string() }), {
    minLength: 1,
    maxLength: 12,
  })
  .map(pieces => pieces.join(''))

t.test('whatever a server answers, every post gets one outcome, in order, and no socket stays', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const answers = fc.sample(nonsense, { numRuns: 150, seed: 4 })
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }) => {
    socket.write(answers[connections.length - 1] ?? OK)
    // Half of them say nothing more, and are cut by the end of the test.
    if (connections.length % 2 === 0) socket.end()
  })
  for (let n = 0; n < answers.length; n++) {
    const open: Action = { do: 'http-open', connection: n, address: ADDRESS, port, secure: false, host: 'x' }
    driver.call(engine => engine.act(open, httpPost(n, 2 * n), httpPost(n, 2 * n + 1)))
    const isTold = () => outcomes(engine).some(([exchange]) => exchange === 2 * n)
    for (let waits = 0; waits < 4 && !isTold(); waits++) await sleep(5)
  }
  t.ok(await comesTrue(() => connections.length >= answers.length))
  for (const { socket } of connections) socket.destroy()
  t.ok(await comesTrue(() => outcomes(engine).length >= 2 * answers.length))
  const told = outcomes(engine).map(([exchange]) => exchange)
  t.equal(new Set(told).size, told.length, 'none has two')
  t.equal(told.length, 2 * answers.length)
  for (let n = 0; n < answers.length; n++) {
    if (told.indexOf(2 * n) > told.indexOf(2 * n + 1)) t.fail(`out of order after ${JSON.stringify(answers[n])}`)
  }
  await driver.stop()
  t.ok(await comesTrue(() => connections.every(({ closed }) => closed)))
})

t.test('whatever a client says, others are served, and only whole requests reach the engine', async t => {
  const { engine, driver, port } = await httpDriven(t, ADDRESS, {
    httpLimits: { requestTimeoutMs: 1000, headersTimeoutMs: 1000 },
  })
  engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status: 200 }] : []
  const begun = fc.tuple(fc.constantFrom('', 'POST / HTTP/1.1\r\nHost: x\r\n'), nonsense)
  const texts = fc.sample(begun, { numRuns: 300, seed: 5 }).map(pieces => pieces.join(''))
  const clients = await Promise.all(texts.map(() => RawClient.connect(t, ADDRESS, port)))
  for (const [n, text] of texts.entries()) clients[n]!.write(text)
  await sleep(100)
  for (const client of clients) client.socket.end()
  t.ok(await comesTrue(() => clients.every(({ closed }) => closed)))
  for (const { request } of engine.of('httpRequested')) {
    const size = request.body.reduce((sum, { length }) => sum + length, 0)
    const length = request.headers.find(([name]) => name === 'Content-Length')?.[1]
    if (request.method !== 'POST' || (length !== undefined && Number(length) !== size)) t.fail(JSON.stringify(request))
  }
  const statuses = new Set(clients.flatMap(client => client.statuses))
  t.strictSame(
    [...statuses].filter(status => ![100, 200, 400].includes(status)),
    [],
    'nothing but what the product says',
  )
  t.ok(statuses.has(200) && statuses.has(400))
  const last = await RawClient.connect(t, ADDRESS, port)
  t.ok(await last.write(rawPost('still there?')).answered(1))
  await driver.stop()
})

t.test('connections that break at any byte leave nothing behind', async t => {
  const sockets = () => process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length
  const before = sockets()
  const { engine, driver, port: ownPort } = await httpDriven(t, ADDRESS)
  const { port } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    if (count % 3 === 0) socket.resetAndDestroy()
    else socket.write(OK.repeat(1 + (count % 2)).slice(0, OK.length + (count % 5)))
  })
  for (let n = 0; n < 60; n++) {
    const open: Action = { do: 'http-open', connection: n, address: ADDRESS, port, secure: false, host: 'x' }
    driver.call(engine => engine.act(open, ...[0, 1, 2, 3].map(more => httpPost(n, 4 * n + more))))
    const client = await RawClient.connect(t, ADDRESS, ownPort)
    client.write(rawPost('x'.repeat(100)).slice(0, 2 * n + 1))
    await sleep(1)
    client.socket.resetAndDestroy()
  }
  t.ok(sockets() > before, 'there are some while it runs')
  for (let n = 0; n < 60; n++)
    driver.call(engine => engine.act({ do: 'http-close', connection: n, how: 'graceful', reason: 'test' }))
  t.ok(await comesTrue(() => outcomes(engine).length === 240), `${outcomes(engine).length} outcomes`)
  driver.kill()
  t.ok(await comesTrue(() => sockets() <= before), `${sockets()} sockets, ${before} before`)
})
