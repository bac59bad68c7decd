import { once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../control/client.js'
import { startControlServer } from '../../control/control-server.js'
import { type ControlEndpoint, parseControlEndpoint } from '../../control/endpoint.js'
import { encodeFrame, FrameReader } from '../../control/frames.js'
import { type ControlBench, controlBench, TOKEN } from '../fixtures/control-bench.js'
import { createRandom, mutate } from '../fixtures/mutations.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const HELLO = encodeFrame([0, 'hello', { version: 1, token: TOKEN }])

t.test('random bytes and damaged requests hurt nobody but the connection they came on', async t => {
  const bench = await controlBench(t, { tcp: true })
  const witness = await witnessOf(bench)
  await bench.client.createQueue({ name: 'private$\\victim' })
  await bench.client.createQueue({ name: 'private$\\victim2', transactional: true })
  const random = createRandom(SUITE_SEED)
  const before = process.memoryUsage().rss
  const frames = everyRequest()
  let connections = 0
  for (let round = 0; round < 30; round++) {
    const strangers = Array.from({ length: 20 }, (_, index) => {
      connections += 1
      if (index % 4 === 0) return disturb(bench, [noise(random, 1 + random(2000))])
      const damaged = Array.from({ length: 1 + random(8) }, () => {
        const frame = frames[random(frames.length)]!
        // Half of the damage is inside the frame, whose length then still is right.
        return random(2) === 0 ? mutate(frame, random) : inFrame(mutate(frame.subarray(4), random))
      })
      return disturb(bench, [index % 4 === 1 ? mutate(HELLO, random) : HELLO, ...damaged])
    })
    await Promise.all([...strangers, witness.check(t)])
  }
  t.equal(connections, 600)
  await settled(t, bench)
  t.ok(process.memoryUsage().rss - before < 200_000_000, 'memory is bounded')
  await witness.check(t)
  t.ok(witness.workMsMax < 3000, `the witness waited for at most ${Math.round(witness.workMsMax)} ms of work`)
})

t.test('lengths that lie, and claims without bytes', async t => {
  const bench = await controlBench(t, { tcp: true })
  const before = process.memoryUsage().rss
  for (const length of [1025, 0x7fffffff, 0xffffffff]) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(length)
    t.match(await speak(bench, [bytes]), [[0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }]], `${length} before the hello`)
  }
  const [, refusal] = await speak(bench, [HELLO, Buffer.from('ffffff7f', 'hex')])
  t.match(refusal, [0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }])
  const claims = Buffer.concat(Array(1000).fill(Buffer.from('dd00989680', 'hex')))
  t.match((await speak(bench, [HELLO, inFrame(claims)]))[1], [0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }])
  const many = Buffer.concat([Buffer.from('dd000f4240', 'hex'), Buffer.alloc(1_000_000, 0x90)])
  t.match((await speak(bench, [HELLO, inFrame(many)]))[1], [0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }])
  t.ok(process.memoryUsage().rss - before < 100_000_000)
  t.match(await bench.client.status(), { name: 'BENCH' })
})

t.test('a token that is missing or wrong', async t => {
  const bench = await controlBench(t, { tcp: true })
  for (const token of ['', 'wrong', `${TOKEN}x`, TOKEN.slice(0, -1)])
    await t.rejects(bench.connect({ token }), { code: 'MSMQ_CONTROL_TOKEN', message: /missing or wrong/ })
  const without = encodeFrame([0, 'hello', { version: 1 }])
  t.match(await speak(bench, [without, encodeFrame([1, 'queues', {}])]), [[0, 'error', { code: 'MSMQ_CONTROL_TOKEN' }]])
  t.match(await speak(bench, [encodeFrame([1, 'queues', {}])]), [[0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }]])
  t.match(await speak(bench, [encodeFrame([0, 'hello', { version: 2, token: TOKEN }])]), [
    [0, 'error', { code: 'MSMQ_CONTROL_REQUEST', message: /version 1/ }],
  ])
})

t.test('a thousand connections that say nothing, and some that say it slowly', async t => {
  const bench = await controlBench(t, { tcp: true, limits: { connectionsMax: 100, helloMs: 1000 } })
  const witness = await witnessOf(bench)
  const idle = await Promise.all(Array.from({ length: 1000 }, () => open(bench)))
  t.teardown(() => {
    for (const socket of idle) socket.destroy()
  })
  t.ok(bench.server.connections <= 100)
  await witness.check(t)
  t.match(await (await bench.connect()).status(), { name: 'BENCH' }, 'a client that says hello finds room')
  const slow = await open(bench)
  const closed = closing(slow)
  // the last byte never comes
  for (const byte of HELLO.subarray(0, -1)) {
    if (slow.destroyed || !slow.writable) break
    slow.write(Buffer.of(byte))
    await sleep(50)
  }
  t.ok(await inTime(closed), 'one that takes its time to say hello is not waited for')
  await settled(t, bench, 3)
  await witness.check(t)
})

t.test('what connections hold of unfinished requests is bounded for all of them together', async t => {
  const bench = await controlBench(t, { tcp: true, limits: { unfinishedBytesMax: 8_000_000 } })
  const witness = await witnessOf(bench)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(4_300_000)
  const sockets = await Promise.all(Array.from({ length: 8 }, () => open(bench)))
  const closed = sockets.map(closing)
  for (const socket of sockets) socket.write(Buffer.concat([HELLO, length, Buffer.alloc(4_000_000)]))
  t.ok(await inTime(Promise.race(closed)), 'some are closed')
  await settled(t, bench, 4)
  await witness.check(t)
  for (const socket of sockets) socket.destroy()
})

t.test('a client that asks for much and reads nothing holds little', async t => {
  const bench = await controlBench(t, { tcp: true })
  const witness = await witnessOf(bench)
  await bench.client.createQueue({ name: 'private$\\large' })
  const large = await bench.client.open('private$\\large')
  for (let n = 0; n < 4; n++) await large.send({ body: Buffer.alloc(2_000_000) })
  const before = process.memoryUsage().rss
  const greedy = await open(bench)
  greedy.pause()
  greedy.write(HELLO)
  for (let id = 1; id <= 500; id++) greedy.write(encodeFrame([id, 'list', { queue: 'private$\\large', max: 4 }]))
  await sleep(300)
  await witness.check(t)
  t.ok(process.memoryUsage().rss - before < 200_000_000, '4 GB of answers are not made before they are read')
  greedy.destroy()
  await settled(t, bench)
})

t.test('so many receives may wait on one connection, and so many transactions be open', async t => {
  const bench = await controlBench(t)
  await bench.client.createQueue({ name: 'private$\\q' })
  const client = await bench.connect()
  const waiting = Array.from({ length: 128 }, () =>
    client.receive('private$\\q', { timeoutMs: 60_000 }).catch(() => null),
  )
  await t.rejects(client.receive('private$\\q', { timeoutMs: 60_000 }), { code: 'MSMQ_CONTROL_BUSY' })
  await Promise.all(Array.from({ length: 256 }, () => client.begin()))
  await t.rejects(client.begin(), { code: 'MSMQ_CONTROL_BUSY' })
  await client.close()
  await Promise.all(waiting)
  t.match(await bench.client.status(), { name: 'BENCH' })
})

t.test('an id that is under way is not used again', async t => {
  const bench = await controlBench(t)
  await bench.client.createQueue({ name: 'private$\\q' })
  const wait = encodeFrame([5, 'receive', { queue: 'private$\\q', timeoutMs: null }])
  t.match(await speak(bench, [HELLO, wait, wait]), [
    [0, 'ok', {}],
    [0, 'error', { code: 'MSMQ_CONTROL_REQUEST', message: /5/ }],
  ])
  for (const request of [
    ['1', 'queues', {}],
    [0, 'queues', {}],
    [1.5, 'queues', {}],
    [1, 2, {}],
    [1],
    'x',
    null,
    { id: 1 },
  ])
    t.match((await speak(bench, [HELLO, encodeFrame(request)]))[1], [0, 'error', { code: 'MSMQ_CONTROL_REQUEST' }])
  t.match(await answerTo(bench, 'constructor', {}), [1, 'error', { message: /no method "constructor"/ }])
  t.match(await answerTo(bench, 'queues', { x: 1 }), [1, 'error', { code: 'MSMQ_CONTROL_REQUEST', message: /queues/ }])
  t.match(await answerTo(bench, 'receive', { queue: 'private$\\q', max: 0 }), [1, 'error', { message: /receive: max/ }])
})

t.test('the socket is for its owner, and never taken from one who listens', async t => {
  const { directory, driver, server } = await controlBench(t)
  const path = join(directory, 'control.sock')
  t.equal(statSync(path).mode & 0o777, 0o600)
  await t.rejects(startControlServer({ driver, listen: { path } }), {
    code: 'MSMQ_TRANSPORT_LISTEN',
    message: /another/,
  })
  t.match(await (await connect(path)).status(), { name: 'BENCH' }, 'who listened still does')

  const file = join(directory, 'file')
  writeFileSync(file, 'precious')
  await t.rejects(startControlServer({ driver, listen: { path: file } }), { code: 'MSMQ_TRANSPORT_LISTEN' })
  t.equal(statSync(file).size, 8)

  const stale = join(directory, 'stale.sock')
  await leaveStale(t, stale)
  const again = await startControlServer({ driver, listen: { path: stale } })
  t.match(await (await connect(stale)).status(), { name: 'BENCH' })
  await again.close()
  await server.close()
  await t.rejects(connect(path), { code: 'MSMQ_CONTROL_CONNECT', message: /mqlab qm --name/ })
})

t.test('TCP only on loopback, and only with a token', async t => {
  const { driver } = await controlBench(t)
  await t.rejects(startControlServer({ driver, listen: { host: '0.0.0.0', port: 0 }, token: TOKEN }), {
    code: 'MSMQ_OPTION_CONTROL',
  })
  for (const options of [{}, { token: 'short' }])
    await t.rejects(startControlServer({ driver, listen: { host: '127.0.0.1', port: 0 }, ...options }), {
      code: 'MSMQ_OPTION_TOKEN',
    })
})

t.test('a client says so when what answers is no queue manager, or ends', async t => {
  const server = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  await t.rejects(connect(`127.0.0.1:${port}`), { code: 'MSMQ_CONTROL_CONNECT' })
  const mute = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const { port: mutePort } = mute.address() as { port: number }
  await t.rejects(connect(`127.0.0.1:${mutePort}`, { connectTimeoutMs: 50 }), { message: /no answer/ })
  mute.close()

  const bench = await controlBench(t)
  await bench.client.createQueue({ name: 'private$\\q' })
  const lost = new Promise(resolve => bench.client.onLost(resolve))
  const waiting = t.rejects(bench.client.receive('private$\\q', { timeoutMs: 60_000 }), {
    code: 'MSMQ_CONTROL_CLOSED',
    definite: false,
  })
  await sleep(20)
  await bench.server.close()
  await waiting
  t.match(await lost, { code: 'MSMQ_CONTROL_CLOSED', message: /the queue manager stops/ })
  await t.rejects(bench.client.status(), { code: 'MSMQ_CONTROL_CLOSED' })
})

/** A client with a queue of its own, which nobody disturbs, and how much this process did at most between a message of its
 *  and the answer: how long that took is also up to the rest of the machine. */
async function witnessOf(bench: ControlBench): Promise<{ check(t: Test): Promise<void>; readonly workMsMax: number }> {
  const client = await bench.connect()
  await client.createQueue({ name: 'private$\\witness' })
  const queue = await client.open('private$\\witness')
  let sent = 0
  let workMsMax = 0
  return {
    async check(t) {
      const before = process.cpuUsage()
      const body = `witness ${++sent}`
      await queue.send({ body })
      const received = (await queue.receive({ timeoutMs: 60_000 }))?.body.toString()
      const { user, system } = process.cpuUsage(before)
      workMsMax = Math.max(workMsMax, (user + system) / 1000)
      if (received !== body) t.fail(`the witness got ${received} instead of ${body}`)
    },
    get workMsMax() {
      return workMsMax
    },
  }
}

/** One valid frame of each method. */
function everyRequest(): Buffer[] {
  const queue = 'private$\\victim'
  const message = {
    destination: 'DIRECT=TCP:127.0.0.1\\private$\\victim',
    body: Buffer.from('body'),
    label: 'l',
    priority: 1,
  }
  const requests: [string, object][] = [
    ['send', { message }],
    [
      'send',
      { message: { ...message, correlationId: Buffer.alloc(20, 1), extension: Buffer.alloc(9) }, transaction: 1 },
    ],
    ['sendTransaction', { messages: [message, message] }],
    ['receive', { queue, max: 3 }],
    ['receive', { queue, timeoutMs: 5, by: { lookupId: 7, which: 'next' } }],
    ['receive', { queue, peek: true, by: { messageId: '11111111-2222-4333-8444-000000000001\\1' }, as: 'S-1-5-7' }],
    ['receive', { queue: 'private$\\victim2', transaction: 1, by: { correlationId: Buffer.alloc(20, 1) } }],
    ['cancel', { request: 1 }],
    ['list', { queue, max: 10 }],
    ['begin', {}],
    ['commit', { transaction: 1 }],
    ['abort', { transaction: 1 }],
    ['move', { queue, lookupId: 7, subqueue: 'sub' }],
    ['reject', { queue, lookupId: 7, transaction: 1 }],
    ['queues', {}],
    [
      'createQueue',
      { name: 'private$\\victim3', label: 'l', quotaKB: 7, access: [{ who: 'everyone', allow: ['send'] }] },
    ],
    ['setQueue', { queue, changes: { journal: true, privacy: 'body' } }],
    ['deleteQueue', { queue: 'private$\\victim3' }],
    ['purge', { queue }],
    ['outgoing', {}],
    ['pauseOutgoing', { formatName: 'DIRECT=TCP:127.0.0.1\\private$\\x' }],
    ['resumeOutgoing', { formatName: 'DIRECT=TCP:127.0.0.1\\private$\\x' }],
    ['purgeOutgoing', { formatName: 'DIRECT=TCP:127.0.0.1\\private$\\x' }],
    ['settings', {}],
    ['status', {}],
  ]
  return requests.map(([method, parameters], index) => encodeFrame([index + 1, method, parameters]))
}

function noise(random: (below: number) => number, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => random(256)))
}

function inFrame(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  return Buffer.concat([length, body])
}

function connectTo(endpoint: ControlEndpoint): Socket {
  const socket = createConnection(endpoint)
  socket.on('error', () => undefined)
  return socket
}

async function open(bench: ControlBench): Promise<Socket> {
  const socket = connectTo(parseControlEndpoint(bench.endpoint))
  await once(socket, 'connect')
  return socket
}

/** The end of a connection, in order or not. */
function closing(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.resume().once('close', () => resolve()))
}

/** Whether it comes to its end within half a minute, which is for machines that are busy. */
async function inTime(end: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController()
  const late = sleep(30_000, 'late', { signal: timer.signal }).catch(() => 'late')
  const first = await Promise.race([end.then(() => 'ended'), late])
  timer.abort()
  return first === 'ended'
}

/** Writes all of that, and tells what came until the connection was closed, or until so many answers had come. */
async function speak(
  bench: ControlBench,
  chunks: readonly Buffer[],
  answersMax = Number.POSITIVE_INFINITY,
): Promise<unknown[]> {
  const socket = await open(bench)
  const reader = new FrameReader(64_000_000)
  const heard: unknown[] = []
  const enough = new Promise<void>(resolve => {
    socket.on('data', (chunk: Buffer) => {
      heard.push(...reader.push(chunk))
      if (heard.length >= answersMax) resolve()
    })
  })
  for (const chunk of chunks) socket.write(chunk)
  await inTime(Promise.race([closing(socket), enough]))
  socket.destroy()
  return heard
}

/** Writes all of that, and goes when it is told to, or soon. */
async function disturb(bench: ControlBench, chunks: readonly Buffer[]): Promise<void> {
  const socket = await open(bench)
  const closed = closing(socket)
  for (const chunk of chunks) socket.write(chunk)
  await Promise.race([closed, sleep(150)])
  socket.destroy()
}

async function answerTo(bench: ControlBench, method: string, parameters: object): Promise<unknown> {
  return (await speak(bench, [HELLO, encodeFrame([1, method, parameters])], 2))[1]
}

/** No connections are left but those of the test's own clients. */
async function settled(t: Test, { server }: ControlBench, own = 2): Promise<void> {
  for (let waitedMs = 0; server.connections > own && waitedMs < 30_000; waitedMs += 20) await sleep(20)
  t.ok(server.connections <= own, `${server.connections} connections are left`)
}

/** A socket in the file system on which nobody listens any more, as a killed process leaves it. */
async function leaveStale(t: Test, path: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const script = `require('node:net').createServer().listen({path:${JSON.stringify(path)}},()=>process.stdout.write('x'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
}
