import t from 'tap'
import { MESSAGE_STATE, messageIdOf, SenderLedger } from '../../senders/sender-ledger.js'

t.test('accepted, refused, unknown: each message has one state', async t => {
  const ledger = new SenderLedger({ sender: 3, perTransaction: 2, keepMessageIds: true })
  for (let n = 1; n <= 6; n++) {
    t.equal(ledger.offer(n * 10, n * 10 + 5), n)
    ledger.identify(n, 0xfffffff0 + n)
  }
  ledger.accepted(1, 2)
  ledger.refused(3, 2, 'MQ_ERROR_X')
  t.equal(ledger.settled, 4)
  const { accepted, refused, unknown } = MESSAGE_STATE
  const data = ledger.data()
  t.strictSame([...data.states], [accepted, accepted, refused, refused, unknown, unknown])
  t.match(data, { sender: 3, perTransaction: 2, offered: 6, accepted: 2, refused: 2, refusals: { MQ_ERROR_X: 2 } })
  t.match(data, { firstOfferedUs: 15, lastOfferedUs: 65, lateUsMax: 5 })
  t.strictSame(
    [messageIdOf(data, 1), messageIdOf(data, 6), messageIdOf(data, 7), messageIdOf(data, 0)],
    [0xfffffff1, 0xfffffff6, null, null],
  )
})

t.test('grows, and keeps what was there', async t => {
  const ledger = new SenderLedger({ sender: 0, perTransaction: 1, keepMessageIds: true })
  for (let n = 1; n <= 5000; n++) {
    ledger.offer(0, 0)
    ledger.identify(n, n * 3)
    if (n % 2 === 0) ledger.accepted(n, 1)
  }
  const data = ledger.data()
  t.equal(data.states.length, 5000)
  t.ok(
    data.states.every((state, index) => state === (index % 2 === 1 ? MESSAGE_STATE.accepted : MESSAGE_STATE.unknown)),
  )
  t.equal(messageIdOf(data, 4999), 14_997)
  t.equal(messageIdOf({ ...data, messageIds: new Uint8Array(0) }, 1), null)
})
