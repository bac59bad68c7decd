import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createNlbGateway } from '../../../gateway/nlb-gateway.js'
import { type Host, readAll, readBytes, startHost, until } from '../../fixtures/gateway-world.js'
import { PORT, startNlbWorld } from '../../fixtures/nlb-gateway-world.js'

/** Detection and convergence take 1 s here; a machine under load may be far behind. */
const CONVERGENCE_WAIT_MS = 30_000

/** Two hosts of a cluster, on addresses of a test's own. */
async function twoHosts(t: Test, net: number) {
  const address = `127.101.${net}.100`
  const hosts = await Promise.all([1, 2].map(host => startHost(t, `127.101.${net}.1${host}`, PORT)))
  const cluster = {
    addresses: [address],
    rules: [{ affinity: 'single' as const }],
    hosts: hosts.map(({ address }, index) => ({ name: `R${index + 1}`, address })),
  }
  return { address, cluster, hosts: hosts as [Host, Host], ports: { tcp: [PORT] }, client: `127.101.${net}.1` }
}

/** A client address whose bucket is a host's. */
function clientOf(world: { gateway: ReturnType<typeof createNlbGateway>; address: string }, net: number, host: string) {
  for (let last = 20; last < 90; last++) {
    const sourceAddress = `127.101.${net}.${last}`
    const { acceptors } = world.gateway.explain({
      protocol: 'tcp',
      sourceAddress,
      sourcePort: 40_000,
      destinationAddress: world.address,
      destinationPort: PORT,
    })
    if (acceptors[0] === host) return sourceAddress
  }
  throw new Error(`no client of ${host}`)
}

const silentSoFar = (socket: Socket) => {
  const seen = { heard: '' }
  socket.on('data', () => (seen.heard += 'bytes'))
  socket.on('end', () => (seen.heard += 'end'))
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.heard += error.code))
  socket.resume()
  return seen
}

t.test('the model decides: the decision carries each host’s verdict, the host sees the client', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 1)
  const world = await startNlbWorld(t, { cluster, ports })
  for (const [index, name] of ['R1', 'R2'].entries()) {
    const from = clientOf(world, 1, name)
    const client = world.open(from)
    const peer = await hosts[index]!.next()
    t.equal(peer.remoteAddress, from)
    t.match(world.decisions.at(-1), {
      connection: index + 1,
      host: name,
      hostPort: PORT,
      source: 'keep',
      verdict: { outcome: 'accepted', acceptors: [name], verdicts: [{ host: 'R1' }, { host: 'R2' }] },
    })
    t.match(world.gateway.connections().at(-1), { host: name, at: { protocol: 'tcp', port: PORT } })
    t.equal(world.gateway.hosts()[index]!.connections, 1, 'the model knows of it')
    client.end('bye')
    t.equal((await readAll(peer)).bytes.toString(), 'bye')
    peer.end()
    await until(() => world.closed.length === index + 1, 'the end')
    t.equal(world.gateway.hosts()[index]!.connections, 0)
  }
  t.match(world.gateway.counters(), {
    hosts: {
      R1: { connections: 1, active: 0, bytesToHost: 3, bytesToClient: 0 },
      R2: { connections: 1, active: 0, bytesToHost: 3 },
    },
    silences: 0,
    splitBrains: 0,
    failures: {},
  })
})

t.test('a crash: established connections stall, new ones hear nothing until the others have converged', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 2)
  const world = await startNlbWorld(t, { cluster, ports, retransmission: { firstMs: 50, synRepetitionsMax: 20 } })
  const from = clientOf(world, 2, 'R1')
  const established = world.open(from)
  const peer = await hosts[0].next()
  established.write('x')
  await readBytes(peer, 1)
  const heard = silentSoFar(established)

  world.gateway.call((model, nowMs) => model.crash('R1', nowMs))
  const fresh = world.open(from)
  fresh.write('hello')
  const freshHeard = silentSoFar(fresh)
  await until(() => world.decisions.length === 2, 'the verdict')
  t.match(world.decisions[1], { host: null, verdict: { outcome: 'black-hole', acceptors: [] } })
  peer.end('the host’s process lives on, its machine does not')
  // as its system sends the SYN again, the other host has taken the bucket over
  await until(() => hosts[1].sockets.length === 1, 'the other host to take it', CONVERGENCE_WAIT_MS)
  t.equal(freshHeard.heard, '', 'until then nothing was heard')
  t.equal((await readBytes(await hosts[1].next(), 5)).toString(), 'hello')
  t.match(world.decisions.at(-1), { host: 'R2', verdict: { outcome: 'accepted' } })
  t.same(
    world.events.filter(({ kind }) => kind === 'host-lost').map(({ host, text }) => [host, text.includes('R1')]),
    [['R2', true]],
  )
  t.equal(heard.heard, '', 'what was established stalls')
  t.match(world.gateway.counters(), { silences: 1, hosts: { R1: { connections: 1 }, R2: { connections: 1 } } })

  world.gateway.call((model, nowMs) => model.recover('R1', nowMs))
  await sleep(100)
  t.equal(heard.heard, '', 'a host that has booted knows no connections')
})

t.test('a host cut off from its clients and back again: they go on where they were', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 3)
  const world = await startNlbWorld(t, { cluster, ports })
  const client = world.open(clientOf(world, 3, 'R1'))
  const peer = await hosts[0].next()
  world.gateway.call((model, nowMs) => model.partition([['R1', 'R2']], nowMs, ['R2']))
  client.write('one')
  peer.write('two')
  const heard = silentSoFar(client)
  await sleep(100)
  t.equal(heard.heard, '')
  world.gateway.call((model, nowMs) => model.heal(nowMs))
  t.equal((await readBytes(peer, 3)).toString(), 'one')
  await until(() => heard.heard === 'bytes', 'the answer')
})

t.test('service dead, host alive: its clients are refused, and it keeps its share', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 4)
  const world = await startNlbWorld(t, { cluster, ports })
  const from = clientOf(world, 4, 'R1')
  hosts[0].server.close()
  await once(hosts[0].server, 'close')
  for (let i = 0; i < 3; i++) t.equal((await readAll(world.open(from))).code, 'ECONNRESET')
  t.match(world.gateway.counters(), { failures: { ECONNREFUSED: 3 }, hosts: { R1: { connections: 3 } }, silences: 0 })
  t.equal(hosts[1].sockets.length, 0)
  await until(() => world.closed.length === 3, 'their ends')
  t.equal(world.gateway.hosts()[0]!.connections, 0)
})

t.test('drainstop lets a live connection end, and the host stops when it has', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 5)
  const world = await startNlbWorld(t, { cluster, ports })
  const from = clientOf(world, 5, 'R1')
  const client = world.open(from)
  const peer = await hosts[0].next()
  t.match(world.gateway.command('drainstop', 'R1'), [{ host: 'R1', code: 1000 }])
  await until(
    () => world.gateway.hosts()[1]!.rules[0]!.buckets === 60,
    'the other host to take all',
    CONVERGENCE_WAIT_MS,
  )
  t.equal(world.gateway.hosts()[0]!.state, 'draining')
  client.write('still here')
  t.equal((await readBytes(peer, 10)).toString(), 'still here')
  world.open(from)
  t.equal((await hosts[1].next()).remoteAddress, from, 'a new one of the same client goes elsewhere')
  t.equal(world.gateway.hosts()[0]!.state, 'draining')
  client.end()
  peer.end()
  await until(() => world.gateway.hosts()[0]!.state === 'stopped', 'the stop', CONVERGENCE_WAIT_MS)
})

t.test('a disabled port: what is established on it stalls too, until it is enabled', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 6)
  const world = await startNlbWorld(t, { cluster, ports })
  const client = world.open(clientOf(world, 6, 'R1'))
  const peer = await hosts[0].next()
  client.write('a')
  t.equal((await readBytes(peer, 1)).toString(), 'a')
  peer.pause()
  world.gateway.command('disable', 'all')
  const heard = silentSoFar(peer)
  client.write('b')
  await sleep(100)
  t.equal(heard.heard, '')
  const late = silentSoFar(world.open('127.101.6.90'))
  await until(() => world.gateway.counters().silences === 1, 'silence')
  world.gateway.command('enable', 'all')
  await until(() => heard.heard === 'bytes', 'what was sent meanwhile')
  t.equal(late.heard, '')
})

t.test('split brain: both sides own all, one connection is taken by two, and that is told', async t => {
  const { cluster, hosts, ports } = await twoHosts(t, 7)
  const world = await startNlbWorld(t, { cluster, ports })
  world.gateway.call((model, nowMs) => model.partition([['R1'], ['R2']], nowMs))
  await until(
    () => world.gateway.hosts().every(({ state }) => state === 'default'),
    'two default hosts',
    CONVERGENCE_WAIT_MS,
  )
  world.open('127.101.7.20')
  await hosts[0].next()
  t.match(world.decisions, [{ host: 'R1', verdict: { outcome: 'split-brain', acceptors: ['R1', 'R2'] } }])
  t.equal(world.gateway.counters().splitBrains, 1)
})

t.test('several ports and addresses under one decision, forwarded to other ports', async t => {
  const addresses = ['127.101.8.100', '127.101.8.101']
  const hosts = await Promise.all(
    ['127.101.8.11', '127.101.8.12'].flatMap(address => [
      startHost(t, address, PORT),
      startHost(t, address, PORT + 80),
    ]),
  )
  const world = await startNlbWorld(t, {
    cluster: {
      addresses,
      rules: [{ affinity: 'single' }],
      hosts: ['127.101.8.11', '127.101.8.12'].map((address, index) => ({ name: `R${index + 1}`, address })),
    },
    ports: { tcp: [PORT, PORT + 8] },
    forward: { [PORT + 8]: PORT + 80 },
  })
  t.same(
    world.gateway.served,
    addresses.flatMap(address => [PORT, PORT + 8].map(port => ({ protocol: 'tcp', address, port }))),
  )
  for (let client = 1; client <= 6; client++)
    for (const { port } of world.gateway.served.slice(0, 2)) world.open(`127.101.8.${client}`, port)
  await until(() => world.decisions.length === 12, 'the decisions')
  const draws = new Set(world.decisions.map(({ clientAddress, host }) => `${clientAddress} ${host}`))
  t.equal(draws.size, 6, 'a client has one host, whatever the port')
  t.equal(new Set(world.decisions.map(({ connection }) => connection)).size, 12, 'numbers are unique')
  await until(() => hosts.reduce((sum, { sockets }) => sum + sockets.length, 0) === 12, 'all to arrive')
  t.equal(hosts[0]!.sockets.length, hosts[1]!.sockets.length, 'both ports of a host get the same clients')
  t.equal(hosts[2]!.sockets.length, hosts[3]!.sockets.length)
  t.ok(hosts[0]!.sockets.length > 0 && hosts[2]!.sockets.length > 0)
})

t.test('it comes up as one, or not at all, and goes without a trace', async t => {
  const { cluster, hosts, address } = await twoHosts(t, 9)
  const ports = { tcp: [PORT, PORT + 1], udp: [PORT] }
  const busy = await startHost(t, address, PORT + 1)
  const gateway = createNlbGateway({ cluster, ports, settled: true })
  await t.rejects(gateway.start(), {
    code: 'MSMQ_PLANE_LISTEN',
    plane: 'proxy',
    message: /^proxy plane: listen tcp 127\.101\.9\.100:21802: EADDRINUSE: .+$/,
  })
  busy.server.close()
  await once(busy.server, 'close')
  await gateway.start()
  const client = connect({ host: address, port: PORT, localAddress: '127.101.9.1' })
  const end = readAll(client)
  await until(() => typeof gateway.connections()[0]?.upstreamLocalPort === 'number', 'the connection')
  const peer = hosts.flatMap(({ sockets }) => sockets)[0]!
  await gateway.stop()
  t.equal((await end).code, 'ECONNRESET')
  t.equal((await readAll(peer)).code, 'ECONNRESET')
  await gateway.stop()
})

t.test('a process in which one ran ends by itself', async t => {
  const child = fork(fileURLToPath(new URL('../../fixtures/nlb-gateway-child.js', import.meta.url)))
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})
