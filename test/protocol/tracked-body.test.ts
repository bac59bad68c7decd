import fc from 'fast-check'
import t from 'tap'
import {
  createTrackedBody,
  fillTrackedFiller,
  readTrackedBody,
  TRACKED_BODY_SIZE,
  type TrackedBody,
  verifyFiller,
  writeTrackedBody,
} from '../../protocol/tracked-body.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const tracked = fc.record<TrackedBody>(
  {
    sender: u16,
    number: u32,
    transaction: u32,
    indexInTransaction: u16,
    transactionSize: u16,
    queueIndex: u16,
    intendedSendUs: fc.double({ noNaN: true }),
    bodySize: u32,
  },
  { noNullPrototype: true },
)

t.test('what is written is read, wherever it stands', async t => {
  let runs = 0
  fc.assert(
    fc.property(tracked, fc.integer({ min: 0, max: 9 }), (value, offset) => {
      const bytes = Buffer.alloc(TRACKED_BODY_SIZE + offset + 3, 0xaa)
      writeTrackedBody(bytes, offset, value)
      const read = readTrackedBody(bytes.subarray(offset))
      runs++
      return (
        read !== null &&
        Object.entries(value).every(([name, field]) => Object.is(read[name as keyof TrackedBody], field))
      )
    }),
    { seed: SUITE_SEED },
  )
  t.equal(runs, 100)
})

t.test('foreign and damaged bodies are told', async t => {
  const bytes = Buffer.alloc(TRACKED_BODY_SIZE)
  const value = { sender: 1, number: 2, transaction: 3, indexInTransaction: 0, transactionSize: 10, queueIndex: 0 }
  writeTrackedBody(bytes, 0, { ...value, intendedSendUs: 1e12 + 0.5, bodySize: 1024 })
  t.equal(bytes.toString('latin1', 0, 4), 'mqlb')
  t.equal(readTrackedBody(Buffer.alloc(0)), null)
  t.equal(readTrackedBody(bytes.subarray(0, TRACKED_BODY_SIZE - 1)), null)
  let undetected = 0
  for (let bit = 0; bit < 8 * TRACKED_BODY_SIZE; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7))
    if (readTrackedBody(damaged) !== null) undetected++
  }
  t.equal(undetected, 0, 'no single flipped bit goes unnoticed')
})

t.test('a whole body', async t => {
  for (const bodySize of [TRACKED_BODY_SIZE, 41, 1024]) {
    const body = createTrackedBody({ sender: 1, number: 2, queueIndex: 3, bodySize })
    t.equal(body.length, bodySize)
    t.strictSame(readTrackedBody(body), {
      ...{ sender: 1, number: 2, transaction: 0, indexInTransaction: 0, transactionSize: 1 },
      ...{ queueIndex: 3, intendedSendUs: 0, bodySize },
    })
    t.ok(verifyFiller(body, TRACKED_BODY_SIZE, 2))
  }
})

t.test('filler', async t => {
  for (const size of [40, 41, 100, 1024, 70_000, 200_000]) {
    const bytes = Buffer.alloc(size, 0xaa)
    fillTrackedFiller(bytes, 40, 7)
    t.ok(verifyFiller(bytes, 40, 7), `${size} bytes`)
    if (size < 100) continue
    t.notOk(verifyFiller(bytes, 40, 8), 'another message has other filler')
    bytes[size - 1] = bytes[size - 1]! ^ 1
    t.notOk(verifyFiller(bytes, 40, 7), 'a torn end shows')
  }
})
