import { join } from 'node:path'
import t from 'tap'
import type { LabEvent, RunRecord } from '../../lab/history.js'
import { HistoryWriter } from '../../lab/history-writer.js'
import { journeyEnd } from '../../lab/journey-end.js'
import type { JourneyStep, JourneyTarget } from '../../lab/journey-state.js'
import { MessageJourney } from '../../lab/message-journey.js'
import { findMessage, MessageNameError, parseMessageName } from '../../lab/message-target.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { inSimulation } from '../../lab/scenario-worlds.js'
import { simulateScenario } from '../../lab/worlds/simulated.js'
import { event, GUID, handMadeRun, SEQUENCE } from '../fixtures/run-record.js'

const TO = 'DIRECT=TCP:127.0.9.10\\private$\\orders'

function follow(run: RunRecord, target: JourneyTarget) {
  const journey = new MessageJourney(run, target)
  const steps = run.events.flatMap(each => journey.event(each)).sort((a, b) => a.atMs - b.atMs)
  return { steps, end: journeyEnd(target, run.nodes, journey.copies, run.reports) }
}

/** A scenario of the catalogue in virtual time, with a small end. */
function simulated(name: string, more: { readonly loadS?: number; readonly drainS: number }): RunRecord {
  const scenario = inSimulation(findScenario(name)!)
  return simulateScenario({ ...scenario, time: { ...scenario.time, ...more } }, { seed: 1 })
}

/** One line a step: machine, kind, and `!` where it should not be. */
const outline = (steps: readonly JourneyStep[]) =>
  steps.map(({ node, step, wrong }) => `${node} ${step}${wrong ? ' !' : ''}`)

const tx = (number: number, sequence: string = SEQUENCE.S1) => ({ sequence, number, previous: number - 1 })

t.test('a configuration that is broken: where the order ack of a message goes', async t => {
  const run = simulated('nlb-11-acks-to-the-balancer', { drainS: 40 })
  const { guid } = run.nodes.find(({ name }) => name === 'S1')!
  const target = { source: guid, messageId: 3, node: 'S1', number: 3 }
  const { steps, end } = follow(run, target)
  const [receiver = ''] = end.copies.map(({ node }) => node)
  const stranger = steps.find(({ step }) => step === 'order-ack-received')?.node ?? ''
  t.not(receiver, stranger)
  t.strictSame(outline(steps).slice(0, 14), [
    'S1 accepted',
    'gateway decision',
    'S1 sent',
    `${receiver} arrived`,
    `${receiver} consumed`,
    `${receiver} order-ack-sent`,
    'S1 session-acked',
    'gateway decision',
    `${receiver} sent`,
    `${stranger} order-ack-received !`,
    'S1 resend !',
    'S1 sent',
    `${receiver} discarded`,
    `${receiver} order-ack-sent`,
  ])
  const texts = steps.map(({ text }) => text)
  t.match(
    texts[0],
    /^takes it from its application, for DIRECT=TCP:10\.66\.0\.10\\private\$\\orders, as number 3 of seq/,
  )
  t.match(
    texts[1],
    new RegExp(`^gives session \\d+ of S1 to ${receiver} \\(.*bucket \\d+.*\\), which sees 10\\.66\\.0\\.10 for`),
  )
  t.match(texts[2], new RegExp(`^sends it over session \\d+ to the gateway, behind which ${receiver} is, as number 3`))
  t.match(texts[5], /^acknowledges numbers up to 9 of .*the address that the message came from, that of the gateway/)
  t.equal(texts[9], `gets the order ack of ${receiver}, which is not for it: it has no such sequence, and discards it`)
  t.match(
    texts[10],
    /^has had no order ack in time \(stage 1 .*: 9 unacknowledged messages to be sent again; .* looks again in 30\.000 s$/,
  )
  t.match(texts[11], /^sends it again, for the 2nd time, over session/)
  t.equal(end.sender, 'accepted')
  t.strictSame(end.heldBy, ['S1'])
  t.match(end.copies, [{ node: receiver, arrived: 1, consumed: 1, delivered: 1 }])
})

t.test('an order ack, followed by its own number: to the wrong machine', async t => {
  const run = simulated('nlb-11-acks-to-the-balancer', { drainS: 40 })
  const sent = run.events.find(each => each.kind === 'order-ack-sent')!
  const { guid } = run.nodes.find(({ name }) => name === sent.node)!
  const { steps, end } = follow(run, { source: guid, messageId: sent.messageId, node: sent.node, number: null })
  const [stranger = ''] = end.copies.map(({ node }) => node)
  t.strictSame(
    outline(steps).filter(line => !line.endsWith('decision')),
    [
      `${sent.node} order-ack-sent`,
      `${sent.node} sent`,
      `${stranger} order-ack-received !`,
      `${sent.node} session-acked`,
    ],
  )
  t.not(stranger, sent.node)
  t.match(steps.find(({ node }) => node === stranger)?.text, 'it has no such sequence, and discards it')
})

t.test('every message of a run that works: from its sender to an application, and nothing wrong', async t => {
  const run = simulated('nlb-8-order-ack-in-a-new-session', { drainS: 40 })
  const { guid, name } = run.nodes.find(({ sender }) => sender !== null)!
  for (const messageId of [1, 2, 3]) {
    const { steps, end } = follow(run, { source: guid, messageId, node: name, number: messageId })
    const kinds = steps.map(({ step }) => step)
    for (const step of [
      'accepted',
      'sent',
      'arrived',
      'consumed',
      'session-acked',
      'order-ack-sent',
      'order-ack-received',
    ])
      t.ok(kinds.includes(step), `${messageId}: ${step}`)
    t.notOk(steps.some(({ wrong }) => wrong))
    t.strictSame(end.heldBy, [])
    t.strictSame(
      end.copies.map(({ delivered }) => delivered),
      [1],
    )
  }
})

t.test('copies at two receivers, the second of which is one too many', async t => {
  const run = handMadeRun({
    delivered: { R1: { S1: '1' }, R2: { S1: '1' } },
    held: { S1: [1] },
    events: [
      event('S1', 'accepted', { queue: TO, messageId: 1, tx: tx(1) }),
      event('S1', 'sent', { connection: 1, tx: tx(1), atMs: 1501 }),
      event('R1', 'arrived', { tx: tx(1), atMs: 1502 }),
      event('R1', 'consumed', { queue: 'private$\\orders', source: GUID.S1, messageId: 1, atMs: 1503 }),
      event('S1', 'session-closed', { connection: 1, peer: '127.0.9.10', reason: 'reset', queue: TO, atMs: 1504 }),
      event('S1', 'sent', { connection: 2, tx: tx(1), attempt: 2, atMs: 1505 }),
      event('R2', 'arrived', { tx: tx(1), atMs: 1506 }),
      event('R2', 'consumed', { queue: 'private$\\orders', source: GUID.S1, messageId: 1, atMs: 1507 }),
      // another message of the same number, of another machine
      event('R2', 'arrived', { source: GUID.S2, tx: tx(1, SEQUENCE.S2), atMs: 1508 }),
    ],
  })
  const { steps, end } = follow(run, { source: GUID.S1, messageId: 1, node: 'S1', number: 1 })
  t.match(
    steps.map(({ text }) => text),
    [
      /^takes it/,
      /^sends it over session 1/,
      /^stores it in private\$\\orders, as number 1 .* from the gateway \(127\.0\.9\.10\)$/,
      /^an application receives it/,
      /^sends it again, for the 2nd time, over session 2/,
      /: another copy, R1 had it already$/,
      /; one of R1 had received it before$/,
    ],
  )
  t.strictSame(outline(steps).slice(-2), ['R2 arrived !', 'R2 consumed !'])
  t.match(end.copies, [
    { node: 'R1', arrived: 1, consumed: 1, discarded: 0, delivered: 1 },
    { node: 'R2', arrived: 1, consumed: 1, discarded: 0, delivered: 1 },
  ])
  t.strictSame(end.heldBy, ['S1'])
})

t.test('machines that share a QMId: which of them sent it is told by the sequence', async t => {
  const clones = { nodes: [{ name: 'S2', guid: GUID.S1 }] }
  const events: LabEvent[] = [
    event('S1', 'sent', { messageId: 7, tx: tx(1) }),
    event('S2', 'sent', { messageId: 7, tx: tx(1, SEQUENCE.S2), atMs: 1501 }),
    event('R1', 'arrived', { messageId: 7, tx: tx(1, SEQUENCE.S2), atMs: 1502 }),
    event('R2', 'arrived', { messageId: 7, tx: tx(1), atMs: 1503 }),
  ]
  const run = handMadeRun({ ...clones, events })
  const of = (node: string | null) => outline(follow(run, { source: GUID.S1, messageId: 7, node, number: null }).steps)
  t.strictSame(of('S1'), ['S1 sent', 'R2 arrived'])
  t.strictSame(of('S2'), ['S2 sent', 'R1 arrived'])
  t.equal(of(null).length, 4)
})

t.test('over HTTP by a front end, which has messages of others with the same number', async t => {
  const url = 'DIRECT=HTTP://127.0.9.10:8080/msmq/private$/orders'
  const back = 'DIRECT=http://127.0.9.11:8080/msmq/private$/orders'
  const backQueue = 'DIRECT=HTTP://127.0.9.11:8080/msmq/private$/orders'
  const run = handMadeRun({
    frontEnds: {},
    events: [
      event('S1', 'session-connecting', { connection: 1, queue: url, address: '127.0.9.10' }),
      event('S1', 'sent', { connection: 1, queue: url, messageId: 1, tx: tx(1), atMs: 1500 }),
      event('gateway', 'gateway-decision', {
        atMs: 1501,
        decision: {
          timeMs: 1501,
          connection: 9,
          clientAddress: '127.0.9.101',
          clientPort: 5000,
          host: 'F1',
          hostAddress: '127.0.9.51',
          hostPort: 8080,
          upstreamLocalAddress: '127.0.9.10',
          source: 'translate',
          bucket: null,
          reason: 'round robin',
          request: 1,
        },
      }),
      event('F1', 'forwarded', { source: GUID.S2, messageId: 1, tx: tx(1, SEQUENCE.S2), queue: back, atMs: 1502 }),
      event('F1', 'sent', { queue: backQueue, messageId: 1, source: GUID.S2, connection: 4, atMs: 1503 }),
      event('F1', 'forwarded', { source: GUID.S1, messageId: 1, tx: tx(1), queue: back, atMs: 1504 }),
      event('F1', 'sent', { queue: backQueue, messageId: 1, source: GUID.S1, connection: 4, atMs: 1505 }),
      event('S1', 'http-answered', { connection: 1, queue: url, messageId: 1, status: 500, atMs: 1505 }),
      event('S1', 'session-acked', { queue: url, messageId: 1, atMs: 1506 }),
      event('R1', 'arrived', { source: GUID.S1, peer: '127.0.9.51', tx: tx(1), atMs: 1507 }),
      event('F1', 'session-acked', { queue: backQueue, messageId: 1, atMs: 1507 }),
      event('F1', 'session-acked', { queue: backQueue, messageId: 1, atMs: 1508 }),
    ],
  })
  const { steps } = follow(run, { source: GUID.S1, messageId: 1, node: 'S1', number: 1 })
  t.match(
    steps.map(({ atMs, node, text }) => `${atMs} ${node} ${text}`),
    [
      /^1500 S1 sends it over session 1 to the gateway, as number 1/,
      /^1501 gateway gives the request with it to F1 \(round robin\)$/,
      /^1504 F1 a front end, takes it from .* to pass it on to/,
      /^1505 F1 sends it over session 4/,
      /^1505 S1 has the answer 500 for it$/,
      /^1506 S1 has the answer 200 for it/,
      /^1507 R1 stores it .* it came from F1/,
      /^1508 F1 has the answer 200 for it, and is done with it$/,
    ],
  )
  t.equal(steps.length, 8)
})

t.test('messages that come to nothing, and machines that fail meanwhile', async t => {
  const run = handMadeRun({
    events: [
      event('S1', 'accepted', { queue: TO, messageId: 1, tx: tx(1) }),
      event('S1', 'fault', { fault: 'killed', atMs: 1501 }),
      event('S2', 'fault', { fault: 'killed', atMs: 1501 }),
      event('S1', 'fault', { fault: 'started', atMs: 1502 }),
      event('R1', 'discarded', { reason: 'hole', tx: tx(1), atMs: 1503 }),
      event('S1', 'given-up', { queue: TO, messageId: 1, messageClass: 0x8001, atMs: 1504 }),
      event('S1', 'dead-lettered', { queue: TO, messageId: 1, messageClass: 0x8001, atMs: 1504 }),
      event('S1', 'fault', { fault: 'killed', atMs: 1505 }),
    ],
  })
  const { steps } = follow(run, { source: GUID.S1, messageId: 1, node: 'S1', number: 1 })
  t.strictSame(outline(steps), [
    'S1 accepted',
    'S1 fault !',
    'S1 fault',
    'R1 discarded !',
    'S1 given-up !',
    'S1 dead-lettered !',
  ])
})

t.test(
  'other machines count from 1 too: their messages and acknowledgements of the same number are not it',
  async t => {
    const acked = { from: GUID.R1, forMessageId: 1, messageClass: 0x4000, matched: true }
    const made = { forMessageId: 1, messageClass: 0x4000 }
    const run = handMadeRun({
      events: [
        event('S1', 'accepted', { queue: TO, messageId: 1, tx: tx(1) }),
        event('R1', 'arrived', { messageId: 1, queue: 'orders', tx: tx(1), atMs: 1501 }),
        event('R1', 'given-up', {
          queue: 'DIRECT=http://somebody/msmq/receipts',
          messageId: 1,
          messageClass: 0x8001,
          atMs: 1502,
        }),
        event('R1', 'final-ack-sent', { ...made, messageId: 2, destination: 'a', forSource: GUID.S2, atMs: 1503 }),
        event('R1', 'final-ack-sent', { ...made, messageId: 3, destination: 'b', forSource: GUID.S1, atMs: 1504 }),
        event('S2', 'final-ack-received', { ...acked, atMs: 1505 }),
        event('S1', 'final-ack-received', { ...acked, atMs: 1506 }),
      ],
    })
    const { steps } = follow(run, { source: GUID.S1, messageId: 1, node: 'S1', number: 1 })
    t.strictSame(outline(steps), ['S1 accepted', 'R1 arrived', 'R1 final-ack-sent', 'S1 final-ack-received'])
  },
)

t.test('how a message is named', async t => {
  t.strictSame(parseMessageName('S1#17'), { node: 'S1', number: 17 })
  t.strictSame(parseMessageName(`${GUID.S1.toUpperCase()}\\17`), { source: GUID.S1, messageId: 17 })
  t.strictSame(parseMessageName('4294967295'), { messageId: 4294967295 })
  for (const none of ['', 'S1', 'S1#', 'S1#0', '#3', '4294967296', 'S1\\4', '-1', '1.5'])
    t.equal(parseMessageName(none), null, none)
})

t.test('which message a name means', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const ids = new Uint8Array(new Uint32Array([11, 12, 0]).buffer)
  const bare = handMadeRun({ sent: { S1: 'aar', S2: 'aaa' } })
  const idsOf: Readonly<Record<string, Uint8Array>> = { S1: ids, S2: new Uint8Array(0) }
  const reports = new Map(
    [...bare.reports].map(([node, report]) => {
      const messageIds = idsOf[node]
      if (report.kind !== 'queue-manager' || report.sender === undefined || messageIds === undefined)
        return [node, report]
      return [node, { ...report, sender: { ...report.sender, messageIds } }]
    }),
  )
  const run = { ...bare, reports }
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(run)
  for (const each of [
    event('S1', 'accepted', { queue: TO, messageId: 12 }),
    event('S1', 'accepted', { queue: TO, messageId: 5 }),
    event('S2', 'accepted', { queue: TO, messageId: 5 }),
    event('R1', 'sent', { queue: TO, messageId: 90 }),
    event('R2', 'forwarded', { messageId: 12 }),
    event('R2', 'sent', { queue: TO, messageId: 12, source: GUID.S1 }),
  ])
    writer.event(each)
  writer.end(run)
  const find = (text: string) => findMessage(file, parseMessageName(text)!)
  t.strictSame(find('S1#2'), { source: GUID.S1, messageId: 12, node: 'S1', number: 2 })
  t.strictSame(find('12'), { source: GUID.S1, messageId: 12, node: 'S1', number: 2 })
  t.strictSame(find(`${GUID.S1}\\12`), { source: GUID.S1, messageId: 12, node: 'S1', number: 2 })
  t.strictSame(find(`${GUID.S2}\\5`), { source: GUID.S2, messageId: 5, node: 'S2', number: null })
  t.match(find('90'), { source: GUID.R1, node: 'R1', number: null }, 'of no workload: an acknowledgement')
  for (const [name, what] of [
    ['S1#4', /S1 has sent 3 messages/],
    ['S1#3', /S1#3 was refused and never had a MessageID/],
    ['S2#1', /kept no MessageIDs/],
    ['S9#1', /no machine S9; senders are S1, S2/],
    ['R1#1', /R1 sends nothing/],
    ['5', new RegExp(`messages of S1 and S2 have MessageID 5; say '${GUID.S1}\\\\5' or '${GUID.S2}\\\\5'`)],
    ['77', /no message has MessageID 77/],
    [`${GUID.R2}\\12`, /no message of a machine with QMId/],
  ] as const)
    t.throws(() => find(name), { name: MessageNameError.name, message: what }, name)
})
