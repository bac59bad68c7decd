import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createGateway } from '../../../gateway/gateway.js'
import { resetNow } from '../../../transport/abrupt-close.js'
import { CLUSTER, readAll, readBytes, startGateway, startHost, until } from '../../fixtures/gateway-world.js'
import { standStill } from '../../fixtures/standstill.js'

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
  // the clients' ports decide: of eight, none would draw the dead host in one run of 256
  for (let i = 0; i < 40; i++) {
    const client = open('127.77.2.5')
    client.write('hello')
    t.equal((await readBytes(await alive.next(), 5)).toString(), 'hello')
  }
  const retried = decisions.filter(decision => /taken over by host 2/.test(decision.reason))
  t.ok(retried.length > 0, 'some of forty drew the dead host')
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
  await standStill(400, () => busyPeer.write('.'))
  await sleep(50)
  t.equal(gateway.counters().active, 1, 'also when this process has stood still: what came meanwhile counts')
})

t.test('a host that does not answer: the attempt is given up', async t => {
  // a stopped process with a full backlog: the system leaves further connects waiting
  const program = `require('node:net').createServer().listen({ host: '127.77.1.9', port: 0, backlog: 1 }, function () {
    process.send(this.address().port)
  })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  child.kill('SIGSTOP')
  for (let i = 0; i < 4; i++) {
    const filler = connect({ host: '127.77.1.9', port })
    filler.on('error', () => {})
    t.teardown(() => filler.destroy())
  }
  await sleep(100)
  const silent = { address: '127.77.1.9', port }
  const { gateway, open, closed } = await startGateway(t, [silent], { limits: { connectTimeoutMs: 200 } })
  t.match(await readAll(open('127.77.2.5')), { code: 'ECONNRESET' })
  await until(() => closed.length === 1, 'the end')
  t.match(closed[0], { closedBy: 'gateway', manner: 'hostDown', code: 'ETIMEDOUT' })
  t.same(gateway.counters().connectFailures, { ETIMEDOUT: 1 })

  const host = await startHost(t, '127.77.1.1')
  const quick = await startGateway(t, [host], { limits: { connectTimeoutMs: 100 } })
  const client = quick.open('127.77.2.5')
  const peer = await host.next()
  await sleep(250)
  client.write('long after')
  t.equal((await readBytes(peer, 10)).toString(), 'long after', 'the limit ends with the connect')

  const stoodStill = await startGateway(t, [host], {
    limits: { connectTimeoutMs: 100 },
    onDecision: () => void standStill(400),
  })
  stoodStill.open('127.77.2.5').write('meanwhile')
  t.equal((await readBytes(await host.next(), 9)).toString(), 'meanwhile', 'what was answered meanwhile is no failure')
  t.equal(stoodStill.gateway.counters().hostDown, 0)
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

t.test('any mixture of ends and resets leaves nothing behind', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], { affinity: 'none' })
  const seed = Math.floor(Math.random() * 2 ** 32)
  t.comment(`seed ${seed}`)
  const random = randomFrom(seed)
  const act = async (socket: Socket) => {
    socket.on('data', () => {})
    for (let step = 0; step < 8 && !socket.destroyed; step++) {
      const choice = random()
      if (choice < 0.5 && !socket.writableEnded) socket.write(Buffer.alloc(Math.floor(random() * 200_000)))
      else if (choice < 0.6) socket.end()
      else if (choice < 0.65) resetNow(socket)
      else if (choice < 0.7) socket.destroy()
      else if (choice < 0.8) socket.pause()
      else socket.resume()
      if (random() < 0.5) await sleep(Math.floor(random() * 10))
    }
    socket.resume()
    if (!socket.destroyed) socket.end()
  }
  const count = 300
  const acts: Promise<void>[] = []
  for (let i = 0; i < count; i++) {
    acts.push(act(open(`127.77.2.${1 + (i % 50)}`)))
    if (i % 30 === 29) await sleep(10)
  }
  const serve = (async () => {
    for (;;) acts.push(act(await host.next()))
  })()
  void serve
  await Promise.all(acts)
  // a client that resets while it connects is seen by nobody; others may still wait to be accepted
  const allEnded = () => gateway.counters().accepted === closed.length && gateway.counters().active === 0
  await until(() => allEnded() && closed.length > count / 2, 'all to end')
  const manners = new Set(closed.map(event => `${event.manner} by ${event.closedBy}`))
  for (const manner of ['end by client', 'end by host', 'reset by client', 'reset by host'])
    t.ok(manners.has(manner), `${manner} among ${[...manners].join(', ')}`)
})

t.test('a stop amid traffic leaves nothing behind', async t => {
  const host = await startHost(t, '127.77.1.1')
  for (let round = 0; round < 10; round++) {
    const { gateway, open, closed } = await startGateway(t, [host])
    const clients = Array.from({ length: 40 }, (_, i) => open(`127.77.2.${1 + i}`))
    const peers = await Promise.all(clients.slice(0, 30).map(() => host.next()))
    // every moment of a connection's life: idle, blocked, half-closed from either side, closing, reset, connecting
    for (const [i, socket] of [...clients, ...peers].entries()) {
      const moment = (i + round) % 6
      if (moment > 0) socket.resume()
      if (moment > 1) socket.write(Buffer.alloc(moment % 2 === 0 ? 100 : 3_000_000))
      if (moment > 3) socket.end()
      if (moment === 5) setImmediate(() => resetNow(socket))
    }
    for (let turn = 0; turn < round; turn++) await new Promise(resolve => setImmediate(resolve))
    await gateway.stop()
    const counters = gateway.counters()
    t.equal(counters.active, 0)
    t.equal(closed.length, counters.accepted, 'every close was told before the stop was done')
    for (const socket of [...clients, ...host.sockets]) socket.destroy()
    while (host.sockets.length > 0) host.sockets.pop()
  }
  host.server.close()
  const left = () => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))
  await until(() => left().length === 0, 'the last socket')
  t.same(left(), [])
})

t.test('a stop right behind the start', async t => {
  const host = await startHost(t, '127.77.1.1')
  const gateway = createGateway({
    listen: { address: CLUSTER, port: 0 },
    hosts: [{ name: 'qm1', address: host.address, port: host.port, weight: 50 }],
    source: 'keep',
  })
  const started = gateway.start()
  await gateway.stop()
  const { address, port } = await started
  const [error] = (await once(connect({ host: address, port }), 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED', 'nobody listens')
})

/** mulberry32: enough to repeat a run by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
