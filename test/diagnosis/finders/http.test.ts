import t from 'tap'
import type { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { DecodeError } from '../../../protocol/errors.js'
import { foundIn, RECEIVER, SECOND, SENDER, VIP } from '../../fixtures/found-in.js'
import { srmpMessage, streamMessage, streamReceipt } from '../../fixtures/http-messages.js'
import { SeenHttp } from '../../fixtures/seen-http.js'
import type { SeenTraffic } from '../../fixtures/seen-traffic.js'

const QUEUE = `http://${VIP}/msmq/private$/q`
const OWN_RECEIPTS = `http://${SENDER.address}/msmq/private$/order_queue$`
const message = (index = 1) => srmpMessage({ to: QUEUE, index, source: SENDER.qmId })

function http(traffic: SeenTraffic, diagnosis: Diagnosis, client = SENDER.address, server = VIP): SeenHttp {
  return new SeenHttp(traffic, diagnosis, client, server)
}

/** Clocks are not looked at here: the fixtures' messages were sent at a moment of their own. */
const grave = (ids: readonly string[]) => ids.filter(id => id !== 'clock-offset')

t.test('answers by what MSMQ does next', async t => {
  const answered = (status: number, target?: string) =>
    foundIn((traffic, diagnosis) => {
      const client = http(traffic, diagnosis)
      client.answer(client.post(message(), null, target), status)
    })
  for (const [status, id, text] of [
    [400, 'http-refused', /400: the queue does not exist/],
    [500, 'http-unavailable', /500: the receiver has no room/],
    [503, 'http-unavailable', /503: .* the balancer has no host that is up/],
    [404, 'http-not-msmq', /POST \/msmq\/private\$\/q of 10\.0\.1\.1 with 404: there is no such virtual directory/],
    [302, 'http-not-msmq', /with 302$/],
  ] as const) {
    const found = answered(status)
    t.strictSame(grave(found.grave), [id], `${status}`)
    t.match(found.of(id)?.first, { text, message: `${SENDER.qmId}\\1`, frames: { length: 2 } })
  }
  t.strictSame(grave(answered(200).ids), [])
  const page = foundIn((traffic, diagnosis) => {
    const client = http(traffic, diagnosis)
    client.answer(client.post(null, null, '/index.html'), 404)
    traffic.end(client.connection, 'capture-ended', null)
  })
  t.strictSame(page.ids, [], 'another page of the web server is no business of MSMQ')
})

t.test('an answer that a balancer passes on is told once', t => {
  const { of } = foundIn((traffic, diagnosis) => {
    const front = http(traffic, diagnosis)
    const back = http(traffic, diagnosis, VIP, RECEIVER.address)
    const [asked, passed] = [front.post(message()), back.post(message())]
    back.answer(passed, 503)
    front.answer(asked, 503)
    traffic.wait(20)
    front.answer(front.post(message()), 503)
  })
  t.equal(of('http-unavailable')?.count, 2, 'two attempts')
  t.end()
})

t.test('requests without an answer', async t => {
  const left = (how: 'reset' | 'capture-ended', waitS: number, hole = false) =>
    foundIn((traffic, diagnosis) => {
      const client = http(traffic, diagnosis)
      client.answer(client.post(message(1)))
      client.post(message(2))
      client.post(message(3))
      if (hole) diagnosis.hole(client.connection, 1, 100, 'never-captured', traffic.next())
      traffic.wait(waitS)
      traffic.end(client.connection, how, how === 'reset' ? 1 : null)
    })
  const { of } = left('reset', 3)
  t.match(of('http-unanswered'), {
    count: 1,
    first: { weight: 2, text: /10\.0\.0\.5 did not answer 2 requests .* reset the connection 3\.00\d s/ },
  })
  t.match(left('capture-ended', 30).of('http-unanswered')?.first.text, /nothing came any more/)
  t.notOk(left('capture-ended', 5).of('http-unanswered'), 'it may yet come')
  t.notOk(left('reset', 3, true).of('http-unanswered'), 'it may lie in the hole')
})

t.test('receipts that are to go where the stream goes', t => {
  const stream = (start: string) =>
    foundIn((traffic, diagnosis) => {
      const front = http(traffic, diagnosis)
      const back = http(traffic, diagnosis, VIP, RECEIVER.address)
      const first = streamMessage({ current: 1, start }, { to: QUEUE, source: SENDER.qmId })
      const asked = front.post(first)
      back.answer(back.post(first))
      front.answer(asked)
    })
  const { of } = stream(`http://${VIP}/msmq/private$/order_queue$`)
  t.match(of('receipts-to-destination'), {
    count: 1,
    first: { sequence: '00000064:00000001', text: /that is where the stream itself goes/ },
  })
  t.notOk(stream(OWN_RECEIPTS).of('receipts-to-destination'))
  t.ok(stream(`https://${VIP}/msmq/private$/order_queue$`).of('receipts-to-destination'), 'the same place with TLS')
  t.notOk(
    stream(`http://${VIP}:8081/msmq/private$/order_queue$`).of('receipts-to-destination'),
    'another queue manager at that address',
  )
  t.end()
})

t.test('receipts that several senders want at one URL', t => {
  const named = (second: string) =>
    foundIn((traffic, diagnosis) => {
      for (const [client, source, start] of [
        [SENDER.address, SENDER.qmId, OWN_RECEIPTS],
        [SECOND.address, SECOND.qmId, second],
      ] as const) {
        const from = http(traffic, diagnosis, client)
        const stream = { guid: source, current: 1 }
        from.answer(from.post(streamMessage({ ...stream, start }, { to: QUEUE, source })))
        from.answer(from.post(streamMessage({ ...stream, start, ordinal: 2 }, { to: QUEUE, source })))
      }
    })
  t.match(named(OWN_RECEIPTS.toUpperCase().replace('HTTP', 'http')).of('receipts-to-shared-url'), {
    count: 2,
    first: { machines: [SECOND.qmId, SENDER.qmId], text: /^10\.0\.2\.2 and 10\.0\.1\.1 both want receipts sent to/ },
  })
  t.notOk(named(`${OWN_RECEIPTS}?of=second`).of('receipts-to-shared-url'))
  t.end()
})

t.test('receipts that are refused, or that nobody is there for', async t => {
  const streamId = { guid: SENDER.qmId, sequence: { timeStamp: 100, ordinal: 1 } }
  const receipt = streamReceipt(streamId, 7, { to: OWN_RECEIPTS, source: RECEIVER.qmId })
  const posted = (status: number) =>
    foundIn((traffic, diagnosis) => {
      const client = http(traffic, diagnosis, RECEIVER.address, SENDER.address)
      client.answer(client.post(receipt), status)
    })
  t.match(posted(404).of('receipt-undelivered'), {
    count: 1,
    first: {
      number: 7,
      text: /posted a receipt for number 7 of stream 00000064:00000001 to .* and 10\.0\.1\.1:80 answered 404/,
    },
  })
  t.strictSame(grave(posted(404).grave), ['receipt-undelivered'], 'told once')
  t.notOk(posted(200).of('receipt-undelivered'))

  const refused = (later: boolean, port = 80, attempts = 3) =>
    foundIn((traffic, diagnosis) => {
      const client = http(traffic, diagnosis)
      client.answer(client.post(streamMessage({ current: 1, start: OWN_RECEIPTS }, { to: QUEUE, source: SENDER.qmId })))
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const server = { address: SENDER.address, port, mac: null }
        const connection = traffic.connection(RECEIVER.address, SENDER.address, { opening: 'syn', server })
        traffic.end(connection, 'refused', 1)
        traffic.wait(20)
      }
      if (!later) return
      const receiver = http(traffic, diagnosis, RECEIVER.address, SENDER.address)
      receiver.answer(receiver.post(receipt))
    })
  t.match(refused(false).of('receipt-undelivered')?.first, {
    weight: 3,
    text: /are to go to http:\/\/10\.0\.1\.1.* nobody listens there: 3 connections of 10\.0\.2\.1/,
  })
  t.notOk(refused(true).of('receipt-undelivered'), 'it got through in the end')
  t.notOk(refused(false, 80, 1).of('receipt-undelivered'), 'a machine that restarts')
  t.notOk(refused(false, 8080).of('receipt-undelivered'), 'something else was refused')
})

t.test('what is meant as SRMP and is none', t => {
  const fault = new DecodeError('MSMQ_DECODE_SRMP_XML', 'Envelope', 'path', 12, '[MC-MQSRM] 2.2', 'is cut short')
  const { of } = foundIn((traffic, diagnosis) => {
    http(traffic, diagnosis).post(null, fault)
  })
  t.match(of('malformed-envelope')?.first.text, /Envelope\.path at byte 12: is cut short \(MSMQ_DECODE_SRMP_XML/)
  t.end()
})
