import t from 'tap'
import { Recent } from '../../diagnosis/recent.js'

t.test('the last thousand of numbers in a row are kept, and what goes is given back', async t => {
  const recent = new Recent<string>()
  const gone = Array.from({ length: 1_024 }, (_, at) => recent.set(at + 1, `#${at + 1}`))
  t.ok(
    gone.every(value => value === null),
    'there is room',
  )
  t.equal(recent.get(1), '#1')
  t.equal(recent.set(4_097, '#4097'), '#1')
  t.equal(recent.get(1), null)
  t.equal(recent.get(2), '#2')
  t.equal([...recent.values()].length, 1_024)
})

t.test('every fiftieth number is as good', async t => {
  const recent = new Recent<number>()
  const numbers = Array.from({ length: 64 }, (_, at) => 50 * at)
  for (const number of numbers) recent.set(number, number)
  t.strictSame(
    numbers.map(number => recent.get(number)),
    numbers,
  )
})

t.test('a few numbers far apart make no large ring: the older goes', async t => {
  const recent = new Recent<string>()
  t.equal(recent.set(1, 'one'), null)
  t.equal(recent.set(4_097, 'two'), 'one')
  t.equal(recent.get(1), null)
  t.equal(recent.get(4_097), 'two')
})
