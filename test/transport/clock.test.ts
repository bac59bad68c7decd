import t from 'tap'
import { preciseWallMs } from '../../transport/clock.js'

t.test('precise wall time follows a clock that is set on, and never goes back', async t => {
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  const before = preciseWallMs()
  t.ok(Math.abs(before - real()) < 60_000)
  Date.now = () => real() + 3_600_000
  const later = preciseWallMs()
  t.ok(later - before > 3_599_000, 'an hour on')
  Date.now = real
  const afterwards = preciseWallMs()
  t.ok(afterwards >= later, 'set back: time goes on from where it was')
  t.ok(afterwards - later < 60_000)
})
