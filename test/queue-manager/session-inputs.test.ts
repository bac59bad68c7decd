import t from 'tap'
import type { SessionState } from '../../queue-manager/session-states.js'
import { plainMessage } from '../fixtures/messages.js'
import {
  ACCEPTOR_STATES,
  destinationAt,
  INITIATOR_STATES,
  REACHABLE_STATES,
  type ReachableState,
  type SessionInState,
  sessionInState,
  stateOf,
} from '../fixtures/session-in-state.js'
import { direct, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

/** Longer than any test runs: each test makes the one timer short that it is about. */
const NEVER_MS = 4_000_000
const NO_TIMERS = {
  SessionInitializationTimeout: NEVER_MS,
  CleanupInterval: NEVER_MS,
  AckWaitTimeout: NEVER_MS,
  RecoverableAckSendTimeoutMin: NEVER_MS,
}

interface Expiry {
  readonly settings: Readonly<Record<string, number>>
  /** When the session is given up, after it came into the state; what is not here goes on as it is. */
  readonly closesAfterMs: { readonly [state in ReachableState]?: number }
}

/** The timers of a session and the states that they end ([MS-MQQB] 3.1.2.1, 3.1.6.2 to 3.1.6.4). */
const EXPIRIES: Record<string, Expiry> = {
  'session initialization': {
    settings: { SessionInitializationTimeout: 3_000 },
    closesAfterMs: { WAITING_EC_MSG: 3_000, WAITING_CP_MSG: 3_000, WAITING_ECR_MSG: 3_000, WAITING_CPR_MSG: 3_000 },
  },
  // the initiator awaits the ack of its message, and so is not idle
  'session cleanup': { settings: { CleanupInterval: 3_000 }, closesAfterMs: { OPEN: 3_000 } },
  // twice for direct names
  'session ack wait': { settings: { AckWaitTimeout: 1_500 }, closesAfterMs: { 'OPEN (initiator)': 3_000 } },
  'session ack send': { settings: { RecoverableAckSendTimeoutMin: 3_000, IdleAckDelay: 3_000 }, closesAfterMs: {} },
}

function isSameState(state: ReachableState, now: SessionState): boolean {
  return now === (state === 'OPEN (initiator)' ? 'OPEN' : state)
}

function endOf({ isInitiator }: SessionInState): SessionState {
  return isInitiator ? 'WAITING_RECONNECT' : 'CLOSED'
}

for (const [timer, { settings, closesAfterMs }] of Object.entries(EXPIRIES))
  t.test(`${timer} timer, in every state`, async t => {
    for (const state of REACHABLE_STATES) {
      const setup = sessionInState(state, { ...NO_TIMERS, ...settings })
      const { session } = setup
      const afterMs = closesAfterMs[state]
      if (afterMs === undefined) {
        t.notOk(session.closedWithin(20_000), `${state}: goes on`)
        t.ok(isSameState(state, stateOf(setup)), `${state}: as it was`)
        continue
      }
      t.notOk(session.closedWithin(afterMs - 50), `${state}: not before its time`)
      t.ok(session.closedWithin(100), `${state}: closes`)
      t.equal(stateOf(setup), endOf(setup), `${state}: the next state`)
    }
  })

t.test(
  'session cleanup timer: an initiator with everything acknowledged is idle, and does not connect again',
  async t => {
    const setup = sessionInState('OPEN (initiator)', { ...NO_TIMERS, CleanupInterval: 3_000 })
    setup.session.ack()
    t.ok(setup.session.closedWithin(6_100))
    t.equal(stateOf(setup), 'CLOSED')
  },
)

t.test('session ack timer: a session ack goes out where one is owed, and only there', async t => {
  const setup = sessionInState('OPEN', { ...NO_TIMERS, IdleAckDelay: 3_000 })
  const { node, session } = setup
  t.strictSame(session.takeFor(10_000), [], 'nothing is owed')
  session.sendCounted(plainMessage({ source: guidOf(2), messageId: 1, to: direct(node, PLAIN_QUEUE) }))
  t.strictSame(session.takeFor(2_900), [], 'not before its time')
  const acks = session.takeFor(200)
  t.match(acks, [{ packetType: 'SessionAck', session: { ackSequenceNumber: 1 } }])
  t.equal(acks.length, 1)
  t.equal(stateOf(setup), 'OPEN')
})

for (const how of ['end', 'abort'] as const)
  t.test(`the connection's ${how === 'end' ? 'end' : 'reset'}, in every state`, async t => {
    for (const state of REACHABLE_STATES) {
      const setup = sessionInState(state, NO_TIMERS)
      setup.session.socket[how]()
      setup.world.runFor(10)
      t.equal(setup.node.notesOf('session-closed').length, 1, `${state}: closes`)
      t.equal(stateOf(setup), endOf(setup), `${state}: the next state`)
      const [left] = setup.node.engine.outgoingQueues()
      if (setup.isInitiator) t.equal(left?.messages, 1, `${state}: its message is still there`)
    }
  })

t.test("send to the peer, in every acceptor's state: a session of its own is opened for it", async t => {
  for (const state of ACCEPTOR_STATES) {
    const setup = sessionInState(state, NO_TIMERS)
    const { node, peer, session } = setup
    node.send({ destination: destinationAt(peer), body: Buffer.from('second') })
    const own = peer.accept()
    own.openAsAcceptor()
    t.equal(own.next('UserMessage').properties.body.toString(), 'second', `${state}: over its own`)
    t.strictSame(session.take(), [], `${state}: not over this`)
    t.ok(isSameState(state, stateOf(setup)), `${state}: goes on as it was`)
  }
})

t.test("send to the same destination, in every initiator's state: over the same session, once it is open", async t => {
  for (const state of INITIATOR_STATES) {
    const setup = sessionInState(state, NO_TIMERS)
    const { world, node, peer, session } = setup
    node.send({ destination: destinationAt(peer), body: Buffer.from('second') })
    world.runFor(100)
    t.ok(isSameState(state, stateOf(setup)), `${state}: goes on as it was`)
    t.equal(peer.waiting, 0, `${state}: no second session`)
    const came = session.take().map(({ packetType }) => packetType)
    t.strictSame(came, state === 'OPEN (initiator)' ? ['UserMessage'] : [], `${state}: what is sent at once`)
  }
})

t.test('stop, in every state: closes for good, and keeps the messages', async t => {
  for (const state of REACHABLE_STATES) {
    const setup = sessionInState(state, NO_TIMERS)
    const { node, session } = setup
    node.driver.stop()
    t.ok(session.closedWithin(1_000), `${state}: closes`)
    t.equal(session.closed?.how, 'end', `${state}: gracefully`)
    t.equal(stateOf(setup), 'CLOSED', `${state}: and does not come back`)
    const [left] = node.engine.outgoingQueues()
    t.equal(left?.messages, setup.isInitiator ? 1 : undefined, `${state}: messages left`)
  }
})

/** WAITING_RECONNECT: an initiator's session that was cut before its message was acknowledged. */
function cut(): SessionInState {
  const setup = sessionInState('OPEN (initiator)', { ...NO_TIMERS, TryConnectInterval: 3_000 })
  setup.session.socket.abort()
  setup.world.runFor(10)
  return setup
}

t.test('WAITING_RECONNECT: every input', async t => {
  const inputs: Record<string, { readonly act: (setup: SessionInState) => void; readonly sent: readonly string[] }> = {
    'the retry timer alone': { act: () => {}, sent: ['first'] },
    send: {
      act: ({ node, peer }) => node.send({ destination: destinationAt(peer), body: Buffer.from('second') }),
      sent: ['first', 'second'],
    },
    'a session from the peer': { act: ({ node, peer }) => peer.openTo(node), sent: ['first'] },
  }
  for (const [name, { act, sent }] of Object.entries(inputs)) {
    const setup = cut()
    const { world, peer } = setup
    act(setup)
    world.runFor(2_900)
    t.equal(peer.waiting, 0, `${name}: not before the interval is over`)
    const again = peer.accept(200)
    again.openAsAcceptor()
    world.runFor(100)
    const bodies = again
      .take()
      .map(packet => ('user' in packet ? packet.properties.body.toString() : packet.packetType))
    t.strictSame(bodies, sent, `${name}: then, with all that waited`)
  }
  const { world, node, peer } = cut()
  node.driver.stop()
  world.runFor(60_000)
  t.equal(peer.waiting, 0, 'stop: never')
  t.equal(node.engine.outgoingQueues()[0]?.messages, 1, 'stop: the message stays')
})

t.test('CLOSED: nothing left to send, so only a message opens a session, at once', async t => {
  const { world, node, peer, session } = sessionInState('OPEN (initiator)', NO_TIMERS)
  session.ack()
  world.runFor(10)
  session.socket.end()
  world.runFor(100_000)
  t.equal(peer.waiting, 0, 'time alone does not')
  const other = peer.openTo(node)
  world.runFor(10_000)
  t.equal(peer.waiting, 0, 'nor does a session from the peer')
  t.equal(other.closed, null)
  node.send({ destination: destinationAt(peer), body: Buffer.from('second') })
  const again = peer.accept(100)
  again.openAsAcceptor()
  t.equal(again.next('UserMessage').properties.body.toString(), 'second')
})
