import t from 'tap'
import { RecentSegments } from '../../../capture/tcp/recent-segments.js'

t.test('a copy has everything of the original, and comes within a millisecond', async t => {
  const recent = new RecentSegments()
  recent.add(4, 1, 1000, 77, 5_000_000)
  t.equal(recent.has(4, 1, 1000, 77, 5_001_000), true)
  t.equal(recent.has(4, 1, 1000, 77, 5_001_001), false)
  t.equal(recent.has(4, 0, 1000, 77, 5_000_001), false)
  t.equal(recent.has(5, 1, 1000, 77, 5_000_001), false)
  t.equal(recent.has(4, 1, 1001, 77, 5_000_001), false)
  t.equal(recent.has(4, 1, 1000, 78, 5_000_001), false)
})

t.test('others came between', async t => {
  const recent = new RecentSegments()
  recent.add(4, 1, 1000, 77, 5_000_000)
  for (let other = 0; other < 1023; other++) recent.add(9, 0, other, other, 5_000_000)
  t.equal(recent.has(4, 1, 1000, 77, 5_000_100), true)
  recent.add(9, 0, 5000, 5000, 5_000_000)
  t.equal(recent.has(4, 1, 1000, 77, 5_000_100), false, 'more than are kept')
})

t.test('it knows of nothing at first', async t => {
  t.equal(new RecentSegments().has(0, 0, 0, 0, 0), false)
})
