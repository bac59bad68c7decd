import t from 'tap'
import type { BucketHash } from '../../../gateway/nlb/hash.js'
import { createStaticPolicy } from '../../../gateway/nlb/policy.js'

const hosts = [
  { id: 1, name: 'qm-a', weight: 50 },
  { id: 2, name: 'qm-b', weight: 50 },
  { id: 3, name: 'qm-c', weight: 50 },
]

t.test('the bucket decides, and the reason says so', async t => {
  const policy = createStaticPolicy({ hosts, affinity: 'none' })
  // golden: 10.0.0.7:49152 is bucket 51, and buckets go 1,2,3 in turn
  t.same(policy.pick({ address: '10.0.0.7', port: 49152 }), {
    host: 'qm-a',
    bucket: 51,
    reason: 'nlb-sub-1 affinity none: bucket 51 belongs to host 1',
  })
  t.equal(policy.pick({ address: '10.0.0.7', port: 49153 }).host, 'qm-c', 'bucket 41')
})

t.test('single: a client keeps its host from any port, and over a restart', async t => {
  for (const address of ['127.0.0.1', '10.0.0.7', '10.0.0.8', 'fe80::1']) {
    const first = createStaticPolicy({ hosts, affinity: 'single' }).pick({ address, port: 1 })
    const later = createStaticPolicy({ hosts, affinity: 'single' })
    const others = Array.from({ length: 100 }, (_, index) => later.pick({ address, port: 1024 + index }).host)
    t.same(new Set(others), new Set([first.host]), address)
  }
})

t.test('a small population is lumpy, not round robin', async t => {
  const two = createStaticPolicy({ hosts: hosts.slice(0, 2), affinity: 'single' })
  let together = 0
  for (let i = 0; i < 1000; i++) {
    const one = two.pick({ address: `10.1.${i >> 8}.${i & 255}`, port: 1 }).host
    const other = two.pick({ address: `10.2.${i >> 8}.${i & 255}`, port: 1 }).host
    if (one === other) together++
  }
  t.ok(together > 400 && together < 600, `both of two clients on one host in ${together} of 1000`)
})

t.test('dead hosts', async t => {
  const policy = createStaticPolicy({ hosts, affinity: 'none' })
  const client = { address: '10.0.0.7', port: 49152 }
  const heir = policy.pick(client, new Set(['qm-a']))
  t.ok(heir.host === 'qm-b' || heir.host === 'qm-c')
  t.match(heir.reason, /bucket 51 belongs to host 1, taken over by host [23]/)
  t.equal(policy.pick(client, new Set(['qm-b'])).host, 'qm-a', 'clients of the living stay where they are')
  const none = policy.pick(client, new Set(['qm-a', 'qm-b', 'qm-c']))
  t.equal(none.host, null)
  t.match(none.reason, /no host is left/)
})

t.test('nobody owns the bucket', async t => {
  const policy = createStaticPolicy({ hosts: [{ id: 1, name: 'qm-a', weight: 0 }], affinity: 'single' })
  t.match(policy.pick({ address: '10.0.0.7', port: 1 }), { host: null, bucket: 39, reason: /has no owner/ })
})

t.test('another hash takes the substitute’s place', async t => {
  const measured: BucketHash = { name: 'measured', bucket: () => 1, bucketV4: () => 1 }
  const policy = createStaticPolicy({ hosts, affinity: 'network', hash: measured })
  t.match(policy.pick({ address: '10.0.0.7', port: 1 }), {
    host: 'qm-b',
    bucket: 1,
    reason: /^measured affinity network/,
  })
})
