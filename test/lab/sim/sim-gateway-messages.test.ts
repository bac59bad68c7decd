import t from 'tap'
import type { ConnectionClosed, ProxyDecision } from '../../../gateway/planes/proxy-events.js'
import type { ClusterSpec, GatewaySpec } from '../../../lab/node-spec.js'
import { HOSTILE_LINK } from '../../../lab/sim/link-profile.js'
import { createSimGateway } from '../../../lab/sim/sim-gateway.js'
import { SimWorld } from '../../../lab/sim/world.js'
import { appliance, hostAddress, nlb, VIP } from '../../fixtures/sim-gateway-world.js'
import { guidOf, PLAIN_QUEUE, TX_QUEUE } from '../../fixtures/sim-tests.js'

/** Queue managers S1 and S2, and R1 to R3 behind a gateway. */
function machines(spec: GatewaySpec | ClusterSpec, seed = 1) {
  const world = new SimWorld(seed)
  const { scheduler, network } = world
  const decisions: ProxyDecision[] = []
  const closed: ConnectionClosed[] = []
  const gateway = createSimGateway({ scheduler, network, nowWallMs: () => scheduler.nowMs }, spec, {
    decided: decision => decisions.push(decision),
    closed: event => closed.push(event),
    request: () => undefined,
    mapped: () => undefined,
  })
  gateway.start()
  const queues = [{ name: PLAIN_QUEUE }, { name: TX_QUEUE, transactional: true }]
  const receivers = [1, 2, 3].map(host =>
    world.addNode({ name: `R${host}`, address: hostAddress(host), guid: guidOf(host), queues }),
  )
  const senders = [1, 2].map(number =>
    world.addNode({ name: `S${number}`, address: `10.0.3.${number}`, guid: guidOf(10 + number) }),
  )
  return { world, gateway, decisions, closed, receivers, senders }
}

type Machines = ReturnType<typeof machines>

/** Sends so many messages to the cluster, one a second, from each sender. */
function load({ world, senders }: Machines, queue: string, count: number): void {
  const destination = `DIRECT=TCP:${VIP}\\${queue}`
  for (let number = 1; number <= count; number++) {
    for (const sender of senders) {
      const message = { destination, body: Buffer.from(`${sender.name} ${number}`) }
      if (queue === TX_QUEUE) sender.sendTransaction([message])
      else sender.send(message)
    }
    world.runFor(1000)
  }
}

/** What each receiver has got of each sender, by numbers. */
function received({ receivers }: Machines, queue: string): Record<string, Record<string, number[]>> {
  return Object.fromEntries(
    receivers.map(node => {
      const of: Record<string, number[]> = {}
      for (const [sender, number] of node.bodies(queue).map(body => body.split(' ') as [string, string])) {
        of[sender] ??= []
        of[sender].push(Number(number))
      }
      return [node.name, of]
    }),
  )
}

const HUNDRED = Array.from({ length: 100 }, (_, index) => index + 1)

for (const [name, spec] of [
  ['an appliance', appliance({}, 3)],
  ['a Windows NLB cluster', nlb({}, 3)],
] as const)
  t.test(`${name} that keeps the client's address: messages to one host, order acks to the sender`, async t => {
    const all = machines(spec)
    load(all, TX_QUEUE, 100)
    all.world.runFor(600_000)
    const got = received(all, TX_QUEUE)
    for (const sender of ['S1', 'S2']) {
      const hosts = Object.keys(got).filter(host => got[host]![sender] !== undefined)
      t.equal(hosts.length, 1)
      t.strictSame(got[hosts[0]!]![sender], HUNDRED)
    }
    for (const sender of all.senders) {
      t.equal(sender.engine.counters.outgoingMessages, 0, 'all is acknowledged')
      t.equal(sender.notesOf('order-ack-received').filter(({ result }) => result !== 'matched').length, 0)
    }
    all.gateway.stop()
    const passed = all.closed.reduce((sum, { toHost }) => sum + toHost.packets.userMessage, 0)
    t.equal(passed, 200, 'the gateway counts packets')
    t.equal(
      all.closed.reduce(
        (sum, { toHost, toClient }) => sum + toHost.packets.undecodable + toClient.packets.undecodable,
        0,
      ),
      0,
    )
  })

t.test('one that shows its own address gets the order acks itself, and no sender hears of its messages', async t => {
  const all = machines(appliance({ source: 'translate' }, 3))
  load(all, TX_QUEUE, 20)
  all.world.runFor(600_000)
  for (const sender of all.senders) {
    t.strictSame(sender.notesOf('order-ack-received'), [])
    t.equal(sender.engine.counters.outgoingMessages, 20)
  }
  all.gateway.stop()
  t.ok(
    all.decisions.some(({ clientAddress }) => clientAddress.startsWith('10.0.0.1')),
    'hosts connect to the cluster',
  )
  t.ok(all.closed.reduce((sum, { toHost }) => sum + toHost.packets.orderAck, 0) > 0)
})

t.test('affinity none: each session is drawn anew, so that the messages of a sender are spread', async t => {
  const all = machines(nlb({ cluster: { ...nlb({}, 3).cluster, rules: [{ affinity: 'none' }] } }, 3))
  for (let round = 0; round < 12; round++) {
    load(all, PLAIN_QUEUE, 1)
    all.world.runFor(900_000)
  }
  const got = received(all, PLAIN_QUEUE)
  t.ok(Object.values(got).filter(of => of.S1 !== undefined).length > 1)
})

/** A day of trouble behind a gateway; everything that it told, as text. */
function trouble(spec: GatewaySpec | ClusterSpec, seed: number): string {
  const all = machines(spec, seed)
  const { world, gateway } = all
  world.network.profile = { ...HOSTILE_LINK, blackHoleChance: 0.3 }
  world.atRandom(20_000, 300_000, () => {
    const host = `R${world.random.between(1, 3)}`
    gateway.fault(
      world.random.pick([
        { kind: 'leave', host, drain: false },
        { kind: 'join', host },
      ] as const),
    )
    world.network.part(VIP, '10.0.3.1')
    world.scheduler.after(5_000, () => world.network.join(VIP, '10.0.3.1'))
  })
  load(all, TX_QUEUE, 300)
  world.network.heal()
  for (const host of ['R1', 'R2', 'R3']) gateway.fault({ kind: 'join', host })
  world.runFor(3_600_000)
  gateway.stop()
  return JSON.stringify({
    decisions: all.decisions,
    closed: all.closed,
    report: gateway.report(false),
    at: world.nowMs,
  })
}

t.test('the same seed is the same run, to the byte; another is another', async t => {
  for (const spec of [appliance({ idleTimeoutMs: 7_000, affinity: 'none' }, 3), nlb({}, 3)]) {
    const first = trouble(spec, 11)
    t.ok(first.length > 10_000)
    t.equal(trouble(spec, 11), first)
    t.not(trouble(spec, 12), first)
  }
})
