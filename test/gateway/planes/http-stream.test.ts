import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../../fixtures/gateway-world.js'
import { startHttpGateway, startHttpHost } from '../../fixtures/http-gateway-world.js'

t.test('pipelined requests are answered in order, also when later ones are ready first', async t => {
  const slow = await startHttpHost(t, '127.77.1.1', async (_, response) => {
    await sleep(150)
    response.end('slow')
  })
  const quick = await startHttpHost(t, '127.77.1.2', (_, response) => response.end('quick'))
  for (const pipelineMax of [1, 2, 64]) {
    const { open } = await startHttpGateway(t, [slow, quick], { balance: 'request', pipelineMax })
    const client = open()
    for (let n = 0; n < 6; n++) client.post(`/${n}`, 'x'.repeat(n * 100))
    const bodies: string[] = []
    for (let n = 0; n < 6; n++) bodies.push((await client.answer()).body.toString())
    t.same(bodies, ['slow', 'quick', 'slow', 'quick', 'slow', 'quick'], `${pipelineMax} at a time`)
  }
})

t.test('balanced by connection, pipelined requests are pipelined to the host, in order', async t => {
  let underWay = 0
  let most = 0
  const host = await startHttpHost(t, '127.77.1.1', async (request, response, body) => {
    underWay++
    most = Math.max(most, underWay)
    const bytes = await body()
    await sleep(50)
    underWay--
    response.end(`${request.url} ${bytes.length}`)
  })
  const { open, requests } = await startHttpGateway(t, [host])
  const client = open()
  for (let n = 0; n < 40; n++) client.post(`/${n}`, randomBytes(n * 50))
  for (let n = 0; n < 40; n++) t.equal((await client.answer()).body.toString(), `/${n} ${n * 50}`)
  t.same(
    host.seen,
    Array.from({ length: 40 }, (_, n) => `POST /${n}`),
  )
  t.equal(host.sockets.length, 1)
  t.ok(most > 1, `${most} with the host at a time`)
  await until(() => requests.length === 40, 'all reports')
})

t.test('balanced by request, one by one unless told otherwise: the next goes when the last is answered', async t => {
  let underWay = 0
  let most = 0
  const handler: Parameters<typeof startHttpHost>[2] = async (_, response) => {
    most = Math.max(most, ++underWay)
    await sleep(10)
    underWay--
    response.end()
  }
  const hosts = await Promise.all(['127.77.1.1', '127.77.1.2'].map(address => startHttpHost(t, address, handler)))
  const { open } = await startHttpGateway(t, hosts, { balance: 'request' })
  const client = open()
  for (let n = 0; n < 10; n++) client.post(`/${n}`, 'x')
  for (let n = 0; n < 10; n++) await client.answer()
  t.equal(most, 1)
})

t.test('100 MB each way, chunked and not, in memory that does not grow with them', async t => {
  const size = 100_000_000
  const block = randomBytes(1_000_000)
  const host = await startHttpHost(t, '127.77.1.1', async (request, response) => {
    const hash = createHash('md5')
    let bytes = 0
    for await (const chunk of request) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).length
    }
    if (request.url === '/length') response.setHeader('Content-Length', String(bytes))
    response.setHeader('X-Hash', hash.digest('hex'))
    for (let sent = 0; sent < bytes; sent += block.length) {
      if (!response.write(block)) await once(response, 'drain')
    }
    response.end()
  })
  const expected = createHash('md5')
  for (let n = 0; n < size / block.length; n++) expected.update(block)
  const hash = expected.digest('hex')
  const { open, requests } = await startHttpGateway(t, [host])
  for (const [index, target] of ['/length', '/chunked'].entries()) {
    const client = open()
    const chunked = target === '/chunked'
    client.write(`POST ${target} HTTP/1.1\r\nHost: x\r\n`)
    client.write(chunked ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${size}\r\n\r\n`)
    let peak = 0
    for (let n = 0; n < size / block.length; n++) {
      if (chunked) client.write(`${block.length.toString(16)}\r\n`)
      if (!client.socket.write(block)) await once(client.socket, 'drain')
      if (chunked) client.write('\r\n')
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    }
    if (chunked) client.write('0\r\n\r\n')
    // the answer is read by hand, since it is not to be kept
    const received = createHash('md5')
    let bytes = 0
    const head = await client.head()
    client.take(chunk => {
      received.update(chunk)
      bytes += chunk.length
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    })
    t.equal(head['x-hash'], hash, 'the host got the body as it was')
    await until(() => requests.length === index + 1, 'the report', 20_000)
    t.match(requests[index], { outcome: 'answered', status: 200, bytesToHost: size, bytesToClient: size })
    if (chunked) t.equal(head['transfer-encoding'], 'chunked')
    else {
      await until(() => bytes === size, 'the last bytes')
      t.equal(received.digest('hex'), hash, 'and the client the answer')
    }
    t.ok(peak < 64_000_000, `${peak} bytes at most`)
  }
})

t.test('a host that does not read holds the client back; a client that does not read holds the host back', async t => {
  let released = () => {}
  const host = await startHttpHost(t, '127.77.1.1', async (request, response) => {
    if (request.method === 'POST') {
      await new Promise<void>(resolve => {
        released = resolve
      })
      let bytes = 0
      for await (const chunk of request) bytes += (chunk as Buffer).length
      response.end(String(bytes))
      return
    }
    const block = Buffer.alloc(100_000)
    response.setHeader('Content-Length', 40_000_000)
    for (let n = 0; n < 400; n++) if (!response.write(block)) await once(response, 'drain')
    response.end()
  })
  const { open, gateway } = await startHttpGateway(t, [host])
  const sender = open()
  const size = 60_000_000
  sender.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`, Buffer.alloc(size))
  await sleep(500)
  t.ok(sender.socket.writableLength > 0, 'the client is held back')
  const [connection] = gateway.connections()
  t.ok(connection)
  released()
  t.equal((await sender.answer()).body.toString(), String(size))

  const reader = open()
  reader.socket.pause()
  reader.get('/')
  await until(() => host.requests.length === 2, 'the request')
  await sleep(500)
  const upstream = host.requests[1]!.socket
  t.ok(upstream.bytesWritten < 35_000_000, `${upstream.bytesWritten} bytes for a client that reads nothing`)
  reader.socket.resume()
  await reader.head()
  let bytes = 0
  reader.take(chunk => {
    bytes += chunk.length
  })
  await until(() => bytes === 40_000_000, 'all of it', 20_000)
})

t.test('methods and bodies of every kind', async t => {
  const host = await startHttpHost(t, '127.77.1.1', async (request, response, body) => {
    const bytes = await body()
    const { url = '' } = request
    response.statusCode = Number(/\d{3}$/.exec(url)?.[0] ?? 200)
    response.statusMessage = 'As Asked'
    response.setHeader('X-Got', `${request.method} ${bytes.length} ${request.headers['content-length'] ?? 'none'}`)
    response.setHeader('Set-Cookie', ['a=1', 'b=2'])
    if (request.method === 'HEAD') response.setHeader('Content-Length', '1234')
    if (url.startsWith('/chunked')) response.write('chunk')
    response.end(request.method === 'HEAD' || response.statusCode === 304 ? undefined : 'end')
  })
  for (const balance of ['connection', 'request'] as const) {
    const { open } = await startHttpGateway(t, [host], { balance })
    const client = open()
    const got = async (target: string, status: number) => {
      const answer = await client.answer()
      t.equal(answer.status, status, target)
      return [answer.headers['x-got'], answer.body.toString()]
    }
    client.get('/')
    t.same(await got('/', 200), ['GET 0 none', 'end'])
    client.write('GET /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc')
    t.same(await got('/body', 200), ['GET 3 3', 'end'])
    client.write('HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n')
    const head = await client.answer(true)
    t.equal(head.headers['content-length'], '1234')
    client.write('DELETE /204 HTTP/1.1\r\nHost: x\r\n\r\n')
    t.same(await got('/204', 204), ['DELETE 0 none', ''])
    client.get('/304')
    t.same(await got('/304', 304), ['GET 0 none', ''])
    client.post('/chunked', '')
    t.same(await got('/chunked', 200), ['POST 0 0', 'chunkend'])
    client.post('/500', 'x'.repeat(20_000))
    t.same(await got('/500', 500), ['POST 20000 20000', 'end'])
    client.write(
      'POST /te HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n',
    )
    t.same(await got('/te', 200), ['POST 5 5', 'end'], 'chunked and short: passed on with its length')
    // all of it at once: HEAD and GET with a body make undici close its connection behind them
    client.write('HEAD /1 HTTP/1.1\r\nHost: x\r\n\r\n').post('/2', 'abc')
    client.write('GET /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na').post('/404', 'x'.repeat(30_000)).get('/5')
    t.equal((await client.answer(true)).headers['x-got'], 'HEAD 0 none')
    const next: (string | undefined)[] = []
    for (let n = 0; n < 4; n++) next.push((await client.answer()).headers['x-got'])
    t.same(next, ['POST 3 3', 'GET 1 1', 'POST 30000 30000', 'GET 0 none'])
  }
})

t.test('Expect: 100-continue is answered when the turn of the request has come', async t => {
  const host = await startHttpHost(t, '127.77.1.1')
  const { open } = await startHttpGateway(t, [host])
  for (const size of [3, 50_000]) {
    const client = open()
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${size}\r\n\r\n`)
    t.equal((await client.answer()).status, 100)
    client.write(Buffer.alloc(size))
    const answer = await client.answer()
    t.match(answer, { status: 200 })
    t.equal(answer.body.length, size)
    t.equal(host.requests.at(-1)!.headers.expect, undefined)
  }
  const client = open()
  client.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 3\r\n\r\n')
  t.equal((await client.answer()).status, 417)
})

t.test('HTTP/1.0, Connection: close and half-closed clients get their answers', async t => {
  const host = await startHttpHost(t, '127.77.1.1', (_, response) => {
    response.write('two ')
    response.end('pieces')
  })
  const { open, closed } = await startHttpGateway(t, [host])
  const old = open()
  old.write('GET / HTTP/1.0\r\n\r\n')
  t.equal(await old.ended, 'end')
  t.match(old.rest.toString(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\ntwo pieces$/)
  t.notMatch(old.rest.toString(), /chunked/)

  const closing = open()
  closing.get('/', 'Connection: close')
  t.equal((await closing.answer()).body.toString(), 'two pieces')
  t.equal(await closing.ended, 'end')

  const half = open()
  half.get('/1').get('/2').socket.end()
  t.equal((await half.answer()).body.toString(), 'two pieces')
  t.equal((await half.answer()).body.toString(), 'two pieces')
  t.equal(await half.ended, 'end')
  await until(() => closed.length === 3, 'the ends')
  t.ok(closed.every(({ manner }) => manner === 'end'))
  t.equal(closed[2]!.closedBy, 'client')
})

t.test(
  'a host that answers before it has the body: the answer goes through, then the connection is closed',
  async t => {
    const host = await startHttpHost(t, '127.77.1.1', (_, response) => {
      response.statusCode = 413
      response.end('no')
    })
    const { open, requests } = await startHttpGateway(t, [host])
    const client = open()
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', Buffer.alloc(1000))
    t.match(await client.answer(), { status: 413 })
    await client.ended
    await until(() => requests.length === 1, 'the report')
    t.match(requests[0], { status: 413, outcome: 'answered' })
  },
)
