import t from 'tap'
import { Fragments } from '../../../capture/packets/fragments.js'

const A = Buffer.alloc(16, 'a')
const B = Buffer.alloc(16, 'b')

t.test('the first bytes for a place stay', async t => {
  const fragments = new Fragments()
  t.equal(fragments.add('k', 8, false, A, 16, 0), null)
  t.equal(fragments.add('k', 0, false, B, 16, 1), null)
  t.match(fragments.add('k', 16, true, B, 16, 2), {
    size: 32,
    bytes: Buffer.from(`${'b'.repeat(8)}${'a'.repeat(16)}${'b'.repeat(8)}`),
  })
})

t.test('packets are told apart by their keys', async t => {
  const fragments = new Fragments()
  fragments.add('one', 0, false, A, 16, 0)
  fragments.add('two', 0, false, B, 16, 0)
  t.strictSame(fragments.add('one', 16, true, A, 16, 0)?.bytes, Buffer.alloc(32, 'a'))
  t.strictSame(fragments.add('two', 16, true, B, 16, 0)?.bytes, Buffer.alloc(32, 'b'))
})

t.test('fragments that come after half a minute find nobody', async t => {
  const fragments = new Fragments()
  fragments.add('k', 0, false, A, 16, 0)
  t.equal(fragments.add('k', 16, true, A, 16, 30_000_001), null)
  const inTime = new Fragments()
  inTime.add('k', 0, false, A, 16, 0)
  t.not(inTime.add('k', 16, true, A, 16, 30_000_000), null)
})

t.test('an identification that comes again begins another packet', async t => {
  const fragments = new Fragments()
  fragments.add('k', 0, false, A, 16, 0)
  fragments.add('k', 0, false, B, 16, 2_000_000)
  t.strictSame(fragments.add('k', 16, true, B, 16, 2_000_001)?.bytes, Buffer.alloc(32, 'b'))
})

t.test('nothing beyond a packet of IP is kept, and nothing without bytes', async t => {
  const fragments = new Fragments()
  t.equal(fragments.add('k', 65_528, true, A, 16, 0), null)
  t.equal(fragments.add('k', 0, true, Buffer.alloc(0), 0, 0), null)
  t.equal(fragments.add('k', 0, false, A, 16, 0), null)
  t.not(fragments.add('k', 16, true, A, 16, 0), null, 'they left no trace')
})

t.test('the end of a packet is where its last fragment ends', async t => {
  const fragments = new Fragments()
  fragments.add('k', 0, false, Buffer.alloc(40), 40, 0)
  t.equal(fragments.add('k', 16, true, A, 16, 0), null, 'a last fragment in the middle completes nothing')
})

t.test('memory is bounded: the oldest goes first', async t => {
  const fragments = new Fragments(1000)
  for (let id = 0; id < 50; id++) fragments.add(`${id}`, 0, false, A, 16, id)
  t.equal(fragments.add('0', 16, true, A, 16, 50), null)
  t.not(fragments.add('49', 16, true, A, 16, 50), null)
})
