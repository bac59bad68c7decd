import t from 'tap'
import { foundIn, RECEIVER, SENDER } from '../../fixtures/found-in.js'
import type { SeenTraffic, TrafficSession } from '../../fixtures/seen-traffic.js'

t.test('the ladder of resends', async t => {
  /** Sends one message, and again after each of `intervals` seconds. */
  const resent = (intervals: readonly number[], more: (traffic: SeenTraffic) => void = () => {}) =>
    foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER)
      const id = session.transactional({ number: 1 })
      for (const seconds of intervals) {
        traffic.wait(seconds)
        session.transactional({ number: 1 }, id)
      }
      more(traffic)
    }).of('resend-ladder')

  await t.test('its rung by the intervals, and what comes next', t => {
    const ladder = resent([30, 30, 30, 300])!
    t.match(ladder, { count: 1, proven: 1, first: { weight: 4, number: 1, sequence: '6553f100:00000001' } })
    t.match(
      ladder.first.text,
      /4 resends for want of an order ack within 6 min 30 s, the latest after 5 min \(resend 4 to 6/,
    )
    t.match(ladder.first.text, /the next one is due 5 min after it, at 2023-11-14T22:24:50/)
    t.match(resent([30, 30, 30, 300, 300, 300])!.first.text, /the next one is due 30 min after it/)
    t.match(
      resent([1800])!.first.text,
      /resend 7 to 9 of the ladder\); the next one is due 30 min after/,
      'begun before',
    )
    t.match(resent([21_600])!.first.text, /resend 10 or later of the ladder\); the next one is due 6 h after/)
    t.match(resent([2, 2])!.first.text, /after 2\.000 s \(its resend times are not the defaults\)/)
    t.end()
  })
  await t.test('an order ack ends it', t => {
    const ladder = resent([30], traffic => traffic.session(RECEIVER, SENDER).orderAck(1, SENDER.address))
    t.match(ladder?.first.text, /1 resend .*; the last order ack came 30\.\d+ s after the first sending/)
    t.end()
  })
  await t.test('a message that is sent again since its session was lost is on no ladder', t => {
    const { of } = foundIn(traffic => {
      const first = traffic.session(SENDER, RECEIVER)
      const id = first.transactional({ number: 1 })
      first.end('reset', 1)
      traffic.wait(5)
      traffic.session(SENDER, RECEIVER).transactional({ number: 1 }, id)
      traffic.session(RECEIVER, SENDER).orderAck(1, SENDER.address)
    })
    t.equal(of('resend-ladder'), undefined)
    t.end()
  })
  await t.test('but one that comes in a new session at its time is', t => {
    const { of } = foundIn(traffic => {
      const first = traffic.session(SENDER, RECEIVER)
      const id = first.transactional({ number: 1 })
      first.end('fin', 1)
      traffic.wait(300)
      traffic.session(SENDER, RECEIVER).transactional({ number: 1 }, id)
    })
    t.match(of('resend-ladder')?.first.text, /resend 4 to 6 of the ladder/)
    t.end()
  })
  await t.test('a round of many is one resend', t => {
    const { of } = foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER)
      const ids = [1, 2, 3, 4, 5].map(number => session.transactional({ number }))
      traffic.wait(30)
      for (const [index, id] of ids.entries()) session.transactional({ number: index + 1 }, id)
    })
    t.match(of('resend-ladder'), { count: 1, first: { weight: 1, number: 1 } })
    t.end()
  })
})

t.test('order acks that come late', async t => {
  const acknowledged = (seconds: number) =>
    foundIn(traffic => {
      traffic.session(SENDER, RECEIVER).transactional({ number: 1 })
      traffic.wait(seconds)
      traffic.session(RECEIVER, SENDER).orderAck(1, SENDER.address)
    })
  t.strictSame(acknowledged(0.5).grave, [])
  const late = acknowledged(12)
  t.strictSame(late.grave, ['slow-order-ack'])
  t.match(late.of('slow-order-ack')?.first.text, /^10\.0\.2\.1 acknowledged number 1 of sequence .* 12\.00\d s after/)
  t.strictSame(
    foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER)
      for (let number = 1; number <= 30; number += 1) {
        session.transactional({ number })
        traffic.wait(0.4)
      }
      traffic.session(RECEIVER, SENDER).orderAck(30, SENDER.address)
    }).grave,
    [],
    'put off while messages keep coming: that is how it should be',
  )
})

t.test('clocks', async t => {
  const sent = (...offsetsS: readonly number[]) =>
    foundIn(traffic => {
      const session = traffic.session(SENDER, RECEIVER)
      for (const offsetS of offsetsS) {
        session.user({ sentTime: traffic.nowS - offsetS })
        traffic.wait(1)
      }
    })
  t.strictSame(sent(0, 59, -59, 5000).ids, [], 'some may have waited')
  t.match(sent(-3700, -3650).of('clock-offset'), {
    severity: 'notice',
    proven: 1,
    first: { text: /1 h 2 min ahead of the capture/ },
  })
  t.match(sent(400, 500).of('clock-offset'), {
    proven: 0,
    first: { text: /Each of 2 messages .* 6 min 4\d s or more before/ },
  })
  t.match(
    sent(-3600, 0).of('clock-jumped'),
    { count: 1, proven: 0, first: { text: /was set while the capture ran/, reservations: [/always ahead/] } },
    'a clock that is 90 s ahead, and messages that waited a minute, look so too',
  )
})

t.test('messages that expired on their way', async t => {
  const sent = (agoS: number, timeToReachQueue: number) =>
    foundIn(traffic => {
      traffic.session(SENDER, RECEIVER).user({ sentTime: traffic.nowS - agoS, timeToReachQueue })
    })
  const { of } = sent(100, 60)
  t.match(of('expired-on-arrival'), {
    count: 1,
    first: { message: `${SENDER.qmId}\\1`, text: /40\.\d+ s after its end/ },
  })
  t.strictSame(sent(50, 60).ids, [])
  t.strictSame(sent(59, 0xffffffff).ids, [])
  t.strictSame(sent(1, 0).ids, [], 'times are whole seconds')
})

t.test('what two sessions carry of many messages leaves nothing', t => {
  const { ids } = foundIn(traffic => {
    const sessions: TrafficSession[] = [traffic.session(SENDER, RECEIVER), traffic.session(RECEIVER, SENDER)]
    for (let number = 1; number <= 1_000; number += 1) {
      sessions[0]!.transactional({ number })
      if (number % 10 === 0) {
        sessions[0]!.sessionAck(number)
        sessions[1]!.orderAck(number, SENDER.address)
        sessions[1]!.sessionAck(number / 10)
      }
    }
    for (const session of sessions) session.end('capture-ended', 0)
  })
  t.strictSame(ids, [])
  t.end()
})
