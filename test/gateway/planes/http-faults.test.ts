import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readAll, startHost, until } from '../../fixtures/gateway-world.js'
import { startHttpGateway, startHttpHost } from '../../fixtures/http-gateway-world.js'

t.test('a dropped answer: the host has the request, the client a broken connection', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, requests, closed, gateway } = await startHttpGateway(t, [host], {
    faults: { dropAnswers: { targetContains: 'ORDER_QUEUE$', first: 2, requestsMax: 1 } },
  })
  const client = open()
  t.equal((await client.post('/msmq/private$/order_queue$', '1').answer()).status, 200)
  t.equal((await client.post('/msmq/private$/q', '2').answer()).status, 200)
  client.post('/msmq/private$/order_queue$', '3')
  t.equal(await client.ended, 'ECONNRESET')
  t.equal(client.rest.length, 0)
  t.equal(host.seen.length, 3)
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'gateway', manner: 'dropped' })
  t.match(requests[2], { outcome: 'dropped', status: 200, sent: true, bytesToHost: 1, bytesToClient: 0 })
  t.equal((await open().post('/msmq/private$/order_queue$', '4').answer()).status, 200, 'no more than one')
  t.match(gateway.counters().http, { dropped: 1, outcomes: { dropped: 1, answered: 3 } })
})

t.test('a dropped answer among pipelined ones: those before it arrive', async t => {
  const host = await startHttpHost(t, '127.77.1.1', async (request, response, body) => {
    await body()
    if (request.url === '/1') await sleep(100)
    response.end(request.url)
  })
  for (const balance of ['connection', 'request'] as const) {
    const { open, requests } = await startHttpGateway(t, [host], {
      balance,
      pipelineMax: 8,
      faults: { dropAnswers: { first: 3, requestsMax: 1 } },
    })
    const client = open()
    for (let n = 1; n <= 5; n++) client.post(`/${n}`, 'x')
    t.equal((await client.answer()).body.toString(), '/1')
    t.equal((await client.answer()).body.toString(), '/2')
    t.equal(await client.ended, 'ECONNRESET')
    await until(() => requests.length === 5, 'the reports')
    t.match(
      requests.toSorted((a, b) => a.request - b.request).map(({ outcome }) => outcome),
      ['answered', 'answered', 'dropped', 'cut', 'cut'],
    )
  }
})

t.test('an answer dropped in silence: nothing comes, and nothing after it', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, requests, gateway } = await startHttpGateway(t, [host], {
    faults: { dropAnswers: { requestsMax: 1, manner: 'silence' } },
  })
  const client = open()
  client.post('/1', 'x').post('/2', 'x')
  await until(() => host.seen.length === 2, 'both requests')
  await sleep(100)
  t.equal(client.rest.length, 0)
  t.equal(gateway.counters().active, 1)
  client.socket.resetAndDestroy()
  await until(() => requests.length === 2, 'the reports')
  t.match(requests, [{ outcome: 'dropped', status: 200 }, { outcome: 'cut' }])
})

t.test('cutAfterBytes: exactly so many bytes reach the host, then both sides are reset', async t => {
  for (const [bytes, piece] of [
    [300, 20_000],
    [100_000, 200_000],
  ] as const) {
    const host = await startHost(t, '127.77.1.1')
    const { open, closed, gateway } = await startHttpGateway(t, [host], {
      faults: { cutAfterBytes: bytes, cutConnectionsMax: 1 },
    })
    const client = open()
    for (let n = 0; n < 4; n++) client.post(`/${n}`, Buffer.alloc(piece / 4, n))
    const peer = await host.next()
    const got = readAll(peer)
    if (bytes > piece / 4) await until(() => peer.bytesRead > piece / 4, 'the first request')
    // a streamed body goes when the request before it is answered
    if (bytes > piece / 4) peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    const { bytes: received, code } = await got
    t.equal(code, 'ECONNRESET')
    t.equal(received.length, bytes)
    t.equal(await client.ended, 'ECONNRESET')
    await until(() => closed.length === 1, 'the end')
    t.match(closed[0], { closedBy: 'gateway', manner: 'cut' })
    t.equal(gateway.counters().cut, 1)
    const next = open()
    next.post('/', 'abc')
    const other = await host.next()
    other.once('data', () => other.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    other.resume()
    t.equal((await next.answer()).status, 200, 'only so many connections are cut')
    other.destroy()
  }
})

t.test('idle limit: a silent connection is reset, a busy one is not', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, closed, gateway } = await startHttpGateway(t, [host], { idleTimeoutMs: 300 })
  const busy = open('127.77.2.6')
  const silent = open('127.77.2.5')
  await silent.get('/').answer()
  for (let n = 0; n < 12; n++) {
    await sleep(50)
    t.equal((await busy.get('/').answer()).status, 200)
  }
  t.equal(await silent.ended, 'ECONNRESET')
  t.match(closed, [{ manner: 'idle', clientAddress: '127.77.2.5' }])
  t.equal(gateway.counters().idle, 1)
})

t.test('resets of the client reach the host; reset on demand reaches both', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { open, closed, gateway, requests } = await startHttpGateway(t, [host])
  const client = open()
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', Buffer.alloc(50_000))
  const peer = await host.next()
  const end = readAll(peer)
  await until(() => peer.bytesRead > 50_000, 'the first half')
  client.socket.resetAndDestroy()
  t.equal((await end).code, 'ECONNRESET')
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'client', manner: 'reset' })
  t.match(requests[0], { outcome: 'cut', sent: true, status: null })

  const second = open()
  second.get('/')
  const secondPeer = await host.next()
  const secondEnd = readAll(secondPeer)
  t.equal(gateway.resetConnections('h1'), 1)
  t.equal((await secondEnd).code, 'ECONNRESET')
  t.equal(await second.ended, 'ECONNRESET')

  const third = open()
  third.get('/')
  await host.next()
  await gateway.stop()
  t.equal(await third.ended, 'ECONNRESET')
  t.equal(closed.at(-1)?.manner, 'stopped')
})
