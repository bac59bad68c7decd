import fc from 'fast-check'
import t from 'tap'
import { decodeColumn, decodeColumns, encodeColumn, encodeColumns } from '../../../lab/report/columns.js'

const throughJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value

t.test('rows come out of their columns as they went in', async t => {
  const value = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter(number => !Object.is(number, -0)),
    fc.string(),
    fc.constant(null),
    fc.boolean(),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.record({ sequence: fc.string(), number: fc.integer() }, { requiredKeys: ['number'], noNullPrototype: true }),
  )
  const key = fc.constantFrom('atMs', 'node', 'tx', 'peer')
  fc.assert(
    fc.property(fc.array(fc.dictionary(key, value, { noNullPrototype: true }), { maxLength: 12 }), rows => {
      t.strictSame(decodeColumns(throughJson(encodeColumns(rows)), rows.length), rows)
    }),
    { seed: 36, numRuns: 200 },
  )
})

t.test('what columns hold', async t => {
  t.strictSame(encodeColumn([1000, 1001, 1005]), { differences: [1000, 1, 4] })
  t.strictSame(encodeColumn(['R1', 'R2', 'R1', undefined]), { places: [0, 1, 0, -1], values: ['R1', 'R2'] })
  const places = encodeColumn([null, { number: 7 }, null, { number: 9 }])
  t.strictSame(places, { rows: [1, 2], columns: { number: { differences: [7, 2] } }, length: 4 })
  t.strictSame(decodeColumn(places), [null, { number: 7 }, null, { number: 9 }])
  t.strictSame(decodeColumn(encodeColumn([])), [])
})
