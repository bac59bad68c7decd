import t from 'tap'
import { eventsOf } from '../../lab/history.js'
import { findMessages } from '../../lab/message-facts.js'
import { createRunView } from '../../lab/verdict.js'
import { event, handMadeRun } from '../fixtures/run-record.js'

const view = createRunView(
  handMadeRun({
    sent: { S1: 'aaaaru', S2: 'aaaaaa' },
    delivered: { R1: { S1: '200000', S2: '111111' }, R2: { S1: '110000' } },
    held: { S1: [2, 3] },
    events: [event('S1', 'dead-lettered', { messageId: 4 }), event('R1', 'arrived', {}), event('R2', 'arrived', {})],
  }),
)
const [s1, s2] = view.senders

t.test('each message has its row, by number from 1', async t => {
  const table = s1!.messages
  t.equal(table.length, 6)
  t.same(
    Array.from(table, ({ number, fate, copies, held, accepted }) => [number, fate, copies, held, accepted]),
    [
      [1, 'delivered', 3, false, true],
      [2, 'delivered', 1, true, true],
      [3, 'waiting', 0, true, true],
      [4, 'dead-lettered', 0, false, true],
      [5, 'refused', 0, false, false],
      [6, 'unknown', 0, false, false],
    ],
  )
  t.equal(table.at(3).fate, 'waiting')
  t.throws(() => table.at(0), RangeError)
  t.throws(() => table.at(7), RangeError)
})

t.test('counting, finding, all and any', async t => {
  const table = s1!.messages
  t.equal(table.countOf('delivered'), 2)
  t.equal(table.duplicateCopies, 2)
  t.equal(
    table.count(({ held }) => held),
    2,
  )
  t.equal(table.find(({ copies }) => copies === 0)?.number, 3)
  t.equal(
    table.find(({ copies }) => copies > 3),
    undefined,
  )
  t.same(
    table.filter(({ held }) => held).map(({ number }) => number),
    [2, 3],
  )
  t.ok(s2!.messages.every(({ copies }) => copies === 1))
  t.notOk(table.every(({ copies }) => copies === 1))
  t.ok(table.some(({ fate }) => fate === 'refused'))
})

t.test('over all senders: how many of whom, and the first', async t => {
  const found = findMessages(view.senders, ({ copies }) => copies === 1)
  t.equal(found?.count, 7)
  t.same(
    [...(found?.bySender ?? [])],
    [
      ['S1', 1],
      ['S2', 6],
    ],
  )
  t.equal(found?.sender.node.name, 'S1')
  t.equal(found?.message.number, 2)
  t.equal(
    findMessages(view.senders, ({ copies }) => copies > 9),
    null,
  )
})

t.test('events of a kind, in their order', async t => {
  t.same(
    eventsOf(view.run, 'arrived').map(({ node }) => node),
    ['R1', 'R2'],
  )
  t.same(eventsOf(view.run, 'resend'), [])
})

t.test('copies of many receivers are added up beyond what one of them can count', async t => {
  const copies = Uint8Array.of(255)
  const { run } = view
  const crowded = {
    ...run,
    reports: new Map(
      [...run.reports].map(([name, report]) =>
        report.kind === 'queue-manager' && report.receiver !== undefined && name.startsWith('R')
          ? [name, { ...report, receiver: { ...report.receiver, senders: [row(copies)] } }]
          : [name, report],
      ),
    ),
  }
  t.equal(createRunView(crowded).senders[0]?.messages.at(1).copies, 510)

  function row(copies: Uint8Array) {
    return {
      sender: 0,
      copies,
      delivered: 1,
      duplicateCopies: 254,
      firstDuplicate: null,
      outOfOrder: 0,
      firstOutOfOrder: null,
      transactionSizeMax: 1,
    }
  }
})
