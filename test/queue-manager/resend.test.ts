import t from 'tap'
import type { SimNode } from '../../lab/sim/sim-node.js'
import { orderAckMessage } from '../fixtures/messages.js'
import { direct, engineAndAutomaticPeer, guidOf } from '../fixtures/sim-tests.js'

const MINUTE_S = 60
const HOUR_S = 3_600

type Setup = ReturnType<typeof engineAndAutomaticPeer>

function send({ node, peer }: Setup, text: string, timeToReachQueueS?: number): void {
  const message = {
    destination: direct(peer, 'q'),
    body: Buffer.from(text),
    ...(timeToReachQueueS === undefined ? {} : { timeToReachQueueS }),
  }
  node.sendTransaction([message])
}

/** Seconds from the first transmission to each expiry of the resend timer. */
function resendsS(node: SimNode): number[] {
  const firstMs = node.notesOf('sent')[0]!.atMs
  return node.notesOf('resend').map(note => (note.atMs - firstMs) / 1000)
}

/** Text, number and previous number of every transactional message that came, in order. */
function came({ peer }: Setup): string[] {
  return peer.messages.map(({ packet }) => {
    const { sequenceNumber, previousSequenceNumber } = packet.transaction!
    return `${packet.properties.body} ${sequenceNumber}/${previousSequenceNumber}`
  })
}

function orderAck(setup: Setup, number: number): void {
  const { world, node, peer } = setup
  const sequenceId = peer.messages.at(-1)!.packet.transaction!.sequenceId
  const session = peer.openTo(node)
  session.sendCounted(
    orderAckMessage({
      source: guidOf(2),
      messageId: 1_000 + Math.round(world.nowMs),
      to: node.address,
      sequenceId,
      number,
    }),
  )
  world.runFor(50)
}

t.test('the ladder: 30, 60, 90 s, 6.5, 11.5, 16.5, 46.5, 76.5, 106.5 min, then every 6 h', async t => {
  const setup = engineAndAutomaticPeer()
  send(setup, 'x')
  setup.world.runFor(30 * HOUR_S * 1000)
  const last = 106.5 * MINUTE_S
  t.strictSame(resendsS(setup.node), [
    30,
    60,
    90,
    6.5 * MINUTE_S,
    11.5 * MINUTE_S,
    16.5 * MINUTE_S,
    46.5 * MINUTE_S,
    76.5 * MINUTE_S,
    last,
    last + 6 * HOUR_S,
    last + 12 * HOUR_S,
    last + 18 * HOUR_S,
    last + 24 * HOUR_S,
  ])
  t.equal(setup.peer.messages.length, 14, 'and each time it is sent')
  t.strictSame(new Set(came(setup)), new Set(['x 1/0']), 'the same number each time')
  t.equal(new Set(setup.peer.messages.map(({ packet }) => packet.user.messageId)).size, 1)
})

t.test('the ladder follows its settings', async t => {
  const setup = engineAndAutomaticPeer({
    settings: { SeqResend13Time: 1, SeqResend46Time: 2, SeqResend79Time: 4, SeqResend10Time: 8 },
  })
  send(setup, 'x')
  setup.world.runFor(40_000)
  t.strictSame(resendsS(setup.node), [1, 2, 3, 5, 7, 9, 13, 17, 21, 29, 37])
})

t.test('all that is unacknowledged is sent again, in order, and nothing else', async t => {
  const setup = engineAndAutomaticPeer()
  for (const text of ['a', 'b', 'c', 'd']) send(setup, text)
  setup.world.runFor(100)
  orderAck(setup, 1)
  const before = came(setup).length
  setup.world.runFor(31_000)
  t.strictSame(came(setup).slice(before), ['b 2/1', 'c 3/2', 'd 4/3'])
})

t.test('progress starts the ladder anew', async t => {
  const setup = engineAndAutomaticPeer()
  for (const text of ['a', 'b']) send(setup, text)
  setup.world.runFor(400_000)
  t.equal(resendsS(setup.node).length, 4)
  orderAck(setup, 1)
  const ackedS = (setup.node.clock.now().wallMs - 50 - setup.node.notesOf('sent')[0]!.atMs) / 1000
  setup.world.runFor(100_000)
  const after = resendsS(setup.node)
    .slice(4)
    .map(atS => atS - ackedS)
  t.equal(after.length, 3)
  for (const [index, atS] of after.entries()) t.ok(Math.abs(atS - 30 * (index + 1)) < 0.2, `${atS} s after the ack`)
})

t.test('an ack that brings nothing new does not put the resend off', async t => {
  const setup = engineAndAutomaticPeer()
  for (const text of ['a', 'b']) send(setup, text)
  setup.world.runFor(100)
  orderAck(setup, 1)
  const resends = resendsS(setup.node).length
  for (let round = 0; round < 5; round++) {
    setup.world.runFor(10_000)
    orderAck(setup, 1)
  }
  t.equal(resendsS(setup.node).length, resends + 1)
})

t.test('an expired message leaves a gap, which the next one bridges', async t => {
  const setup = engineAndAutomaticPeer()
  send(setup, 'a')
  send(setup, 'b', 10)
  send(setup, 'c', 10)
  send(setup, 'd')
  setup.world.runFor(31_000)
  t.strictSame(came(setup), ['a 1/0', 'b 2/1', 'c 3/2', 'd 4/3', 'a 1/0', 'd 4/1'])
})

t.test('when the first is gone, the next names the last that was acknowledged', async t => {
  const setup = engineAndAutomaticPeer()
  send(setup, 'a')
  send(setup, 'b', 10)
  send(setup, 'c')
  setup.world.runFor(100)
  orderAck(setup, 1)
  setup.world.runFor(35_000)
  t.strictSame(came(setup).slice(3), ['c 3/1'])

  const other = engineAndAutomaticPeer()
  send(other, 'a', 10)
  send(other, 'b')
  other.world.runFor(31_000)
  t.strictSame(came(other).slice(2), ['b 2/0'], 'or 0, when nothing was')
})

t.test('a drained queue begins a new sequence', async t => {
  const setup = engineAndAutomaticPeer()
  send(setup, 'a')
  send(setup, 'b')
  setup.world.runFor(100)
  orderAck(setup, 2)
  t.equal(setup.node.engine.counters.outgoingMessages, 0)
  send(setup, 'c')
  setup.world.runFor(100)
  t.strictSame(came(setup), ['a 1/0', 'b 2/1', 'c 1/0'])
  const [first, , third] = setup.peer.messages.map(({ packet }) => packet.transaction!.sequenceId)
  t.strictSame(third, { ordinal: first!.ordinal + 1, timeStamp: first!.timeStamp })
  setup.world.runFor(200_000)
  t.ok(
    setup.node.notesOf('resend').every(note => note.messages === 1),
    'the old ones are gone',
  )
})

t.test('a queue that never drains goes on with its sequence', async t => {
  const setup = engineAndAutomaticPeer()
  send(setup, 'a')
  send(setup, 'b')
  setup.world.runFor(100)
  orderAck(setup, 1)
  send(setup, 'c')
  setup.world.runFor(100)
  t.strictSame(came(setup), ['a 1/0', 'b 2/1', 'c 3/2'])
})

t.test('each destination has its own sequence and its own timer', async t => {
  const setup = engineAndAutomaticPeer()
  const { node, peer, world } = setup
  node.sendTransaction([{ destination: direct(peer, 'one'), body: Buffer.from('1') }])
  world.runFor(10_000)
  node.sendTransaction([{ destination: direct(peer, 'two'), body: Buffer.from('2') }])
  world.runFor(25_000)
  t.strictSame(
    node.notesOf('resend').map(note => note.queue),
    [direct(peer, 'one')],
  )
  const ordinals = node.notesOf('sent').map(note => note.tx!.sequence)
  t.equal(new Set(ordinals).size, 2)
})

t.test('resending goes on through a new session when the old one is gone', async t => {
  const setup = engineAndAutomaticPeer({ settings: { CleanupInterval: 5_000 } })
  send(setup, 'a')
  setup.world.runFor(95_000)
  t.equal(came(setup).length, 4)
  t.equal(setup.peer.sessions.length, 4, 'each resend found the session closed for being idle')
})

t.test('FM and LM mark the ends of a transaction, its id is one', async t => {
  const setup = engineAndAutomaticPeer()
  const destination = direct(setup.peer, 'q')
  setup.node.sendTransaction(['a', 'b', 'c'].map(text => ({ destination, body: Buffer.from(text) })))
  send(setup, 'd')
  setup.world.runFor(100)
  const flags = setup.peer.messages.map(({ packet }) => packet.transaction!.flags)
  t.strictSame(
    flags.map(word => word & 0xc),
    [4, 0, 8, 12],
  )
  t.equal(new Set(flags.slice(0, 3).map(word => word >>> 4)).size, 1)
  t.not(flags[3]! >>> 4, flags[0]! >>> 4)
  t.ok(
    setup.peer.messages.every(({ packet }) => (packet.base.flags & 7) === 0),
    'priority 0',
  )
})
