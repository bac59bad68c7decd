import t from 'tap'
import { createStaticPolicy } from '../../../gateway/nlb/policy.js'
import { appliance, hostAddress, PORT, simGatewayWorld, VIP } from '../../fixtures/sim-gateway-world.js'

t.test('each client is led to the host that the policy of the planes on sockets names', async t => {
  const world = simGatewayWorld(appliance({ affinity: 'none' }, 3), { hosts: 3 })
  const clients = Array.from({ length: 40 }, (_, index) => world.open(`10.0.1.${index}`))
  world.run(100)
  const hosts = ['R1', 'R2', 'R3'].map((name, index) => ({ id: index + 1, name, weight: 50 }))
  const policy = createStaticPolicy({ hosts, affinity: 'none' })
  for (const [index, { socket }] of clients.entries()) {
    const { host, bucket, reason } = policy.pick(socket.local)
    const decision = world.decisions[index]!
    t.match(decision, { connection: index + 1, host, bucket, reason, clientAddress: socket.local.address })
    t.equal(decision.clientPort, socket.local.port)
    t.ok(world.accepted[host!]!.some(peer => peer.socket.remote.port === socket.local.port))
  }
  t.ok(
    Object.values(world.accepted).every(({ length }) => length > 5),
    'all hosts have a share',
  )
})

t.test('the host sees the client, or the gateway in its place', async t => {
  for (const source of ['keep', 'translate'] as const) {
    const world = simGatewayWorld(appliance({ source }))
    const client = world.open('10.0.1.1')
    world.run(10)
    const [peer] = [...world.accepted.R1!, ...world.accepted.R2!]
    t.equal(peer?.socket.remote.address, source === 'keep' ? '10.0.1.1' : VIP)
    t.match(world.decisions, [{ source, upstreamLocalAddress: peer?.socket.remote.address, hostPort: PORT }])
    client.socket.write([Buffer.from('to the host')])
    peer?.socket.write([Buffer.from('to the client')])
    world.run(10)
    t.equal(peer?.received, 'to the host')
    t.equal(client.received, 'to the client')
    client.socket.end()
    world.run(10)
    t.equal(peer?.closed, 'end')
    t.match(world.closed, [
      {
        host: world.decisions[0]!.host,
        upstreamLocalAddress: peer?.socket.remote.address,
        upstreamLocalPort: peer?.socket.remote.port,
        toHost: { bytes: 11 },
        toClient: { bytes: 13 },
        closedBy: 'client',
        manner: 'end',
      },
    ])
  }
})

t.test('a host that listens no more refuses its clients, or they go to another', async t => {
  for (const retryOtherHosts of [false, true]) {
    const world = simGatewayWorld(appliance({ retryOtherHosts, affinity: 'none' }))
    world.stop(1)
    const clients = Array.from({ length: 10 }, () => world.open('10.0.1.1'))
    world.run(100)
    const first = (connection: number) => world.decisions.find(decision => decision.connection === connection)!.host
    const refused = clients.filter((_, index) => first(index + 1) === 'R1')
    t.ok(refused.length > 0 && refused.length < 10)
    for (const client of refused) t.equal(client.failed, retryOtherHosts ? null : 'ECONNREFUSED')
    t.equal(world.accepted.R2!.length, retryOtherHosts ? 10 : 10 - refused.length)
    t.equal(world.closed.filter(({ manner }) => manner === 'hostDown').length, retryOtherHosts ? 0 : refused.length)
    t.match(world.gateway.report(false), {
      counters: {
        accepted: 10,
        active: retryOtherHosts ? 10 : 10 - refused.length,
        connectFailures: { ECONNREFUSED: refused.length },
        hosts: { R1: { chosen: refused.length, failed: refused.length } },
      },
    })
  }
})

t.test('the cut befalls so many connections, each at the exact byte', async t => {
  for (const bytes of [1, 1000, 70_000, 200_000]) {
    const world = simGatewayWorld(appliance({ cutAfterBytes: bytes, cutConnectionsMax: 2 }))
    const clients = Array.from({ length: 3 }, () => world.open('10.0.1.1'))
    world.run(10)
    for (const { socket } of clients) socket.write([Buffer.alloc(300_000, 'x')])
    world.run(1000)
    const peers = [...world.accepted.R1!, ...world.accepted.R2!]
    t.strictSame(
      peers.map(({ received }) => received.length),
      [bytes, bytes, 300_000],
    )
    t.strictSame(
      clients.map(({ closed }) => closed),
      ['reset', 'reset', null],
    )
    t.strictSame(
      world.closed.map(({ closedBy, manner, toHost }) => [closedBy, manner, toHost.bytes]),
      [
        ['gateway', 'cut', bytes],
        ['gateway', 'cut', bytes],
      ],
    )
    t.match(world.gateway.report(false), { counters: { cut: 2, active: 1, toHost: { bytes: 2 * bytes + 300_000 } } })
  }
})

t.test('a connection that rests too long is reset on both sides', async t => {
  const world = simGatewayWorld(appliance({ idleTimeoutMs: 60_000 }))
  const client = world.open('10.0.1.1')
  world.run(50_000)
  const [peer] = [...world.accepted.R1!, ...world.accepted.R2!]
  peer!.socket.write([Buffer.from('still here')])
  world.run(59_000)
  t.equal(client.closed, null, 'what the host says counts too')
  world.run(1_100)
  t.equal(client.closed, 'reset')
  t.equal(peer!.closed, 'reset')
  t.match(world.closed, [{ closedBy: 'gateway', manner: 'idle' }])
  t.equal(Math.round(world.closed[0]!.timeMs), 110_000)
})

t.test(
  'one that the appliance forgets without a word is reset when an end sends; the other end hears nothing',
  async t => {
    const world = simGatewayWorld(appliance({ idleTimeoutMs: 60_000, idleManner: 'silent' }))
    const client = world.open('10.0.1.1')
    world.run(61_000)
    const [peer] = [...world.accepted.R1!, ...world.accepted.R2!]
    t.match(world.closed, [{ closedBy: 'gateway', manner: 'idle' }])
    t.strictSame([client.closed, peer!.closed], [null, null])
    client.socket.write([Buffer.from('hello?')])
    world.run(1_000)
    t.strictSame([client.closed, peer!.closed], ['reset', null])
    t.equal(peer!.received, '')
    peer!.socket.end()
    world.run(1_000)
    t.equal(peer!.closed, 'reset', 'an end meets the same')
  },
)

t.test('a host that leaves loses its connections at once; one that drains keeps them', async t => {
  for (const drain of [false, true]) {
    const world = simGatewayWorld(appliance({ affinity: 'none' }))
    for (let count = 0; count < 20; count++) world.open('10.0.1.1')
    world.run(10)
    const before = world.accepted.R1!.length
    t.ok(before > 0)
    world.gateway.fault({ kind: 'leave', host: 'R1', drain })
    for (let count = 0; count < 20; count++) world.open('10.0.1.1')
    world.run(10)
    t.equal(world.accepted.R1!.length, before, 'nothing new')
    t.strictSame(new Set(world.accepted.R1!.map(({ closed }) => closed)), new Set([drain ? null : 'reset']))
    t.equal(world.closed.length, drain ? 0 : before)
    world.gateway.fault({ kind: 'join', host: 'R1' })
    for (let count = 0; count < 20; count++) world.open('10.0.1.1')
    world.run(10)
    t.ok(world.accepted.R1!.length > before, 'it is back')
  }
})

t.test('over HTTP, too, a connection is one from end to end where nothing hangs on its requests', async t => {
  const world = simGatewayWorld(
    appliance({ protocol: 'http', balance: 'connection', listen: { address: VIP, port: 80 } }),
  )
  const client = world.open('10.0.1.1')
  world.run(10)
  client.socket.write([Buffer.from('POST /msmq/q HTTP/1.1')])
  world.run(10)
  const { host } = world.decisions[0]!
  t.equal(world.accepted[host!]![0]!.received, 'POST /msmq/q HTTP/1.1')
  world.gateway.fault({ kind: 'leave', host: host!, drain: false })
  world.run(10)
  t.equal(client.closed, 'reset')
  t.match(world.closed, [{ closedBy: 'gateway', manner: 'hostDown', toHost: { packets: { undecodable: 0 } } }])
  t.strictSame(world.requests, [])
})

t.test('a health check takes out the host that does not accept, and brings it back', async t => {
  const world = simGatewayWorld(
    appliance({ affinity: 'none', healthCheck: { intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 } }),
  )
  const open = (count: number) => {
    for (let left = count; left > 0; left--) world.open('10.0.1.1')
    world.run(10)
  }
  const chosen = (since: number) => new Set(world.decisions.slice(since).map(({ host }) => host))
  world.run(5_000)
  world.network.part(VIP, hostAddress(1))
  world.run(1_000)
  open(20)
  t.ok(chosen(0).has('R1'), 'one bad check is not enough')
  world.run(10_000)
  let since = world.decisions.length
  open(20)
  t.strictSame(chosen(since), new Set(['R2']))
  world.network.join(VIP, hostAddress(1))
  world.run(5_000)
  since = world.decisions.length
  open(20)
  t.ok(chosen(since).has('R1'))
})

t.test('stopped, it resets what is open and is no longer there', async t => {
  const world = simGatewayWorld(appliance())
  const client = world.open('10.0.1.1')
  world.run(10)
  world.gateway.stop()
  world.run(10)
  t.equal(client.closed, 'reset')
  t.match(world.closed, [{ closedBy: 'gateway', manner: 'stopped' }])
  const late = world.open('10.0.1.1')
  world.run(10)
  t.equal(late.failed, 'ECONNREFUSED')
})
