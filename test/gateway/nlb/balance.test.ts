import t from 'tap'
import { type Affinity, nlbSub1 } from '../../../gateway/nlb/hash.js'
import { createRandom } from '../../../lab/sim/random.js'
import { CALM_MS, ClusterRun, clusterHost, MSMQ_RULE, tcp } from '../../fixtures/nlb-cluster.js'

const FAST = { profile: '2003' } as const

t.test('1 to 32 hosts of equal weight: none has two buckets more than another', async t => {
  for (let count = 1; count <= 32; count++) {
    const counts = Object.values(new ClusterRun({ hosts: count }).shares())
    const sum = counts.reduce((total, one) => total + one, 0)
    if (counts.length !== count || sum !== 60 || Math.max(...counts) - Math.min(...counts) > 1)
      t.fail(`${count} hosts: ${counts}`)
  }
  t.pass()
})

t.test('a host leaves and another comes: only their buckets move', async t => {
  for (const count of [2, 3, 7, 16, 31]) {
    const run = new ClusterRun({ hosts: count, parameters: FAST })
    const changes = (act: () => void) => {
      const before = run.cluster.owners(0).map(String)
      act()
      run.pass(CALM_MS)
      const after = run.cluster.owners(0).map(String)
      return before.flatMap((from, bucket) => (from === after[bucket] ? [] : [{ from, to: after[bucket]! }]))
    }
    const leave = changes(() => run.cluster.command('stop', 'B', run.nowMs))
    t.ok(
      leave.length >= Math.floor(60 / count) && leave.every(({ to }) => to !== 'B' && to !== ''),
      `${count} hosts: ${leave.length} buckets are taken over`,
    )
    const joiner = clusterHost(count).name
    const join = changes(() => run.cluster.addHost(clusterHost(count), run.nowMs))
    t.ok(join.length >= Math.floor(60 / count) && join.every(({ to }) => to === joiner), `and given to ${joiner}`)
  }
})

t.test('small populations are lumpy: nothing is dealt in turn', async t => {
  const random = createRandom(7)
  const lumpy = (hosts: number, clients: number, isLumpy: (used: Set<string>) => boolean) => {
    const run = new ClusterRun({ hosts, rules: [{ ...MSMQ_RULE, affinity: 'single' }] })
    let count = 0
    for (let draw = 0; draw < 1000; draw++) {
      const from = () => `10.${random.between(0, 255)}.${random.between(0, 255)}.${random.between(1, 254)}`
      if (isLumpy(new Set(Array.from({ length: clients }, () => run.host(tcp(from())))))) count++
    }
    return count
  }
  const together = lumpy(2, 2, used => used.size === 1)
  t.ok(together > 440 && together < 560, `2 clients, 2 hosts: both on one in ${together} of 1000`)
  const idle = lumpy(4, 10, used => used.size < 4)
  t.ok(idle > 170 && idle < 270, `10 clients, 4 hosts: a host idle in ${idle} of 1000`)
})

t.test('shares of many clients follow the weights', async t => {
  const hosts = [20, 30, 50].map((weight, index) => clusterHost(index, { weight }))
  const run = new ClusterRun({ hosts })
  const counts: Record<string, number> = {}
  for (let port = 0; port < 6000; port++) {
    const host = run.host(tcp(`10.8.${port >> 8}.9:${2000 + port}`))
    counts[host] = (counts[host] ?? 0) + 1
  }
  for (const [name, share] of [
    ['A', 0.2],
    ['B', 0.3],
    ['C', 0.5],
  ] as const)
    t.ok(Math.abs((counts[name] ?? 0) / 6000 - share) < 0.03, `${name}: ${counts[name]} of 6000`)
})

t.test('the substitute hash: every bit of a client counts as much', async t => {
  const random = createRandom(3)
  const bitsOf: Record<Affinity, number> = { none: 48, single: 32, network: 24 }
  for (const [affinity, bits] of Object.entries(bitsOf) as [Affinity, number][])
    for (let bit = 0; bit < bits; bit++) {
      let same = 0
      for (let draw = 0; draw < 300; draw++) {
        const [address, port] = [random.u32(), random.between(0, 65_535)]
        const [other, otherPort] =
          bit < 32 ? [(address ^ (1 << (31 - bit))) >>> 0, port] : [address, port ^ (1 << (bit - 32))]
        const bucket = nlbSub1.bucketV4(affinity, address, port)
        if (bucket === nlbSub1.bucketV4(affinity, other, otherPort)) same++
      }
      // one in 60 by chance: 5 of 300
      if (same > 20) t.fail(`${affinity}, bit ${bit}: the bucket stays in ${same} of 300`)
    }
  t.pass()
})

t.test('the substitute hash: as even over sequences as by chance', async t => {
  const rows: [name: string, affinity: Affinity, client: (index: number) => [address: number, port: number]][] = [
    ['addresses', 'single', index => [0x0a000000 + index, 0]],
    ['networks', 'network', index => [0x0a000000 + index * 256, 0]],
    ['ports', 'none', index => [0x0a000007, 1024 + index]],
  ]
  for (const [name, affinity, client] of rows) {
    const hits = new Array<number>(60).fill(0)
    for (let index = 0; index < 12_000; index++) hits[nlbSub1.bucketV4(affinity, ...client(index))]!++
    const chiSquare = hits.reduce((sum, hit) => sum + (hit - 200) ** 2 / 200, 0)
    // 59 degrees of freedom, 5 %
    t.ok(chiSquare < 77.9, `${name}: chi-square ${chiSquare.toFixed(1)}`)
  }
})
