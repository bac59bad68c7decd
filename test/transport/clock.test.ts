import t from 'tap'
import { agreeOnWallTime, monotonicMs, preciseWallMs, wallAheadMs } from '../../transport/clock.js'

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

t.test('two that agree have one time, whatever each has found by itself', async t => {
  const ahead = wallAheadMs()
  agreeOnWallTime(ahead + 20)
  t.ok(Math.abs(wallAheadMs() - ahead - 20) < 0.01)
  const before = monotonicMs()
  const wall = preciseWallMs()
  const after = monotonicMs()
  t.ok(wall >= before + ahead + 19.99 && wall <= after + ahead + 20.01)
})
