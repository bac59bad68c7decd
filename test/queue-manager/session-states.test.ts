import t from 'tap'
import { buildSessionAck } from '../../protocol/binary/build.js'
import type { EstablishConnectionPacket } from '../../protocol/binary/establish-connection.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { SessionState } from '../../queue-manager/session-states.js'
import { establishRequest, establishResponse, type HandSession, parameters } from '../fixtures/hand-peer.js'
import { finalAckMessage, orderAckMessage, plainMessage } from '../fixtures/messages.js'
import {
  REACHABLE_STATES,
  type ReachableState,
  type SessionInState,
  sessionInState,
  stateOf,
} from '../fixtures/session-in-state.js'
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
const SEQUENCE = { ordinal: 1, timeStamp: 1 }

/** What the engine asked for; where it did not, what it might have asked for. */
function requestOf({ request }: SessionInState): EstablishConnectionPacket {
  return request ?? (decodePacket(establishRequest(guidOf(1))) as EstablishConnectionPacket)
}

function toPlainQueue(messageClass: number = MessageClass.NORMAL): Buffer {
  return plainMessage({
    source: guidOf(2),
    messageId: 1,
    to: direct({ address: addressOf(1) }, PLAIN_QUEUE),
    spec: { messageClass },
  })
}

/** Every kind of packet, as bytes; and what is not a packet. */
const INPUTS: Record<string, (setup: SessionInState) => Buffer> = {
  'EstablishConnection, a request': () => establishRequest(guidOf(2)),
  'EstablishConnection, a response': setup => establishResponse(guidOf(2), requestOf(setup)),
  'EstablishConnection, refused': setup => establishResponse(guidOf(2), requestOf(setup), { refused: true }),
  'EstablishConnection, for another': setup =>
    establishResponse(guidOf(2), requestOf(setup), { clientGuid: guidOf(8) }),
  ConnectionParameters: () => parameters(),
  SessionAck: () => buildSessionAck(IDLE_HEADER),
  'SessionAck of what was never sent': () => buildSessionAck({ ...IDLE_HEADER, ackSequenceNumber: 7 }),
  UserMessage: () => toPlainQueue(),
  'UserMessage with a SessionHeader': ({ session }) =>
    session.withHeader(toPlainQueue(), { userMsgSequenceNumber: session.sent + 1 }),
  'administration ack': () => toPlainQueue(MessageClass.ACK_REACH_QUEUE),
  OrderAck: () =>
    orderAckMessage({ source: guidOf(2), messageId: 1, to: addressOf(1), sequenceId: SEQUENCE, number: 1 }),
  FinalAck: () =>
    finalAckMessage({
      source: guidOf(2),
      messageId: 1,
      to: addressOf(1),
      messageClass: MessageClass.ACK_RECEIVE,
      forSource: guidOf(1),
      forMessageId: 1,
      sequenceId: SEQUENCE,
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

/** Inputs that put a message into the plain queue, where messages are taken at all. */
const DELIVERED = ['UserMessage', 'UserMessage with a SessionHeader', 'administration ack']

const OPEN_GOES_ON: Record<string, SessionState> = {
  SessionAck: 'OPEN',
  UserMessage: 'OPEN',
  'UserMessage with a SessionHeader': 'OPEN',
  'administration ack': 'OPEN',
  OrderAck: 'OPEN',
  FinalAck: 'OPEN',
}

/**
 * What goes on in each state, and to which; every other input closes the session ([MS-MQQB] 3.1.5.3 to 3.1.5.8), which
 * an initiator with messages left follows by WAITING_RECONNECT (3.1.5.9). Nothing in an EstablishConnection packet says
 * whether it is a request or a response: the acceptor takes any for a request, and no step of 3.1.5.3.1 reads CS.
 */
const GOES_ON: Record<ReachableState, { readonly [input: string]: SessionState }> = {
  WAITING_EC_MSG: {
    'EstablishConnection, a request': 'WAITING_CP_MSG',
    'EstablishConnection, a response': 'WAITING_CP_MSG',
    'EstablishConnection, refused': 'WAITING_CP_MSG',
    'EstablishConnection, for another': 'WAITING_CP_MSG',
  },
  WAITING_CP_MSG: { ConnectionParameters: 'OPEN' },
  OPEN: OPEN_GOES_ON,
  WAITING_ECR_MSG: { 'EstablishConnection, a response': 'WAITING_CPR_MSG' },
  WAITING_CPR_MSG: { ConnectionParameters: 'OPEN' },
  'OPEN (initiator)': OPEN_GOES_ON,
}

for (const state of REACHABLE_STATES) {
  t.test(`${state}: every input`, async t => {
    for (const [name, bytes] of Object.entries(INPUTS)) {
      let bystander: HandSession | null = null
      const setup = sessionInState(state, {}, ({ node, peer }) => {
        bystander = peer.openTo(node)
      })
      const { node, session } = setup
      session.sendCounted(bytes(setup))
      const next = GOES_ON[state][name]
      t.equal(session.closedWithin(1_000) ? 'closes' : 'goes on', next === undefined ? 'closes' : 'goes on', name)
      t.equal(stateOf(setup), next ?? (setup.isInitiator ? 'WAITING_RECONNECT' : 'CLOSED'), `${name}: the next state`)
      const delivered = next === 'OPEN' && DELIVERED.includes(name) ? 1 : 0
      t.equal(node.bodies(PLAIN_QUEUE).length, delivered, `${name}: messages delivered`)
      t.equal((bystander as HandSession | null)?.closed, null, `${name}: other sessions go on`)
    }
  })
}

t.test('an EstablishConnection response to the initiator opens the way, in WAITING_ECR_MSG only', async t => {
  const { session, request } = sessionInState('WAITING_ECR_MSG')
  const response = establishResponse(guidOf(2), request!)
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
