import t from 'tap'
import {
  CLIENTS,
  type KernelWorld,
  kernelSkip,
  PORT,
  portRange,
  SILENCE_MS,
  startKernelWorld,
  THREE_HOSTS,
  VIP,
} from '../../../fixtures/kernel-world.js'

const HTTP = 80
const PING = 3527
const OTHER = 4000

const RULES = [
  { startPort: PORT, endPort: PORT, protocol: 'tcp', affinity: 'none' },
  { startPort: HTTP, endPort: HTTP, protocol: 'tcp', affinity: 'single' },
  { startPort: PING, endPort: PING, protocol: 'udp', affinity: 'network' },
] as const

const ALL_PORTS = [PORT, HTTP, PING, OTHER]

/** Opens all at once; a name, `silence` or an error for each. */
function openAll(world: KernelWorld, from: string, ports: readonly number[], waitMs?: number): Promise<string[]> {
  return Promise.all(ports.map(port => world.peer(from).connect(port, VIP, PORT, waitMs)))
}

const modelFor = (world: KernelWorld, from: string, ports: readonly number[]) =>
  ports.map(port => world.predicted(from, port).join(' and ') || 'silence')

t.test('every connection goes where the model says, once, unchanged', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb', rules: RULES, ports: ALL_PORTS, machines: CLIENTS })
  const ports = portRange(20_000, 200)
  const greeted = await openAll(world, 'S1', ports)
  t.same(greeted, modelFor(world, 'S1', ports))

  const seen = await Promise.all(THREE_HOSTS.map(({ name }) => world.peer(name).seen()))
  const clientPorts = seen.flat().map(({ fromPort }) => fromPort)
  t.same(clientPorts.toSorted(), ports, 'none lost, none twice')
  t.ok(
    seen.every(list => list.length > 40),
    'over all hosts',
  )
  t.ok(
    seen.flat().every(({ from, to }) => from === '10.79.0.51' && to === VIP),
    'hosts see the client and the cluster address',
  )
  const { hosts } = await world.plane.counters()
  t.same(
    THREE_HOSTS.map(({ name }) => [hosts[name]!.connections, hosts[name]!.active]),
    seen.map(({ length }) => [length, length]),
    'the kernel counts them',
  )

  await t.test('affinities single and network', async t => {
    for (const { name } of CLIENTS) {
      const greetings = await Promise.all(portRange(21_000, 5).map(port => world.peer(name).connect(port, VIP, HTTP)))
      t.same(new Set(greetings), new Set(world.predicted(name, 21_000, HTTP)))
      const [answer = ''] = await world.peer(name).datagram(21_100, PING, { answers: 1 })
      t.equal(answer, `${world.predicted(name, 21_100, PING, 'udp')[0]} 100`)
    }
    t.same(world.predicted('S1', 1, PING, 'udp'), world.predicted('S2', 1, PING, 'udp'), 'of one /24')
  })

  await t.test('what no rule covers goes to the default host', async t => {
    t.equal(await world.peer('S1').connect(21_200, VIP, OTHER), 'R1')
    const [answer] = await world.peer('S3').datagram(21_201, OTHER, { answers: 1 })
    t.equal(answer, 'R1 100')
  })

  await t.test('a fragmented datagram arrives whole, where its first part goes', async t => {
    const [answer] = await world.peer('S3').datagram(21_300, OTHER, { answers: 1, size: 6000 })
    t.equal(answer, 'R1 6000')
  })

  await t.test('a host is reached by its own address, and reaches itself by the cluster’s', async t => {
    t.equal(await world.peer('S1').connect(21_400, '10.77.1.12', PORT), 'R2')
    t.equal(await world.peer('R3').connect(21_401, VIP, PORT), 'R3')
    t.equal(await world.peer('R1').connect(21_402, '10.79.0.51', PORT), 'ECONNREFUSED', 'it reaches clients')
  })

  await t.test('a dead service on a live host: refused, and it keeps its share', async t => {
    await world.peer('R2').order({ act: 'close-ports' })
    const before = await world.plane.connections('R2')
    const later = portRange(22_000, 30)
    const expected = modelFor(world, 'S2', later).map(host => (host === 'R2' ? 'ECONNREFUSED' : host))
    t.ok(expected.includes('ECONNREFUSED'))
    t.same(await openAll(world, 'S2', later), expected)
    t.equal(await world.plane.connections('R2'), before, 'its refusals are no connections')
  })
})

t.test('a host leaves and comes: established connections stay where they are', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb' })
  const { cluster, plane } = world
  const client = world.peer('S1')
  const ports = portRange(20_000, 60)
  const before = await openAll(world, 'S1', ports)
  t.same(new Set(before), new Set(['R1', 'R2', 'R3']))
  const ofR1 = ports.filter((_, index) => before[index] === 'R1')

  cluster.command('drainstop', 'R1', world.nowMs())
  cluster.countConnections('R1', await plane.connections('R1'), world.nowMs())
  await world.pass(20_000)
  t.equal(cluster.hosts()[0]!.state, 'draining')
  t.same(
    await Promise.all(ports.map(port => client.echo(port))),
    ports.map(() => 'echoed'),
  )
  const during = portRange(21_000, 60)
  t.same(await openAll(world, 'S1', during), modelFor(world, 'S1', during))
  t.notOk(modelFor(world, 'S1', during).includes('R1'), 'nothing new for it')
  t.equal(await plane.connections('R1'), ofR1.length, 'the kernel still has them')

  await Promise.all(ofR1.map((port, index) => client.end(port, index % 2 === 0)))
  t.equal(await plane.connections('R1'), 0, 'closed and reset ones are gone')
  cluster.countConnections('R1', 0, world.nowMs())
  await plane.applied()
  t.equal(cluster.hosts()[0]!.state, 'stopped', 'the drain is over')

  cluster.command('start', 'R1', world.nowMs())
  cluster.setWeight('R2', 0, 10, world.nowMs())
  await world.pass(20_000)
  t.ok(cluster.converged())
  const after = portRange(22_000, 60)
  t.same(await openAll(world, 'S1', after), modelFor(world, 'S1', after))
  const others = ports.filter(port => !ofR1.includes(port))
  t.same(
    await Promise.all(others.map(port => client.echo(port))),
    others.map(() => 'echoed'),
  )
  t.same(
    await Promise.all(during.map(port => client.echo(port))),
    during.map(() => 'echoed'),
  )
})

t.test('a crash is silence, until the others have converged', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb' })
  const { cluster } = world
  const client = world.peer('S1')
  const ports = portRange(20_000, 30)
  const before = await openAll(world, 'S1', ports)
  const lost = ports.filter((_, index) => before[index] === 'R2')
  cluster.crash('R2', world.nowMs())
  await world.pass(1000)
  t.same(
    await Promise.all(ports.map((port, index) => client.echo(port, before[index] === 'R2' ? SILENCE_MS : undefined))),
    before.map(host => (host === 'R2' ? 'silence' : 'echoed')),
    'its connections hang, no one is told',
  )
  const during = portRange(21_000, 20)
  const expected = modelFor(world, 'S1', during)
  t.ok(expected.includes('silence'), 'its share is a black hole')
  const outcomes = during.map((port, index) =>
    client.connect(port, VIP, PORT, expected[index] === 'silence' ? SILENCE_MS : undefined),
  )
  t.same(await Promise.all(outcomes), expected)
  t.equal(await client.connect(21_100, '10.77.1.12', PORT, SILENCE_MS), 'silence', 'its own address too')

  await world.pass(20_000)
  t.ok(cluster.converged())
  const after = portRange(22_000, 40)
  const greeted = await openAll(world, 'S1', after)
  t.same(greeted, modelFor(world, 'S1', after))
  t.notOk(greeted.includes('R2'))

  cluster.recover('R2', world.nowMs())
  await world.pass(20_000)
  const again = portRange(23_000, 40)
  t.same(await openAll(world, 'S1', again), modelFor(world, 'S1', again))
  t.equal(await client.echo(lost[0]!, SILENCE_MS), 'silence', 'who was cut off stays so')
})

t.test('split brain: both hosts answer', { skip: kernelSkip }, async t => {
  const hosts = THREE_HOSTS.slice(0, 2)
  const world = await startKernelWorld(t, { mode: 'nlb', hosts })
  const { cluster } = world
  cluster.partition([['R1'], ['R2']], world.nowMs())
  await world.pass(20_000)
  const ports = portRange(20_000, 10)
  t.same(
    modelFor(world, 'S1', ports),
    ports.map(() => 'R1 and R2'),
  )
  await openAll(world, 'S1', ports)
  const counters = await world.plane.counters()
  t.same(
    hosts.map(({ name }) => counters.hosts[name]!.connections),
    [10, 10],
    'each took each SYN',
  )
  cluster.heal(world.nowMs())
  await world.pass(20_000)
  const healed = portRange(21_000, 20)
  t.same(await openAll(world, 'S1', healed), modelFor(world, 'S1', healed))
})

t.test('orders about ports and hosts, and a switch that knows better', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb', rules: RULES, ports: ALL_PORTS })
  const { cluster } = world
  const client = world.peer('S1')
  const ports = portRange(20_000, 30)
  const hosts = await openAll(world, 'S1', ports)
  const silentAt = (...names: string[]) =>
    Promise.all(ports.map((port, index) => client.echo(port, names.includes(hosts[index]!) ? SILENCE_MS : undefined)))
  const expected = (...names: string[]) => hosts.map(host => (names.includes(host) ? 'silence' : 'echoed'))

  cluster.command('disable', 'R3', world.nowMs(), { rule: 0 })
  await world.plane.applied()
  t.same(await silentAt('R3'), expected('R3'), 'a disabled port blocks what is established')
  await world.pass(20_000)
  const blocked = portRange(21_000, 20)
  t.same(await openAll(world, 'S1', blocked), modelFor(world, 'S1', blocked), 'the others take its share')
  cluster.command('enable', 'R3', world.nowMs(), { rule: 0 })
  await world.pass(20_000)

  cluster.learnMac('R2', world.nowMs())
  await world.plane.applied()
  const learned = portRange(22_000, 20)
  const model = modelFor(world, 'S1', learned)
  t.ok(model.includes('silence') && model.includes('R2'))
  const outcomes = learned.map((port, index) =>
    client.connect(port, VIP, PORT, model[index] === 'silence' ? SILENCE_MS : undefined),
  )
  t.same(await Promise.all(outcomes), model, 'only buckets of the one that gets the frames are served')
  cluster.learnMac(null, world.nowMs())

  cluster.command('stop', 'R1', world.nowMs())
  await world.pass(20_000)
  t.equal(await client.connect(23_000, VIP, 4000), 'R2', 'the next is the default host')
  const ofR1 = ports.find((_, index) => hosts[index] === 'R1')!
  t.equal(await client.echo(ofR1, SILENCE_MS), 'silence', 'connections of a stopped host are lost')
  t.equal(await client.connect(23_001, '10.77.0.11', PORT), 'R1', 'it is there by its own address')

  cluster.setRules([{ startPort: PORT, endPort: PORT, mode: 'disabled' }], world.nowMs())
  await world.pass(20_000)
  t.equal(await client.connect(23_100, VIP, PORT, SILENCE_MS), 'silence', 'a rule in mode disabled')
})

t.test('while maps move, clients come: each has one host', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb' })
  const { cluster, plane } = world
  let opened = 0
  for (const [round, weights] of [
    [10, 50, 90],
    [90, 10, 0],
    [0, 60, 40],
    [50, 50, 50],
  ].entries()) {
    for (const [index, { name }] of THREE_HOSTS.entries()) cluster.setWeight(name, 0, weights[index]!, world.nowMs())
    const moving = world.pass(20_000)
    const outcomes = await openAll(world, 'S1', portRange(20_000 + round * 1000, 50))
    await moving
    t.ok(outcomes.every(outcome => THREE_HOSTS.some(({ name }) => name === outcome)))
    opened += outcomes.length
  }
  const { hosts } = await plane.counters()
  const taken = THREE_HOSTS.map(({ name }) => hosts[name]!.connections)
  t.equal(
    taken.reduce((sum, count) => sum + count),
    opened,
    'none was taken twice',
  )
})

t.test('a host that is added while it runs', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb', hosts: THREE_HOSTS.slice(0, 1) })
  world.cluster.addHost(THREE_HOSTS[1]!, world.nowMs())
  await world.pass(20_000)
  t.ok(world.cluster.converged())
  // nobody listens there: what is refused has arrived
  const ports = portRange(20_000, 30)
  const expected = modelFor(world, 'S1', ports).map(host => (host === 'R2' ? 'ECONNREFUSED' : host))
  t.same(new Set(expected), new Set(['R1', 'ECONNREFUSED']))
  t.same(await openAll(world, 'S1', ports), expected)
})

t.test('a host that is removed while it runs takes nothing any more', { skip: kernelSkip }, async t => {
  const world = await startKernelWorld(t, { mode: 'nlb' })
  const ports = portRange(20_000, 30)
  const before = await openAll(world, 'S1', ports)
  world.cluster.removeHost('R2', world.nowMs())
  await world.pass(20_000)
  t.equal(
    await world.peer('S1').echo(ports[before.indexOf('R2')]!, SILENCE_MS),
    'silence',
    'nor of what was established',
  )
  const seenBefore = (await world.peer('R2').seen()).length
  const later = portRange(21_000, 60)
  t.same(await openAll(world, 'S1', later), modelFor(world, 'S1', later))
  t.equal((await world.peer('R2').seen()).length, seenBefore, 'one taker each')
})
