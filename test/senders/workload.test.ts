import t from 'tap'
import { readTrackedBody, TRACKED_BODY_SIZE, type TrackedBody, verifyFiller } from '../../protocol/tracked-body.js'
import type { Now } from '../../queue-manager/clock.js'
import type { MessageToSend } from '../../queue-manager/message-to-send.js'
import { MESSAGE_STATE } from '../../senders/sender-ledger.js'
import type { SendingEngine } from '../../senders/sending-engine.js'
import { Workload } from '../../senders/workload.js'
import { destinationIndex, transactionOf, type WorkloadSpec } from '../../senders/workload-spec.js'
import { VirtualHost } from '../fixtures/virtual-host.js'

interface Sent extends TrackedBody {
  readonly destination: string
  readonly request: number
  readonly atMs: number
}

/** Takes what it is given; a test answers for it. */
class TakingEngine implements SendingEngine {
  readonly counters = { outgoingMessages: 0 }
  readonly sent: Sent[] = []
  requests = 0
  transactions = 0
  /** Numbers sent in transactions that were aborted. */
  readonly aborted: number[] = []

  send(now: Now, message: MessageToSend, transaction?: number) {
    if (transaction === undefined) return this.sendTransaction(now, [message])
    this.aborted.push(readTrackedBody(message.body)!.number)
    return { request: ++this.requests, messageIds: [0] }
  }

  begin() {
    return ++this.transactions
  }

  abort() {
    return ++this.requests
  }

  sendTransaction(now: Now, messages: readonly MessageToSend[]) {
    const request = ++this.requests
    for (const { body, destination } of messages) {
      const identity = readTrackedBody(body)
      if (identity === null || !verifyFiller(body, TRACKED_BODY_SIZE, identity.number)) throw new Error('a bad body')
      this.sent.push({ ...identity, destination, request, atMs: now.monotonicMs })
    }
    this.counters.outgoingMessages += messages.length
    return { request, messageIds: messages.map((_, index) => this.sent.length - messages.length + index + 1) }
  }
}

function offering(spec: Partial<WorkloadSpec>) {
  const engine = new TakingEngine()
  const host = new VirtualHost(engine)
  let done = 0
  const workload = new Workload(
    host,
    { sender: 5, destinations: ['A'], delivery: 'express', bodyBytes: 100, ...spec },
    { keepMessageIds: true, onDone: () => done++ },
  )
  const answerAll = (outcome: 'accepted' | 'refused' = 'accepted', from = 1) => {
    for (let request = from; request <= engine.requests; request++) workload.outcome(request, outcome, 'WHY')
  }
  return { engine, host, workload, answerAll, done: () => done }
}

t.test('transactions: their messages go round the destinations, the last may be shorter', async t => {
  const { engine, host, workload, answerAll, done } = offering({
    destinations: ['A', 'B'],
    delivery: 'transactional',
    perTransaction: 3,
    messages: 7,
  })
  workload.start()
  host.advance(1)
  t.strictSame(
    engine.sent.map(
      ({ number, transaction, indexInTransaction: index, transactionSize: size, destination, request }) => [
        number,
        transaction,
        index,
        size,
        destination,
        request,
      ],
    ),
    [
      [1, 1, 0, 3, 'A', 1],
      [2, 1, 1, 3, 'B', 1],
      [3, 1, 2, 3, 'A', 1],
      [4, 2, 0, 3, 'A', 2],
      [5, 2, 1, 3, 'B', 2],
      [6, 2, 2, 3, 'A', 2],
      [7, 3, 0, 1, 'A', 3],
    ],
  )
  t.equal(done(), 0, 'not before each is answered')
  answerAll()
  t.equal(done(), 1)
  t.match(workload.ledger.data(), { offered: 7, accepted: 7 })
  t.strictSame(
    [1, 3, 4, 7].map(number => transactionOf(number, 3)),
    [1, 1, 2, 3],
  )
  const spec = {
    sender: 5,
    destinations: ['A', 'B'],
    delivery: 'transactional',
    perTransaction: 3,
    bodyBytes: 0,
  } as const
  t.strictSame(
    [1, 2, 3, 4].map(number => destinationIndex(spec, number)),
    [0, 1, 0, 0],
  )
})

t.test('single messages go round the destinations one after the other', async t => {
  const { engine, host, workload } = offering({ destinations: ['A', 'B', 'C'], messages: 4 })
  workload.start()
  host.advance(1)
  t.strictSame(
    engine.sent.map(({ destination, transaction }) => [destination, transaction]),
    [
      ['A', 0],
      ['B', 0],
      ['C', 0],
      ['A', 0],
    ],
  )
})

t.test('an open loop: the intended times are those of the rate, however late the clock', async t => {
  const { engine, host, workload } = offering({ ratePerS: 100, durationMs: 95 })
  workload.start()
  host.advance(25)
  t.equal(engine.sent.length, 3, 'at 0, 10 and 20 ms')
  host.stall(60)
  host.advance(40)
  const first = engine.sent[0]!.intendedSendUs
  t.strictSame(
    engine.sent.map(({ intendedSendUs }) => Math.round((intendedSendUs - first) / 1000)),
    [0, 10, 20, 30, 40, 50, 60, 70, 80, 90],
  )
  t.equal(engine.sent[4]!.atMs - engine.sent[0]!.atMs, 85, 'sent late')
  t.equal(Math.round(workload.ledger.data().lateUsMax / 1000), 55)
})

t.test('without a pace: never more outgoing than allowed, refilled turn by turn', async t => {
  const { engine, host, workload } = offering({ outgoingMax: 10, messages: 25 })
  workload.start()
  host.advance(1)
  t.equal(engine.sent.length, 10)
  workload.turned()
  t.equal(engine.sent.length, 10)
  engine.counters.outgoingMessages = 4
  workload.turned()
  t.equal(engine.sent.length, 16)
  engine.counters.outgoingMessages = 0
  workload.turned()
  t.equal(engine.sent.length, 25)
})

t.test('without a pace: a refusal makes it wait, not spin', async t => {
  const { engine, host, workload } = offering({ outgoingMax: 5 })
  workload.start()
  host.advance(1)
  t.equal(engine.sent.length, 5)
  engine.counters.outgoingMessages = 0
  workload.outcome(5, 'refused', 'MQ_ERROR_INSUFFICIENT_RESOURCES')
  for (let n = 0; n < 100; n++) workload.turned()
  t.equal(engine.sent.length, 5)
  host.advance(20)
  t.equal(engine.sent.length, 10)
  t.match(workload.ledger.data(), { refused: 1, refusals: { MQ_ERROR_INSUFFICIENT_RESOURCES: 1 } })
})

t.test('ends: by duration with nothing moving, by being stopped, and only once', async t => {
  const timed = offering({ outgoingMax: 5, durationMs: 50 })
  timed.workload.start()
  timed.host.advance(49)
  t.equal(timed.workload.done, false)
  timed.answerAll()
  timed.host.advance(5)
  t.equal(timed.done(), 1)

  const stopped = offering({ ratePerS: 1000, startDelayMs: 20 })
  stopped.workload.start()
  stopped.host.advance(19)
  t.equal(stopped.engine.sent.length, 0)
  stopped.host.advance(11)
  const { length } = stopped.engine.sent
  t.ok(length > 0)
  stopped.workload.stop()
  t.equal(stopped.done(), 0)
  stopped.answerAll()
  stopped.workload.stop()
  stopped.host.advance(100)
  t.equal(stopped.engine.sent.length, length)
  t.equal(stopped.done(), 1)

  const never = offering({})
  never.workload.stop()
  t.equal(never.done(), 1)
  never.workload.outcome(99, 'accepted', undefined)
  t.equal(never.workload.ledger.settled, 0, "another's request")
})

t.test('every so many-th transaction is aborted: the ledger has its messages as nobody may deliver them', async t => {
  const spec = { delivery: 'transactional', perTransaction: 2, messages: 8, abortEvery: 2 } as const
  const { engine, host, workload, answerAll, done } = offering(spec)
  workload.start()
  host.advance(1)
  t.strictSame(engine.aborted, [3, 4, 7, 8])
  t.strictSame(
    engine.sent.map(({ number }) => number),
    [1, 2, 5, 6],
  )
  t.equal(done(), 0)
  answerAll()
  t.equal(done(), 1)
  const { accepted, aborted } = MESSAGE_STATE
  t.strictSame(
    [...workload.ledger.data().states],
    [accepted, accepted, aborted, aborted, accepted, accepted, aborted, aborted],
  )
  t.equal(workload.ledger.data().accepted, 4)
})
