import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createGateway, type GatewayConfig } from '../../../gateway/gateway.js'
import { nlbSub1 } from '../../../gateway/nlb/hash.js'
import type { ObservedPacket } from '../../../gateway/planes/proxy-events.js'
import { CLUSTER, readAll, startGateway, startHost, until, WAIT_MS } from '../../fixtures/gateway-world.js'

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
  t.equal((await readAll(peer)).code, 'end')
  peer.end()
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
    // so many that no host goes without by a chance of the clients' ports
    for (let i = 0; i < 60; i++) open(affinity === 'network' ? `127.77.2.${i + 1}` : '127.77.2.5')
    await until(() => decisions.length === 60, '60 decisions')
    const used = new Set(decisions.map(decision => decision.host))
    t.equal(used.size, affinity === 'none' ? 3 : 1, affinity)
    for (const { clientAddress, clientPort, bucket } of decisions)
      if (bucket !== nlbSub1.bucket(affinity, clientAddress, clientPort)) t.fail('bucket of another hash')
    const chosen = Object.values(gateway.counters().hosts).map(host => host.chosen)
    t.equal(
      chosen.reduce((sum, count) => sum + count, 0),
      60,
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

t.test('configurations that cannot be', async t => {
  const make = (...hosts: GatewayConfig['hosts']) =>
    createGateway({ listen: { address: CLUSTER }, hosts, source: 'keep' })
  const host = { name: 'a', address: '127.77.1.1' }
  t.throws(() => make(host, host), { message: /"a" given twice/ })
  t.throws(() => make({ ...host, weight: 101 }), RangeError)
  t.throws(() => make({ ...host, id: 2 }, { ...host, name: 'b' }), { message: /host ID 2 given twice/ })
})
