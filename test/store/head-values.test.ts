import { decode, encode } from '@msgpack/msgpack'
import t from 'tap'
import { readValues } from '../../store/head-values.js'
import { RecordSpace } from '../../store/record-space.js'
import { CHECKSUM_BYTES, isIntact } from '../../store/stored-value.js'
import { numbersOf } from '../fixtures/numbers.js'

const random = numbersOf(11)
const below = (bound: number) => Math.floor(random() * bound)

const FIELDS: readonly (() => unknown)[] = [
  () => below(2 ** (1 + below(52))),
  () => -below(2 ** (1 + below(52))),
  () => random() * 1e9,
  () => [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER][below(10)],
  () => [Infinity, -Infinity, Number.MIN_SAFE_INTEGER, 2 ** 60, 0.5][below(5)],
  () => 'x'.repeat(below(50)),
  () => 'é€'.repeat(below(40)),
  () => null,
  () => random() < 0.5,
  () => [1, 'a', [null]],
  () => ({ a: 1, b: Uint8Array.of(1, 2) }),
  () => Uint8Array.of(below(256), 2, 3),
]
/** Most rows have fields of the simple kinds only. */
const listOf = (simple: boolean) =>
  Array.from({ length: below(20) }, () => FIELDS[below(simple ? FIELDS.length - 3 : FIELDS.length)]!())

t.test('values are msgpack, whoever writes or reads them, also where a record outgrows its piece of memory', t => {
  const space = new RecordSpace()
  const key = Buffer.from('key')
  const records: { record: Buffer; rows: unknown[][] }[] = []
  for (let round = 0; round < 600; round++) {
    const simple = random() < 0.7
    const rows = Array.from({ length: below(round % 20 === 0 ? 400 : 12) }, () => listOf(simple))
    if (round % 200 === 199) rows.push(['y'.repeat(below(900_000))])
    space.begin(CHECKSUM_BYTES)
    space.list(rows.length)
    for (const row of rows) space.value(row)
    records.push({ record: space.end(key), rows })
  }
  let wrong = 0
  for (const { record, rows } of records) {
    const expected = encode(rows)
    const found = [decode(record.subarray(CHECKSUM_BYTES)), readValues(record, CHECKSUM_BYTES)]
    if (!isIntact(key, record) || !found.every(values => Buffer.from(encode(values)).equals(expected))) wrong++
  }
  t.equal(wrong, 0)
  t.end()
})

t.test('memory is used again after a reset, and kept only so much of', t => {
  const space = new RecordSpace()
  const written = (bytes: number) => {
    space.begin(CHECKSUM_BYTES + bytes)
    space.bytes(Buffer.alloc(bytes, 1))
    return space.end(Buffer.of(1))
  }
  const first = written(1_000)
  const large = written(2_000_000)
  const second = written(1_000)
  t.equal(large.length, CHECKSUM_BYTES + 2_000_000)
  t.not(second.buffer, large.buffer)
  space.reset()
  t.equal(written(1_000).buffer, first.buffer)
  t.end()
})
