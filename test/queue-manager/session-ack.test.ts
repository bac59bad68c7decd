import t from 'tap'
import type { SimNodeOptions } from '../../lab/sim/sim-node.js'
import type { HandSession, OpenOptions } from '../fixtures/hand-peer.js'
import { plainMessage } from '../fixtures/messages.js'
import { direct, engineAndPeer, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

/** An engine that receives, and a sender played by hand with an open session. */
function receiver(options: Partial<SimNodeOptions> = {}, open: OpenOptions = {}) {
  const setup = engineAndPeer(options)
  const session = setup.peer.openTo(setup.node, open)
  let messageId = 0
  const messages = (count: number, delivery: 'express' | 'recoverable' = 'express'): Buffer[] =>
    Array.from({ length: count }, () => {
      messageId += 1
      return plainMessage({ source: guidOf(2), messageId, to: direct(setup.node, PLAIN_QUEUE), delivery })
    })
  return { ...setup, session, messages }
}

/** When, after `fromMs`, the next session ack came; and its header. */
function nextAck(session: HandSession, fromMs: number, limitMs = 70_000) {
  const { session: header } = session.next('SessionAck', limitMs)
  return { afterMs: session.packets.at(-1)!.atMs - fromMs, header }
}

t.test('express messages are acknowledged after half of AckWaitTimeout', async t => {
  for (const ackTimeout of [20_000, 60_000, 120_000]) {
    const { world, session, messages } = receiver({}, { ackTimeout })
    const startMs = world.nowMs
    session.sendCounted(...messages(3))
    world.runFor(4_000)
    session.sendCounted(...messages(2))
    const { afterMs, header } = nextAck(session, startMs)
    t.ok(
      Math.abs(afterMs - ackTimeout / 2) < 5,
      `${afterMs} ms for AckTimeout ${ackTimeout}: later messages do not put it off`,
    )
    t.equal(header.ackSequenceNumber, 5)
    t.equal(header.recoverableMsgAckFlags, 0)
    t.equal(header.recoverableMsgAckSeqNumber, 0)
    t.equal(header.userMsgSequenceNumber, 0)
    t.strictSame(session.takeFor(200_000), [], 'with nothing new, nothing more is sent')
  }
})

t.test('recoverable messages are acknowledged after RecoverableAckTimeout', async t => {
  for (const recoverableAckTimeout of [500, 1_496, 9_000]) {
    const { world, session, messages } = receiver({}, { recoverableAckTimeout })
    session.sendCounted(...messages(1))
    world.runFor(3_000)
    const startMs = world.nowMs
    session.sendCounted(...messages(2, 'recoverable'))
    const { afterMs, header } = nextAck(session, startMs)
    t.ok(
      Math.abs(afterMs - recoverableAckTimeout) < 5,
      `${afterMs} ms: the first recoverable message starts the timer anew`,
    )
    t.equal(header.ackSequenceNumber, 3)
    t.equal(header.recoverableMsgAckSeqNumber, 1)
    t.equal(header.recoverableMsgAckFlags, 0b11)
  }
})

t.test('half a window unacknowledged is acknowledged at once', async t => {
  for (const window of [64, 10, 1]) {
    const { world, session, messages } = receiver({ settings: { MaxUnackedPacket: window } })
    const half = Math.ceil(window / 2)
    session.sendCounted(...messages(half - 1))
    t.strictSame(session.takeFor(100), [])
    const startMs = world.nowMs
    session.sendCounted(...messages(1))
    const { afterMs, header } = nextAck(session, startMs)
    t.ok(afterMs < 5, `window ${window}: ${afterMs} ms`)
    t.equal(header.ackSequenceNumber, half)
    t.equal(header.windowSize, window)
  }
})

t.test('32 recoverable messages pending are acknowledged before the 33rd is booked', async t => {
  const { session, messages } = receiver({ settings: { MaxUnackedPacket: 1_000 } }, { windowSize: 1_000 })
  session.sendCounted(...messages(33, 'recoverable'))
  const { session: header } = session.next('SessionAck', 100)
  t.equal(header.ackSequenceNumber, 32)
  t.equal(header.recoverableMsgAckSeqNumber, 1)
  t.equal(header.recoverableMsgAckFlags, 0xffffffff)
  const second = session.next('SessionAck', 2_000).session
  t.equal(second.ackSequenceNumber, 33)
  t.equal(second.recoverableMsgAckSeqNumber, 33)
  t.equal(second.recoverableMsgAckFlags, 1)
})

t.test('acknowledgements go on from where the last one ended', async t => {
  const { session, messages } = receiver()
  const seen: number[][] = []
  for (let round = 0; round < 4; round++) {
    session.sendCounted(...messages(2), ...messages(3, 'recoverable'))
    const { session: header } = session.next('SessionAck', 2_000)
    seen.push([header.ackSequenceNumber, header.recoverableMsgAckSeqNumber, header.recoverableMsgAckFlags])
  }
  t.strictSame(seen, [
    [5, 1, 0b111],
    [10, 4, 0b111],
    [15, 7, 0b111],
    [20, 10, 0b111],
  ])
})

t.test('nothing is acknowledged before it is durable, nor anything that came after it', async t => {
  const { session, messages } = receiver({ store: { delayMs: 30_000 } })
  session.sendCounted(...messages(1), ...messages(1, 'recoverable'), ...messages(1))
  const first = session.next('SessionAck', 12_000).session
  t.equal(first.ackSequenceNumber, 1, 'the express message before it may be')
  t.equal(first.recoverableMsgAckFlags, 0)
  t.strictSame(session.takeFor(15_000), [])
  const second = session.next('SessionAck', 12_000).session
  t.equal(second.ackSequenceNumber, 3)
  t.equal(second.recoverableMsgAckFlags, 1)
})

t.test('a store that fails closes the session without an ack; the message may come again', async t => {
  const { world, node, peer, session, messages } = receiver()
  node.store.failuresLeft = 1
  const [message] = messages(1, 'recoverable')
  session.sendCounted(message!)
  t.ok(session.closedWithin(5_000))
  t.strictSame(session.take(), [])
  t.equal(node.bodies(PLAIN_QUEUE).length, 0)
  const again = peer.openTo(node)
  again.sendCounted(message!)
  again.next('SessionAck', 2_000)
  t.equal(node.bodies(PLAIN_QUEUE).length, 1, 'the identifier memory does not take it for a duplicate')
  world.runFor(100)
})

t.test('IdleAckDelay, where set, is the longest delay', async t => {
  const { world, session, messages } = receiver({ settings: { IdleAckDelay: 700 } })
  const startMs = world.nowMs
  session.sendCounted(...messages(1))
  const { afterMs } = nextAck(session, startMs)
  t.ok(Math.abs(afterMs - 700) < 5, `${afterMs}`)
})

t.test('counts that disagree close the session', async t => {
  const wrong: Record<string, (session: HandSession) => void> = {
    'one message more than came': session => session.ack({ userMsgSequenceNumber: session.sent + 1 }),
    'one less': session => session.ack({ userMsgSequenceNumber: session.sent - 1 }),
    'a recoverable one more': session => session.ack({ recoverableMsgSeqNumber: session.recoverableSent + 1 }),
    'acknowledging what was never sent': session => session.ack({ ackSequenceNumber: 1 }),
    'acknowledging a recoverable one never sent': session =>
      session.ack({ recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 1 }),
  }
  for (const [what, send] of Object.entries(wrong)) {
    const { node, session, messages } = receiver()
    session.sendCounted(...messages(3))
    session.ack()
    t.notOk(session.closedWithin(100), 'right counts do not')
    send(session)
    t.ok(session.closedWithin(100), what)
    t.equal(node.engine.counters.protocolViolations, 1)
    t.equal(node.bodies(PLAIN_QUEUE).length, 3, 'what came before stays')
  }
})

t.test('a duplicate counts and is acknowledged, and is not delivered', async t => {
  const { node, session, messages } = receiver()
  const [message] = messages(1)
  session.sendCounted(message!, message!, message!)
  const { session: header } = session.next('SessionAck', 20_000)
  t.equal(header.ackSequenceNumber, 3)
  t.equal(node.bodies(PLAIN_QUEUE).length, 1)
  session.ack()
  t.notOk(session.closedWithin(1_000), 'the counts of both sides agree')
})

t.test('a piggy-backed SessionHeader counts the message that carries it', async t => {
  const { node, session, messages } = receiver()
  session.sendCounted(...messages(2))
  const carrier = messages(1)[0]!
  session.sent += 1
  session.send(session.withHeader(carrier))
  t.notOk(session.closedWithin(100))
  t.equal(node.bodies(PLAIN_QUEUE).length, 3)
  session.send(session.withHeader(messages(1)[0]!))
  t.ok(session.closedWithin(100), 'a header that forgets it is wrong')
})
