import t from 'tap'
import { type Found, foundIn, RECEIVER, SENDER, TRANSLATED, VIP } from '../../fixtures/found-in.js'
import type { SeenTraffic, TrafficSession } from '../../fixtures/seen-traffic.js'

const S = 1e6

/** A session with messages in flight that ends, and the client's next one. */
function cut(end: (session: TrafficSession, traffic: SeenTraffic) => void, again = true): Found {
  return foundIn(traffic => {
    const session = traffic.session(SENDER, RECEIVER)
    for (let count = 0; count < 3; count += 1) session.express()
    traffic.wait(2)
    end(session, traffic)
    traffic.wait(5)
    if (again) traffic.session(SENDER, RECEIVER)
    traffic.wait(10)
    traffic.next()
  })
}

t.test('a session that ends with messages in flight, and whose client comes back, was cut', t => {
  const { of, grave } = cut(session => session.end('reset', 1, { idleUs: 2 * S }))
  t.strictSame(grave, ['session-cut'])
  const { count, proven, first } = of('session-cut')!
  t.strictSame([count, proven, first.weight], [1, 1, 3])
  t.match(first, { from: `${SENDER.address}:49152`, to: `${RECEIVER.address}:1801` })
  t.match(
    first.text,
    /reset by the end of 10\.0\.2\.1 while 3 messages of 10\.0\.1\.1 had no session ack, 2\.000 s after/,
  )
  t.match(first.text, /connected again 5\.00\d s later/)
  t.strictSame(
    first.frames.map(({ number }) => number),
    [6, 9, 12],
    'the oldest message, the RST, the next answer',
  )
  t.end()
})

t.test('one whose client does not come back was stopped with its machine', t => {
  t.strictSame(cut(session => session.end('fin', 0), false).grave, [])
  t.end()
})

t.test('one with everything acknowledged was not cut', t => {
  const { grave } = cut(session => {
    session.sessionAck(3)
    session.end('fin', 1)
  })
  t.strictSame(grave, [])
  t.end()
})

t.test('acks that lie in a hole are not missed for certain', t => {
  const { grave, of } = foundIn((traffic, diagnosis) => {
    const session = traffic.session(SENDER, RECEIVER)
    session.express()
    diagnosis.hole(session.connections[0]!, 1, 36, 'never-captured', traffic.next())
    session.end('reset', 1)
    traffic.session(SENDER, RECEIVER)
  })
  t.strictSame(grave, ['session-cut'])
  t.match(of('session-cut'), { proven: 0, first: { reservations: [/bytes that 10\.0\.2\.1 sent .* are missing/] } })
  t.end()
})

t.test('where the other side was not captured nothing is said', t => {
  const { grave } = foundIn(traffic => {
    const session = traffic.session(SENDER, RECEIVER)
    session.express()
    ;(session.connections[0]!.frames as [number, number])[1] = 0
    session.end('reset', 0)
    traffic.session(SENDER, RECEIVER)
  })
  t.strictSame(grave, [])
  t.end()
})

t.test('a RST that neither end sent is a third party’s, whether the client comes back or not', t => {
  const { grave, of } = cut(session => session.end('reset', 1, { forged: true }), false)
  t.strictSame(grave, ['session-cut'])
  t.match(of('session-cut')!.first.text, /by a third party in the name of 10\.0\.2\.1/)
  t.end()
})

t.test('a balancer that ends both of its connections is named; one that passes an end on is not', t => {
  const ended = (byFront: 0 | 1, byBack: 0 | 1, again: boolean) =>
    foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER, ...TRANSLATED)
      session.express()
      const [front, back] = session.connections
      traffic.wait(60)
      traffic.end(front!, 'reset', byFront, { idleUs: 60 * S })
      traffic.end(back!, 'reset', byBack, { idleUs: 60 * S })
      traffic.wait(3)
      if (again) traffic.session(SENDER, RECEIVER, ...TRANSLATED)
    })
  const { grave, of } = ended(1, 0, true)
  t.strictSame(grave, ['session-cut'])
  t.match(of('session-cut'), {
    count: 1,
    first: { text: /by the balancer 10\.0\.0\.5 \(it ended both of its connections\)/ },
  })
  t.strictSame(ended(1, 1, false).grave, [], 'the host ended it')
  t.strictSame(ended(0, 0, false).grave, [], 'the client ended it')
  t.end()
})

t.test('a balancer that gives up one side long before the other', t => {
  const { of } = foundIn(traffic => {
    const session = traffic.session(SENDER, RECEIVER, ...TRANSLATED)
    session.express()
    session.sessionAck(1)
    const [front, back] = session.connections
    traffic.wait(50)
    traffic.end(front!, 'fin', 1, { idleUs: 50 * S })
    traffic.wait(20)
    traffic.end(back!, 'fin', 1, { idleUs: 70 * S })
    traffic.wait(300)
    traffic.session(SENDER, RECEIVER, ...TRANSLATED)
  })
  t.match(of('idle-session-cut')!.first.text, new RegExp(`balancer ${VIP} \\(the connection behind it lived on\\)`))
  t.end()
})

/** Sessions that live for `livesS` and are idle for `idleS` at their end. */
function idle(livesS: readonly number[], idleS: (index: number) => number, how: 'fin' | 'reset' = 'fin'): Found {
  return foundIn(traffic => {
    for (const [index, lifeS] of livesS.entries()) {
      const session = traffic.session(SENDER, RECEIVER)
      session.express()
      session.sessionAck(1)
      traffic.wait(lifeS)
      session.end(how, 1, { idleUs: idleS(index) * S })
    }
    traffic.wait(3)
    traffic.next()
  })
}

t.test('sessions that end after the same idle time, however long they lived, are ended by a timer', t => {
  const { grave, of } = idle([71.3, 95.1, 204.8, 63.9], index => 60 + index / 1000)
  t.strictSame(grave, ['idle-session-cut'])
  const { count, proven, first } = of('idle-session-cut')!
  t.strictSame([count, proven], [4, 4])
  t.match(
    first.text,
    /after 1 min of silence; 3 sessions to it ended after the same idle time \(shortest 1 min, median 1 min\)/,
  )
  t.match(first.text, /MSMQ closes an idle session itself only after 5 to 10 minutes/)
  t.end()
})

t.test('what ends in one moment was stopped, by its idle time or by its balancer', t => {
  const stopped = (wires: typeof TRANSLATED | readonly []) =>
    foundIn(traffic => {
      const sessions = [1, 2, 3, 4].map(() => traffic.session(SENDER, RECEIVER, ...wires))
      traffic.wait(60)
      for (const session of sessions) {
        for (const [index, connection] of session.connections.entries())
          traffic.end(connection, 'fin', index === 0 ? 1 : 0, { idleUs: 60 * S })
        traffic.wait(0.1)
      }
      traffic.wait(5)
      traffic.next()
    })
  t.strictSame(stopped([]).grave, [])
  t.strictSame(stopped(TRANSLATED).grave, [])
  t.end()
})

t.test('other ends are nobody’s timer', async t => {
  t.strictSame(idle([71, 95, 204, 63], index => 20 + 17 * index).grave, [], 'idle for different times')
  t.strictSame(idle([71, 95], () => 60).grave, [], 'two are no timer')
  t.strictSame(idle([100, 200, 300], () => 0.5).grave, [], 'half a second is not idle')
})

t.test('MSMQ’s own limit is known by the lives of its sessions', async t => {
  t.strictSame(idle([600, 600.01, 900, 600.02], () => 598).grave, [], 'CleanupInterval of 300 s')
  t.strictSame(idle([240, 360, 240.02], () => 235).grave, [], 'of 120 s')
  t.strictSame(idle([2.4, 2.4, 3.6, 2.4], () => 2.3).grave, [], 'of 1.2 s, in a scenario')
  const { of } = idle([120, 120.01, 120.02], () => 60)
  t.match(of('idle-session-cut'), { count: 3, proven: 0 }, 'one of 60 s could do it: not proven')
  t.match(of('idle-session-cut')?.first.reservations, [/CleanupInterval is set to 60000 ms/])
  const endless = foundIn(traffic => {
    const sessions = [1, 2, 3].map(() => traffic.session(SENDER, RECEIVER))
    traffic.wait(9e10)
    for (const session of sessions) {
      traffic.wait(7)
      session.end('fin', 1, { idleUs: 1.2 * S })
    }
  })
  t.strictSame(endless.grave, [], 'times that a damaged file may have: as many periods would be tried')
})
