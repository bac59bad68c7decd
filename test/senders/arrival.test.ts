import t from 'tap'
import { constantArrivals, poissonArrivals } from '../../senders/arrival.js'

t.test('constant: the same distance each time', async t => {
  const next = constantArrivals(250)
  t.strictSame([next(), next(), next()], [4000, 4000, 4000])
})

t.test('poisson: the mean and the spread of an exponential distribution, and the same for the same seed', async t => {
  const next = poissonArrivals(1000, 7)
  const gaps = Array.from({ length: 20_000 }, next)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  t.ok(Math.abs(mean - 1000) < 30, `mean ${mean} us`)
  const longerThanMean = gaps.filter(gap => gap > 1000).length / gaps.length
  t.ok(Math.abs(longerThanMean - Math.exp(-1)) < 0.02, `${longerThanMean} are longer than the mean`)
  t.ok(gaps.every(gap => gap >= 0 && Number.isFinite(gap)))
  const again = poissonArrivals(1000, 7)
  t.strictSame(Array.from({ length: 5 }, again), gaps.slice(0, 5))
  t.not(poissonArrivals(1000, 8)(), gaps[0])
})
