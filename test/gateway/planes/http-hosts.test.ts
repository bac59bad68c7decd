import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { HostState } from '../../../gateway/planes/http-options.js'
import { startHost, until } from '../../fixtures/gateway-world.js'
import { startHttpGateway, startHttpHost } from '../../fixtures/http-gateway-world.js'

t.test('a host that is down: 502, and by connection the client is to come again', async t => {
  const dead = await startHttpHost(t, '127.77.1.1')
  dead.server.close()
  const alive = await startHttpHost(t, '127.77.1.2')
  const byConnection = await startHttpGateway(t, [dead, { ...alive, weight: 0 }])
  const client = byConnection.open()
  const answer = await client.get('/').answer()
  t.match(answer, { status: 502, headers: { connection: 'close', 'content-length': '0' } })
  t.equal(await client.ended, 'end')
  t.match(byConnection.requests, [
    { status: 502, outcome: 'refused', reason: 'ECONNREFUSED', sent: false, host: 'h1', upstreamLocalAddress: null },
  ])
  await until(() => byConnection.closed.length === 1, 'the end')
  t.match(byConnection.closed[0], { closedBy: 'gateway', manner: 'hostDown', code: 'ECONNREFUSED', host: 'h1' })
  t.match(byConnection.gateway.counters(), {
    hostDown: 1,
    connectFailures: { ECONNREFUSED: 1 },
    hosts: { h1: { chosen: 1, failed: 1 }, h2: { chosen: 0 } },
    http: { refusals: { 502: 1 }, statuses: {} },
  })

  const byRequest = await startHttpGateway(t, [dead, alive], { balance: 'request' })
  const other = byRequest.open()
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push((await other.post('/', 'x').answer()).status)
  t.same(statuses, [502, 200, 502, 200], 'the connection stays')
})

t.test('retryOtherHosts: what was not sent goes to another host; when none is left, 502', async t => {
  const dead = await startHttpHost(t, '127.77.1.1')
  dead.server.close()
  const alive = await startHttpHost(t, '127.77.1.2')
  for (const balance of ['connection', 'request'] as const) {
    const { open, decisions, gateway } = await startHttpGateway(t, [dead, alive], {
      balance,
      affinity: 'none',
      retryOtherHosts: true,
    })
    for (let i = 0; i < 24; i++) {
      const client = open()
      client.post('/1', 'abc').post('/2', 'y'.repeat(20_000))
      t.equal((await client.answer()).body.toString(), 'abc')
      t.equal((await client.answer()).body.length, 20_000)
      client.socket.destroy()
    }
    const failed = gateway.counters().connectFailures.ECONNREFUSED!
    t.ok(failed > 0, `${failed} tried the dead host first`)
    t.ok(decisions.some(({ host }) => host === 'h1') && decisions.some(({ host }) => host === 'h2'))
  }
  alive.server.close()
  alive.server.closeAllConnections()
  const { open } = await startHttpGateway(t, [dead, alive], { balance: 'request', retryOtherHosts: true })
  t.equal((await open().get('/').answer()).status, 503, 'no host is left')
})

t.test('nobody to give it to: 503', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, gateway } = await startHttpGateway(t, [{ ...host, weight: 0 }])
  const client = open()
  t.equal((await client.get('/').answer()).status, 503)
  await client.ended
  await until(() => gateway.counters().noHost === 1, 'the end')
})

t.test('a host that accepts and does not answer: 504; one that answers nonsense: 502', async t => {
  const silent = await startHost(t, '127.77.1.1')
  const { open, requests } = await startHttpGateway(t, [silent], { limits: { answerTimeoutMs: 300 } })
  const client = open()
  client.post('/', 'abc')
  t.equal((await client.answer()).status, 504)
  await until(() => requests.length === 1, 'the report')
  t.match(requests[0], { outcome: 'refused', sent: true, bytesToHost: 3, reason: 'ETIMEDOUT' })

  const odd = await startHost(t, '127.77.1.2')
  for (const nonsense of [
    '220 smtp ready\r\n',
    'HTTP/1.1 99999 x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    '',
  ]) {
    const { open: openOdd } = await startHttpGateway(t, [odd])
    const asking = openOdd()
    asking.get('/')
    const peer = await odd.next()
    peer.end(nonsense)
    t.equal((await asking.answer()).status, 502, JSON.stringify(nonsense.slice(0, 60)))
    peer.destroy()
  }
})

t.test('a host that breaks off in the middle of its answer: the client sees a break, not an end', async t => {
  const host = await startHost(t, '127.77.1.1')
  for (const [head, piece] of [
    ['Content-Length: 100', 'x'.repeat(50)],
    ['Transfer-Encoding: chunked', '5\r\nabcde\r\n'],
  ] as const) {
    for (const manner of ['resetAndDestroy', 'end'] as const) {
      const { open, closed, requests } = await startHttpGateway(t, [host])
      const client = open()
      client.get('/')
      const peer = await host.next()
      peer.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${piece}`)
      await until(() => client.rest.includes(piece), 'the first piece')
      peer[manner]()
      t.equal(await client.ended, 'ECONNRESET')
      await until(() => closed.length === 1, 'the end')
      t.match(closed[0], { closedBy: 'host', manner: 'reset' })
      t.match(requests, [{ outcome: 'cut', status: 200, sent: true }])
      peer.destroy()
    }
  }
})

t.test('a connection to a host that breaks: nothing that was sent is ever sent again', async t => {
  const seen: string[] = []
  const peers: Socket[] = []
  // takes five requests, answers two, and breaks off
  const server = createServer(socket => {
    peers.push(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      for (const match of text.matchAll(/POST (\S+) [\s\S]*?\r\n\r\nabc/g)) seen.push(match[1]!)
      text = text.slice(text.lastIndexOf('abc') + 3)
      if (seen.length < 5) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(2), () => socket.resetAndDestroy())
    })
  }).listen(0, '127.77.1.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  for (const balance of ['connection', 'request'] as const) {
    seen.length = 0
    peers.length = 0
    const { open, requests } = await startHttpGateway(t, [{ address: '127.77.1.1', port }], {
      balance,
      pipelineMax: 5,
      retryOtherHosts: true,
    })
    const client = open()
    for (let n = 1; n <= 5; n++) client.post(`/${n}`, 'abc')
    const statuses: number[] = []
    for (let n = 1; n <= 5; n++)
      statuses.push(
        await client.answer().then(
          ({ status }) => status,
          () => 0,
        ),
      )
    t.same(statuses, balance === 'connection' ? [200, 200, 502, 0, 0] : [200, 200, 502, 502, 502])
    await sleep(100)
    t.same(seen, ['/1', '/2', '/3', '/4', '/5'], 'each came once')
    t.equal(peers.length, 1)
    t.equal(requests.length, 5)
    t.ok(requests.every(({ sent }) => sent))
  }
})

t.test('a host that closes an unused connection: the next request goes over a new one', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, gateway } = await startHttpGateway(t, [host])
  const client = open()
  for (let n = 0; n < 5; n++) {
    t.equal((await client.post('/', 'abc').answer()).status, 200)
    host.sockets.at(-1)!.end()
    await until(() => gateway.counters().http.upstreams.open === 0, 'the gateway to notice')
  }
  t.equal(host.sockets.length, 5)
})

t.test('a host returns', async t => {
  const first = await startHttpHost(t, '127.77.1.1')
  const { open } = await startHttpGateway(t, [first])
  const client = open()
  t.equal((await client.get('/').answer()).status, 200)
  first.server.close()
  first.server.closeAllConnections()
  await until(() => !first.server.listening, 'its end')
  t.equal((await client.get('/').answer()).status, 502)
  await startHttpHost(t, '127.77.1.1', (_, response) => response.end('again'), first.port)
  t.equal((await open().get('/').answer()).body.toString(), 'again')
})

t.test('host states: draining keeps what it has, down breaks it off, up brings it back', async t => {
  const hosts = await Promise.all(['127.77.1.1', '127.77.1.2'].map(address => startHttpHost(t, address)))
  const { open, gateway, decisions, closed } = await startHttpGateway(t, hosts)
  const client = open()
  const mine = (await client.get('/').answer()).headers['x-host']!
  const host = decisions[0]!.host!
  const other = host === 'h1' ? 'h2' : 'h1'

  gateway.setHostState(host, 'draining')
  t.equal((await client.get('/').answer()).headers['x-host'], mine, 'an old connection stays')
  const fresh = open()
  t.not((await fresh.get('/').answer()).headers['x-host'], mine, 'a new one goes elsewhere')
  t.match(decisions[1], { host: other, reason: /taken over by/ })

  gateway.setHostState(host, 'down')
  t.equal(await client.ended, 'ECONNRESET')
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'gateway', manner: 'hostDown', host })
  t.equal((await fresh.get('/').answer()).status, 200)

  gateway.setHostState(other, 'down')
  t.equal((await open().get('/').answer()).status, 503)
  t.same(gateway.hostStates(), { h1: 'down', h2: 'down' })
  gateway.setHostState(host, 'up')
  t.equal((await open().get('/').answer()).headers['x-host'], mine)
  t.throws(() => gateway.setHostState('h9', 'up'), { message: /no host "h9"/ })

  const balanced = await startHttpGateway(t, hosts, { balance: 'request' })
  balanced.gateway.setHostState('h1', 'draining')
  const requester = balanced.open()
  for (let n = 0; n < 3; n++) t.equal((await requester.get('/').answer()).headers['x-host'], '127.77.1.2')
})

t.test('a host that goes down while it is busy: 502 at once', async t => {
  const host = await startHttpHost(t, '127.77.1.1', () => {})
  const { open, gateway } = await startHttpGateway(t, [host], { balance: 'request' })
  const client = open()
  client.get('/')
  await until(() => host.seen.length === 1, 'the request')
  gateway.setHostState('h1', 'down')
  t.equal((await client.answer()).status, 502)
  t.equal((await client.get('/').answer()).status, 503)
})

t.test('health checks, by connection and by path, take hosts out and bring them back', async t => {
  let sick = false
  const asked: string[] = []
  const first = await startHttpHost(t, '127.77.1.1', (request, response) => {
    if (request.url === '/health') asked.push(request.socket.remoteAddress!)
    response.statusCode = sick ? 500 : 400
    response.end()
  })
  const second = await startHttpHost(t, '127.77.1.2')
  const changes: [string, HostState][] = []
  const onHostState = (host: string, state: HostState) => changes.push([host, state])
  const quick = { intervalMs: 20, fall: 2, rise: 3, timeoutMs: 2000 }
  const { open, gateway } = await startHttpGateway(t, [first, second], {
    balance: 'request',
    healthCheck: { path: '/health', ...quick },
    onHostState,
  })
  await until(() => asked.length > 3, 'checks')
  t.equal(asked[0], '127.77.1.100', 'from the gateway’s address')
  t.same(gateway.hostStates(), { h1: 'up', h2: 'up' })
  sick = true
  await until(() => changes.length === 1, 'the fall')
  const client = open()
  for (let n = 0; n < 4; n++) t.equal((await client.get('/').answer()).headers['x-host'], '127.77.1.2')
  sick = false
  await until(() => changes.length === 2, 'the rise')
  t.same(changes, [
    ['h1', 'down'],
    ['h1', 'up'],
  ])
  await gateway.stop()
  const count = asked.length
  await sleep(100)
  t.ok(asked.length <= count + 1, 'no checks after the end')

  const { gateway: plain } = await startHttpGateway(t, [first, second], { healthCheck: quick })
  second.server.close()
  second.server.closeAllConnections()
  await until(() => plain.hostStates().h2 === 'down', 'the fall')
  t.equal(plain.hostStates().h1, 'up')
  await startHttpHost(t, '127.77.1.2', undefined, second.port)
  await until(() => plain.hostStates().h2 === 'up', 'the rise')
})

t.test('no more connections to a host than allowed: others wait for one, or are told', async t => {
  const held: (() => void)[] = []
  const host = await startHttpHost(t, '127.77.1.1', (_, response) => held.push(() => response.end()))
  const limits = { upstreamsPerHostMax: 2, connectTimeoutMs: 2000 }
  const { open, gateway } = await startHttpGateway(t, [host], { limits })
  const clients = ['127.77.2.5', '127.77.2.6', '127.77.2.7'].map(open)
  for (const client of clients) client.get('/')
  await until(() => host.seen.length === 2, 'two')
  held[0]!()
  await until(() => host.seen.length === 3, 'the third, over a connection made in place of the unused one')
  t.equal(gateway.counters().http.upstreams.open, 2)
  const fourth = open('127.77.2.8').get('/')
  t.equal((await fourth.answer()).status, 503)
})
