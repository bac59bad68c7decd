import fc from 'fast-check'
import t from 'tap'
import {
  type BucketMap,
  bucketTargets,
  countOwned,
  EMPTY_BUCKET_MAP,
  NOBODY,
  nextBucketMap,
  singleOwnerMap,
  type WeightedHost,
} from '../../../gateway/nlb/bucket-map.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

const equalHosts = (...ids: number[]): WeightedHost[] => ids.map(id => ({ id, weight: 50 }))
const firstMap = (hosts: WeightedHost[]): BucketMap => nextBucketMap(EMPTY_BUCKET_MAP, hosts)
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

const clusters = fc
  .uniqueArray(fc.record({ id: fc.integer({ min: 1, max: 32 }), weight: fc.integer({ min: 0, max: 100 }) }), {
    minLength: 1,
    maxLength: 32,
    selector: host => host.id,
  })
  .filter(hosts => hosts.some(host => host.weight > 0))
/** A map with a past: what a few changes of membership and weights leave behind. */
const histories = fc
  .array(clusters, { maxLength: 5 })
  .map(past => past.reduce((map: BucketMap, hosts) => nextBucketMap(map, hosts), EMPTY_BUCKET_MAP))

const moved = (before: BucketMap, after: BucketMap): number[] =>
  [...before.keys()].filter(bucket => before[bucket] !== after[bucket])

t.test('golden first maps', async t => {
  t.same(firstMap(equalHosts(3, 1, 2)), Array.from({ length: 20 }, () => [1, 2, 3]).flat(), 'three hosts, any order')
  const four = firstMap(equalHosts(1, 2, 3, 4))
  t.same(four, Array.from({ length: 15 }, () => [1, 2, 3, 4]).flat(), 'four hosts')
  const three = nextBucketMap(four, equalHosts(1, 3, 4))
  t.same(three.slice(0, 12), [1, 1, 3, 4, 1, 3, 3, 4, 1, 4, 3, 4], 'host 2 gone')
})

t.test('shares by weight', async t => {
  const share = (...weights: number[]) => {
    const map = firstMap(weights.map((weight, index) => ({ id: index + 1, weight })))
    return weights.map((_, index) => countOwned(map, index + 1))
  }
  t.same(share(30, 60), [20, 40])
  t.same(share(70, 30), [42, 18])
  t.same(share(0, 50), [0, 60], 'weight 0 takes nothing')
  t.same(share(0, 0), [0, 0])
  t.same(firstMap([]), EMPTY_BUCKET_MAP, 'nobody present')
  t.same(share(...range(7).map(() => 50)), [9, 9, 9, 9, 8, 8, 8], 'ties go to the lower ID')
  t.same(nextBucketMap(singleOwnerMap(5), []), EMPTY_BUCKET_MAP)
  t.equal(countOwned(singleOwnerMap(5), 5), 60)
})

t.test('equal weights: no host owns two more than another, for 1 to 32 hosts', async t => {
  for (const count of range(32)) {
    const map = firstMap(equalHosts(...range(count)))
    const owned = range(count).map(id => countOwned(map, id))
    if (Math.max(...owned) - Math.min(...owned) > 1) t.fail(`${count} hosts: ${owned}`)
  }
  t.pass()
})

t.test('leave: only the leaver’s buckets move; for each of 1 to 32 hosts and each leaver', async t => {
  for (const count of range(32)) {
    const before = firstMap(equalHosts(...range(count)))
    for (const leaver of range(count)) {
      const after = nextBucketMap(before, equalHosts(...range(count).filter(id => id !== leaver)))
      const wrong = moved(before, after).filter(bucket => before[bucket] !== leaver)
      if (wrong.length > 0) t.fail(`${count} hosts, ${leaver} leaves: buckets ${wrong} moved`)
    }
  }
  t.pass()
})

t.test('join: every bucket that moves goes to the joiner; for each of 1 to 31 hosts', async t => {
  for (const count of range(31)) {
    const ids = range(count + 1)
    for (const joiner of ids) {
      const before = firstMap(equalHosts(...ids.filter(id => id !== joiner)))
      const after = nextBucketMap(before, equalHosts(...ids))
      const wrong = moved(before, after).filter(bucket => after[bucket] !== joiner)
      if (wrong.length > 0) t.fail(`${joiner} joins ${count}: buckets ${wrong} went elsewhere`)
    }
  }
  t.pass()
})

t.test('any history of weights and members', async t => {
  fc.assert(
    fc.property(histories, clusters, (before, hosts) => {
      const after = nextBucketMap(before, hosts)
      const weightSum = hosts.reduce((sum, host) => sum + host.weight, 0)
      const targets = bucketTargets(before, hosts)
      let movesNeeded = 0
      for (const { id, weight } of hosts) {
        const owned = countOwned(after, id)
        if (owned !== targets.get(id)) throw new Error(`host ${id} owns ${owned}, should ${targets.get(id)}`)
        if (Math.abs(owned - (60 * weight) / weightSum) >= 1) throw new Error(`host ${id}: share off by a bucket`)
        movesNeeded += Math.max(0, owned - countOwned(before, id))
      }
      if (after.includes(NOBODY)) throw new Error('a bucket without owner')
      if (moved(before, after).length !== movesNeeded) throw new Error('more moves than targets demand')
      const again = nextBucketMap(after, [...hosts].reverse())
      if (moved(after, again).length > 0) throw new Error('not stable, or depends on the order of hosts')
    }),
    { seed: SUITE_SEED, numRuns: 3000 },
  )
  t.pass()
})

t.test('hosts that cannot be', async t => {
  const bad: WeightedHost[][] = [
    equalHosts(1, 1),
    equalHosts(0),
    equalHosts(33),
    equalHosts(1.5),
    [{ id: 1, weight: 101 }],
    [{ id: 1, weight: -1 }],
    [{ id: 1, weight: 0.5 }],
  ]
  for (const hosts of bad) t.throws(() => firstMap(hosts), RangeError, JSON.stringify(hosts))
})
