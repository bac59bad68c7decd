import t from 'tap'
import type { TrackedBody } from '../../protocol/tracked-body.js'
import { NUMBER_MAX, ReceiverLedger } from '../../receivers/receiver-ledger.js'

function body(number: number, changes: Partial<TrackedBody> = {}): TrackedBody {
  return {
    sender: 1,
    number,
    transaction: 0,
    indexInTransaction: 0,
    transactionSize: 1,
    queueIndex: 0,
    intendedSendUs: 0,
    bodySize: 40,
    ...changes,
  }
}

function enter(
  ledger: ReceiverLedger,
  numbers: readonly number[],
  queue = 'q',
  changes: Partial<TrackedBody> = {},
): void {
  for (const number of numbers) ledger.consumed(queue, body(number, changes), 1000, 5)
}

t.test('copies, duplicates and order are told apart', async t => {
  const ledger = new ReceiverLedger()
  enter(ledger, [1, 2, 4, 3, 2, 2, 6])
  t.match(ledger.data(), {
    received: 7,
    foreign: 0,
    senders: [
      {
        sender: 1,
        delivered: 5,
        duplicateCopies: 2,
        firstDuplicate: { queue: 'q', number: 2, atMs: 5 },
        outOfOrder: 1,
        firstOutOfOrder: { queue: 'q', number: 3, after: 4, atMs: 5 },
      },
    ],
  })
  t.strictSame([...(ledger.data().senders[0]?.copies ?? [])], [1, 3, 1, 1, 0, 1])
})

t.test('order counts per sender and queue', async t => {
  const ledger = new ReceiverLedger()
  enter(ledger, [2, 4], 'a')
  enter(ledger, [1, 3], 'b')
  enter(ledger, [1], 'a', { sender: 2 })
  t.strictSame(
    ledger.data().senders.map(({ outOfOrder, delivered }) => [outOfOrder, delivered]),
    [
      [0, 4],
      [0, 1],
    ],
  )
})

t.test('foreign bodies and impossible numbers are counted and nothing more', async t => {
  const ledger = new ReceiverLedger()
  ledger.consumed('q', null, 1, 1)
  enter(ledger, [0, NUMBER_MAX + 1, 0xffffffff])
  t.match(ledger.data(), { received: 4, foreign: 4, senders: [] })
})

t.test('copies saturate; the ledger grows to the number it needs', async t => {
  const ledger = new ReceiverLedger()
  enter(
    ledger,
    Array.from({ length: 300 }, () => 5000),
  )
  const [row] = ledger.data().senders
  t.equal(row?.copies.length, 5000)
  t.equal(row?.copies[4999], 255)
  t.match(row, { delivered: 1, duplicateCopies: 299 })
})

t.test('latency from the intended time', async t => {
  const ledger = new ReceiverLedger({ latency: true })
  for (let n = 1; n <= 1000; n++) ledger.consumed('q', body(n, { intendedSendUs: 1000 }), 1000 + n, 0)
  ledger.consumed('q', body(1001, { intendedSendUs: 1e15 }), 1000, 0)
  const { latency } = ledger.data()
  t.equal(latency?.count, 1001)
  t.ok(Math.abs((latency?.p50Us ?? 0) - 500) <= 2, `p50 ${latency?.p50Us}`)
  t.ok(Math.abs((latency?.maxUs ?? 0) - 1000) <= 2, `max ${latency?.maxUs}`)
  t.equal(new ReceiverLedger({ latency: true }).data().latency?.maxUs, 0)
  t.equal(new ReceiverLedger().data().latency, null)
})
