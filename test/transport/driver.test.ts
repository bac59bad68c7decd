import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../store/memory-store.js'
import { monotonicMs } from '../../transport/clock.js'
import { Driver, type DriverOptions } from '../../transport/driver.js'
import { ScriptedEngine } from '../fixtures/scripted-engine.js'
import { standStill } from '../fixtures/standstill.js'

const ADDRESS = '127.0.91.1'

async function driven(t: Test, changes: Partial<DriverOptions<ScriptedEngine>> = {}) {
  const engine = new ScriptedEngine()
  const driver = new Driver({
    engine,
    store: new MemoryStore(),
    resolver: () => [],
    listen: { address: ADDRESS, port: 0 },
    limits: { lingerMs: 300 },
    ...changes,
  })
  const { port } = await driver.start()
  t.teardown(() => driver.stop())
  return { engine, driver, port }
}

async function dial(t: Test, port: number): Promise<Socket> {
  const socket = createConnection({ host: ADDRESS, port })
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function listener(t: Test, accept: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ pauseOnConnect: true }, socket => {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
    accept(socket)
  }).listen(0, ADDRESS)
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

t.test('bytes come out as they went in, whatever the sizes of the chunks', async t => {
  const { engine, port } = await driven(t)
  const chunks = Array.from({ length: 400 }, (_, n) =>
    Buffer.alloc([0, 1, 16, 1100, 8192, 8193, 70_000, 131_072][n % 8]!, n),
  )
  engine.answer = input =>
    input.input === 'received'
      ? [
          { do: 'write', connection: input.id, chunks: chunks.slice(0, 399) },
          { do: 'write', connection: input.id, chunks: chunks.slice(399) },
          { do: 'close', connection: input.id, how: 'graceful', reason: 'test' },
        ]
      : []
  const client = await dial(t, port)
  const { localPort } = client
  client.write('go')
  const got = await readAll(client)
  t.ok(got.equals(Buffer.concat(chunks)), 'all of it, then the end')
  t.match(await engine.when('closed'), { id: 1, how: 'end' })
  t.match(engine.of('accepted')[0]?.peer, { address: '127.0.0.1', port: localPort })
})

t.test('many calls of one turn go out as one write', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  const { id } = await engine.when('accepted')
  const arrivals: number[] = []
  client.on('data', (bytes: Buffer) => arrivals.push(bytes.length))
  for (let n = 0; n < 40; n++)
    driver.call(engine => engine.act({ do: 'write', connection: id, chunks: [Buffer.alloc(1000)] }))
  while (arrivals.reduce((sum, size) => sum + size, 0) < 40_000) await once(client, 'data')
  t.ok(arrivals.length <= 2, `${arrivals.length} reads`)
})

t.test('connects from its own address; says when it cannot', async t => {
  const { engine, driver } = await driven(t, { localAddress: '127.0.91.7' })
  const accepted: Socket[] = []
  const { port } = await listener(t, socket => accepted.push(socket))
  driver.call(engine => engine.act({ do: 'connect', connection: 70, address: ADDRESS, port }))
  await engine.when('connected', ({ id }) => id === 70)
  while (accepted.length === 0) await sleep(1)
  t.equal(accepted[0]?.remoteAddress, '127.0.91.7')

  const { server, port: closedPort } = await listener(t, () => undefined)
  server.close()
  await once(server, 'close')
  driver.call(engine => engine.act({ do: 'connect', connection: 71, address: ADDRESS, port: closedPort }))
  t.equal((await engine.when('connectFailed', ({ id }) => id === 71)).reason, 'ECONNREFUSED')
  driver.call(engine => engine.act({ do: 'connect', connection: 72, address: 'some.name', port }))
  t.equal((await engine.when('connectFailed', ({ id }) => id === 72)).reason, 'EADDRNOTAVAIL')
})

t.test('a peer that does not read: not writable, and writable again once it reads', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  client.pause()
  const { id } = await engine.when('accepted')
  let written = 0
  const piece = Buffer.alloc(60_000)
  while (engine.of('writable').length === 0 && written < 64_000_000) {
    driver.call(engine => engine.act({ do: 'write', connection: id, chunks: [piece] }))
    written += piece.length
    await sleep(0)
  }
  t.match(engine.of('writable')[0], { id, ready: false })
  t.ok(written < 64_000_000, `blocked after ${written} bytes`)
  client.resume()
  await engine.when('writable', ({ ready }) => ready)
  t.equal(engine.of('writable').length, 2)
})

t.test('a paused connection holds its peer back, and loses nothing', async t => {
  const { engine, driver, port } = await driven(t)
  engine.answer = input => (input.input === 'accepted' ? [{ do: 'pause', connection: input.id }] : [])
  const client = await dial(t, port)
  const { id } = await engine.when('accepted')
  const sent = Buffer.alloc(24_000_000, 7)
  client.write(sent)
  await sleep(100)
  t.ok(client.writableLength > 0, 'the peer cannot get rid of its bytes')
  t.ok(bytesReceived(engine) <= 65_536, 'at most what one read had brought already')
  driver.call(engine => engine.act({ do: 'resume', connection: id }))
  while (bytesReceived(engine) < sent.length) await sleep(5)
  t.equal(bytesReceived(engine), sent.length)
})

t.test('an abrupt close is a reset, from either side', async t => {
  const { engine, driver, port } = await driven(t)
  const first = await dial(t, port)
  const { id } = await engine.when('accepted')
  const failed = once(first.resume(), 'error')
  driver.call(engine => engine.act({ do: 'close', connection: id, how: 'abort', reason: 'test' }))
  const [error] = await failed.catch(error => [error])
  t.equal(error.code, 'ECONNRESET')
  await engine.when('closed', closed => closed.id === id)

  const second = await dial(t, port)
  const { id: secondId } = await engine.when('accepted', accepted => accepted.id !== id)
  second.resetAndDestroy()
  t.match(await engine.when('closed', closed => closed.id === secondId), { how: 'reset' })
})

t.test('an abrupt close while the FIN goes out closes all the same', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  const { id } = await engine.when('accepted')
  const gone = once(client.resume(), 'close')
  driver.call(engine =>
    engine.act(
      { do: 'close', connection: id, how: 'graceful', reason: 'test' },
      { do: 'close', connection: id, how: 'abort', reason: 'test' },
    ),
  )
  t.match(await engine.when('closed'), { id })
  await gone
})

t.test('the peer ends: the connection ends too, after what was written', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  const { id } = await engine.when('accepted')
  driver.call(engine => engine.act({ do: 'write', connection: id, chunks: [Buffer.alloc(300_000, 1)] }))
  client.end()
  t.equal((await readAll(client)).length, 300_000)
  t.match(await engine.when('closed'), { id, how: 'end' })
})

t.test('a peer that neither reads nor closes does not hold a closing connection', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  client.pause()
  const { id } = await engine.when('accepted')
  const startedMs = monotonicMs()
  driver.call(engine =>
    engine.act(
      { do: 'write', connection: id, chunks: [Buffer.alloc(16_000_000)] },
      { do: 'close', connection: id, how: 'graceful', reason: 'test' },
    ),
  )
  await engine.when('closed')
  const tookMs = monotonicMs() - startedMs
  t.ok(tookMs > 250 && tookMs < 4900, `${tookMs} ms: sooner than by default`)
})

t.test('what the peer sends after our close goes nowhere', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  const { id } = await engine.when('accepted')
  driver.call(engine => engine.act({ do: 'close', connection: id, how: 'graceful', reason: 'test' }))
  client.end(Buffer.alloc(1000))
  await engine.when('closed')
  t.equal(bytesReceived(engine), 0)
})

t.test('the timer: as early as asked, again when asked earlier, never at once for the far future', async t => {
  const { engine, driver } = await driven(t)
  driver.call(engine => (engine.wakeMs = monotonicMs() + 1e12))
  await sleep(30)
  t.equal(engine.of('wake').length, 0, 'a wait beyond what a timer can hold')
  const startedMs = monotonicMs()
  driver.call(engine => (engine.wakeMs = startedMs + 5000))
  driver.call(engine => (engine.wakeMs = startedMs + 40))
  await engine.when('wake')
  const tookMs = monotonicMs() - startedMs
  t.ok(tookMs >= 39 && tookMs < 4900, `${tookMs} ms`)
  driver.call(engine => (engine.wakeMs = monotonicMs() - 1))
  while (engine.of('wake').length < 2) await sleep(1)
  t.equal(engine.of('wake').length, 2, 'a moment that is past')
})

t.test('after a standstill of the process what peers sent meanwhile comes before the timer', async t => {
  const { engine, driver, port } = await driven(t)
  const client = await dial(t, port)
  await engine.when('accepted')
  driver.call(engine => (engine.wakeMs = monotonicMs() + 100))
  await standStill(300, () => client.write('in time'))
  await engine.when('wake')
  t.strictSame(
    engine.inputs.map(({ input }) => input),
    ['start', 'accepted', 'received', 'wake'],
  )
})

t.test('the store answers, well or not; the order is kept', async t => {
  const store = new MemoryStore()
  const { engine, driver } = await driven(t, { store })
  const operations = [{ table: 'state', key: 'a', value: { n: 1 } } as const]
  driver.call(engine =>
    engine.act({ do: 'persist', ticket: 1, operations }, { do: 'persist', ticket: 2, operations: [] }),
  )
  await engine.when('persisted', ({ ticket }) => ticket === 2)
  t.strictSame(
    engine.of('persisted').map(({ ticket }) => ticket),
    [1, 2],
  )
  t.strictSame([...store.load()], operations)
  await store.close()
  driver.call(engine => engine.act({ do: 'persist', ticket: 3, operations }))
  t.match(await engine.when('persistFailed'), { ticket: 3, reason: 'the store is closed' })
})

t.test('resolvers: at once, later, failing', async t => {
  const { engine, driver } = await driven(t, {
    resolver: query => {
      if (query.kind !== 'name') return ['127.0.0.2']
      return query.name === 'later' ? sleep(5, ['127.0.0.3']) : Promise.reject(new Error('no answer'))
    },
  })
  driver.call(engine =>
    engine.act(
      { do: 'resolve', ticket: 1, query: { kind: 'queue-manager', guid: '' } },
      { do: 'resolve', ticket: 2, query: { kind: 'name', name: 'later' } },
      { do: 'resolve', ticket: 3, query: { kind: 'name', name: 'never' } },
    ),
  )
  await engine.when('resolved', ({ ticket }) => ticket === 2)
  const answers = engine.of('resolved').toSorted((a, b) => a.ticket - b.ticket)
  t.match(answers, [
    { ticket: 1, addresses: ['127.0.0.2'] },
    { ticket: 2, addresses: ['127.0.0.3'] },
    { ticket: 3, addresses: [] },
  ])
})

t.test('handlers hear of outcomes, messages, arrivals and notes, and may act at once', async t => {
  const heard: unknown[] = []
  const { engine, driver, port } = await driven(t, {
    onOutcome: (...words) => heard.push(['outcome', ...words]),
    onReceived: (request, queue) => heard.push(['received', request, queue]),
    onArrived: queue => {
      heard.push(['arrived', queue])
      driver.call(engine => engine.act({ do: 'received', request: 2, queue, messages: [] }))
    },
    onNote: note => heard.push(['note', note.kind]),
  })
  t.ok(port > 0)
  driver.call(engine =>
    engine.act(
      { do: 'arrived', queue: 'q' },
      { do: 'outcome', request: 1, outcome: 'refused', error: 'why' },
      { do: 'note', note: { atMs: 0, kind: 'session-acked', queue: 'q', messageId: 1 } },
    ),
  )
  await sleep(1)
  t.strictSame(heard, [
    ['arrived', 'q'],
    ['outcome', 1, 'refused', 'why'],
    ['note', 'session-acked'],
    ['received', 2, 'q'],
  ])
  t.equal(engine.of('start').length, 1)
})

t.test('an address that is taken or not ours', async t => {
  const { port } = await driven(t)
  for (const [address, cause] of [
    [ADDRESS, 'EADDRINUSE'],
    ['192.0.2.1', 'EADDRNOTAVAIL'],
  ] as const) {
    const second = new Driver({
      engine: new ScriptedEngine(),
      store: new MemoryStore(),
      resolver: () => [],
      listen: { address, port },
    })
    await t.rejects(second.start(), { code: 'MSMQ_TRANSPORT_LISTEN', cause: { code: cause } })
    await second.stop()
  }
})

t.test('pings in and out', async t => {
  const { port: freePort } = await driven(t)
  const { engine, driver } = await driven(t, { pingPort: freePort })
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  await once(socket, 'listening')
  socket.send(Buffer.from('ping'), freePort, ADDRESS)
  const { from, ...asked } = await engine.when('datagram')
  t.match(asked, { socket: 'service', bytes: Buffer.from('ping') })
  for (const name of ['service', 'client'] as const)
    driver.call(engine => engine.act({ do: 'datagram', socket: name, ...from, bytes: Buffer.from(name) }))
  const ports = new Map<string, number>()
  while (ports.size < 2) {
    const [bytes, { port }] = await once(socket, 'message')
    ports.set(String(bytes), port)
  }
  t.equal(ports.get('service'), freePort)
  socket.send(Buffer.from('pong'), ports.get('client'), ADDRESS)
  t.ok(await engine.when('datagram', ({ socket, bytes }) => socket === 'client' && bytes.toString() === 'pong'))
})

t.test('more connections than allowed are closed as they come', async t => {
  const { engine, driver, port } = await driven(t, { limits: { connectionsMax: 3, lingerMs: 300 } })
  for (let n = 0; n < 3; n++) await dial(t, port)
  const fourth = await dial(t, port)
  await once(fourth.resume(), 'close')
  t.equal(driver.counters.connectionsOverLimit, 1)
  t.equal(engine.of('accepted').length, 3)
})

t.test('stopping ends also with connections that the engine leaves open', async t => {
  const { engine, driver, port } = await driven(t)
  await dial(t, port)
  await engine.when('accepted')
  const startedMs = monotonicMs()
  await driver.stop()
  t.ok(monotonicMs() - startedMs < 4900, 'sooner than by default')
  t.equal(engine.of('stop').length, 1)
  driver.call(engine => engine.act({ do: 'connect', connection: 99, address: ADDRESS, port }))
  await sleep(20)
  t.equal(engine.takeActions().length, 1, 'nothing is carried out after the end')
})

function bytesReceived(engine: ScriptedEngine): number {
  return engine.of('received').reduce((sum, { bytes }) => sum + bytes.length, 0)
}

t.test('stopping waits for what the store is taking, and takes no more connections meanwhile', async t => {
  const done: ((error: Error | null) => void)[] = []
  const store = new MemoryStore()
  store.write = (_operations, answer) => void done.push(answer)
  const { engine, driver, port } = await driven(t, { store, limits: { lingerMs: 10_000 } })
  driver.call(() => engine.act({ do: 'persist', ticket: 7, operations: [] }))
  await Promise.resolve()
  driver.stopListening()
  const refused = await dial(t, port).catch((error: NodeJS.ErrnoException) => error.code)
  t.equal(refused, 'ECONNREFUSED')
  let stopped = false
  const stopping = driver.stop().then(() => {
    stopped = true
  })
  await sleep(50)
  t.notOk(stopped, 'the write is under way')
  t.equal(done.length, 1)
  done[0]?.(null)
  await stopping
  t.same(engine.of('persisted'), [{ input: 'persisted', ticket: 7 }], 'and the engine has learnt of it')
})
