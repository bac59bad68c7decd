import t from 'tap'
import { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { JourneyFinder, STEPS_MAX } from '../../../diagnosis/output/journey.js'
import { journeyDiagram } from '../../../diagnosis/output/journey-diagram.js'
import { journeyTargetText, parseJourneyTarget } from '../../../diagnosis/output/journey-target.js'
import { journeyLines } from '../../../diagnosis/output/journey-text.js'
import { buildSessionAck } from '../../../protocol/binary/build.js'
import { encodeGuid } from '../../../protocol/guid.js'
import { MessageClass } from '../../../protocol/message-class.js'
import { SeenTraffic, type TrafficMachine } from '../../fixtures/seen-traffic.js'

const VIP = '10.0.0.5'
const SENDER: TrafficMachine = {
  qmId: 'aaaaaaaa-0000-0000-0000-000000000001',
  address: '10.0.1.1',
  uptimeMs: 86_400_000,
}
const OTHER: TrafficMachine = { qmId: 'aaaaaaaa-0000-0000-0000-000000000002', address: '10.0.1.2', uptimeMs: 3_600_000 }
const R1: TrafficMachine = { qmId: 'bbbbbbbb-0000-0000-0000-000000000001', address: '10.0.2.1', uptimeMs: 7_200_000 }
const R2: TrafficMachine = { qmId: 'bbbbbbbb-0000-0000-0000-000000000002', address: '10.0.2.2', uptimeMs: 9_000_000 }
const SEQUENCE = '6553f100:00000001'

const translated = (from: TrafficMachine, to: TrafficMachine) =>
  [
    [from.address, VIP],
    [VIP, to.address],
  ] as const

function follow(target: string, play: (traffic: SeenTraffic) => void) {
  const finder = new JourneyFinder(parseJourneyTarget(target)!)
  const diagnosis = new Diagnosis({ finders: [finder] })
  play(new SeenTraffic(diagnosis))
  diagnosis.finish()
  const [journey] = finder.journeys
  const nameOf = (end: { address: string }) =>
    ({ [SENDER.address]: 'S1', [OTHER.address]: 'S2', [R1.address]: 'R1', [R2.address]: 'R2' })[end.address] ??
    end.address
  return {
    journeys: finder.journeys,
    journey,
    nameOf,
    texts:
      journey === undefined ? [] : journeyLines(journey, nameOf).map(({ text, wrong }) => (wrong ? `! ${text}` : text)),
  }
}

t.test('what names a message', async t => {
  const guid = 'aaaaaaaa-0000-0000-0000-00000000000F'
  const own = { by: 'id', source: guid.toLowerCase(), messageId: 17 }
  t.strictSame(parseJourneyTarget(`${guid}\\17`), own)
  t.strictSame(parseJourneyTarget(`{${guid}}\\17`), own)
  t.strictSame(parseJourneyTarget('17'), { by: 'id', source: null, messageId: 17 })
  t.strictSame(parseJourneyTarget('6553F100:00000001#9'), { by: 'place', sequence: SEQUENCE, number: 9 })
  for (const text of ['', 'x', '4294967296', `${guid}`, `${guid}\\`, '6553f100:1#9', '#9', '-1'])
    t.equal(parseJourneyTarget(text), null, text)
  t.equal(journeyTargetText(parseJourneyTarget('6553F100:00000001#9')!), `number 9 of sequence ${SEQUENCE}`)
})

t.test('an order ack that came to another receiver, and the copy that followed', async t => {
  const { texts, journey, nameOf } = follow(`${SEQUENCE}#1`, traffic => {
    const out = traffic.session(SENDER, R1, ...translated(SENDER, R1))
    const id = out.transactional({ number: 1 })
    out.transactional({ number: 2 })
    out.sessionAck(2)
    traffic.session(R1, R2, ...translated(R1, R2)).orderAck(2, VIP)
    out.end('reset', 1)
    traffic.wait(30)
    const second = traffic.session(SENDER, R2, ...translated(SENDER, R2))
    second.transactional({ number: 1 }, id)
    second.transactional({ number: 1 }, id)
  })
  t.match(texts, [
    /^S1 sends it to TCP:10\.0\.0\.5\\private\$\\q: 10\.0\.1\.1:\d+ → 10\.0\.0\.5:1801$/,
    /^a balancer passes it on: 10\.0\.0\.5:\d+ → 10\.0\.2\.1:1801; it reaches R1$/,
    /^R1 sends an order ack up to number 2 to TCP:10\.0\.0\.5/,
    /^! a balancer passes it on: .*; it reaches R2, and not S1, which waits for it$/,
    /^! the session with .* ends \(reset\) before it is acknowledged there$/,
    /^! the session with .* ends \(reset\)/,
    /^S1 sends it again, for the 2nd time, to/,
    /^! .*; it reaches R2: another copy, for another machine has it$/,
    /^S1 sends it again, for the 3rd time, to/,
    /^a balancer .*; it reaches R2$/,
  ])
  t.equal(texts.length, 10)
  t.match(journey, { source: SENDER.qmId, number: 1, sequence: SEQUENCE, sender: { address: SENDER.address } })

  const startUs = journey!.steps[0]!.ways[0]!.at.timeUs
  const short = (address: string) => (address === SENDER.address ? 'S1' : null)
  const drawn = journeyDiagram(journey!, 'a message', startUs, { of: nameOf, short }).text
  t.equal(drawn.match(/class="step /g)?.length, journey!.steps.length)
  t.match(drawn, /class="step ack wrong"/)
  t.match(drawn, /class="step resend wrong"/)
  t.match(drawn, /class="name"[^>]*>10\.0\.0\.5</, 'the balancer has a lifeline')
  t.match(drawn, /class="name"[^>]*>S1</, 'a name where there is one')
  t.match(drawn, /class="through"/)
})

t.test('as it should be: session ack, order ack at home, and nothing after it', async t => {
  const { texts } = follow(`${SENDER.qmId}\\1`, traffic => {
    const out = traffic.session(SENDER, R1)
    out.transactional({ number: 1 })
    const none = { userMsgSequenceNumber: 0, recoverableMsgSeqNumber: 0, windowSize: 64, reserved: 0 }
    out.carry(
      1,
      buildSessionAck({ ...none, ackSequenceNumber: 1, recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 1 }),
    )
    const back = traffic.session(R1, SENDER)
    back.orderAck(1, SENDER.address)
    back.orderAck(1, SENDER.address)
    out.end()
  })
  t.match(texts, [
    /^S1 sends it to .*; it reaches R1$/,
    /^R1 acknowledges it in its session: it is on disk$/,
    /^R1 sends an order ack .*; it reaches S1, which sent the message and may forget it now$/,
  ])
  t.equal(texts.length, 3)
})

t.test(
  'express messages: the session ack that covers it, by number; answers of other sessions are not its own',
  async t => {
    const { texts } = follow('2', traffic => {
      const out = traffic.session(SENDER, R1)
      out.express()
      out.express()
      out.sessionAck(1)
      out.sessionAck(2)
      out.end()
    })
    t.match(texts, [/^S1 sends it/, /^R1 acknowledges it in its session: it has come over$/])
    t.equal(texts.length, 2)
  },
)

t.test('final acks and administration acks find their message', async t => {
  const { texts } = follow(`${SENDER.qmId}\\1`, traffic => {
    const out = traffic.session(SENDER, R1)
    out.transactional({ number: 1 })
    const back = traffic.session(R1, SENDER)
    back.finalAck(MessageClass.ACK_RECEIVE, SENDER.qmId, 1, SENDER.address)
    const correlationId = Buffer.alloc(20)
    encodeGuid(correlationId, 0, SENDER.qmId)
    correlationId.writeUInt32LE(1, 16)
    back.user({ messageClass: MessageClass.ACK_REACH_QUEUE, correlationId })
  })
  t.match(texts[1], /^R1 sends a final ack, ACK_RECEIVE, .*; it reaches S1$/)
  t.match(texts[2], /^R1 sends an administration ack, ACK_REACH_QUEUE, .*; it reaches S1$/)
})

t.test('a number that two machines used is two messages; an unknown one is none', async t => {
  const play = (traffic: SeenTraffic) => {
    traffic.session(SENDER, R1).express(undefined, 7)
    traffic.session(OTHER, R1).express(undefined, 7)
  }
  t.equal(follow('7', play).journeys.length, 2)
  t.equal(follow(`${OTHER.qmId}\\7`, play).journeys.length, 1)
  t.equal(follow('8', play).journeys.length, 0)
})

t.test('a message that is sent for ever does not fill the memory', async t => {
  const { journey } = follow('1', traffic => {
    for (let again = 0; again < STEPS_MAX; again += 1) {
      const out = traffic.session(SENDER, R1)
      out.transactional({ number: 1 }, 1)
      out.end('reset')
    }
  })
  t.equal(journey?.steps.length, STEPS_MAX)
})

t.test('clones that used one identifier: each of their messages on its own, its resends with it', async t => {
  const clone = { ...SENDER, address: OTHER.address }
  const { journeys, nameOf } = follow(`${SENDER.qmId}\\77`, traffic => {
    const one = traffic.session(SENDER, R1)
    const other = traffic.session(clone, R1)
    one.express(undefined, 77)
    other.transactional({ number: 1 }, 77)
    traffic.wait(30)
    other.transactional({ number: 1 }, 77)
  })
  const told = journeys.map(journey => [
    nameOf(journey.sender),
    journey.number,
    journey.steps.map(({ kind, times, from }) => `${kind} ${times} ${nameOf(from)}`),
  ])
  t.strictSame(told, [
    ['S1', null, ['message 1 S1']],
    ['S2', 1, ['message 1 S2', 'message 2 S2']],
  ])
})
