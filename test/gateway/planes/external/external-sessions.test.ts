import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import {
  externalSkip,
  externalWorld,
  ONE_RULE,
  PRODUCTS,
  QUEUE,
  startMachine,
} from '../../../fixtures/external-world.js'
import { startHost, until } from '../../../fixtures/gateway-world.js'
import { ESTABLISHED_BYTES, RawPeer, until as soon } from '../../../fixtures/raw-peer.js'

const WAIT_MS = 30_000

for (const [place, product] of PRODUCTS.entries())
  t.test(`${product}: queue managers talk through it`, { skip: externalSkip(product) }, async t => {
    const net = `127.71.${place + 1}`
    const vip = `${net}.10`
    const receivers = await Promise.all([startMachine(t, 11, `${net}.11`), startMachine(t, 12, `${net}.12`)])
    const sender = await startMachine(t, 13, `${net}.13`)
    const { plane, decisions, closed, failures } = externalWorld(t, product, {
      addresses: [vip],
      rules: ONE_RULE,
      hosts: [`${net}.11`, `${net}.12`],
    })
    await plane.start()

    const peer = await RawPeer.connect(vip, `${net}.50`)
    t.ok(await peer.open(), 'a session by hand is established')
    t.equal(peer.bytesReceived, ESTABLISHED_BYTES)
    peer.end()

    for (let n = 1; n <= 20; n++) sender.send(`DIRECT=TCP:${vip}\\${QUEUE}`, `message ${n}`)
    const arrived = () => receivers.flatMap(({ bodies }) => bodies)
    await until(() => arrived().length === 20, 'all messages', WAIT_MS)
    t.same(new Set(arrived()).size, 20, 'each once')
    await until(() => sender.driver.call(engine => engine.counters.outgoingMessages) === 0, 'session acks', WAIT_MS)

    await sender.driver.stop()
    await until(() => closed.length === 2, 'the ends', WAIT_MS)
    await plane.stop()
    const { hosts } = await plane.counters()
    const counted = Object.values(hosts).reduce((sum, { connections }) => sum + connections, 0)
    t.equal(counted, 2, 'the session by hand and the sender’s')
    t.ok(Object.values(hosts).reduce((sum, { bytesToHost }) => sum + (bytesToHost ?? 0), 0) > 20 * 100)
    t.equal(decisions.length, 2)
    t.equal(closed.length, 2)
    for (const { host, clientAddress } of decisions)
      t.match([host, clientAddress], [/^R[12]$/, new RegExp(`^${net.replaceAll('.', '\\.')}\\.(13|50)$`)])
    t.same(failures, [])
  })

for (const [place, product] of PRODUCTS.entries())
  for (const source of ['keep', 'translate'] as const)
    t.test(
      `${product}, source ${source}: whom a host sees`,
      { skip: externalSkip(product, source === 'keep') },
      async t => {
        const net = `127.71.${place + 3}`
        const vip = `${net}.10`
        const host = await startHost(t, `${net}.11`, 1801)
        const { plane, decisions } = externalWorld(
          t,
          product,
          { addresses: [vip], rules: ONE_RULE, hosts: [host.address] },
          { source },
        )
        await plane.start()
        const peer = await RawPeer.connect(vip, `${net}.51`)
        const seen = await host.next()
        const expected = source === 'keep' ? `${net}.51` : vip
        t.equal(seen.remoteAddress, expected)
        peer.end()
        seen.end()
        await until(() => decisions.length === 1, 'the decision', WAIT_MS)
        t.match(decisions[0], {
          host: 'R1',
          hostAddress: host.address,
          hostPort: 1801,
          source,
          clientAddress: `${net}.51`,
        })
        t.equal(decisions[0]?.upstreamLocalAddress, expected)
      },
    )

t.test('haproxy checks with bytes of MSMQ’s, and leaves nothing behind', { skip: externalSkip('haproxy') }, async t => {
  const net = '127.71.7'
  const machine = await startMachine(t, 21, `${net}.11`)
  const mute = await startHost(t, `${net}.12`, 1801)
  const { plane, found, cluster } = externalWorld(
    t,
    'haproxy',
    { addresses: [`${net}.10`], rules: ONE_RULE, hosts: [`${net}.11`, mute.address] },
    { check: 'msmq', checkIntervalMs: 100 },
  )
  await plane.start()
  await until(() => found.includes('R2 down'), 'the host that accepts and says nothing', WAIT_MS)
  const probes = () => machine.driver.call(engine => engine.counters.connectionsAccepted)
  const first = probes()
  await until(() => probes() > first + 3, 'more probes', WAIT_MS)
  t.notOk(found.includes('R1 down'), 'the queue manager answers')
  const counters = machine.driver.call(engine => ({ ...engine.counters }))
  t.match(counters, { sessionsOpened: 0, malformedPackets: 0, protocolViolations: 0, userMessagesReceived: 0 })
  t.equal(machine.driver.call(engine => engine.outgoingQueues()).length, 0)
  t.equal(cluster.converged(), true, 'the model does not know')

  const peer = await RawPeer.connect(`${net}.10`, `${net}.50`)
  t.ok(await peer.open(), 'who is left serves')
  peer.end()
  await plane.stop()
  await until(
    () => machine.driver.call(engine => engine.counters.connectionsClosedBeforeHandshake) >= probes() - 1,
    'the end of all probes',
    WAIT_MS,
  )
})

t.test('nginx carries datagrams', { skip: externalSkip('nginx') }, async t => {
  const net = '127.71.8'
  const host = createSocket('udp4')
  t.teardown(() => host.close())
  host.on('message', (bytes, from) => host.send(`${from.address} ${bytes}`, from.port, from.address))
  host.bind(3527, `${net}.11`)
  await once(host, 'listening')
  const { plane } = externalWorld(t, 'nginx', {
    addresses: [`${net}.10`],
    rules: [{ startPort: 3527, endPort: 3527, protocol: 'udp' }],
    hosts: [`${net}.11`],
  })
  await plane.start()
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.bind(0, `${net}.50`)
  await once(client, 'listening')
  client.send('ping', 3527, `${net}.10`)
  const [answer] = (await once(client, 'message')) as [Buffer]
  t.equal(answer.toString(), `${net}.10 ping`, 'by the cluster address')
  t.ok(await soon(async () => (await plane.counters()).hosts.R1?.datagrams === 1), 'counted')
})
