import t from 'tap'
import { CALM_MS, ClusterRun, clusterHost, later, MSMQ_RULE, tcp } from '../../fixtures/nlb-cluster.js'

const MINUTE_MS = 60_000
const CLIENTS = Array.from({ length: 120 }, (_, index) => `10.20.${index}.7`)

const cluster = (affinity: 'single' | 'network' = 'single', timeoutMinutes = 20) =>
  new ClusterRun({ hosts: 2, rules: [{ ...MSMQ_RULE, affinity, timeoutMinutes }] })

/** Clients whose bucket moves when a third host joins. */
function moved(run: ClusterRun, homes: ReadonlyMap<string, string>): string[] {
  const plain = new ClusterRun({ hosts: 2, rules: [{ ...MSMQ_RULE, affinity: 'single' }] })
  plain.cluster.addHost(clusterHost(2), 0)
  plain.pass(CALM_MS)
  if (plain.map() !== run.map()) throw new Error('the maps should be the same')
  return CLIENTS.filter(client => plain.host(tcp(client)) !== homes.get(client))
}

function joined(run: ClusterRun): { homes: Map<string, string>; movers: string[] } {
  const homes = new Map(CLIENTS.map(client => [client, run.open(tcp(`${client}:1000`))]))
  run.cluster.addHost(clusterHost(2), run.nowMs)
  run.pass(CALM_MS)
  const movers = moved(run, homes)
  return { homes, movers }
}

t.test('a client stays with its holder when its bucket moves; the new owner leaves it alone', async t => {
  const run = cluster()
  const { homes, movers } = joined(run)
  t.ok(movers.length > 20, `${movers.length} clients’ buckets moved`)
  for (const client of CLIENTS) t.equal(run.host(tcp(`${client}:1001`)), homes.get(client), client)
  const [mover = ''] = movers
  t.equal(run.reason(tcp(`${mover}:1001`), homes.get(mover)!), 'held-client')
  t.equal(run.reason(tcp(`${mover}:1001`), 'C'), 'exception')
  const stranger = movers[0]!.replace(/7$/, '8')
  t.notOk(homes.has(stranger))
  t.equal(run.acceptors(tcp(stranger)).length, 1, 'a client that nobody holds goes by its bucket')
})

t.test('without a timeout it would have moved', async t => {
  const run = cluster('single', 0)
  const { homes, movers } = joined(run)
  for (const client of movers) {
    t.equal(run.host(tcp(`${client}:1001`)), 'C')
    t.equal(run.host(later(tcp(`${client}:1000`))), homes.get(client), 'the old connection goes on')
  }
})

t.test('the timer runs from the end of the last connection', async t => {
  const run = cluster()
  const { homes, movers } = joined(run)
  const [mover = ''] = movers
  const home = homes.get(mover)!
  const next = tcp(`${mover}:1001`)
  run.pass(100 * MINUTE_MS)
  t.equal(run.host(next), home, 'not while there is one')
  run.open(next)
  run.cluster.close(tcp(`${mover}:1000`))
  run.pass(100 * MINUTE_MS)
  t.equal(run.host(tcp(`${mover}:1002`)), home, 'nor while there is another')
  run.cluster.close(next)
  run.pass(19 * MINUTE_MS)
  t.equal(run.host(tcp(`${mover}:1002`)), home, '19 of 20 minutes')
  run.pass(2 * MINUTE_MS)
  t.equal(run.host(tcp(`${mover}:1002`)), 'C', 'then it is released, and the owner knows')
})

t.test('a new connection within the time starts it anew', async t => {
  const run = cluster()
  const { homes, movers } = joined(run)
  const [mover = ''] = movers
  run.cluster.close(tcp(`${mover}:1000`))
  for (let port = 2000; port < 2010; port++) {
    run.pass(15 * MINUTE_MS)
    t.equal(run.open(tcp(`${mover}:${port}`)), homes.get(mover))
    run.cluster.close(tcp(`${mover}:${port}`))
  }
})

t.test('the holder dies, and stops: its clients go to the owners', async t => {
  for (const end of ['crash', 'stop'] as const) {
    const run = cluster()
    const { homes, movers } = joined(run)
    const mine = movers.filter(client => homes.get(client) === 'A')
    t.ok(mine.length > 0)
    if (end === 'crash') run.cluster.crash('A', run.nowMs)
    else run.cluster.command('stop', 'A', run.nowMs)
    run.pass(CALM_MS)
    for (const client of mine) t.equal(run.host(tcp(`${client}:1001`)), 'C', `${end}: ${client}`)
  }
})

t.test('network: neighbours are one client', async t => {
  const run = cluster('network')
  const homes = new Map(CLIENTS.map(client => [client, run.open(tcp(`${client}:1000`))]))
  run.cluster.addHost(clusterHost(2), run.nowMs)
  run.pass(CALM_MS)
  for (const [client, home] of homes) {
    const neighbour = client.replace(/7$/, '200')
    if (run.host(tcp(neighbour)) !== home) t.fail(`${neighbour} of ${client}`)
  }
  const stranger = CLIENTS.map(client => client.replace(/^10\.20/, '10.21'))
  t.ok(
    stranger.some(client => run.host(tcp(client)) === 'C'),
    'other networks go by their buckets',
  )
})

t.test('exactly one takes each client at every moment of a join, those who come meanwhile too', async t => {
  const run = cluster()
  const homes = new Map<string, string>()
  run.cluster.addHost(clusterHost(2), run.nowMs)
  run.onStep = () => {
    for (const client of CLIENTS) {
      const [only, ...others] = run.acceptors(tcp(`${client}:1001`))
      if (only === undefined || others.length > 0) t.fail(`${run.nowMs} ms: ${client} by ${only} ${others}`)
      if (homes.has(client) && homes.get(client) !== only) t.fail(`${run.nowMs} ms: ${client} moved to ${only}`)
    }
    const next = CLIENTS[homes.size]
    if (next !== undefined) homes.set(next, run.open(tcp(`${next}:1000`)))
  }
  run.pass(3 * CALM_MS)
  t.ok(run.cluster.converged())
  t.equal(homes.size, CLIENTS.length)
  t.strictSame([...new Set(homes.values())].sort(), ['A', 'B', 'C'])
})
