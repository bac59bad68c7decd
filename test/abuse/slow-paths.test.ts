import t from 'tap'
import { buildSessionAck } from '../../protocol/binary/build.js'
import { decodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import type { Action } from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { orderAckMessage, plainMessage } from '../fixtures/messages.js'
import { ABUSER_GUID, establish, parameters, TARGET_GUID } from '../fixtures/raw-peer.js'

/* Work that a peer can cause must grow with what it sends, and not with its square: with 40,000 messages that would take
 * minutes, and takes tens of milliseconds. */

const MANY = 40_000
const LIMIT_MS = 3_000
const OWN = '127.0.0.1'
const PEER = { address: '127.0.0.2', port: 40_000 }

class Bench {
  readonly engine = new QueueManager({
    name: 'TARGET',
    guid: TARGET_GUID,
    addresses: [OWN],
    settings: createSettings({ AckWaitTimeout: 4_000_000 }),
    sequenceTimeStamp: 0x60000000,
    notes: false,
  })
  now: Now = { monotonicMs: 0, wallMs: 1_790_000_000_000 }
  readonly #store = new MemoryStore()

  pass(ms: number): void {
    this.now = { monotonicMs: this.now.monotonicMs + ms, wallMs: this.now.wallMs + ms }
    this.engine.wake(this.now)
  }

  /** Carries out what can be without a network, and gives back what cannot. */
  actions(): Action[] {
    const rest: Action[] = []
    for (let actions = this.engine.takeActions(); actions.length > 0; actions = this.engine.takeActions())
      for (const action of actions) {
        if (action.do === 'persist')
          this.#store.write(action.operations, () => this.engine.persisted(this.now, action.ticket))
        else rest.push(action)
      }
    return rest
  }

  openFromPeer(): number {
    const connection = this.engine.accepted(this.now, PEER)
    this.engine.received(this.now, connection, Buffer.concat([establish(), parameters()]))
    this.actions()
    return connection
  }
}

function elapsedMs(work: () => void): number {
  const begunMs = performance.now()
  work()
  return performance.now() - begunMs
}

t.test('messages whose time in the queue runs out, the youngest first', async t => {
  const bench = new Bench()
  bench.engine.createQueue(bench.now, { name: 'private$\\q', number: 100 })
  const connection = bench.openFromPeer()
  const sentTime = bench.now.wallMs / 1000
  for (let n = 0; n < MANY; n += 1) {
    const spec = { timeToBeReceived: 1 + Math.ceil((MANY - n) / 100), sentTime }
    const packet = plainMessage({ source: ABUSER_GUID, messageId: n + 1, to: 100, queueManager: TARGET_GUID, spec })
    bench.engine.received(bench.now, connection, packet)
    bench.actions()
  }
  const messages = () => bench.engine.localQueues().find(({ number }) => number === 100)?.messages
  t.equal(messages(), MANY)
  const tookMs = elapsedMs(() => {
    for (let second = 0; second < MANY / 200; second += 1) {
      bench.pass(1_000)
      bench.actions()
    }
  })
  t.ok(tookMs < LIMIT_MS, `${Math.round(tookMs)} ms`)
  const left = messages() as number
  t.ok(left > MANY / 3 && left < (MANY * 2) / 3, `${left} are left`)
  t.equal(bench.engine.peek('private$\\q', MANY).length, left)
  const first = bench.engine.peek('private$\\q', 1)[0]?.message.user.messageId
  t.equal(first, 1, 'those that came first, in their order')
  bench.engine.receive(bench.now, 'private$\\q', MANY)
  t.match(
    bench.actions().find(action => action.do === 'received'),
    { messages: { length: left } },
  )
  t.equal(messages(), 0)
  t.equal(bench.engine.counters.messageBytes, 0)
})

/** A sender with `MANY` transactional messages, all sent and resent once, to a peer that acknowledged the session only. */
function resending(bench: Bench): { acknowledge: (number: number) => void } {
  const destination = `DIRECT=TCP:${PEER.address}\\private$\\q`
  for (let n = 0; n < MANY; n += 1) bench.engine.sendTransaction(bench.now, [{ destination, body: Buffer.alloc(0) }])
  const connect = bench.actions().find(action => action.do === 'connect')
  if (connect?.do !== 'connect') throw new Error('no connect')
  const { connection } = connect
  bench.engine.connected(bench.now, connection)
  bench.actions()
  const response = Buffer.from(establish(TARGET_GUID, ABUSER_GUID))
  bench.engine.received(bench.now, connection, response)
  bench.engine.received(bench.now, connection, parameters())
  let sequenceId = { ordinal: 0, timeStamp: 0 }
  let sent = 0
  const take = (): number => {
    const chunks = bench.actions().flatMap(action => (action.do === 'write' ? action.chunks : []))
    const user = chunks
      .map(bytes => decodePacket(bytes))
      .filter((packet): packet is UserMessagePacket => 'user' in packet)
    sequenceId = user[0]?.transaction?.sequenceId ?? sequenceId
    return user.length
  }
  for (let got = take(); got > 0; got = take()) {
    for (let acked = 0; acked < got; acked += 32) {
      const count = Math.min(32, got - acked)
      const header = {
        ackSequenceNumber: (sent + acked + count) & 0xffff,
        recoverableMsgAckSeqNumber: (sent + acked + 1) & 0xffff,
        recoverableMsgAckFlags: count === 32 ? 0xffffffff : 2 ** count - 1,
        userMsgSequenceNumber: 0,
        recoverableMsgSeqNumber: 0,
        windowSize: 64,
        reserved: 0,
      }
      bench.engine.received(bench.now, connection, buildSessionAck(header))
    }
    sent += got
    if (sent >= MANY) break
  }
  bench.pass(31_000)
  bench.actions()
  const back = bench.openFromPeer()
  return {
    acknowledge(number) {
      const packet = orderAckMessage({ source: ABUSER_GUID, messageId: number, to: OWN, sequenceId, number })
      bench.engine.received(bench.now, back, packet)
      bench.actions()
    },
  }
}

t.test('one order ack for all, while the first of them are under way again', async t => {
  const bench = new Bench()
  const { acknowledge } = resending(bench)
  const view = () => bench.engine.outgoingQueues()[0]
  t.equal(view()?.unacknowledged, MANY)
  t.equal(view()?.inFlight, 64, 'resent, and not acknowledged by the session yet')
  const tookMs = elapsedMs(() => acknowledge(MANY))
  t.ok(tookMs < LIMIT_MS, `${Math.round(tookMs)} ms`)
  t.equal(view()?.unacknowledged, 64, 'all but those')
})

t.test('forty thousand messages whose time to reach the queue is over', async t => {
  const bench = new Bench()
  const destination = `DIRECT=TCP:${PEER.address}\\private$\\q`
  for (let n = 0; n < MANY; n += 1) {
    const message = { destination, body: Buffer.alloc(0), timeToReachQueueS: 10 }
    if (n % 2 === 0) bench.engine.sendTransaction(bench.now, [message])
    else bench.engine.send(bench.now, message)
  }
  bench.actions()
  t.equal(bench.engine.counters.outgoingMessages, MANY)
  const tookMs = elapsedMs(() => {
    bench.pass(60_000)
    bench.actions()
  })
  t.ok(tookMs < LIMIT_MS, `${Math.round(tookMs)} ms`)
  t.equal(bench.engine.counters.outgoingMessages, 0)
  t.equal(bench.engine.counters.messageBytes, 0)
})
