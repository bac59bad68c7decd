import t from 'tap'
import { HandPeer } from '../fixtures/hand-peer.js'
import { plainMessage } from '../fixtures/messages.js'
import { addressOf, direct, engineAndPeer, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

t.test('a handshake that does not finish is given up after 60 s, on both sides', async t => {
  const { world, node, peer } = engineAndPeer()
  const silent = peer.connect(node)
  world.runFor(1)
  t.notOk(silent.closedWithin(59_900))
  t.ok(silent.closedWithin(200), 'acceptor')
  t.equal(node.engine.counters.connectionsClosedBeforeHandshake, 1)

  node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(1) })
  const unanswered = peer.accept()
  t.notOk(unanswered.closedWithin(59_900))
  t.ok(unanswered.closedWithin(200), 'initiator')
  peer.accept(5_100)
})

t.test('the initialisation timer follows its setting and RoundTripDelay', async t => {
  const { world, node, peer } = engineAndPeer({
    settings: { SessionInitializationTimeout: 1_000, RoundTripDelay: 250 },
  })
  const silent = peer.connect(node)
  world.runFor(1)
  t.notOk(silent.closedWithin(1_490))
  t.ok(silent.closedWithin(20))
})

t.test('an idle session is closed after one to two cleanup periods; only user messages count as activity', async t => {
  for (const activeUntilMs of [0, 1_000, 290_000]) {
    const { world, node, peer } = engineAndPeer()
    const session = peer.openTo(node)
    const openMs = world.nowMs
    if (activeUntilMs > 0) {
      world.runFor(activeUntilMs)
      session.sendCounted(plainMessage({ source: guidOf(2), messageId: 1, to: direct(node, PLAIN_QUEUE) }))
    }
    while (session.closed === null && world.nowMs < openMs + 1_000_000) {
      session.ack()
      world.runFor(10_000)
    }
    const closedAfterMs = session.closed!.atMs - openMs
    const expectedMs = activeUntilMs === 0 ? 300_000 : Math.ceil(activeUntilMs / 300_000) * 300_000 + 300_000
    t.ok(
      Math.abs(closedAfterMs - expectedMs) < 100,
      `active at ${activeUntilMs}: closed at ${closedAfterMs}, expected ${expectedMs}`,
    )
  }
})

t.test('no session ack: the session is given up after AckWaitTimeout x 2 for direct names, x 1 otherwise', async t => {
  for (const [destination, waitMs] of [
    [`DIRECT=TCP:${addressOf(2)}\\q`, 40_000],
    [`PRIVATE=${guidOf(2)}\\70`, 20_000],
  ] as const) {
    const { world, node, peer } = engineAndPeer()
    world.resolver.queueManagers.set(guidOf(2), [addressOf(2)])
    node.send({ destination, body: Buffer.from('x') })
    const session = peer.accept()
    session.openAsAcceptor()
    session.next('UserMessage')
    const sentMs = world.nowMs
    session.closedWithin(200_000)
    t.ok(Math.abs(session.closed!.atMs - sentMs - waitMs) < 10, `${destination}: ${session.closed!.atMs - sentMs}`)
    const again = peer.accept(5_100)
    again.openAsAcceptor()
    t.equal(again.next('UserMessage').properties.body.toString(), 'x', 'and sent again')
  }
})

t.test('any packet from the peer keeps the session for another ack wait', async t => {
  const { world, node, peer } = engineAndPeer()
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  const session = peer.accept()
  session.openAsAcceptor()
  session.next('UserMessage')
  const sentMs = world.nowMs
  world.runFor(30_000)
  session.sendCounted(plainMessage({ source: guidOf(2), messageId: 1, to: direct(node, PLAIN_QUEUE) }))
  session.closedWithin(200_000)
  t.ok(Math.abs(session.closed!.atMs - sentMs - 80_000) < 10, `${session.closed!.atMs - sentMs}`)
})

t.test('an acknowledged session waits for nothing', async t => {
  const { node, peer } = engineAndPeer({ settings: { CleanupInterval: 1_000_000 } })
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  const session = peer.accept()
  session.openAsAcceptor()
  session.next('UserMessage')
  session.ack()
  t.notOk(session.closedWithin(200_000))
})

t.test('nobody there: it tries every TryConnectInterval until somebody is', async t => {
  const { world, node, peer } = engineAndPeer({ settings: { TryConnectInterval: 3_000 } })
  peer.unlisten()
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  world.runFor(30_500)
  t.ok(Math.abs(node.engine.counters.connectAttempts - 11) <= 1, `${node.engine.counters.connectAttempts} attempts`)
  t.equal(node.engine.counters.connectFailures, node.engine.counters.connectAttempts)
  peer.listen()
  const session = peer.accept(3_100)
  session.openAsAcceptor()
  t.equal(session.next('UserMessage').properties.body.toString(), 'x')
})

t.test('several addresses are tried in turn, one each retry, and found anew after the last', async t => {
  const { world, node } = engineAndPeer()
  const third = new HandPeer(world, addressOf(4), guidOf(4)).listen()
  world.resolver.names.set('many', [addressOf(11), addressOf(12), addressOf(4)])
  node.send({ destination: 'DIRECT=OS:many\\private$\\q', body: Buffer.from('x') })
  const session = third.accept(11_000)
  t.ok(world.nowMs > 9_900, 'two failures, two intervals')
  const tried = node.notesOf('session-connecting').map(note => note.address)
  t.strictSame(tried, [addressOf(11), addressOf(12), addressOf(4)])
  third.unlisten()
  session.socket.abort()
  world.resolver.names.set('many', [addressOf(2)])
  world.runFor(5_100)
  t.equal(node.notesOf('session-connecting').at(-1)?.address, addressOf(2))
})

t.test('a name that does not resolve is asked for again every interval', async t => {
  const { world, node, peer } = engineAndPeer()
  world.resolver.delayMs = 40
  node.send({ destination: 'DIRECT=OS:later\\private$\\q', body: Buffer.from('x') })
  world.runFor(12_000)
  t.equal(node.notesOf('resolved').length, 3)
  t.equal(node.engine.outgoingQueues()[0]?.state, 'NEED VALIDATION')
  t.equal(node.engine.counters.connectAttempts, 0)
  world.resolver.names.set('later', [addressOf(2)])
  const session = peer.accept(5_100)
  session.openAsAcceptor()
  t.equal(session.next('UserMessage').properties.body.toString(), 'x')
})

t.test('after an idle close the next message opens a new session at once', async t => {
  const { world, node, peer } = engineAndPeer({ settings: { CleanupInterval: 1_000 } })
  const destination = direct(peer, 'q')
  node.send({ destination, body: Buffer.from('1') })
  const first = peer.accept()
  first.openAsAcceptor()
  first.next('UserMessage')
  first.ack()
  t.ok(first.closedWithin(2_100))
  world.runFor(20_000)
  t.equal(peer.waiting, 0, 'nothing to send, no session')
  node.send({ destination, body: Buffer.from('2') })
  const second = peer.accept(100)
  second.openAsAcceptor()
  t.equal(second.next('UserMessage').properties.body.toString(), '2')
})

t.test('two spellings of one destination are two queues with two sessions', async t => {
  const { node, peer } = engineAndPeer()
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('1') })
  node.send({ destination: direct(peer, 'other'), body: Buffer.from('2') })
  peer.accept()
  peer.accept()
  t.equal(node.engine.outgoingQueues().length, 2)
})

t.test('a reset and an end of the connection are the same to the messages', async t => {
  for (const end of ['end', 'abort'] as const) {
    const { node, peer } = engineAndPeer()
    node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
    const session = peer.accept()
    session.openAsAcceptor()
    session.next('UserMessage')
    session.socket[end]()
    const again = peer.accept(5_100)
    again.openAsAcceptor()
    t.equal(again.next('UserMessage').properties.body.toString(), 'x', end)
  }
})

t.test('a connect that is never answered fails in time and is tried again', async t => {
  const { world, node, peer } = engineAndPeer()
  world.network.part(node.address, peer.address)
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  world.runFor(30_000)
  t.ok(node.engine.counters.connectFailures >= 1)
  world.network.join(node.address, peer.address)
  const session = peer.accept(70_000)
  session.openAsAcceptor()
  session.next('UserMessage')
})

t.test('stop closes every session', async t => {
  const { world, node, peer } = engineAndPeer()
  const session = peer.openTo(node)
  node.driver.stop()
  t.ok(session.closedWithin(1_000))
  t.equal(session.closed?.how, 'end')
  world.runFor(1_000)
})

t.test('a wall clock that is set does not move a timer', async t => {
  const { world, node, peer } = engineAndPeer()
  node.send({ destination: direct(peer, 'q'), body: Buffer.from('x') })
  const session = peer.accept()
  session.openAsAcceptor()
  session.next('UserMessage')
  const sentMs = world.nowMs
  world.runFor(1_000)
  node.clock.stepWall(-10_000_000)
  world.runFor(1_000)
  node.clock.stepWall(20_000_000)
  session.closedWithin(200_000)
  t.ok(Math.abs(session.closed!.atMs - sentMs - 40_000) < 10, `ack wait: ${session.closed!.atMs - sentMs}`)
  peer.accept(5_100)
})

t.test('nothing is written to a connection whose buffer is full', async t => {
  const { world, node, peer } = engineAndPeer({ settings: { MaxUnackedPacket: 1_000 } })
  const send = (count: number): void => {
    for (let number = 0; number < count; number++)
      node.send({ destination: direct(peer, 'q'), body: Buffer.alloc(10_000) })
  }
  send(50)
  const session = peer.accept()
  session.openAsAcceptor({ windowSize: 1_000 })
  session.socket.pause()
  world.runFor(1_000)
  t.equal(node.engine.counters.userMessagesSent, 50, 'more than the buffer holds, at one go')
  send(150)
  world.runFor(1_000)
  t.equal(node.engine.counters.userMessagesSent, 50, 'then it waits, though the window is wide')
  session.socket.resume()
  world.runFor(1_000)
  t.equal(session.received, 200)
})
