import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { UdpRelay, type UdpRelayOptions } from '../../../gateway/planes/udp-relay.js'
import { until } from '../../fixtures/gateway-world.js'
import { PING_PORT, startNlbWorld, startUdpPeer } from '../../fixtures/nlb-gateway-world.js'

const CONVERGENCE_WAIT_MS = 30_000

async function startRelay(t: Test, options: Partial<UdpRelayOptions> & Pick<UdpRelayOptions, 'hosts'>) {
  const relay = new UdpRelay({
    listen: { address: '127.102.1.100', port: 0 },
    policy: { pick: () => ({ host: options.hosts[0]!.name, reason: 'the first' }) },
    source: 'keep',
    ...options,
  })
  const at = await relay.start()
  t.teardown(() => relay.stop())
  return { relay, ...at }
}

t.test('a ping and its answer: the source is kept or translated, the answer comes from the cluster', async t => {
  for (const source of ['keep', 'translate'] as const) {
    const host = await startUdpPeer(t, '127.102.1.1', 0, text => `re: ${text}`)
    const { relay, address, port } = await startRelay(t, {
      hosts: [{ name: 'R1', address: '127.102.1.1', port: host.port }],
      source,
    })
    const client = await startUdpPeer(t, '127.102.2.5')
    client.send('ping', address, port)
    client.send('again', address, port)
    await until(() => client.received.length === 2, 'the answers')
    t.same(client.received, [
      { from: address, port, text: 're: ping' },
      { from: address, port, text: 're: again' },
    ])
    const seenFrom = source === 'keep' ? '127.102.2.5' : address
    t.same(new Set(host.received.map(({ from }) => from)), new Set([seenFrom]))
    t.equal(new Set(host.received.map(({ port }) => port)).size, 1, 'one flow')
    t.match(relay.counters(), {
      received: 2,
      dropped: 0,
      splitBrain: 0,
      replies: 2,
      repliesLost: 0,
      hosts: { R1: { datagrams: 2, bytesToHost: 9, bytesToClient: 17 } },
    })
  }
})

t.test('nobody takes it, a silent host, a host where nobody listens: nothing comes back', async t => {
  const host = await startUdpPeer(t, '127.102.1.1', 0, text => text)
  const nobody = await startUdpPeer(t, '127.102.1.2')
  nobody.socket.close()
  let pick: string | null = null
  const { relay, address, port } = await startRelay(t, {
    hosts: [
      { name: 'R1', address: '127.102.1.1', port: host.port },
      { name: 'R2', address: '127.102.1.2', port: nobody.port },
    ],
    policy: { pick: () => ({ host: pick, reason: 'as the test says' }) },
  })
  const client = await startUdpPeer(t, '127.102.2.5')
  client.send('1', address, port)
  await until(() => relay.counters().dropped === 1, 'the drop')

  pick = 'R2'
  client.send('2', address, port)
  await until(() => (relay.counters().failures.ECONNREFUSED ?? 0) > 0, 'the refusal')

  pick = 'R1'
  client.send('3', address, port)
  await until(() => client.received.length === 1, 'the answer')
  relay.setReach('R1', 'silent')
  client.send('4', address, port)
  host.send('late', host.received[0]!.from, host.received[0]!.port)
  await until(() => relay.counters().repliesLost === 1, 'the lost reply')
  relay.setReach('R1', 'reachable')
  client.send('5', address, port)
  await until(() => client.received.length === 2, 'the next answer')
  t.same(
    client.received.map(({ text }) => text),
    ['3', '5'],
  )
  t.same(
    host.received.map(({ text }) => text),
    ['3', '5'],
  )
})

t.test('a host to which the system knows no way: each datagram fails, and nothing is kept of it', async t => {
  // refused to a socket that has not asked for it; nothing is sent
  const { relay, address, port } = await startRelay(t, { hosts: [{ name: 'R1', address: '255.255.255.255', port: 1 }] })
  const client = await startUdpPeer(t, '127.102.2.7')
  for (let sent = 1; sent <= 2; sent++) {
    client.send('ping', address, port)
    await until(() => Object.values(relay.counters().failures)[0] === sent, 'the failure')
    t.equal(relay.counters().flows, 0)
  }
})

t.test('where it cannot listen it says so', async t => {
  for (const [address, port, code] of [
    ['192.0.2.9', 0, 'EADDRNOTAVAIL'],
    ['127.102.1.1', (await startUdpPeer(t, '127.102.1.1')).port, 'EADDRINUSE'],
  ] as const) {
    const relay = new UdpRelay({
      listen: { address, port },
      hosts: [],
      policy: { pick: () => ({ host: null, reason: '' }) },
      source: 'keep',
    })
    await t.rejects(relay.start(), { code: 'MSMQ_TRANSPORT_LISTEN', message: `listen udp ${address}:${port}: ${code}` })
    await relay.stop()
  }
})

t.test('flows are bounded in number and in time', async t => {
  const host = await startUdpPeer(t, '127.102.1.1', 0, text => text)
  const { relay, address, port } = await startRelay(t, {
    hosts: [{ name: 'R1', address: '127.102.1.1', port: host.port }],
    limits: { flowsMax: 4, flowIdleMs: 1000 },
  })
  const clients = await Promise.all(Array.from({ length: 20 }, () => startUdpPeer(t, '127.102.2.5')))
  for (const [index, client] of clients.entries()) {
    client.send('x', address, port)
    await until(() => host.received.length === index + 1, 'the datagram')
    t.ok(relay.counters().flows <= 4)
  }
  const last = clients.at(-1)!
  await until(() => last.received.length === 1, 'its answer')
  await until(() => relay.counters().flows === 0, 'the rest to go')
  last.send('y', address, port)
  await until(() => last.received.length === 2, 'a new flow')
})

t.test('under NLB: each datagram is drawn for itself, and both sides of a divided cluster get it', async t => {
  const hosts = await Promise.all(
    ['127.102.3.11', '127.102.3.12'].map((address, index) =>
      startUdpPeer(t, address, PING_PORT, text => `${text} from R${index + 1}`),
    ),
  )
  const world = await startNlbWorld(t, {
    cluster: {
      addresses: ['127.102.3.100'],
      rules: [{ affinity: 'none', protocol: 'udp' }],
      hosts: ['127.102.3.11', '127.102.3.12'].map((address, index) => ({ name: `R${index + 1}`, address })),
    },
    ports: { udp: [PING_PORT] },
  })
  const clients = await Promise.all(Array.from({ length: 16 }, () => startUdpPeer(t, '127.102.3.5')))
  for (const client of clients) client.send('ping', world.address, PING_PORT)
  await until(() => clients.every(({ received }) => received.length === 1), 'each one answer')
  const taken = hosts.map(({ received }) => received.length)
  t.equal(taken[0]! + taken[1]!, 16)
  t.same(new Set(world.datagrams.map(({ hosts: { length } }) => length)), new Set([1]))
  t.match(world.gateway.counters(), { hosts: { R1: { datagrams: taken[0] }, R2: { datagrams: taken[1] } } })

  world.gateway.call((model, nowMs) => model.partition([['R1'], ['R2']], nowMs))
  await until(
    () => world.gateway.hosts().every(({ state }) => state === 'default'),
    'two default hosts',
    CONVERGENCE_WAIT_MS,
  )
  const [client] = clients
  client!.received.length = 0
  client!.send('split', world.address, PING_PORT)
  await until(() => client!.received.length === 2, 'two answers')
  t.same(client!.received.map(({ text }) => text).sort(), ['split from R1', 'split from R2'])
  t.same(world.datagrams.at(-1)!.hosts, ['R1', 'R2'])
  t.equal(world.gateway.counters().splitBrains, 1)

  world.gateway.command('stop', 'all')
  client!.send('nobody', world.address, PING_PORT)
  await until(() => world.gateway.counters().silences === 1, 'the drop')
  await sleep(20)
  t.equal(client!.received.length, 2)
})
