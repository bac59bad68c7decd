import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Action } from '../../queue-manager/actions.js'
import {
  comesTrue,
  httpDriven,
  httpPost,
  OK,
  outcomes,
  type RawConnection,
  rawHttpServer,
} from '../fixtures/http-peers.js'

const ADDRESS = '127.0.92.1'

function open(connection: number, port: number, changes: Partial<Extract<Action, { do: 'http-open' }>> = {}): Action {
  return { do: 'http-open', connection, address: ADDRESS, port, secure: false, host: 'target.example', ...changes }
}

t.test('a post goes out as it was given, and its status comes back', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS, { localAddress: '127.0.92.7' })
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }) => socket.write(OK))
  driver.call(engine => engine.act(open(1, port)))
  await sleep(20)
  t.equal(connections.length, 0, 'no connection before there is something to say')
  const body = [Buffer.from('one, '), Buffer.from('two')]
  driver.call(engine => engine.act(httpPost(1, 70, { body, target: '/msmq/private$/Q?x=1' })))
  t.match(await engine.when('httpAnswered'), { exchange: 70, status: 200 })
  const [request] = connections[0]?.requests ?? []
  t.match(request, /^POST \/msmq\/private\$\/Q\?x=1 HTTP\/1\.1\r\nhost: target\.example\r\n/i)
  t.match(request, /\r\nContent-Type: text\/xml\r\nSOAPAction: "MSMQMessage"\r\n/, 'in the order given')
  t.match(request, /\r\ncontent-length: 8\r\n/i)
  t.ok(request?.endsWith('\r\n\r\none, two'))
  t.equal(connections[0]?.socket.remoteAddress, '127.0.92.7')
})

t.test('posts go out without waiting for answers, in order, over one connection that is kept', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    if (count === 40) for (let n = 0; n < 40; n++) socket.write(OK)
    if (count > 40) socket.write(OK)
  })
  const posts = Array.from({ length: 40 }, (_, n) => httpPost(1, 100 + n))
  driver.call(engine => engine.act(open(1, port), ...posts))
  await engine.when('httpAnswered', ({ exchange }) => exchange === 139)
  t.strictSame(
    outcomes(engine),
    posts.map((_, n) => [100 + n, 200]),
  )
  await sleep(10)
  driver.call(engine => engine.act(httpPost(1, 150)))
  await engine.when('httpAnswered', ({ exchange }) => exchange === 150)
  t.equal(connections.length, 1)
  t.match(
    connections[0]?.requests.map(request => request.slice(request.lastIndexOf('\n') + 1)),
    [...posts.map((_, n) => `body ${100 + n}`), 'body 150'],
  )
})

t.test('only the status counts, whatever it is', async t => {
  const answers = [
    'HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
    `HTTP/1.1 999 Odd\r\nKeep-Alive: timeout=1\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`,
    OK,
  ]
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    // A byte at a time shows what a reader makes of pieces.
    const text = answers[count - 1]!
    if (count === 3) for (const letter of text) setTimeout(() => socket.write(letter))
    else socket.write(text)
  })
  driver.call(engine => engine.act(open(1, port)))
  for (let n = 0; n < answers.length; n++) {
    driver.call(engine => engine.act(httpPost(1, n)))
    t.ok(await comesTrue(() => outcomes(engine).length === n + 1))
    if (n === 5) await sleep(1300)
  }
  t.strictSame(
    outcomes(engine).map(([, outcome]) => outcome),
    [500, 302, 200, 204, 401, 999, 200],
  )
  t.equal(connections.length, 1, 'kept all the time, also when the server says for how long it will wait')
})

t.test('a server that dies in the middle: what was under way has failed, in order; nothing is sent twice', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    if (connections.length > 1) socket.write(OK)
    else if (count <= 3) socket.write(OK)
    else if (count === 6) socket.resetAndDestroy()
  })
  driver.call(engine => engine.act(open(1, port), ...Array.from({ length: 10 }, (_, n) => httpPost(1, n))))
  t.ok(await comesTrue(() => outcomes(engine).length === 10))
  t.strictSame(
    outcomes(engine).map(([exchange]) => exchange),
    Array.from({ length: 10 }, (_, n) => n),
  )
  const failed = outcomes(engine).filter(([, outcome]) => outcome !== 200)
  t.ok(failed.length >= 7, 'what was not answered')
  t.ok(failed.every(([, reason]) => typeof reason === 'string' && reason.length < 60 && reason !== ''))
  await sleep(50)
  t.equal(connections.length, 1, 'no new connection before there is something new to say')
  driver.call(engine => engine.act(httpPost(1, 20), httpPost(1, 21)))
  await engine.when('httpAnswered', ({ exchange }) => exchange === 21)
  t.equal(connections.length, 2)
  t.equal(connections[1]?.requests.length, 2, 'only what was asked for since')
})

t.test('ways to get no answer', async t => {
  const rows: [what: string, onRequest: (connection: RawConnection) => void, reason: RegExp][] = [
    ['garbage', ({ socket }) => socket.write('220 smtp.example ready\r\n'), /^the answer is not HTTP$/],
    ['a head that breaks off', ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'), /./],
    ['a body that breaks off', ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'), /./],
    ['an end', ({ socket }) => socket.end(), /closed/],
    ['a reset', ({ socket }) => socket.resetAndDestroy(), /ECONNRESET|closed/],
    [
      'a body without end',
      ({ socket }) => socket.write(`${OK.replace(': 0', ': 99999999')}${'x'.repeat(70_000)}`),
      /too long/,
    ],
    ['headers without end', ({ socket }) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`), /[Hh]eader/],
    [
      'another protocol',
      ({ socket }) => socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      /upgrade/,
    ],
  ]
  for (const [what, onRequest, reason] of rows) {
    const { engine, driver } = await httpDriven(t, ADDRESS)
    const { port, connections } = await rawHttpServer(t, ADDRESS, onRequest)
    driver.call(engine => engine.act(open(1, port), httpPost(1, 5), httpPost(1, 6)))
    t.ok(await comesTrue(() => outcomes(engine).length === 2), what)
    t.match(outcomes(engine), [
      [5, reason],
      [6, reason],
    ])
    t.ok(await comesTrue(() => connections.every(({ closed }) => closed)), 'and the connection is gone')
  }
})

t.test('who cannot be reached, or asked', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  driver.call(engine => engine.act(open(1, 1), httpPost(1, 10), open(2, 80, { address: 'some.name' }), httpPost(2, 20)))
  t.match(await engine.when('httpFailed', ({ exchange }) => exchange === 10), { reason: 'ECONNREFUSED' })
  t.match(await engine.when('httpFailed', ({ exchange }) => exchange === 20), { reason: 'EADDRNOTAVAIL' })
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }) => socket.write(OK))
  driver.call(engine =>
    engine.act(
      open(3, port),
      httpPost(3, 30, { target: 'no path' }),
      httpPost(3, 31, { headers: [['Host', 'a\r\nb']] }),
      httpPost(3, 32, {
        headers: [
          ['Connection', 'close'],
          ['Content-Length', '99'],
          ['Expect', '100-continue'],
        ],
      }),
    ),
  )
  await engine.when('httpAnswered', ({ exchange }) => exchange === 32)
  t.match(outcomes(engine).slice(-3), [
    [30, /./],
    [31, /./],
    [32, 200],
  ])
  t.equal(connections.length, 1, 'one that cannot be said hurts no other')
  t.notMatch(connections[0]?.requests[0], /connection: close|content-length: 99|expect/i)
})

t.test('a server that closes after each answer gets each post once', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    if (count === 1) socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  engine.answer = input => {
    if (input.input !== 'httpAnswered' || input.exchange >= 5) return []
    return [httpPost(1, input.exchange + 1)]
  }
  driver.call(engine => engine.act(open(1, port), httpPost(1, 0)))
  t.ok(await comesTrue(() => outcomes(engine).length === 6))
  t.strictSame(
    outcomes(engine),
    [0, 1, 2, 3, 4, 5].map(n => [n, 200]),
  )
  t.equal(connections.length, 6)

  driver.call(engine => engine.act(httpPost(1, 10), httpPost(1, 11), httpPost(1, 12)))
  t.ok(await comesTrue(() => outcomes(engine).length === 9))
  t.match(outcomes(engine).slice(6), [
    [10, 200],
    [11, /closed/],
    [12, /closed/],
  ])
  await sleep(30)
  t.equal(connections.length, 7, 'and those behind it are not sent again')
})

t.test('an idle connection that the server closes is replaced without a failure', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }) => socket.write(OK))
  driver.call(engine => engine.act(open(1, port), httpPost(1, 0)))
  await engine.when('httpAnswered')
  connections[0]?.socket.end()
  t.ok(await comesTrue(() => connections[0]?.closed === true))
  await sleep(10)
  driver.call(engine => engine.act(httpPost(1, 1)))
  t.ok(await comesTrue(() => outcomes(engine).length === 2))
  t.strictSame(outcomes(engine), [
    [0, 200],
    [1, 200],
  ])
  t.equal(connections.length, 2)
})

t.test('closing in order waits for answers, for a while; closing abruptly does not', async t => {
  const patient = await httpDriven(t, ADDRESS, { limits: { lingerMs: 30_000 } })
  const { engine, driver } = await httpDriven(t, ADDRESS)
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }, count) => {
    // the second pair is answered at once, for that driver waits only so long, and what is broken off is not
    if (count < 3 && connections.length < 3) setTimeout(() => socket.write(OK), connections.length === 1 ? 50 : 0)
  })
  const close = (connection: number, how: 'graceful' | 'abort'): Action => ({
    do: 'http-close',
    connection,
    how,
    reason: 'test',
  })
  patient.driver.call(engine =>
    engine.act(open(1, port), httpPost(1, 10), httpPost(1, 11), close(1, 'graceful'), httpPost(1, 12)),
  )
  t.ok(await comesTrue(() => connections[0]?.closed === true))
  t.strictSame(
    outcomes(patient.engine),
    [
      [10, 200],
      [11, 200],
    ],
    'both answers; nothing more is taken',
  )

  driver.call(engine =>
    engine.act(open(2, port), httpPost(2, 20), httpPost(2, 21), httpPost(2, 22), close(2, 'graceful')),
  )
  t.ok(await comesTrue(() => outcomes(engine).length === 3))
  t.match(
    outcomes(engine),
    [
      [20, 200],
      [21, 200],
      [22, 'closed'],
    ],
    'one that is never answered',
  )

  driver.call(engine => engine.act(open(3, port), httpPost(3, 30)))
  t.ok(await comesTrue(() => connections[2]?.requests.length === 1))
  driver.call(engine => engine.act(close(3, 'abort')))
  t.ok(await comesTrue(() => connections[2]?.closed === true))
  driver.call(engine =>
    engine.act(open(4, port), close(4, 'graceful'), open(5, port), close(5, 'abort'), close(9, 'abort')),
  )
  driver.call(engine => engine.act(open(6, port), httpPost(6, 60), close(6, 'abort')))
  await sleep(100)
  t.equal(outcomes(engine).length, 3, 'not a word')
  t.equal(connections.length, 3)
})

t.test('stopping waits for answers under way; after a kill nobody is told anything', async t => {
  const { engine, driver } = await httpDriven(t, ADDRESS, { limits: { lingerMs: 30_000 } })
  const { port, connections } = await rawHttpServer(t, ADDRESS, ({ socket }) => setTimeout(() => socket.write(OK), 100))
  driver.call(engine => engine.act(open(1, port), httpPost(1, 10)))
  t.ok(await comesTrue(() => connections[0]?.requests.length === 1))
  await driver.stop()
  t.strictSame(outcomes(engine), [[10, 200]])
  t.ok(await comesTrue(() => connections[0]?.closed === true))

  const other = await httpDriven(t, ADDRESS)
  other.driver.call(engine => engine.act(open(1, port), httpPost(1, 10)))
  t.ok(await comesTrue(() => connections[1]?.requests.length === 1))
  other.driver.kill()
  t.ok(await comesTrue(() => connections[1]?.closed === true))
  await sleep(150)
  t.strictSame(outcomes(other.engine), [])
})
