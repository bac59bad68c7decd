import t from 'tap'
import type { KernelMode } from '../../../../gateway/planes/kernel/kernel-options.js'
import {
  kernelSkip,
  PORT,
  portRange,
  SILENCE_MS,
  startKernelWorld,
  THREE_HOSTS,
  VIP,
} from '../../../fixtures/kernel-world.js'

const OTHER = 4000

const RULES = [{ startPort: PORT, endPort: PORT, protocol: 'both', affinity: 'none' }] as const

/** What a host sees of a client: where it comes from, and whom it asked for. */
const SIGHTS: readonly [KernelMode, from: (client: string) => string, to: (host: string) => string][] = [
  ['dnat', client => client, host => host],
  ['snat', () => VIP, host => host],
  ['dsr', client => client, () => VIP],
]

for (const [mode, from, to] of SIGHTS)
  t.test(`${mode}: the model decides, the appliance obeys`, { skip: kernelSkip }, async t => {
    const world = await startKernelWorld(t, { mode, rules: RULES, ports: [PORT, OTHER] })
    const { cluster, plane } = world
    const client = world.peer('S1')
    const open = (ports: readonly number[]) => Promise.all(ports.map(port => client.connect(port)))
    const model = (ports: readonly number[]) => ports.map(port => world.predicted('S1', port)[0] ?? 'silence')

    const ports = portRange(20_000, 100)
    const greeted = await open(ports)
    t.same(greeted, model(ports))
    t.same(new Set(greeted), new Set(['R1', 'R2', 'R3']))
    const counters = await plane.counters()
    for (const { name, address } of THREE_HOSTS) {
      const seen = await world.peer(name).seen()
      const share = greeted.filter(host => host === name).length
      t.equal(seen.length, share, `${name}: none lost, none twice`)
      t.ok(
        seen.every(one => one.from === from('10.79.0.51') && one.to === to(address)),
        `${name} sees what ${mode} lets it see`,
      )
      t.equal(counters.hosts[name]!.connections, share)
      t.equal(await plane.connections(name), share)
    }
    t.equal(await client.connect(20_200, VIP, OTHER), 'R1', 'what no rule covers goes to the default host')
    const [answer] = await client.datagram(20_300, PORT, { answers: 1 })
    t.equal(answer, `${world.predicted('S1', 20_300, PORT, 'udp')[0]} 100`)

    await t.test('a host drains: what is established stays', async t => {
      cluster.command('drainstop', 'R2', world.nowMs())
      await world.pass(20_000)
      t.equal(cluster.hosts()[1]!.state, 'draining')
      const during = portRange(21_000, 40)
      const expected = model(during)
      t.notOk(expected.includes('R2'))
      t.same(await open(during), expected)
      const echoes = await Promise.all(ports.map(port => client.echo(port)))
      t.ok(echoes.every(echo => echo === 'echoed'))
      for (const [index, port] of ports.entries()) if (greeted[index] === 'R2') await client.end(port)
      t.equal(await plane.connections('R2'), 0)
      cluster.countConnections('R2', 0, world.nowMs())
      t.equal(cluster.hosts()[1]!.state, 'stopped')
      cluster.command('start', 'R2', world.nowMs())
      await world.pass(20_000)
    })

    await t.test('a host crashes: silence, then the others', async t => {
      cluster.crash('R3', world.nowMs())
      await plane.applied()
      const echoes = ports.map((port, index) =>
        greeted[index] === 'R1' ? client.echo(port) : greeted[index] === 'R3' ? client.echo(port, SILENCE_MS) : 'ended',
      )
      const expectedEchoes = { R1: 'echoed', R2: 'ended', R3: 'silence' } as Record<string, string>
      t.same(
        await Promise.all(echoes),
        greeted.map(host => expectedEchoes[host]),
      )
      const during = portRange(22_000, 20)
      const expected = model(during)
      t.ok(expected.includes('silence'))
      const outcomes = during.map((port, index) =>
        client.connect(port, VIP, PORT, expected[index] === 'silence' ? SILENCE_MS : undefined),
      )
      t.same(await Promise.all(outcomes), expected)
      const { silences } = await plane.counters()
      t.ok(
        (silences ?? 0) >= expected.filter(one => one === 'silence').length,
        'the appliance counts who was not served',
      )
      await world.pass(20_000)
      const after = portRange(23_000, 40)
      t.same(await open(after), model(after))
      cluster.recover('R3', world.nowMs())
      await world.pass(20_000)
    })

    // under dsr a host holds the cluster address itself
    if (mode !== 'dsr')
      await t.test('a host that asks the appliance is a client like any other, also to itself', async t => {
        const asking = portRange(23_500, 12)
        const expected = asking.map(port => world.predicted('R1', port)[0])
        t.ok(expected.includes('R1'), 'one of them is itself')
        t.same(await Promise.all(asking.map(port => world.peer('R1').connect(port))), expected)
      })

    await t.test('split brain: the first host has it alone', async t => {
      cluster.partition([['R1', 'R2'], ['R3']], world.nowMs())
      await world.pass(20_000)
      const both = portRange(23_600, 10)
      const takers = both.map(port => world.predicted('S1', port))
      t.ok(takers.every(names => names.length === 2))
      t.same(
        await open(both),
        takers.map(([first]) => first),
      )
      cluster.heal(world.nowMs())
      await world.pass(20_000)
    })

    await t.test('orders cut what is established', async t => {
      const fresh = portRange(24_000, 40)
      const hosts = await open(fresh)
      const at = (name: string) => fresh[hosts.indexOf(name)]!
      cluster.command('disable', 'R1', world.nowMs(), { rule: 0 })
      await plane.applied()
      t.equal(await client.echo(at('R1'), SILENCE_MS), 'silence', 'a disabled port')
      t.equal(await client.echo(at('R2')), 'echoed')
      cluster.command('stop', 'R2', world.nowMs())
      await plane.applied()
      t.equal(await client.echo(at('R2'), SILENCE_MS), 'silence', 'a stopped host')
      t.equal(await client.echo(at('R3')), 'echoed')
      await world.pass(20_000)
      const after = portRange(25_000, 10)
      t.same(
        await open(after),
        after.map(() => 'R3'),
        'the last one takes all',
      )
    })
  })

t.test('snat by an address of its own: answers to it find nobody listening', { skip: kernelSkip }, async t => {
  const snatAddress = '10.77.0.200'
  const world = await startKernelWorld(t, { mode: 'snat', rules: RULES, snatAddress })
  const host = await world.peer('S1').connect(20_000)
  const [seen] = await world.peer(host).seen()
  t.equal(seen?.from, snatAddress)
  t.equal(await world.peer(host).connect(20_001, snatAddress, PORT), 'ECONNREFUSED')
})
