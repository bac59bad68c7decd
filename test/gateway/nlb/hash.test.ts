import fc from 'fast-check'
import t from 'tap'
import { AFFINITIES, type Affinity, BUCKET_COUNT, nlbSub1 } from '../../../gateway/nlb/hash.js'
import { ipBytes } from '../../../protocol/ip-address.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

const golden: [Affinity, string, number, number][] = [
  ['none', '10.0.0.7', 49152, 51],
  ['none', '10.0.0.7', 49153, 41],
  ['single', '10.0.0.7', 49152, 39],
  ['single', '10.0.0.7', 1, 39],
  ['single', '192.168.5.1', 50000, 55],
  ['network', '192.168.5.1', 50000, 48],
  ['network', '192.168.5.200', 50001, 48],
]

t.test('golden vectors of nlb-sub-1', async t => {
  t.equal(nlbSub1.name, 'nlb-sub-1')
  for (const [affinity, address, port, bucket] of golden)
    t.equal(nlbSub1.bucket(affinity, address, port), bucket, `${affinity} ${address} ${port}`)
})

t.test('what each affinity looks at', async t => {
  const at = (affinity: Affinity, address: string, port = 50000) => nlbSub1.bucket(affinity, address, port)
  const ports = new Set(Array.from({ length: 50 }, (_, index) => at('none', '10.1.2.3', 49152 + index)))
  t.ok(ports.size > 20, 'none: the port counts')
  t.equal(at('network', '2001:db8:1:2:3:4:5:6'), at('network', '2001:db8:1:2::9'), 'network: /64 of IPv6')
  t.not(at('network', '2001:db8:1:2::9'), at('network', '2001:db8:1:3::9'), 'another /64 (of these two)')
  t.not(at('single', '2001:db8:1:2::8'), at('single', '2001:db8:1:2::9'), 'single: the whole IPv6 address')
  for (const affinity of AFFINITIES)
    t.equal(at(affinity, '::ffff:10.0.0.7'), at(affinity, '10.0.0.7'), `${affinity}: IPv4-mapped is IPv4`)
})

t.test('uniform over sequential addresses, networks and ports', async t => {
  const count = 12_000
  const series: [string, (index: number) => number][] = [
    ['addresses', i => nlbSub1.bucket('single', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)],
    ['networks', i => nlbSub1.bucket('network', `10.${i >> 8}.${i & 255}.1`, 0)],
    ['ports', i => nlbSub1.bucket('none', '10.0.0.7', 49152 + i)],
    ['IPv6', i => nlbSub1.bucket('single', `fe80::${i.toString(16)}`, 0)],
  ]
  for (const [name, bucketOf] of series) {
    const hits = new Array<number>(BUCKET_COUNT).fill(0)
    for (let i = 0; i < count; i++) hits[bucketOf(i)]!++
    const expected = count / BUCKET_COUNT
    const chiSquare = hits.reduce((sum, hit) => sum + (hit - expected) ** 2 / expected, 0)
    // 59 degrees of freedom: 1% above 87, and 1% below 38 (too even would be wrong as well)
    t.ok(chiSquare < 87 && chiSquare > 38, `${name}: chi-square ${chiSquare.toFixed(1)}`)
  }
})

t.test('addresses: text to bytes', async t => {
  const rows: [string, string][] = [
    ['127.0.0.1', '7f000001'],
    ['255.255.255.255', 'ffffffff'],
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329'],
    ['2001:0db8:0000:0000:0000:ff00:0042:8329', '20010db8000000000000ff0000428329'],
    ['1::', '00010000000000000000000000000000'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['::ffff:192.0.2.1', 'c0000201'],
    ['64:ff9b::192.0.2.1', '0064ff9b0000000000000000c0000201'],
  ]
  for (const [text, hex] of rows) t.equal(Buffer.from(ipBytes(text)).toString('hex'), hex, text)
  const wrong = ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', 'a.b.c.d', '1.2.3.-4', ':', ':::', '1::2::3', '1:2:3:4:5:6:7']
  for (const text of [...wrong, '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8', 'g::', '12345::', '1.2.3.4::', 'host'])
    t.throws(() => ipBytes(text), RangeError, JSON.stringify(text))
  fc.assert(
    fc.property(fc.ipV6(), address => ipBytes(address).length === 16 || /ffff/i.test(address)),
    { seed: SUITE_SEED, numRuns: 500 },
  )
})
