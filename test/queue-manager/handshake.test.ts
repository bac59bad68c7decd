import t from 'tap'
import { INTERNAL_FLAGS } from '../../protocol/binary/internal-header.js'
import { NIL_GUID } from '../../protocol/guid.js'
import { establishRequest, establishResponse, type HandSession, parameters } from '../fixtures/hand-peer.js'
import { addressOf, direct, engineAndPeer, guidOf, PLAIN_QUEUE, TX_QUEUE_NUMBER } from '../fixtures/sim-tests.js'

const NO_PING = 0x0100

t.test('acceptor: answers EstablishConnection with its own GUID, the rest echoed', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.connect(node)
  world.runFor(10)
  session.send(establishRequest(guidOf(2), { timeStamp: 0x12345678, operatingSystem: 0x0310 }))
  const answer = session.next('EstablishConnection')
  t.equal(answer.clientGuid, guidOf(2))
  t.equal(answer.serverGuid, guidOf(1))
  t.equal(answer.timeStamp, 0x12345678)
  t.equal(answer.operatingSystem & 0xff, 0x10)
  t.equal(answer.operatingSystem & NO_PING, NO_PING)
  t.equal(answer.internal.flags & INTERNAL_FLAGS.CS, 0)
  t.ok(answer.padding.every(byte => byte === 0x5a))

  session.send(parameters({ recoverableAckTimeout: 1_496, ackTimeout: 120_000, windowSize: 32 }))
  const agreed = session.next('ConnectionParameters')
  t.equal(agreed.recoverableAckTimeout, 1_496, 'the times of the initiator hold')
  t.equal(agreed.ackTimeout, 120_000)
  t.equal(agreed.windowSize, 64, 'each side says its own window')
  t.equal(node.engine.counters.sessionsOpened, 1)
})

t.test('acceptor: which ServerGuid it takes', async t => {
  for (const [serverGuid, refused] of [
    [NIL_GUID, false],
    [guidOf(1), false],
    [guidOf(9), true],
  ] as const) {
    const { world, node, peer } = engineAndPeer()
    const session = peer.connect(node)
    world.runFor(10)
    session.send(establishRequest(guidOf(2), { serverGuid }))
    const answer = session.next('EstablishConnection')
    t.equal((answer.internal.flags & INTERNAL_FLAGS.CS) !== 0, refused, `ServerGuid ${serverGuid}`)
    t.equal(answer.serverGuid, guidOf(1))
    t.equal(node.engine.counters.sessionsRefused, refused ? 1 : 0)
  }
})

t.test('acceptor: over MaxInSessions it closes without an answer, when no ping came first', async t => {
  const { world, node, peer } = engineAndPeer({ settings: { MaxInSessions: 1 } })
  const first = peer.openTo(node)
  const second = peer.connect(node)
  world.runFor(10)
  second.send(establishRequest(guidOf(3), { operatingSystem: 0x0310 }))
  t.ok(second.closedWithin(1_000))
  t.equal(second.packets.length, 0)
  t.equal(first.closed, null)
})

t.test('initiator: what it sends', async t => {
  const { node, peer } = engineAndPeer({ clock: { uptimeMs: 0x1_0000_0000 + 777 }, settings: { MaxUnackedPacket: 40 } })
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  const session = peer.accept()
  const request = session.next('EstablishConnection')
  t.equal(request.clientGuid, guidOf(1))
  t.equal(request.serverGuid, NIL_GUID, 'a direct format name asks for nobody in particular')
  t.ok(request.timeStamp >= 777 && request.timeStamp < 800, 'its clock in milliseconds, modulo 2^32')
  t.equal(request.operatingSystem & 0xff, 0x10)
  t.equal(request.operatingSystem & NO_PING, NO_PING)
  session.send(establishResponse(guidOf(2), request))
  const wanted = session.next('ConnectionParameters')
  t.equal(wanted.ackTimeout, 20_000)
  t.equal(wanted.recoverableAckTimeout, 500, 'eight round trips, but not below 500 ms')
  t.equal(wanted.windowSize, 40)
  session.send(parameters({ ...wanted, windowSize: 64 }))
  t.equal(session.next('UserMessage').properties.body.toString(), 'x')
})

t.test('initiator: RecoverableAckTimeout is 8 round trips within 500..120,000 ms', async t => {
  for (const [roundTripMs, expected] of [
    [1, 500],
    [100, 800],
    [2_000, 16_000],
    [30_000, 120_000],
  ] as const) {
    const { world, node, peer } = engineAndPeer()
    node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
    const session = peer.accept()
    const request = session.next('EstablishConnection')
    world.runFor(roundTripMs - 1)
    session.send(establishResponse(guidOf(2), request))
    const { recoverableAckTimeout } = session.next('ConnectionParameters')
    t.ok(
      Math.abs(recoverableAckTimeout - expected) <= 8,
      `${roundTripMs} ms: ${recoverableAckTimeout}, expected about ${expected}`,
    )
  }
})

t.test('initiator: the round trip survives the wrap of the 32-bit clock', async t => {
  const { world, node, peer } = engineAndPeer({ clock: { uptimeMs: 0xffff_ffff - 50 } })
  node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
  const session = peer.accept()
  const request = session.next('EstablishConnection')
  world.runFor(200)
  session.send(establishResponse(guidOf(2), request))
  const { recoverableAckTimeout } = session.next('ConnectionParameters')
  t.ok(recoverableAckTimeout > 1_500 && recoverableAckTimeout < 1_700, `${recoverableAckTimeout}`)
})

t.test('initiator: a private format name asks for that queue manager', async t => {
  const { world, node, peer } = engineAndPeer()
  world.resolver.queueManagers.set(guidOf(7), [addressOf(2)])
  node.send({ destination: `PRIVATE=${guidOf(7)}\\${TX_QUEUE_NUMBER.toString(16)}`, body: Buffer.alloc(1) })
  const session = peer.accept()
  t.equal(session.next('EstablishConnection').serverGuid, guidOf(7))
})

t.test(
  'initiator: answers it does not take close the session, and it tries again after TryConnectInterval',
  async t => {
    type Answer = (session: HandSession) => void
    const answers: Record<string, Answer> = {
      'refused by CS': session =>
        session.send(establishResponse(guidOf(7), session.next('EstablishConnection'), { refused: true })),
      'for another client': session =>
        session.send(establishResponse(guidOf(7), session.next('EstablishConnection'), { clientGuid: guidOf(8) })),
      'from another server': session => session.send(establishResponse(guidOf(6), session.next('EstablishConnection'))),
      'closed without a word': session => session.socket.end(),
      'reset without a word': session => session.socket.abort(),
      'a packet that is none': session => session.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    }
    for (const [what, answer] of Object.entries(answers)) {
      const { world, node, peer } = engineAndPeer()
      world.resolver.queueManagers.set(guidOf(7), [addressOf(2)])
      node.send({ destination: `PRIVATE=${guidOf(7)}\\65`, body: Buffer.alloc(1) })
      const session = peer.accept()
      answer(session)
      t.ok(session.closedWithin(1_000), `${what}: closed`)
      const closedMs = world.nowMs
      world.runFor(4_900)
      t.equal(peer.waiting, 0, `${what}: waits`)
      const again = peer.accept(200)
      t.ok(world.nowMs - closedMs > 4_900, `${what}: tries again after 5 s`)
      again.send(establishResponse(guidOf(7), again.next('EstablishConnection')))
      again.send(parameters())
      again.next('ConnectionParameters')
      t.equal(again.next('UserMessage').user.queueManagerAddress, guidOf(7), `${what}: and succeeds`)
    }
  },
)

t.test('initiator: with no GUID wanted, any server is taken', async t => {
  const { node, peer } = engineAndPeer()
  node.send({ destination: direct(peer, PLAIN_QUEUE), body: Buffer.alloc(1) })
  const session = peer.accept()
  session.send(establishResponse(guidOf(99), session.next('EstablishConnection')))
  session.next('ConnectionParameters')
  t.equal(session.closed, null)
})

t.test('parameters outside the published ranges: taken and clamped, or refused by a strict queue manager', async t => {
  const odd = { recoverableAckTimeout: 1, ackTimeout: 5, windowSize: 0 }
  const lax = engineAndPeer()
  const open = lax.peer.openTo(lax.node, odd)
  t.equal(open.closed, null)
  const strict = engineAndPeer({ settings: { StrictConnectionParameters: 1 } })
  const session = strict.peer.connect(strict.node)
  strict.world.runFor(10)
  session.send(establishRequest(guidOf(2)))
  session.next('EstablishConnection')
  session.send(parameters(odd))
  t.ok(session.closedWithin(1_000))
  t.equal(strict.node.engine.counters.protocolViolations, 1)
})

t.test('a handshake byte by byte', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.connect(node)
  world.runFor(10)
  for (const packet of [establishRequest(guidOf(2)), parameters()])
    for (const byte of packet) {
      session.send(Buffer.of(byte))
      world.runFor(1)
    }
  session.next('EstablishConnection')
  session.next('ConnectionParameters')
  t.equal(node.engine.counters.sessionsOpened, 1)
})
