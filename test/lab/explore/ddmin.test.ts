import fc from 'fast-check'
import t from 'tap'
import { ddmin } from '../../../lab/explore/ddmin.js'

t.test('what is left is what fails, and nothing of it can be left out', async t => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(39), { maxLength: 5 }), async (count, picked) => {
      const items = Array.from({ length: count }, (_, index) => index)
      const culprits = new Set(picked.map(place => place % count))
      const kept = await ddmin(items, async some => [...culprits].every(culprit => some.includes(culprit)))
      t.same(
        kept,
        [...culprits].sort((a, b) => a - b),
      )
    }),
    { numRuns: 200, seed: 1 },
  )
})

t.test('where one of several is enough, one stays', async t => {
  const kept = await ddmin([1, 2, 3, 4, 5, 6], async some => some.includes(2) || some.includes(5))
  t.equal(kept.length, 1)
})
