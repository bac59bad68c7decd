import t from 'tap'
import type { FrameRef } from '../../capture/frame.js'
import type { MachineEnd, SeenMessage, SeenOrderAck } from '../../diagnosis/seen-message.js'
import { SeenTransactions } from '../../diagnosis/seen-transactions.js'
import { Sequences } from '../../diagnosis/sequences.js'

const SOURCE = '11111111-1111-1111-1111-111111111111'
const ID = '0000000100000001'
const RECEIVER: MachineEnd = { qmId: '22222222-2222-2222-2222-222222222222', address: '10.0.0.2' }
const FRAME: FrameRef = { fileIndex: 0, number: 1, timeUs: 0 }

/** What of a message of the sequence counts here. */
function message(number: number, holes: readonly [boolean, boolean]) {
  const transaction = { sequence: ID, number, previous: number - 1, isFirst: true, isLast: true, index: number }
  const part = { transaction, session: { protocol: 'msmq', holes }, direction: 0, first: FRAME, last: FRAME }
  return part as unknown as SeenMessage
}

const ack = (number: number) =>
  ({ sequence: ID, forSource: null, source: RECEIVER.qmId, from: RECEIVER, number, last: FRAME }) as SeenOrderAck

t.test('behind a hole what comes is taken on a guess, until an order ack reaches the guess', async t => {
  const sequences = new Sequences(new SeenTransactions())
  const sequence = sequences.of(SOURCE, ID, 'TCP:10.0.0.2\\private$\\q', false)
  const arrive = (from: number, to: number, holes: readonly [boolean, boolean] = [true, false]) => {
    for (let number = from; number <= to; number++) sequences.arrived(sequence, message(number, holes), RECEIVER)
    return sequence.receiver(RECEIVER)!
  }
  const receiver = arrive(1, 3, [false, false])
  t.ok(receiver.accepted.has(3))
  arrive(6, 9)
  t.equal(receiver.taken, 9)
  sequences.acknowledged(ack(5))
  arrive(10, 10)
  t.notOk(receiver.accepted.has(10), 'it may lack number 5 still')
  sequences.acknowledged(ack(8))
  t.ok(receiver.accepted.has(8))
  arrive(11, 11)
  t.ok(receiver.accepted.has(11), 'though more was under way when it acknowledged')
})
