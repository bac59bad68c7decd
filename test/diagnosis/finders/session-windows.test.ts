import t from 'tap'
import { foundIn, RECEIVER, SENDER, TRANSLATED } from '../../fixtures/found-in.js'
import type { SeenTraffic, TrafficSession } from '../../fixtures/seen-traffic.js'

const SPEC = { delivery: 'recoverable' } as const

function played(play: (session: TrafficSession, traffic: SeenTraffic) => void) {
  return foundIn(traffic => {
    const session = traffic.session(SENDER, RECEIVER)
    play(session, traffic)
    session.end('fin', 0)
  })
}

function send(session: TrafficSession, count: number): void {
  for (let sent = 0; sent < count; sent += 1) session.user(SPEC)
}

t.test('a sender that waits with a full window and goes on at the ack stood still', t => {
  const { grave, of } = played((session, traffic) => {
    send(session, 64)
    traffic.wait(1.8)
    session.sessionAck(32)
    send(session, 1)
    session.sessionAck(65)
  })
  t.strictSame(grave, ['window-stalled'])
  const { count, first } = of('window-stalled')!
  t.equal(count, 1)
  t.match(first.text, /^10\.0\.1\.1 had 64 unacknowledged messages under way to 10\.0\.2\.1, .* waited 1\.80\d s/)
  t.strictSame(
    first.frames.map(({ number }) => number),
    [69, 70],
    'the message that filled it, the ack that opened it',
  )
  t.end()
})

t.test(
  'a full window that moves, a sender that has no more, and windows that are not full are as they should be',
  async t => {
    const moves = played((session, traffic) => {
      send(session, 64)
      traffic.wait(0.9)
      session.sessionAck(64)
      send(session, 1)
      session.sessionAck(65)
    })
    t.strictSame(moves.grave, [], 'moves within a second')
    const done = played((session, traffic) => {
      send(session, 64)
      traffic.wait(1.8)
      session.sessionAck(64)
      traffic.wait(10)
      send(session, 1)
      session.sessionAck(65)
    })
    t.strictSame(done.grave, [], 'nothing more to send')
    const half = played((session, traffic) => {
      send(session, 63)
      traffic.wait(1.8)
      session.sessionAck(63)
      send(session, 1)
      session.sessionAck(64)
    })
    t.strictSame(half.grave, [], 'not full')
  },
)

t.test('the smaller window counts, and a window of 1 that a header asks for', t => {
  const { of } = played((session, traffic) => {
    send(session, 1)
    session.sessionAck(1, 1)
    send(session, 1)
    traffic.wait(1.5)
    session.sessionAck(2, 1)
    send(session, 1)
    session.sessionAck(3, 64)
  })
  t.match(of('window-stalled')?.first.text, /had 1 unacknowledged messages? under way/)
  t.end()
})

t.test('order acks count as messages of their session; both sides of a balancer stand still', t => {
  const { of, grave } = foundIn(traffic => {
    const session = traffic.session(SENDER, RECEIVER, ...TRANSLATED)
    send(session, 63)
    session.orderAck(1, RECEIVER.address)
    traffic.wait(1.5)
    session.sessionAck(64)
    send(session, 1)
    session.sessionAck(65)
    session.end('fin', 0)
  })
  t.ok(grave.includes('window-stalled'))
  t.equal(of('window-stalled')?.count, 1, 'told once')
  t.end()
})

t.test('session acks later than agreed', async t => {
  await t.test('for recoverable messages', t => {
    const { grave, of } = played((session, traffic) => {
      for (const [index, seconds] of [1, 2.5, 3.5, 4.5, 0.1].entries()) {
        send(session, 1)
        traffic.wait(seconds)
        session.sessionAck(index + 1)
      }
    })
    t.strictSame(grave, ['slow-session-ack'])
    const { count, first } = of('slow-session-ack')!
    t.equal(count, 1, 'one for the session')
    t.match(
      first.text,
      /acknowledged a message 4\.500 s after it arrived, where 3\.000 s would have been in time \(2 times/,
    )
    t.end()
  })
  await t.test('plain ones have AckTimeout', t => {
    const acked = (seconds: number) =>
      played((session, traffic) => {
        session.express()
        traffic.wait(seconds)
        session.sessionAck(1)
      })
    t.strictSame(acked(10).grave, [], 'half of it is usual')
    t.strictSame(acked(21).grave, ['slow-session-ack'])
    t.end()
  })
  await t.test('an earlier ack may lie in a hole', t => {
    const { of } = foundIn((traffic, diagnosis) => {
      const session = traffic.session(SENDER, RECEIVER)
      send(session, 1)
      diagnosis.hole(session.connections[0]!, 1, 36, 'never-captured', traffic.next())
      traffic.wait(8)
      session.sessionAck(1)
      session.end('fin', 0)
    })
    t.match(of('slow-session-ack'), { count: 1, proven: 0 })
    t.end()
  })
  await t.test('of a session that was open before nothing can be said', t => {
    const { grave } = foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER)
      ;(session.connections[0] as { opening: string }).opening = 'none'
      session.express()
      traffic.wait(100)
      session.sessionAck(7)
      session.express()
      traffic.wait(100)
      session.sessionAck(8)
    })
    t.strictSame(grave, [])
    t.end()
  })
  await t.test('nor where an ack covers more than was seen', t => {
    const { grave } = played((session, traffic) => {
      session.express()
      session.sessionAck(5)
      session.express()
      traffic.wait(100)
      session.sessionAck(6)
    })
    t.strictSame(grave, [])
    t.end()
  })
})

t.test('numbers wrap after 65,535', t => {
  const { grave } = played((session, traffic) => {
    for (let sent = 1; sent <= 65_600; sent += 1) {
      session.express()
      if (sent % 32 === 0) session.sessionAck(sent & 0xffff)
    }
    traffic.wait(30)
  })
  t.strictSame(grave, [])
  t.end()
})
