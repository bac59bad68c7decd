import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HttpLimits } from '../../transport/http-limits.js'
import { comesTrue, httpDriven, RawClient, rawPost } from '../fixtures/http-peers.js'

const ADDRESS = '127.0.92.3'
const HEAD = 'POST /msmq HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n'

/** A server that answers everything, with limits that a test can wait for. */
async function served(t: Test, httpLimits: Partial<HttpLimits>) {
  const { engine, driver, port } = await httpDriven(t, ADDRESS, { httpLimits })
  engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status: 200 }] : []
  const isServed = async () => {
    const client = await RawClient.connect(t, ADDRESS, port)
    const answered = await client.write(rawPost('still there?')).answered(1)
    client.socket.destroy()
    return answered
  }
  return { engine, driver, port, isServed, connect: () => RawClient.connect(t, ADDRESS, port) }
}

/** Goes on writing pieces until the connection is closed. */
async function drip(client: RawClient, piece: string): Promise<boolean> {
  return comesTrue(() => {
    if (!client.closed) client.write(piece)
    return client.closed
  })
}

t.test('those who are slow with headers or bodies, or silent, are cut', async t => {
  const { engine, connect, isServed } = await served(t, { headersTimeoutMs: 300, requestTimeoutMs: 600 })
  const silent = await connect()
  const headers = (await connect()).write('POST /msmq HTTP/1.1\r\nHost: x\r\n')
  const body = (await connect()).write(HEAD)
  const chunks = (await connect()).write('POST /msmq HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  const after = (await connect()).write(rawPost('first'))
  t.ok(await after.answered(1))
  after.write('POST')
  const cut = await Promise.all([
    silent.ended(),
    drip(headers, 'X: y\r\n'),
    drip(body, 'z'),
    drip(chunks, '1\r\nz\r\n'),
    after.ended(),
  ])
  t.strictSame(cut, [true, true, true, true, true])
  // 400 is final: a message would be given up for which only somebody was too slow
  const statuses = [silent, headers, body, chunks, after].map(client => client.statuses)
  t.strictSame(statuses, [[], [], [], [], [200]])
  t.ok(await isServed())
  t.equal(engine.of('httpRequested').length, 2)
})

t.test('idle connections are kept, and closed in the end', async t => {
  const { connect } = await served(t, { headersTimeoutMs: 100, requestTimeoutMs: 100, idleTimeoutMs: 2500 })
  const client = (await connect()).write(rawPost('one'))
  t.ok(await client.answered(1))
  await sleep(400)
  client.write(rawPost('two'))
  t.ok(await client.answered(2), 'longer than any request may take')
  t.ok(await client.ended())
})

t.test('one that does not read its answers is cut, and held back before', async t => {
  const { engine, connect, isServed } = await served(t, { stalledTimeoutMs: 300 })
  const client = await connect()
  client.socket.pause()
  const requests = 'POST / HTTP/1.1\r\nHost:x\r\nContent-Length:0\r\n\r\n'.repeat(1000)
  const cut = comesTrue(() => {
    if (client.socket.writableLength < 1_000_000 && !client.socket.destroyed) client.write(requests)
    return client.socket.destroyed
  })
  client.socket.on('error', () => client.socket.destroy())
  t.ok(await cut)
  const answers = engine.of('httpRequested').length
  t.ok(answers > 0 && answers < 400_000, `${answers} answers`)
  t.ok(await isServed())
})

t.test('ten thousand idle connections: so many as are allowed, and room again when they go', async t => {
  const { driver, port, isServed } = await served(t, { connectionsMax: 1000, headersTimeoutMs: 60_000 })
  const clients: RawClient[] = []
  for (let n = 0; n < 10_000; n += 500) {
    clients.push(...(await Promise.all(Array.from({ length: 500 }, () => RawClient.connect(t, ADDRESS, port)))))
  }
  const refused = () => clients.filter(({ closed }) => closed).length
  t.ok(await comesTrue(() => refused() >= 9000), `${refused()} refused`)
  t.equal(refused(), 9000)
  t.equal(driver.counters.connectionsOverLimit, 9000)
  for (const client of clients) client.socket.destroy()
  t.ok(await comesTrue(() => clients.every(({ closed }) => closed)))
  await sleep(100)
  t.ok(await isServed())
})

t.test('bodies that come in at the same time are bounded over all connections', async t => {
  const { engine, driver, connect, isServed } = await served(t, { unansweredBytesMax: 2_000_000 })
  // answers wait until all bodies are there: no body gives its room to one that only was slower
  const answer = engine.answer
  engine.answer = () => []
  const clients = await Promise.all(Array.from({ length: 10 }, connect))
  const body = 'x'.repeat(500_000)
  const [head, rest] = [rawPost(body).slice(0, -1), rawPost(body).slice(-1)]
  for (const client of clients) client.write(head)
  await sleep(200)
  for (const client of clients) client.write(rest)
  const refused = () => clients.filter(client => client.statuses.length > 0).length
  t.ok(await comesTrue(() => refused() + engine.of('httpRequested').length === clients.length))
  engine.answer = answer
  for (const { exchange } of engine.of('httpRequested'))
    driver.call(engine => engine.act({ do: 'http-answer', exchange, status: 200 }))
  for (const client of clients) t.ok(await client.answered(1))
  const statuses = clients.flatMap(client => client.statuses)
  const taken = statuses.filter(status => status === 200).length
  t.ok(taken >= 3 && taken <= 4, `${taken} taken`)
  t.equal(statuses.filter(status => status === 500).length, 10 - taken, 'the others may come again')
  t.equal(engine.of('httpRequested').length, taken)
  t.ok(await isServed(), 'and what they held is given back')
})

t.test('bodies of clients that go away are given back', async t => {
  const { connect, isServed } = await served(t, { unansweredBytesMax: 1_000_000 })
  for (let n = 0; n < 20; n++) {
    const client = (await connect()).write(rawPost('x'.repeat(900_000)).slice(0, -1))
    await comesTrue(() => client.socket.writableLength === 0)
    await sleep(5)
    client.socket.resetAndDestroy()
    await sleep(5)
  }
  t.ok(await isServed())
})

t.test('requests without end on one connection, none of them answered, hold little', async t => {
  const { engine, port } = await httpDriven(t, ADDRESS)
  const client = await RawClient.connect(t, ADDRESS, port)
  const heapBefore = process.memoryUsage().heapUsed
  client.write('POST / HTTP/1.1\r\nHost:x\r\nContent-Length:0\r\n\r\n'.repeat(200_000))
  t.ok(await comesTrue(() => engine.of('httpRequested').length >= 64))
  await sleep(300)
  t.equal(engine.of('httpRequested').length, 64)
  const grownBytes = process.memoryUsage().heapUsed - heapBefore
  t.ok(grownBytes < 100_000_000, `${grownBytes} bytes more`)
  t.ok(client.socket.writableLength > 0, 'the peer is held back')
})
