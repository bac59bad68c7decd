import t from 'tap'
import { NlbCluster } from '../../../gateway/nlb/cluster.js'
import { clusterConfig } from '../../../gateway/nlb/cluster-config.js'
import { clusterPolicy } from '../../../gateway/nlb/cluster-policy.js'
import { type LinkProfile, QUIET_LINK } from '../../../lab/sim/link-profile.js'
import { type ClientPeer, hostAddress, nlb, PORT, simGatewayWorld, VIP } from '../../fixtures/sim-gateway-world.js'

type World = ReturnType<typeof simGatewayWorld>

/** A connected client of a host. */
function clientOf(world: World, host: string): ClientPeer {
  for (let last = 1; last < 250; last++) {
    const client = world.open(`10.0.2.${last}`)
    world.run(10)
    if (world.decisions.at(-1)?.host === host) return client
  }
  throw new Error(`no client of ${host}`)
}

/** What a client says, and whether its host hears it within a second. */
function isHeard(world: World, client: ClientPeer): boolean {
  const { port } = client.socket.local
  const [peer] = Object.values(world.accepted)
    .flat()
    .filter(({ socket }) => socket.remote.port === port)
  const before = peer!.received.length
  client.socket.write([Buffer.from('anybody there?')])
  world.run(1000)
  return peer!.received.length > before
}

t.test('the model decides, as it does on sockets; the host sees the client and its port', async t => {
  const spec = nlb({}, 3)
  const world = simGatewayWorld(spec, { hosts: 3 })
  const clients = Array.from({ length: 30 }, (_, index) => world.open(`10.0.1.${index}`))
  world.run(100)
  const cluster = new NlbCluster({ config: clusterConfig(spec.cluster) })
  cluster.settle(0)
  const policy = clusterPolicy(cluster, { protocol: 'tcp', address: VIP, port: PORT })
  for (const [index, { socket, connected }] of clients.entries()) {
    const { host, bucket, reason, verdict } = policy.pick(socket.local)
    t.ok(connected)
    t.match(world.decisions[index], { host, bucket, reason, verdict, upstreamLocalAddress: socket.local.address })
    t.ok(world.accepted[host!]!.some(peer => peer.socket.remote.port === socket.local.port))
  }
  t.match(world.gateway.report(false), {
    counters: { silences: 0, splitBrains: 0, hosts: { R1: { connections: world.accepted.R1!.length } } },
  })
})

t.test('a host without power is silent until the others have noticed; a SYN that comes later is answered', async t => {
  const world = simGatewayWorld(nlb())
  const of1 = clientOf(world, 'R1')
  world.gateway.fault({ kind: 'crash', host: 'R1' })
  const { address } = of1.socket.local
  world.run(10_000)
  const syn = world.scheduler.nowMs
  const late = world.open(address)
  world.run(8_900)
  t.equal(late.connected, false, 'neither the SYN nor its first repetition is answered')
  t.match(world.decisions.at(-1), { host: null, verdict: { outcome: 'black-hole' } })
  world.run(12_000)
  t.ok(late.connected, 'the second repetition is')
  t.equal(Math.round(late.atMs!), Math.round(syn) + 9_001)
  t.match(world.decisions.at(-1), { host: 'R2' })
  t.match(world.gateway.report(false), { counters: { silences: 1 } })
})

t.test('with no host at all a client gives up after 21 s', async t => {
  const world = simGatewayWorld(nlb())
  for (const host of ['R1', 'R2']) world.gateway.fault({ kind: 'crash', host })
  const client = world.open('10.0.1.1')
  world.run(20_900)
  t.equal(client.failed, null)
  world.run(200)
  t.equal(client.failed, 'ETIMEDOUT')
  t.equal(world.decisions.length, 1, 'of what is asked again only the answer is news')
  t.match(world.closed, [{ host: null, closedBy: 'client', manner: 'silence' }])
})

t.test('a connection whose frames go to another host stalls, and goes on when they come back', async t => {
  const world = simGatewayWorld(nlb())
  const client = clientOf(world, 'R1')
  t.ok(isHeard(world, client))
  world.gateway.fault({ kind: 'learn-mac', host: 'R2' })
  t.notOk(isHeard(world, client))
  t.notOk(isHeard(world, client))
  world.gateway.fault({ kind: 'learn-mac', host: null })
  world.run(100)
  t.equal(world.accepted.R1!.at(-1)!.received, 'anybody there?'.repeat(3), 'nothing was lost')
  t.equal(client.closed, null)
})

t.test('an end that gets nothing through for 18.9 s gives up, and the other hears of it when it speaks', async t => {
  const world = simGatewayWorld(nlb())
  const client = clientOf(world, 'R1')
  world.gateway.fault({ kind: 'learn-mac', host: 'R2' })
  t.notOk(isHeard(world, client))
  world.run(17_800)
  t.equal(client.closed, null)
  world.run(200)
  t.equal(client.closed, 'reset')
  const peer = world.accepted.R1!.at(-1)!
  t.equal(peer.closed, null)
  t.match(world.gateway.report(false), { counters: { hosts: { R1: { active: 1 } } } })
})

t.test('a divided cluster converges twice: both halves take a new client', async t => {
  const world = simGatewayWorld(nlb())
  world.gateway.fault({ kind: 'partition', groups: [['R1'], ['R2']] })
  world.run(20_000)
  const client = world.open('10.0.1.1')
  world.run(100)
  t.ok(client.connected)
  t.match(world.decisions.at(-1), { host: 'R1', verdict: { outcome: 'split-brain', acceptors: ['R1', 'R2'] } })
  world.gateway.fault({ kind: 'heal' })
  world.run(20_000)
  world.open('10.0.1.1')
  world.run(100)
  t.match(world.decisions.at(-1), { verdict: { outcome: 'accepted' } })
  t.match(world.gateway.report(false), { counters: { splitBrains: 1 } })
})

t.test('a host that drains keeps its connections and is gone with the last', async t => {
  const world = simGatewayWorld(nlb())
  const client = clientOf(world, 'R1')
  const said = () => world.decisions.at(-1)!.verdict!.verdicts[0]
  world.gateway.fault({ kind: 'leave', host: 'R1', drain: true })
  world.run(60_000)
  t.ok(isHeard(world, client))
  const second = world.open(client.socket.local.address)
  world.run(10)
  t.ok(second.connected)
  t.match(world.decisions.at(-1), { host: 'R2' })
  t.match(said(), { host: 'R1', reason: 'not-my-bucket' }, 'it is still there')
  for (const peer of world.accepted.R1!) peer.socket.end()
  world.run(1000)
  t.equal(client.closed, 'end')
  world.open(client.socket.local.address)
  world.run(10)
  t.match(said(), { host: 'R1', reason: 'stopped' })
  world.gateway.fault({ kind: 'join', host: 'R1' })
  world.run(20_000)
  t.ok(clientOf(world, 'R1').connected)
})

t.test('a host that sends to the cluster reaches itself', async t => {
  const world = simGatewayWorld(nlb({}, 3), { hosts: 3 })
  for (const host of [1, 2, 3]) {
    for (let count = 0; count < 5; count++) world.open(hostAddress(host))
    world.run(10)
    t.equal(world.accepted[`R${host}`]!.length, 5)
  }
  t.match(world.decisions[0]!.verdict!.verdicts, [{ host: 'R1', accepts: true, reason: 'looped-back' }])
})

t.test('what befalls the links between client, cluster and host befalls the connection', async t => {
  const world = simGatewayWorld(nlb())
  const client = clientOf(world, 'R1')
  const { address } = client.socket.local
  for (const [one, other] of [
    [address, hostAddress(1)],
    [address, VIP],
  ] as const) {
    world.network.part(one, other)
    t.notOk(isHeard(world, client))
    const late = world.open(address)
    world.run(2_000)
    t.notOk(late.connected)
    world.network.join(one, other)
    world.run(2_000)
    t.ok(late.connected, 'by the SYN that is sent after 3 s')
    t.ok(isHeard(world, client))
  }
})

t.test('the chances of a link to a host are those of connections that a route leads there', async t => {
  const world = simGatewayWorld(nlb())
  const client = clientOf(world, 'R1')
  const { address } = client.socket.local
  const link = (profile: Partial<LinkProfile>) =>
    world.network.setLinkProfile(address, hostAddress(1), { ...QUIET_LINK, ...profile })
  link({ refuseChance: 1 })
  const refused = world.open(address)
  world.run(100)
  t.equal(refused.failed, 'ECONNREFUSED')
  link({ blackHoleChance: 1 })
  const lost = world.open(address)
  world.run(30_000)
  t.equal(lost.failed, 'ETIMEDOUT')
  link({})
  t.ok(clientOf(world, 'R1').connected)
  const taken = world.accepted.R1!.filter(({ socket }) => socket.remote.address === address)
  t.equal(world.network.between(address, hostAddress(1)).length, taken.length)
  t.equal(world.network.between(VIP, hostAddress(1)).length, world.accepted.R1!.length)
})
