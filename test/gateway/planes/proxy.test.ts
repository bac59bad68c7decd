import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createGateway, type Gateway, type GatewayConfig } from '../../../gateway/gateway.js'
import { nlbSub1 } from '../../../gateway/nlb/hash.js'
import type { ProxyCounters } from '../../../gateway/planes/proxy.js'
import type { ConnectionClosed, ObservedPacket, ProxyDecision } from '../../../gateway/planes/proxy-events.js'

const CLUSTER = '127.77.1.100'
const WAIT_MS = 5000

interface Host {
  readonly address: string
  readonly port: number
  readonly server: Server
  readonly sockets: Socket[]
  /** The next connection, also one that came before the call. */
  next(): Promise<Socket>
}

/** A host that accepts and leaves everything else to the test. */
async function startHost(t: Test, address: string, port = 0): Promise<Host> {
  const sockets: Socket[] = []
  const waiting: Socket[] = []
  const waiters: ((socket: Socket) => void)[] = []
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
    socket.on('error', () => {})
    sockets.push(socket)
    const waiter = waiters.shift()
    if (waiter === undefined) waiting.push(socket)
    else waiter(socket)
  })
  server.listen(port, address)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  const next = () => {
    const socket = waiting.shift()
    return socket === undefined ? new Promise<Socket>(resolve => waiters.push(resolve)) : Promise.resolve(socket)
  }
  return { address, port: bound.port, server, sockets, next }
}

interface Running {
  readonly gateway: Gateway
  readonly port: number
  readonly decisions: ProxyDecision[]
  readonly closed: ConnectionClosed[]
  open(from: string): Socket
}

async function startGateway(
  t: Test,
  hosts: readonly { address: string; port: number; weight?: number }[],
  config: Partial<GatewayConfig> = {},
): Promise<Running> {
  const decisions: ProxyDecision[] = []
  const closed: ConnectionClosed[] = []
  const gateway = createGateway({
    listen: { address: CLUSTER, port: 0 },
    hosts: hosts.map(({ address, port, weight = 50 }, index) => ({ name: `qm${index + 1}`, address, port, weight })),
    source: 'keep',
    onDecision: decision => decisions.push(decision),
    onClosed: event => closed.push(event),
    ...config,
  })
  const { port } = await gateway.start()
  t.teardown(() => gateway.stop())
  const open = (from: string) => {
    const socket = connect({ host: CLUSTER, port, localAddress: from, allowHalfOpen: true, noDelay: true })
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    return socket
  }
  return { gateway, port, decisions, closed, open }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + WAIT_MS
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await sleep(5)
  }
}

/**
 * Reads a paused or flowing socket to its FIN, or to a reset. The empty write tells the two apart: a reset that comes with
 * the last data is reported as an end.
 */
function readAll(socket: Socket): Promise<{ bytes: Buffer; code: string }> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.resume()
  return new Promise(resolve => {
    socket.once('end', () => {
      if (socket.writableEnded) resolve({ bytes: Buffer.concat(chunks), code: 'end' })
      else socket.write(Buffer.alloc(0), error => error ?? resolve({ bytes: Buffer.concat(chunks), code: 'end' }))
    })
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ bytes: Buffer.concat(chunks), code: error.code ?? '' }),
    )
  })
}

async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  socket.resume()
  while (bytes < count) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    chunks.push(chunk)
    bytes += chunk.length
  }
  return Buffer.concat(chunks)
}

t.test('keep: the host sees the client’s address; the decision is logged with its reason', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, port, open, decisions, closed } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  const peer = await host.next()
  t.equal(peer.remoteAddress, '127.77.2.5')
  await until(() => client.localPort !== undefined, 'the client')
  t.match(decisions, [
    {
      connection: 1,
      clientAddress: '127.77.2.5',
      clientPort: client.localPort,
      host: 'qm1',
      hostAddress: '127.77.1.1',
      hostPort: host.port,
      upstreamLocalAddress: '127.77.2.5',
      source: 'keep',
      bucket: nlbSub1.bucket('single', '127.77.2.5', 0),
      reason: /^nlb-sub-1 affinity single: bucket \d+ belongs to host 1$/,
    },
  ])
  t.ok(Math.abs(Date.now() - decisions[0]!.timeMs) < WAIT_MS)
  await until(() => gateway.connections()[0]?.upstreamLocalPort === peer.remotePort, 'the upstream port')
  client.end()
  peer.resume().end()
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], {
    connection: 1,
    closedBy: 'client',
    manner: 'end',
    code: null,
    upstreamLocalAddress: '127.77.2.5',
  })
  t.equal(gateway.connections().length, 0)
  t.ok(port > 0)
})

t.test('translate: the host sees the cluster address', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { open, decisions } = await startGateway(t, [host], { source: 'translate' })
  open('127.77.2.5')
  open('127.77.2.6')
  t.equal((await host.next()).remoteAddress, CLUSTER)
  t.equal((await host.next()).remoteAddress, CLUSTER)
  t.match(decisions, [{ upstreamLocalAddress: CLUSTER, source: 'translate' }, { upstreamLocalAddress: CLUSTER }])
})

t.test('on MSMQ’s own port, and the way of an order ack under each source mode', async t => {
  const sender = await startHost(t, '127.77.3.5', 1801)
  const receiver = await startHost(t, '127.77.3.1', 1801)
  for (const source of ['keep', 'translate'] as const) {
    const gateway = createGateway({
      listen: { address: '127.77.3.100' },
      hosts: [{ name: 'qm1', address: receiver.address }],
      source,
    })
    t.same(await gateway.start(), { address: '127.77.3.100', port: 1801 })
    const session = connect({ host: '127.77.3.100', port: 1801, localAddress: sender.address })
    const ackTo = (await receiver.next()).remoteAddress!
    const ack = connect({ host: ackTo, port: 1801, localAddress: receiver.address })
    if (source === 'keep') t.equal((await sender.next()).remoteAddress, receiver.address, 'it reaches the sender')
    else t.equal((await receiver.next()).remoteAddress, '127.77.3.100', 'it comes back to a receiver')
    t.equal(sender.sockets.length, 1)
    session.on('error', () => {})
    ack.on('error', () => {})
    await gateway.stop()
    session.destroy()
    ack.destroy()
  }
})

t.test('affinity: single keeps a client on one host, none spreads its connections', async t => {
  const hosts = await Promise.all(['127.77.1.1', '127.77.1.2', '127.77.1.3'].map(address => startHost(t, address)))
  for (const affinity of ['single', 'none', 'network'] as const) {
    const { gateway, open, decisions } = await startGateway(t, hosts, { affinity })
    for (let i = 0; i < 24; i++) open(affinity === 'network' ? `127.77.2.${i + 1}` : '127.77.2.5')
    await until(() => decisions.length === 24, '24 decisions')
    const used = new Set(decisions.map(decision => decision.host))
    t.equal(used.size, affinity === 'none' ? 3 : 1, affinity)
    for (const { clientAddress, clientPort, bucket } of decisions)
      if (bucket !== nlbSub1.bucket(affinity, clientAddress, clientPort)) t.fail('bucket of another hash')
    const chosen = Object.values(gateway.counters().hosts).map(host => host.chosen)
    t.equal(
      chosen.reduce((sum, count) => sum + count, 0),
      24,
    )
    await gateway.stop()
  }
})

t.test('bytes of any kind pass unchanged both ways, in any chunking', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host])
  const up = randomBytes(3_000_000)
  const down = randomBytes(2_000_000)
  const send = async (socket: Socket, bytes: Buffer) => {
    let offset = 0
    while (offset < bytes.length) {
      const size = Math.random() < 0.3 ? 1 + Math.floor(Math.random() * 20) : 1 + Math.floor(Math.random() * 200_000)
      if (!socket.write(bytes.subarray(offset, offset + size))) await once(socket, 'drain')
      offset += size
    }
    socket.end()
  }
  const client = open('127.77.2.5')
  const peer = await host.next()
  const [atHost, atClient] = await Promise.all([readAll(peer), readAll(client), send(client, up), send(peer, down)])
  t.ok(atHost.bytes.equals(up), 'to the host')
  t.ok(atClient.bytes.equals(down), 'to the client')
  await until(() => gateway.counters().active === 0, 'the end')
  const counters = gateway.counters()
  t.equal(counters.toHost.bytes, up.length)
  t.equal(counters.toClient.bytes, down.length)
  t.equal(counters.toHost.packets.undecodable + counters.toClient.packets.undecodable, 2, 'noise is counted as such')
})

t.test('half-close: a FIN goes through as a FIN, the other way stays open', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { open, closed } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  client.end('question')
  const peer = await host.next()
  t.same(await readAll(peer), { bytes: Buffer.from('question'), code: 'end' })
  await sleep(30)
  t.equal(closed.length, 0)
  peer.end('answer')
  t.same(await readAll(client), { bytes: Buffer.from('answer'), code: 'end' })
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'client', manner: 'end', toHost: { bytes: 8 }, toClient: { bytes: 6 } })

  const second = open('127.77.2.5')
  const secondPeer = await host.next()
  secondPeer.end()
  t.same(await readAll(second), { bytes: Buffer.alloc(0), code: 'end' })
  second.end('late')
  t.same(await readAll(secondPeer), { bytes: Buffer.from('late'), code: 'end' })
  await until(() => closed.length === 2, 'the end')
  t.match(closed[1], { closedBy: 'host', manner: 'end' })
})

t.test('a reset goes through as a reset, and the others do not notice', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host])
  const bystander = open('127.77.2.9')
  const bystanderPeer = await host.next()

  const client = open('127.77.2.5')
  const peer = await host.next()
  client.write('x')
  await readBytes(peer, 1)
  client.resetAndDestroy()
  t.equal((await readAll(peer)).code, 'ECONNRESET')
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'client', manner: 'reset', code: 'ECONNRESET' })

  const second = open('127.77.2.5')
  const secondPeer = await host.next()
  secondPeer.write('y')
  await readBytes(second, 1)
  secondPeer.resetAndDestroy()
  t.equal((await readAll(second)).code, 'ECONNRESET')
  await until(() => closed.length === 2, 'the end')
  t.match(closed[1], { closedBy: 'host', manner: 'reset', code: 'ECONNRESET' })
  t.match(gateway.counters(), { resetByClient: 1, resetByHost: 1, active: 1 })

  bystander.write('still here')
  t.equal((await readBytes(bystanderPeer, 10)).toString(), 'still here')
})

t.test('a reset right behind the data is no end', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { open, closed } = await startGateway(t, [host])
  for (let i = 0; i < 20; i++) {
    const client = open('127.77.2.5')
    client.write(Buffer.alloc(100_000), () => client.resetAndDestroy())
    const peer = await host.next()
    t.equal((await readAll(peer)).code, 'ECONNRESET')
  }
  await until(() => closed.length === 20, 'all ends')
  t.ok(closed.every(event => event.manner === 'reset' && event.closedBy === 'client'))
})

t.test('a reset after a half-close, and while the other side does not read', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { open, closed } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  const peer = await host.next()
  client.end()
  t.equal((await readAll(peer)).code, 'end')
  peer.resetAndDestroy()
  t.equal((await readAll(client)).code, 'ECONNRESET')

  const second = open('127.77.2.5')
  const stuckPeer = await host.next()
  second.on('drain', () => {})
  while (second.write(Buffer.alloc(1_000_000)) || second.writableLength < 20_000_000);
  await sleep(100)
  stuckPeer.resetAndDestroy()
  t.equal((await readAll(second)).code, 'ECONNRESET')
  await until(() => closed.length === 2, 'both ends')
  t.match(closed, [
    { closedBy: 'host', manner: 'reset' },
    { closedBy: 'host', manner: 'reset' },
  ])
})

t.test('a host that is down: the client is reset, nobody else takes it', async t => {
  const dead = await startHost(t, '127.77.1.1')
  dead.server.close()
  const alive = await startHost(t, '127.77.1.2')
  const hosts = [dead, { ...alive, weight: 0 }]
  const { gateway, open, closed } = await startGateway(t, hosts)
  t.match(await readAll(open('127.77.2.5')), { code: 'ECONNRESET' })
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], {
    closedBy: 'gateway',
    manner: 'hostDown',
    code: 'ECONNREFUSED',
    host: 'qm1',
    upstreamLocalPort: null,
  })
  t.match(gateway.counters(), {
    hostDown: 1,
    connectFailures: { ECONNREFUSED: 1 },
    hosts: { qm1: { chosen: 1, failed: 1 }, qm2: { chosen: 0 } },
  })
  t.equal(alive.sockets.length, 0)
})

t.test('a balancer with health checks gives the connection to another host', async t => {
  const dead = await startHost(t, '127.77.1.1')
  dead.server.close()
  const alive = await startHost(t, '127.77.1.2')
  const { gateway, open, decisions } = await startGateway(t, [dead, alive], { retryOtherHosts: true, affinity: 'none' })
  for (let i = 0; i < 8; i++) {
    const client = open('127.77.2.5')
    client.write('hello')
    t.equal((await readBytes(await alive.next(), 5)).toString(), 'hello')
  }
  const retried = decisions.filter(decision => /taken over by host 2/.test(decision.reason))
  t.ok(retried.length > 0, 'some of eight drew the dead host')
  t.equal(gateway.counters().connectFailures.ECONNREFUSED, retried.length)

  alive.server.close()
  const { open: openNone, closed } = await startGateway(t, [dead, alive], {
    retryOtherHosts: true,
  })
  t.match(await readAll(openNone('127.77.2.5')), { code: 'ECONNRESET' })
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { manner: 'hostDown', host: null })
})

t.test('nobody owns the bucket', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [{ ...host, weight: 0 }])
  t.match(await readAll(open('127.77.2.5')), { code: 'ECONNRESET' })
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { manner: 'noHost', host: null })
  t.equal(gateway.counters().noHost, 1)
})

t.test('a slow receiver holds the sender back; the gateway keeps no more than it says', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  const peer = await host.next()
  const block = randomBytes(1_000_000)
  let blocks = 0
  const feed = () => {
    while (client.writableLength < block.length) {
      client.write(block)
      blocks++
    }
  }
  feed()
  client.on('drain', feed)
  let before = -1
  while (before !== gateway.counters().toHost.bytes) {
    before = gateway.counters().toHost.bytes
    await sleep(100)
  }
  // what left the gateway and what its kernel buffers took; a megabyte-hungry proxy would have read on and on
  t.ok(client.writableLength > 0, 'the sender is blocked')
  t.ok(before < 32_000_000, `${before} bytes taken for a receiver that reads nothing`)
  client.removeAllListeners('drain')
  const total = blocks * block.length
  client.end()
  const { bytes, code } = await readAll(peer)
  t.equal(code, 'end')
  t.equal(bytes.length, total)
  for (let i = 0; i < blocks; i++)
    if (!bytes.subarray(i * block.length, (i + 1) * block.length).equals(block)) t.fail(`block ${i} differs`)
})

t.test('cutAfterBytes: exactly so many bytes, then a reset to both sides', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], {
    faults: { cutAfterBytes: 100_000, cutConnectionsMax: 1 },
  })
  const client = open('127.77.2.5')
  const sent = randomBytes(300_000)
  client.write(sent)
  const peer = await host.next()
  const [atHost, atClient] = await Promise.all([readAll(peer), readAll(client)])
  t.equal(atClient.code, 'ECONNRESET')
  t.equal(atHost.code, 'ECONNRESET')
  t.ok(atHost.bytes.equals(sent.subarray(0, 100_000)), 'the bytes before the cut')
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'gateway', manner: 'cut', toHost: { bytes: 100_000 } })

  const second = open('127.77.2.5')
  second.end(sent)
  t.ok((await readAll(await host.next())).bytes.equals(sent), 'only so many connections are cut')
  gateway.setFaults({ cutAfterBytes: 1 })
  open('127.77.2.5').write('abc')
  t.same((await readAll(await host.next())).bytes.toString(), 'a', 'faults can be set anew')
})

t.test('idle limit: a silent connection is reset, a busy one is not', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], { idleTimeoutMs: 150 })
  const busy = open('127.77.2.6')
  const busyPeer = await host.next()
  const silent = open('127.77.2.5')
  const silentPeer = await host.next()
  const beat = setInterval(() => busyPeer.write('.'), 30)
  t.teardown(() => clearInterval(beat))
  busy.resume()
  const ends = await Promise.all([readAll(silent), readAll(silentPeer)])
  t.same(
    ends.map(end => end.code),
    ['ECONNRESET', 'ECONNRESET'],
  )
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'gateway', manner: 'idle', clientAddress: '127.77.2.5' })
  await sleep(300)
  t.equal(gateway.counters().active, 1, 'the busy one lives')
})

t.test('packets are counted by kind, and seen whole by who asks', async t => {
  const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
    vectors: { name: string; hex: string }[]
  }
  const packet = (name: string) => Buffer.from(file.vectors.find(vector => vector.name === name)!.hex, 'hex')
  const up = [
    'spec_establish_request',
    'spec_connparams_request',
    'user_recoverable_direct_tcp',
    'user_express_piggyback',
  ]
  const down = ['spec_sessionack', 'orderack_direct', 'finalack_receive', 'orderack_direct']
  const seen: { direction: string; connection: number; hex: string }[] = []
  const onPacket = ({ direction, connection, bytes }: ObservedPacket) =>
    seen.push({ direction, connection, hex: bytes.toString('hex') })
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], { onPacket })
  const client = open('127.77.2.5')
  const peer = await host.next()
  const received = Promise.all([readAll(peer), readAll(client)])
  const upBytes = Buffer.concat(up.map(packet))
  for (let offset = 0; offset < upBytes.length; offset += 97) {
    client.write(upBytes.subarray(offset, offset + 97))
    if (offset % 5 === 0) await sleep(1)
  }
  peer.end(Buffer.concat(down.map(packet)))
  client.end()
  const [atHost] = await received
  t.ok(atHost.bytes.equals(upBytes))
  await until(() => closed.length === 1, 'the end')
  const zero = {
    establishConnection: 0,
    connectionParameters: 0,
    sessionAck: 0,
    userMessage: 0,
    orderAck: 0,
    finalAck: 0,
  }
  const { toHost, toClient } = closed[0]!
  t.match(toHost.packets, { ...zero, establishConnection: 1, connectionParameters: 1, userMessage: 2, undecodable: 0 })
  t.match(toClient.packets, { ...zero, sessionAck: 1, orderAck: 2, finalAck: 1, undecodable: 0 })
  t.same(gateway.counters().toHost, toHost)
  t.same(gateway.counters().toClient, toClient)
  for (const [direction, names] of [
    ['toHost', up],
    ['toClient', down],
  ] as const)
    t.same(
      seen.filter(one => one.direction === direction),
      names.map(name => ({ direction, connection: 1, hex: packet(name).toString('hex') })),
    )
})

t.test('thousands of connections at once: those over the limit are closed, the first go on', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host], { limits: { connectionsMax: 500 } })
  const first = open('127.77.2.1')
  const firstPeer = await host.next()
  const burst = Array.from({ length: 3000 }, (_, i) => open(`127.77.2.${2 + (i % 100)}`))
  await until(() => gateway.counters().overLimit + gateway.counters().accepted === 3001, 'all')
  const counters = gateway.counters()
  t.equal(counters.accepted, 500)
  t.equal(counters.overLimit, 2501)
  first.write('undisturbed')
  t.equal((await readBytes(firstPeer, 11)).toString(), 'undisturbed')
  for (const socket of burst) socket.resetAndDestroy()
  await until(() => gateway.counters().active === 1, 'the burst to go')
  open('127.77.2.5').write('after')
  await until(() => gateway.counters().accepted === 501, 'room again')
})

t.test('out of descriptors: what is too much is closed and counted, the gateway lives on', async t => {
  const host = await startHost(t, '127.77.1.1')
  const program = `
    import { createGateway } from ${JSON.stringify(new URL('../../../gateway/gateway.js', import.meta.url).href)}
    const hosts = [{ name: 'qm1', address: '127.77.1.1', port: ${host.port} }]
    const gateway = createGateway({ listen: { address: '${CLUSTER}', port: 0 }, hosts, source: 'keep' })
    process.send((await gateway.start()).port)
    process.on('message', () => process.send(gateway.counters()))`
  const child = spawn('sh', ['-c', 'ulimit -n 128; exec "$0" --input-type=module -e "$1"', process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill())
  const [port] = (await once(child, 'message')) as [number]
  const sockets = Array.from({ length: 400 }, () => connect({ host: CLUSTER, port, localAddress: '127.77.2.5' }))
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    socket.resume()
    t.teardown(() => socket.destroy())
  }
  await until(() => host.sockets.length + closed === 400, 'all to be carried or closed')
  child.send('counters')
  const [counters] = (await once(child, 'message')) as [ProxyCounters]
  t.equal(counters.accepted, 32, '(128 - 64) / 2')
  t.equal(counters.overLimit, 368)
  for (const socket of sockets) socket.destroy()
  for (const socket of host.sockets) socket.destroy()
  await until(() => closed === 400, 'all to go')
  const idle = async () => {
    child.send('counters')
    const [{ active }] = (await once(child, 'message')) as [ProxyCounters]
    return active === 0
  }
  while (!(await idle())) await sleep(10)
  const count = host.sockets.length
  connect({ host: CLUSTER, port, localAddress: '127.77.2.6' })
    .on('error', () => {})
    .end()
  await until(() => host.sockets.length === count + 1, 'room again')
})

t.test('stop: everything open is reset, and the address is free again', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, port, open, closed } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  await host.next()
  const end = readAll(client)
  await gateway.stop()
  t.equal((await end).code, 'ECONNRESET')
  t.match(closed, [{ closedBy: 'gateway', manner: 'stopped' }])
  await gateway.stop()
  const again = createGateway({
    listen: { address: CLUSTER, port },
    hosts: [{ name: 'qm1', address: host.address, port: host.port }],
    source: 'keep',
  })
  await again.start()
  const rival = createGateway({
    listen: { address: CLUSTER, port },
    hosts: [{ name: 'qm1', address: host.address, port: host.port }],
    source: 'keep',
  })
  await t.rejects(rival.start(), { code: 'EADDRINUSE' })
  await again.stop()
})

t.test('reset on demand, by host', async t => {
  const hosts = await Promise.all(['127.77.1.1', '127.77.1.2'].map(address => startHost(t, address)))
  const { gateway, open, decisions } = await startGateway(t, hosts, { affinity: 'none' })
  for (let i = 0; i < 20; i++) open('127.77.2.5')
  await until(() => hosts[0]!.sockets.length + hosts[1]!.sockets.length === 20, 'all')
  const onFirst = decisions.filter(decision => decision.host === 'qm1').length
  t.equal(gateway.resetConnections('qm1'), onFirst)
  await until(() => gateway.counters().active === 20 - onFirst, 'those of the first host')
  t.equal(gateway.resetConnections(), 20 - onFirst)
  await until(() => gateway.counters().active === 0, 'the rest')
})

t.test('configurations that cannot be', async t => {
  const make = (...hosts: GatewayConfig['hosts']) =>
    createGateway({ listen: { address: CLUSTER }, hosts, source: 'keep' })
  const host = { name: 'a', address: '127.77.1.1' }
  t.throws(() => make(host, host), { message: /"a" given twice/ })
  t.throws(() => make({ ...host, weight: 101 }), RangeError)
  t.throws(() => make({ ...host, id: 2 }, { ...host, name: 'b' }), { message: /host ID 2 given twice/ })
})
