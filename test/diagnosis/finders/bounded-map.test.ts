import t from 'tap'
import { BoundedMap } from '../../../diagnosis/finders/bounded-map.js'

t.test('what was put in first goes first, and is told', async t => {
  const gone: number[] = []
  const map = new BoundedMap<string, number>(2, value => gone.push(value))
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 10)
  t.strictSame(gone, [], 'what is there is replaced')
  map.set('c', 3)
  t.strictSame(gone, [10])
  t.strictSame(
    [...map.entries()],
    [
      ['b', 2],
      ['c', 3],
    ],
  )
  t.equal(map.take('b'), 2)
  t.equal(map.take('b'), undefined)
  map.set('d', 4)
  t.strictSame([...map.values()], [3, 4], 'what was taken makes room')
  t.strictSame(gone, [10])
})
