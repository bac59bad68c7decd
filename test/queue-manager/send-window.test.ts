import t from 'tap'
import type { SimNodeOptions } from '../../lab/sim/sim-node.js'
import { SimWorld } from '../../lab/sim/world.js'
import type { HandSession } from '../fixtures/hand-peer.js'
import { plainMessage } from '../fixtures/messages.js'
import { addNode, direct, engineAndPeer, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

/** An engine that has `count` messages to send, and the acceptor played by hand with the session open. */
function sender(
  count: number,
  window: number,
  options: Partial<SimNodeOptions> = {},
  delivery: 'express' | 'recoverable' = 'express',
) {
  const setup = engineAndPeer(options)
  const destination = direct(setup.peer, 'q')
  const send = (text: string) => setup.node.send({ destination, body: Buffer.from(text), delivery })
  for (let number = 1; number <= count; number++) send(`${number}`)
  const session = setup.peer.accept()
  session.openAsAcceptor({ windowSize: window })
  return { ...setup, session, destination, send }
}

function texts(session: HandSession, forMs = 50): string[] {
  return session.takeFor(forMs).map(packet => {
    if (packet.packetType !== 'UserMessage') throw new Error(packet.packetType)
    return packet.properties.body.toString()
  })
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)
}

t.test('the window is the smaller of both; 0 counts as 1', async t => {
  for (const [own, peers, expected] of [
    [64, 64, 64],
    [64, 10, 10],
    [10, 64, 10],
    [64, 1, 1],
    [64, 0, 1],
    [1_000, 0xffff, 100],
  ] as const) {
    const { session } = sender(100, peers, { settings: { MaxUnackedPacket: own } })
    t.strictSame(texts(session), numbers(1, expected), `own ${own}, peer's ${peers}`)
  }
})

t.test('each acknowledgement lets as many go; its window holds from then on', async t => {
  const { session } = sender(30, 4)
  t.strictSame(texts(session), numbers(1, 4))
  session.ack({ ackSequenceNumber: 2 })
  t.strictSame(texts(session), numbers(5, 6))
  session.ack({ windowSize: 8 })
  t.strictSame(texts(session), numbers(7, 14))
  session.ack({ windowSize: 1 })
  t.strictSame(texts(session), numbers(15, 15), 'the peer asks to go slow')
})

t.test('stale acknowledgements are ignored', async t => {
  const { node, session } = sender(20, 4)
  t.strictSame(texts(session), numbers(1, 4))
  session.ack()
  t.strictSame(texts(session), numbers(5, 8))
  session.ack({ ackSequenceNumber: 3 })
  session.ack({ ackSequenceNumber: 0 })
  t.strictSame(texts(session), [])
  t.equal(session.closed, null)
  session.ack({ ackSequenceNumber: 5 })
  t.strictSame(texts(session), numbers(9, 9))
  t.equal(node.engine.counters.outgoingMessages, 15)
})

t.test('acknowledging the future closes the session, and what it named is sent again', async t => {
  const { node, peer, session } = sender(3, 64)
  t.strictSame(texts(session), numbers(1, 3))
  session.ack({ ackSequenceNumber: 4 })
  t.ok(session.closedWithin(100))
  t.equal(node.engine.counters.protocolViolations, 1)
  const again = peer.accept(6_000)
  again.openAsAcceptor()
  t.strictSame(texts(again), numbers(1, 3))
})

t.test('bad counts close the session after what was rightly acknowledged is gone', async t => {
  const { node, peer, session } = sender(3, 64)
  texts(session)
  session.ack({ ackSequenceNumber: 2, userMsgSequenceNumber: 7 })
  t.ok(session.closedWithin(100))
  const again = peer.accept(6_000)
  again.openAsAcceptor()
  const resent = texts(again)
  t.ok(resent.includes('3'))
  again.ack()
  texts(again)
  t.equal(node.engine.counters.outgoingMessages, 0)
})

t.test('recoverable messages wait for their bit', async t => {
  const { node, session } = sender(4, 64, {}, 'recoverable')
  texts(session)
  const left = () => {
    texts(session, 10)
    return node.engine.counters.outgoingMessages
  }
  session.ack({ ackSequenceNumber: 4, recoverableMsgAckSeqNumber: 0, recoverableMsgAckFlags: 0 })
  t.equal(left(), 4, 'received is not stored')
  session.ack({ ackSequenceNumber: 4, recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 0b0101 })
  t.equal(left(), 2)
  session.ack({ ackSequenceNumber: 4, recoverableMsgAckSeqNumber: 2, recoverableMsgAckFlags: 0b101 })
  t.equal(left(), 0, 'numbers before the first bit are acknowledged with it')
  t.equal(session.closed, null)
})

t.test('what a lost session had not acknowledged goes again, in order, the rest does not', async t => {
  const { peer, session } = sender(10, 8, {}, 'recoverable')
  t.strictSame(texts(session), numbers(1, 8))
  session.ack({ ackSequenceNumber: 8, recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 0b00100111 })
  t.strictSame(texts(session), numbers(9, 10))
  session.socket.abort()
  const again = peer.accept(6_000)
  again.openAsAcceptor()
  t.strictSame(texts(again), ['4', '5', '7', '8', '9', '10'])
})

t.test('higher priority first, then age', async t => {
  const { node, peer } = engineAndPeer()
  const destination = direct(peer, 'q')
  for (const [text, priority] of [
    ['a', 3],
    ['b', 3],
    ['c', 7],
    ['d', 0],
    ['e', 5],
    ['f', 7],
  ] as const)
    node.send({ destination, body: Buffer.from(text), priority })
  const session = peer.accept()
  session.openAsAcceptor()
  t.strictSame(texts(session), ['c', 'f', 'e', 'a', 'b', 'd'])
})

t.test('a SessionHeader rides along when more than 75 % of the ack delay has passed', async t => {
  const { world, session, send } = sender(1, 64)
  texts(session)
  session.ack()
  const message = (messageId: number) =>
    plainMessage({ source: guidOf(2), messageId, to: 'DIRECT=TCP:10.0.0.1\\private$\\plain' })
  session.sendCounted(message(1))
  world.runFor(7_400)
  send('too early')
  const early = session.next('UserMessage')
  t.equal(early.session, null)
  world.runFor(200)
  send('late enough')
  const late = session.next('UserMessage')
  t.equal(late.session?.ackSequenceNumber, 1)
  t.equal(late.session?.userMsgSequenceNumber, 3, 'counts itself')
  t.equal(late.session?.windowSize, 64)
  t.strictSame(
    session.takeFor(15_000).filter(packet => packet.packetType === 'SessionAck'),
    [],
    'that was the ack',
  )
})

t.test('the 16-bit counters wrap: 70,000 messages in one session, between two engines', async t => {
  const world = new SimWorld(1)
  const settings = { MaxUnackedPacket: 2_000 }
  const receiver = addNode(world, 1, { settings })
  const sender = addNode(world, 2, { settings })
  const total = 70_000
  let sent = 0
  let consumed = 0
  const next = { express: 0, recoverable: 0 }
  const destination = direct(receiver, PLAIN_QUEUE)
  while (consumed < total && world.nowMs < 600_000) {
    for (; sent < total && sender.engine.counters.outgoingMessages < 5_000; sent++) {
      const delivery = sent % 3 === 0 ? 'recoverable' : 'express'
      sender.send({
        destination,
        body: Buffer.from(`${delivery} ${sent}`),
        delivery,
      })
    }
    world.runFor(100)
    for (const text of receiver.consume(PLAIN_QUEUE)) {
      const [delivery, number] = text.split(' ') as ['express' | 'recoverable', string]
      if (Number(number) < next[delivery]) throw new Error(`${text} after ${next[delivery]}`)
      next[delivery] = Number(number)
      consumed += 1
    }
  }
  t.equal(consumed, total)
  world.runFor(30_000)
  t.equal(sender.engine.counters.outgoingMessages, 0)
  t.equal(sender.engine.counters.sessionsOpened, 1)
  t.equal(sender.engine.counters.protocolViolations + receiver.engine.counters.protocolViolations, 0)
})
