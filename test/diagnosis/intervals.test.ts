import t from 'tap'
import { Intervals } from '../../diagnosis/intervals.js'

function of(...numbers: readonly number[]): Intervals {
  const intervals = new Intervals()
  for (const number of numbers) intervals.add(number)
  return intervals
}

t.test('numbers in any order become stretches', async t => {
  const intervals = of(5, 3, 4, 9, 1)
  t.strictSame(
    [...intervals.within(0, 100)],
    [
      [1, 1],
      [3, 5],
      [9, 9],
    ],
  )
  t.notOk(intervals.add(4), 'it was there')
  t.ok(intervals.add(2))
  t.strictSame(
    [...intervals.within(2, 9)],
    [
      [2, 5],
      [9, 9],
    ],
  )
  t.equal(intervals.countWithin(4, 9), 3)
  t.strictSame([intervals.lowest, intervals.highest, intervals.has(6), intervals.has(9)], [1, 9, false, true])
  t.strictSame([of().lowest, of().highest], [0, 0])
})

t.test(
  'of many gaps the lowest are forgotten, a thousand at a time: one for each number would move all others',
  async t => {
    const every = (count: number) => of(...Array.from({ length: count }, (_, at) => 2 * at))
    t.equal([...every(4_096).within(0, 1e6)].length, 4_096)
    const more = every(4_097)
    t.equal([...more.within(0, 1e6)].length, 3_073)
    t.notOk(more.has(2_046), 'forgotten')
    t.strictSame([more.lowest, more.has(2_048), more.highest], [2_048, true, 8_192])
  },
)
