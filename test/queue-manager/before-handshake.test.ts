import t from 'tap'
import { plainMessage, transactionalMessage } from '../fixtures/messages.js'
import { direct, engineAndPeer, guidOf, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const ANSWERING = { settings: { AnswerBeforeHandshake: 1 } }

t.test(
  'a message before any handshake: the connection is closed without a word, unless it is wanted otherwise',
  async t => {
    for (const [options, answered] of [
      [{}, false],
      [ANSWERING, true],
    ] as const)
      for (const delivery of ['express', 'recoverable'] as const) {
        const { world, node, peer } = engineAndPeer(options)
        const session = peer.connect(node)
        world.runFor(1)
        session.sendCounted(
          plainMessage({ source: guidOf(2), messageId: 7, to: direct(node, PLAIN_QUEUE), body: 'probe', delivery }),
        )
        world.runFor(1_000)
        t.strictSame(node.bodies(PLAIN_QUEUE), answered ? ['probe'] : [], delivery)
        t.equal(session.closed === null, answered)
        const acks = session.take()
        if (answered) {
          t.match(acks[0], { packetType: 'SessionAck', session: { ackSequenceNumber: 1 } })
          t.equal(
            acks.some(packet => packet.packetType === 'SessionAck' && packet.session.recoverableMsgAckFlags === 1),
            delivery === 'recoverable',
            'a recoverable one when it is durable',
          )
        } else t.equal(acks.length, 0)
      }
  },
)

t.test('a long one in many pieces, and a transactional one', async t => {
  const { world, node, peer } = engineAndPeer(ANSWERING)
  const session = peer.connect(node)
  world.runFor(1)
  const bytes = plainMessage({
    source: guidOf(2),
    messageId: 7,
    to: direct(node, PLAIN_QUEUE),
    body: 'x'.repeat(5_000),
  })
  for (let at = 0; at < bytes.length; at += 1_000) {
    session.send(bytes.subarray(at, at + 1_000))
    world.runFor(10)
  }
  t.equal(node.bodies(PLAIN_QUEUE).length, 1)
  session.send(
    transactionalMessage({
      source: guidOf(2),
      messageId: 8,
      to: direct(node, TX_QUEUE),
      sequenceId: { ordinal: 1, timeStamp: 100 },
      number: 1,
    }),
  )
  world.runFor(10)
  t.equal(node.bodies(TX_QUEUE).length, 1)
})

t.test('what is malformed is met with silence either way', async t => {
  for (const options of [{}, ANSWERING]) {
    const { world, node, peer } = engineAndPeer(options)
    const session = peer.connect(node)
    world.runFor(1)
    const message = plainMessage({ source: guidOf(2), messageId: 7, to: direct(node, PLAIN_QUEUE) })
    message.writeUInt32LE(0xffffffff, 16 + 44)
    session.send(message)
    world.runFor(1_000)
    t.ok(session.closed)
    t.equal(session.take().length, 0)
    t.equal(node.engine.counters.malformedPackets, 1)
  }
})
