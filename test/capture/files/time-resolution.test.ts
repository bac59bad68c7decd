import fc from 'fast-check'
import t from 'tap'
import { TimeScale, ticksPerSecond } from '../../../capture/files/time-resolution.js'

const decimal = fc.integer({ min: 0, max: 12 })
const binary = fc.integer({ min: 0, max: 33 }).map(bits => 0x80 | bits)

/** How far a number is from ticks / ticksPerSecond, in microseconds times 2^40 times ticksPerSecond. */
function distance(timeUs: number, ticks: bigint, perSecond: bigint, offsetSeconds: bigint): bigint {
  const exact = ((ticks + offsetSeconds * perSecond) * 1_000_000n) << 40n
  const difference = BigInt(timeUs * 2 ** 40) * perSecond - exact
  return difference < 0n ? -difference : difference
}

t.test('stamps of any resolution become the nearest number of microseconds', async t => {
  fc.assert(
    fc.property(
      fc.oneof(decimal, binary),
      fc.bigInt({ min: 946_684_800_000_000_000n, max: 4_102_444_800_000_000_000n }),
      fc.integer({ min: -86_400, max: 86_400 }),
      (resolution, nanoseconds, offset) => {
        const perSecond = BigInt(ticksPerSecond(resolution))
        const ticks = BigInt.asUintN(64, (nanoseconds * perSecond) / 1_000_000_000n)
        const [high, low] = [Number(ticks >> 32n), Number(ticks & 0xffffffffn)]
        // What 64 bits cannot hold of 10^-12 is early in 1970, where halves of the last place are finer than 2^-40.
        const timeUs = new TimeScale(resolution, offset).microseconds(high, low)
        if (timeUs < 2 ** 14) return true
        const halfStep = 2 ** (Math.floor(Math.log2(timeUs)) - 53)
        const limit = BigInt(halfStep * 2 ** 40) * perSecond
        return distance(timeUs, ticks, perSecond, BigInt(offset)) <= limit
      },
    ),
    { numRuns: 5000, seed: 38 },
  )
  t.pass('5000 stamps')
})

t.test('finer resolutions than any clock has', async t => {
  for (const resolution of [13, 18, 0x80 | 40, 0x80 | 53, 0x80 | 60]) {
    const scale = new TimeScale(resolution)
    const us = scale.microseconds(0x12345678, 0x9abcdef0)
    const exact = (Number(0x123456789abcdef0n) / ticksPerSecond(resolution)) * 1e6
    t.ok(Math.abs(us - exact) <= exact * 2 ** -51, `${resolution}`)
  }
})
