import fc from 'fast-check'
import t from 'tap'
import { BUCKET_COUNT, nlbSub1 } from '../../../gateway/nlb/hash.js'
import { isJenkinsHash, jhash } from '../../../gateway/nlb/jhash.js'
import { measuredHash, readMeasuredTable } from '../../../gateway/nlb/measured-hash.js'
import { bucketText } from '../../../gateway/planes/kernel/rule-text.js'
import { bucketsOfKernel } from '../../fixtures/kernel-buckets.js'
import { kernelSkip } from '../../fixtures/kernel-world.js'

/** Affinity, client, seed, bucket: Linux 6.18, nftables 1.0.6. */
const VECTORS = [
  ['none', '10.0.0.7', 20816, 0, 0],
  ['none', '192.168.5.200', 36897, 0, 0],
  ['none', '203.0.113.77', 57926, 0, 1],
  ['none', '10.0.0.7', 27001, 5, 0],
  ['none', '192.168.5.200', 29475, 5, 2],
  ['none', '203.0.113.77', 43082, 5, 0],
  ['single', '10.0.0.7', 1024, 5, 56],
  ['single', '192.168.5.200', 1024, 5, 4],
  ['single', '203.0.113.77', 1024, 5, 5],
  ['network', '10.0.0.7', 1024, 5, 29],
  ['network', '192.168.5.200', 1024, 5, 24],
  ['network', '203.0.113.77', 1024, 5, 44],
  ['single', '10.0.0.7', 1024, 4294967295, 12],
  ['single', '192.168.5.200', 1024, 4294967295, 37],
  ['single', '203.0.113.77', 1024, 4294967295, 48],
] as const

t.test('the kernel and the model draw the same bucket', { skip: kernelSkip }, async t => {
  for (const [affinity, seed] of [
    ['none', 0],
    ['none', 5],
    ['none', 0xffffffff],
    ['single', 0x80000001],
    ['network', 7],
  ] as const) {
    const hash = jhash(seed)
    const drawn = await bucketsOfKernel(t, bucketText(affinity, seed))
    t.ok(drawn.length >= 300, `${affinity}, seed ${seed}: ${drawn.length} packets`)
    t.same(
      drawn.filter(({ address, port, bucket }) => hash.bucket(affinity, address, port) !== bucket),
      [],
    )
    t.ok(new Set(drawn.map(({ bucket }) => bucket)).size > (affinity === 'none' ? 50 : 3), 'all over the map')
  }
})

t.test('vectors, as the kernel drew them', async t => {
  for (const [affinity, address, port, seed, bucket] of VECTORS)
    t.equal(jhash(seed).bucket(affinity, address, port), bucket, `${affinity} ${address}:${port} seed ${seed}`)
})

t.test('an address as text and as a number', async t => {
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffffffff }),
      fc.nat({ max: 65_535 }),
      fc.nat({ max: 0xffffffff }),
      fc.constantFrom('none', 'single', 'network'),
      (address, port, seed, affinity) => {
        const text = [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.')
        const hash = jhash(seed)
        const bucket = hash.bucketV4(affinity, address, port)
        if (bucket !== hash.bucket(affinity, text, port)) return false
        if (affinity !== 'none' && bucket !== hash.bucketV4(affinity, address, port ^ 1)) return false
        if (affinity === 'network' && bucket !== hash.bucketV4(affinity, (address ^ 0xff) >>> 0, port)) return false
        return Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKET_COUNT
      },
    ),
  )
  t.equal(jhash(1).bucket('single', '::ffff:10.0.0.7', 1), jhash(1).bucket('single', '10.0.0.7', 1))
  t.throws(() => jhash(1).bucket('single', '2001:db8::1', 1), { name: 'RangeError', message: /2001:db8::1.*IPv4/ })
  t.throws(() => jhash(2 ** 32), { name: 'RangeError', message: /seed/ })
  t.throws(() => jhash(-1), { name: 'RangeError' })
  t.ok(isJenkinsHash(jhash()))
  t.notOk(isJenkinsHash(nlbSub1))
})

t.test('a measured table, and what nobody measured', async t => {
  const table = readMeasuredTable(`# two hosts, measured on a Tuesday
none 10.0.0.7:49152 51

single 10.0.0.7 39   # once more below
network 192.168.5.17 48
single 10.0.0.7 39
`)
  const hash = measuredHash(table)
  t.equal(hash.name, 'measured (two hosts, measured on a Tuesday), else nlb-sub-1')
  t.equal(hash.bucket('none', '10.0.0.7', 49_152), 51)
  t.equal(hash.bucket('single', '10.0.0.7', 1), 39)
  t.equal(hash.bucket('network', '192.168.5.200', 1), 48)
  t.equal(hash.bucketV4('single', 0x0a000007, 1), 39)
  t.equal(hash.bucket('none', '10.0.0.7', 49_153), nlbSub1.bucket('none', '10.0.0.7', 49_153))
  t.equal(measuredHash(table, jhash(3)).bucket('single', '10.0.0.8', 1), jhash(3).bucket('single', '10.0.0.8', 1))
  t.throws(() => hash.bucket('single', '::1', 1), { name: 'RangeError' })
})

t.test('lines that are no samples are named', async t => {
  for (const [line, message] of [
    ['some 10.0.0.7 1', /line 1: affinity some/],
    ['single 10.0.0.7:80 1', /line 1: 10\.0\.0\.7:80: a port/],
    ['none 10.0.0.7 1', /line 1: 10\.0\.0\.7: a port/],
    ['none 10.0.0.7:70000 1', /line 1: port 70000/],
    ['\nsingle 10.0.0.7 60', /line 2: bucket 60/],
    ['single 10.0.0 1', /line 1: not an IP address/],
    ['single 10.0.0.7', /line 1: bucket/],
    ['single 10.0.0.7 1 2', /line 1: 2 is too much/],
    ['single 10.0.0.7 1\nsingle 10.0.0.7 2', /line 2: had bucket 1/],
  ] as const)
    t.throws(() => readMeasuredTable(line), { name: 'RangeError', message }, line)
})
