import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../../fixtures/gateway-world.js'
import { startHttpGateway, startHttpHost } from '../../fixtures/http-gateway-world.js'

t.test('shapes that two parsers could read differently are refused, and the host sees none of them', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, closed, requests } = await startHttpGateway(t, [host])
  const shapes: [string, string, number][] = [
    [
      'both lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400],
    ['the same length twice', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc', 400],
    ['a list of lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc', 400],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc', 400],
    ['a hexadecimal length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc', 400],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc', 400],
    ['chunked, but not last', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n', 400],
    [
      'another coding under chunked',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
    [
      'chunked twice',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a coding that looks like chunked',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      501,
    ],
    ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['bad chunk size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['Connection that names Host', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Host\r\n\r\n', 400],
    [
      'Connection that names the length',
      'POST / HTTP/1.1\r\nHost: x\r\nConnection: Content-Length\r\nContent-Length: 1\r\n\r\na',
      400,
    ],
    ['Connection that names very much', `GET / HTTP/1.1\r\nHost: x\r\nConnection: ${'a,'.repeat(500)}\r\n\r\n`, 400],
    ['a null in a field', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400],
    ['no HTTP at all', '\x16\x03\x01\x02\x00', 400],
    ['another version', 'GET / HTTP/3.7\r\nHost: x\r\n\r\n', 400],
    ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', 501],
    ['a head of 20 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a target that is none', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ]
  for (const [name, bytes, status] of shapes) {
    const client = open()
    client.write(bytes)
    const answer = await client.answer().catch(() => null)
    t.equal(answer?.status, status, name)
    if (name === 'a target that is none') client.socket.end()
    await client.ended
    t.equal(client.rest.length, 0, 'one answer')
  }
  t.ok(host.seen.every(seen => seen === 'POST /') && host.seen.length <= 1, 'at most a body that went bad on its way')
  await until(() => closed.length === shapes.length, 'all ends')
  t.ok(requests.every(({ outcome }) => outcome !== 'answered'))
})

t.test('a bad request behind good ones: they are answered first, and nothing after it is read', async t => {
  const host = await startHttpHost(t, '127.77.1.1', async (_, response, body) => {
    await body()
    await sleep(50)
    response.end('good')
  })
  for (const balance of ['connection', 'request'] as const) {
    host.seen.length = 0
    const { open, closed } = await startHttpGateway(t, [host], { balance })
    const client = open()
    client.post('/1', 'x').post('/2', 'x').write('nonsense\r\n\r\n').post('/3', 'x')
    t.equal((await client.answer()).body.toString(), 'good')
    t.equal((await client.answer()).body.toString(), 'good')
    t.equal((await client.answer()).status, 400)
    await client.ended
    t.same(host.seen, ['POST /1', 'POST /2'])
    await until(() => closed.length === 1, 'the end')
    t.match(closed[0], { closedBy: 'gateway', manner: 'malformed', code: /^HPE_/ })
  }
})

t.test('Upgrade is not passed on; the answer is an ordinary one', async t => {
  const host = await startHttpHost(t, '127.77.1.1', (request, response) =>
    response.end(request.headers.upgrade ?? 'none'),
  )
  const { open } = await startHttpGateway(t, [host])
  const client = open()
  client.get('/', 'Connection: Upgrade', 'Upgrade: websocket')
  t.match(await client.answer(), { status: 200, body: Buffer.from('none') })
  t.equal((await client.get('/').answer()).status, 200, 'still HTTP')
})

t.test('slow heads, stalled bodies and stalled readers are cut; slow but moving ones are not', async t => {
  const host = await startHttpHost(t, '127.77.1.1', async (request, response, body) => {
    if (request.url === '/big') response.end(Buffer.alloc(20_000_000))
    else response.end(await body())
  })
  const { open, closed, gateway } = await startHttpGateway(t, [host], {
    limits: { headTimeoutMs: 1500, clientStallMs: 600 },
  })
  const slowHead = open()
  slowHead.write('POST / HTTP/1.1\r\nHo')
  const stalledBody = open()
  stalledBody.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
  const stalledStream = open()
  stalledStream.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc')
  const stalledReader = open()
  stalledReader.socket.pause()
  stalledReader.get('/big')
  const moving = open()
  moving.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n')
  for (let n = 0; n < 20; n++) {
    await sleep(60)
    moving.write('x')
  }
  t.equal((await moving.answer()).body.length, 20)
  t.equal((await slowHead.answer()).status, 408)
  t.equal(await stalledBody.ended, 'ECONNRESET')
  t.equal(await stalledStream.ended, 'ECONNRESET')
  await until(() => closed.length === 4, 'four ends')
  t.ok(closed.every(({ manner }) => manner === 'slow'))
  t.equal(gateway.counters().http.slow, 4)
  t.equal(gateway.counters().active, 1)
})

t.test('a client waits for a slow host as long as that takes', async t => {
  const host = await startHttpHost(t, '127.77.1.1', async (_, response) => {
    await sleep(1500)
    response.end('late')
  })
  const { open } = await startHttpGateway(t, [host], { limits: { clientStallMs: 150, headTimeoutMs: 1000 } })
  t.equal((await open().post('/', 'x').answer()).body.toString(), 'late')
})

t.test('a flood of pipelined requests: no more are read ahead than the gateway says', async t => {
  const held: (() => void)[] = []
  const host = await startHttpHost(t, '127.77.1.1', (_, response) => held.push(() => response.end()))
  const { open, gateway } = await startHttpGateway(t, [host], { pipelineMax: 8 })
  const client = open()
  const one = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
  const count = 200_000
  client.write(one.repeat(count))
  await until(() => held.length === 8, 'eight')
  await sleep(300)
  t.equal(held.length, 8)
  const { requests } = gateway.counters().http
  t.ok(requests < 20_000, `${requests} of ${count} were read`)
  t.ok(client.socket.writableLength > 0, 'the client is held back')
  for (let n = 0; n < 100; n++) {
    await until(() => held.length > 0, 'the next')
    for (const release of held.splice(0)) release()
  }
  t.ok(client.rest.length > 0, 'and it goes on')
})

t.test('too many connections: those over the limit are closed, the first go on', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, gateway } = await startHttpGateway(t, [host], { limits: { connectionsMax: 100 } })
  const first = open()
  t.equal((await first.get('/').answer()).status, 200)
  const burst = Array.from({ length: 500 }, (_, i) => open(`127.77.3.${1 + (i % 100)}`))
  await until(() => gateway.counters().accepted + gateway.counters().overLimit === 501, 'all')
  t.match(gateway.counters(), { accepted: 100, overLimit: 401 })
  t.equal((await first.get('/').answer()).status, 200)
  for (const { socket } of burst) socket.resetAndDestroy()
  await until(() => gateway.counters().active === 1, 'the burst to go')
  t.equal((await open().get('/').answer()).status, 200)
})
