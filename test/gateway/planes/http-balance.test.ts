import { once } from 'node:events'
import t from 'tap'
import { nlbSub1 } from '../../../gateway/nlb/hash.js'
import type { Spread } from '../../../gateway/planes/http-options.js'
import { CLUSTER, until } from '../../fixtures/gateway-world.js'
import { startHttpGateway, startHttpHost } from '../../fixtures/http-gateway-world.js'

const three = ['127.77.1.1', '127.77.1.2', '127.77.1.3']

t.test('per connection: all requests of a connection go to one host, that of its bucket', async t => {
  const hosts = await Promise.all(three.map(address => startHttpHost(t, address)))
  const { open, decisions, requests, gateway } = await startHttpGateway(t, hosts, { affinity: 'none' })
  const used = new Set<string>()
  // so many that no host goes without by a chance of the clients' ports
  for (let i = 0; i < 60; i++) {
    const client = open()
    const answered: string[] = []
    for (let n = 0; n < 3; n++) answered.push((await client.get(`/${n}`).answer()).headers['x-host']!)
    t.equal(new Set(answered).size, 1)
    used.add(answered[0]!)
  }
  t.equal(used.size, 3)
  t.equal(decisions.length, 60, 'one decision a connection')
  for (const { clientAddress, clientPort, bucket, request } of decisions) {
    if (bucket !== nlbSub1.bucket('none', clientAddress, clientPort)) t.fail('bucket of another hash')
    if (request !== undefined) t.fail('a connection’s decision names a request')
  }
  await until(() => requests.length === 180, 'all requests')
  const { hosts: counted, http } = gateway.counters()
  t.equal(
    Object.values(counted).reduce((sum, { chosen }) => sum + chosen, 0),
    60,
  )
  t.match(http, { requests: 180, statuses: { 200: 180 }, outcomes: { answered: 180, cut: 0 } })
})

t.test('per connection and affinity single: a client keeps its host', async t => {
  const hosts = await Promise.all(three.map(address => startHttpHost(t, address)))
  const { open, decisions } = await startHttpGateway(t, hosts)
  for (let i = 0; i < 8; i++) await open().get('/').answer()
  t.equal(new Set(decisions.map(({ host }) => host)).size, 1)
})

t.test('per request: each gets a verdict of its own, reported with its number', async t => {
  const hosts = await Promise.all(three.map(address => startHttpHost(t, address)))
  const { open, decisions, requests } = await startHttpGateway(t, hosts, { balance: 'request' })
  const client = open()
  const answered: string[] = []
  for (let n = 0; n < 6; n++) answered.push((await client.get(`/${n}`).answer()).headers['x-host']!)
  t.same(answered, [...three, ...three])
  t.match(decisions, [
    { request: 1, host: 'h1', reason: 'round robin: the turn of h1', bucket: null },
    { request: 2, host: 'h2' },
    { request: 3, host: 'h3' },
    { request: 4, host: 'h1' },
    { request: 5, host: 'h2' },
    { request: 6, host: 'h3' },
  ])
  await until(() => requests.length === 6, 'the reports')
  t.match(requests[1], {
    connection: 1,
    request: 2,
    method: 'GET',
    target: '/1',
    host: 'h2',
    clientAddress: '127.77.2.5',
    clientPort: client.socket.localPort,
    upstreamLocalAddress: '127.77.2.5',
    sent: true,
    outcome: 'answered',
    status: 200,
    reason: null,
  })
})

t.test('per request by weight, by chance and by bucket', async t => {
  const hosts = await Promise.all(three.map(address => startHttpHost(t, address)))
  const weighted = hosts.map((host, index) => ({ ...host, weight: [60, 30, 0][index]! }))
  const shares = async (spread: Spread, seed: number) => {
    const { open, decisions, gateway } = await startHttpGateway(t, weighted, { balance: 'request', spread, seed })
    const client = open()
    for (let n = 0; n < 30; n++) await client.get('/').answer()
    await gateway.stop()
    return decisions.map(({ host }) => host).join(' ')
  }
  const count = (text: string, host: string) => text.split(' ').filter(name => name === host).length
  const inTurn = await shares('round-robin', 1)
  t.same([count(inTurn, 'h1'), count(inTurn, 'h2'), count(inTurn, 'h3')], [20, 10, 0])
  t.match(inTurn, /^h1 h2 h1 h1 h2 h1/, 'spread evenly')

  const [random, again, other] = [await shares('random', 7), await shares('random', 7), await shares('random', 8)]
  t.equal(random, again, 'the same seed')
  t.not(random, other, 'another seed')
  t.equal(count(random, 'h3'), 0)
  t.ok(count(random, 'h1') > count(random, 'h2'))

  const bucket = await shares('affinity', 1)
  t.equal(new Set(bucket.split(' ')).size, 1, 'one client, one host')
})

t.test('source kept: hosts see the client’s address; connections are used again under that address alone', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, gateway } = await startHttpGateway(t, [host])
  for (const from of ['127.77.2.5', '127.77.2.6', '127.77.2.5', '127.77.2.6']) {
    const client = open(from)
    await client.get('/').answer()
    t.equal(host.requests.at(-1)?.socket.remoteAddress, from)
    client.socket.end()
    await once(client.socket, 'close')
  }
  t.equal(host.sockets.length, 2)
  t.same(gateway.counters().http.upstreams, { opened: 2, reused: 2, open: 2 })
})

t.test('source translated: hosts see the gateway; all clients share its connections', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open, gateway } = await startHttpGateway(t, [host], { source: 'translate' })
  const clients = ['127.77.2.5', '127.77.2.6', '127.77.2.7'].map(open)
  for (let i = 0; i < 3; i++) for (const client of clients) await client.get('/').answer()
  t.ok(host.requests.every(({ socket }) => socket.remoteAddress === CLUSTER))
  t.equal(host.sockets.length, 1, 'one after the other, on one connection')
  t.same(gateway.counters().http.upstreams, { opened: 1, reused: 8, open: 1 })
})

t.test(
  'X-Forwarded-For only where asked for, added to what is there; Host and all other fields as they came',
  async t => {
    const host = await startHttpHost(t, '127.77.1.1')
    const fields = [
      'Content-Type: text/xml',
      'SOAPAction: "MSMQMessage"',
      'x-odd: \xe4 b',
      'x-forwarded-for: 192.0.2.1',
    ]
    for (const forwardedFor of [true, false]) {
      const { open } = await startHttpGateway(t, [host], { forwardedFor })
      const client = open()
      await client
        .post('/msmq/private$/q', '12345', ...fields, 'Connection: x-gone, keep-alive', 'X-Gone: 1', 'TE: trailers')
        .answer()
      const { rawHeaders, headers } = host.requests.at(-1)!
      t.equal(headers.host, 'cluster')
      t.equal(headers['content-length'], '5')
      t.equal(headers['x-forwarded-for'], forwardedFor ? '192.0.2.1, 127.77.2.5' : '192.0.2.1')
      t.equal(headers['x-gone'], undefined, 'named by Connection')
      t.equal(headers.te, undefined)
      t.equal(headers.soapaction, '"MSMQMessage"')
      t.equal(headers['x-odd'], 'ä b')
      t.ok(rawHeaders.includes('SOAPAction'), 'in the letters of the client')
      await client.get('/').answer()
      t.equal(host.requests.at(-1)!.headers['x-forwarded-for'], forwardedFor ? '127.77.2.5' : undefined)
    }
  },
)
