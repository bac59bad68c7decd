import t from 'tap'
import { buildSessionAck } from '../../protocol/binary/build.js'
import { establishRequest, establishResponse, type HandSession, parameters } from '../fixtures/hand-peer.js'
import { orderAckMessage, plainMessage } from '../fixtures/messages.js'
import { addressOf, direct, engineAndPeer, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

const IDLE_HEADER = {
  ackSequenceNumber: 0,
  recoverableMsgAckSeqNumber: 0,
  recoverableMsgAckFlags: 0,
  userMsgSequenceNumber: 0,
  recoverableMsgSeqNumber: 0,
  windowSize: 64,
  reserved: 0,
}

/** Every kind of packet, as bytes; and what is not a packet. */
const INPUTS: Record<string, () => Buffer> = {
  EstablishConnection: () => establishRequest(guidOf(2)),
  ConnectionParameters: () => parameters(),
  SessionAck: () => buildSessionAck(IDLE_HEADER),
  UserMessage: () =>
    plainMessage({ source: guidOf(2), messageId: 1, to: direct({ address: addressOf(1) }, PLAIN_QUEUE) }),
  OrderAck: () =>
    orderAckMessage({
      source: guidOf(2),
      messageId: 1,
      to: addressOf(1),
      sequenceId: { ordinal: 1, timeStamp: 1 },
      number: 1,
    }),
  'no packet': () => Buffer.from('GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n'),
  'a wrong version': () => {
    const packet = parameters()
    packet[0] = 0x11
    return packet
  },
  'an internal packet of type 4': () => {
    const packet = parameters()
    packet[18] = 4
    return packet
  },
}

type Verdict = 'goes on' | 'closes'

/** What goes on in each state; every other input closes the session ([MS-MQQB] 3.1.5.3 to 3.1.5.8). */
const GOES_ON: Record<string, readonly string[]> = {
  WAITING_EC_MSG: ['EstablishConnection'],
  WAITING_CP_MSG: ['ConnectionParameters'],
  OPEN: ['SessionAck', 'UserMessage', 'OrderAck'],
  WAITING_ECR_MSG: [],
  WAITING_CPR_MSG: ['ConnectionParameters'],
  'OPEN (initiator)': ['SessionAck', 'UserMessage', 'OrderAck'],
}

/** Brings an engine into a state and gives the hand-played end of the session. */
const STATES: Record<string, (setup: ReturnType<typeof engineAndPeer>) => HandSession> = {
  WAITING_EC_MSG: ({ world, node, peer }) => {
    const session = peer.connect(node)
    world.runFor(10)
    return session
  },
  WAITING_CP_MSG: ({ world, node, peer }) => {
    const session = peer.connect(node)
    world.runFor(10)
    session.send(establishRequest(guidOf(2)))
    session.next('EstablishConnection')
    return session
  },
  OPEN: ({ node, peer }) => peer.openTo(node),
  WAITING_ECR_MSG: ({ node, peer }) => {
    node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
    const session = peer.accept()
    session.next('EstablishConnection')
    return session
  },
  WAITING_CPR_MSG: ({ node, peer }) => {
    node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
    const session = peer.accept()
    session.send(establishResponse(guidOf(2), session.next('EstablishConnection')))
    session.next('ConnectionParameters')
    return session
  },
  'OPEN (initiator)': ({ node, peer }) => {
    node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
    const session = peer.accept()
    session.openAsAcceptor()
    session.next('UserMessage')
    return session
  },
}

for (const [state, reach] of Object.entries(STATES)) {
  t.test(`${state}: every input`, async t => {
    for (const [name, bytes] of Object.entries(INPUTS)) {
      const setup = engineAndPeer()
      const bystander = setup.peer.openTo(setup.node)
      const session = reach(setup)
      session.sendCounted(bytes())
      const expected: Verdict = GOES_ON[state]!.includes(name) ? 'goes on' : 'closes'
      const verdict: Verdict = session.closedWithin(1_000) ? 'closes' : 'goes on'
      t.equal(verdict, expected, name)
      t.equal(bystander.closed, null, `${name}: other sessions go on`)
    }
  })
}

t.test('an EstablishConnection response to the initiator opens the way, in WAITING_ECR_MSG only', async t => {
  const setup = engineAndPeer()
  const session = STATES.WAITING_ECR_MSG!(setup)
  const { packet } = session.packets[0]!
  if (packet.packetType !== 'EstablishConnection') throw new Error('no request')
  const response = establishResponse(guidOf(2), packet)
  session.send(response)
  session.next('ConnectionParameters')
  session.send(response)
  t.ok(session.closedWithin(1_000), 'a second one closes')
})

t.test('CLOSED: nothing that comes late does anything', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.openTo(node)
  const late = plainMessage({ source: guidOf(2), messageId: 5, to: direct(node, PLAIN_QUEUE) })
  session.send(Buffer.concat([Buffer.alloc(16), late]), late)
  t.ok(session.closedWithin(1_000))
  session.send(late)
  world.runFor(10_000)
  t.equal(node.bodies(PLAIN_QUEUE).length, 0)
})

t.test('WAITING_RECONNECT: messages left, so it connects again after the interval, not sooner', async t => {
  const { world, node, peer } = engineAndPeer({ settings: { TryConnectInterval: 2_000, RoundTripDelay: 500 } })
  node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
  const session = peer.accept()
  session.openAsAcceptor()
  session.next('UserMessage')
  session.socket.abort()
  world.runFor(10)
  const lostMs = world.nowMs
  node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
  peer.accept(5_000)
  const waitedMs = world.nowMs - lostMs
  t.ok(waitedMs > 2_450 && waitedMs < 2_550, `${waitedMs} ms`)
})
