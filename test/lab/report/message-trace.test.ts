import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { REPORT_SCRIPT } from '../../../lab/report/client-script.js'
import { indexEvents, sentMessages, traceMessage } from '../../../lab/report/message-trace.js'
import { type ReportData, reportData } from '../../../lab/report/report-data.js'
import { lifelinesOf, spaceTimeDiagram } from '../../../lab/report/space-time-diagram.js'
import { createRunView, createVerdict } from '../../../lab/verdict.js'
import { decisionFor, event, GUID, handMadeRun, SEQUENCE } from '../../fixtures/run-record.js'

const queue = 'DIRECT=TCP:127.0.9.10\\private$\\orders'
const tx = { sequence: SEQUENCE.S1, number: 6, previous: 5 }
const decision = (atMs: number, clientAddress: string, host: 'R1' | 'R2') =>
  decisionFor(atMs, clientAddress, host, { bucket: null, reason: 'in turn' })

/** Sent, acknowledged astray, sent again two hours later, refused there as a duplicate, and acknowledged to its sender. */
const EVENTS = [
  decision(1010, '127.0.9.101', 'R1'),
  event('S1', 'sent', { atMs: 1100, queue, messageId: 21, tx }),
  // another message of the same number, of another machine
  event('R2', 'arrived', { atMs: 1104, source: GUID.S2, messageId: 21, tx: { ...tx, sequence: SEQUENCE.S2 } }),
  event('R1', 'arrived', { atMs: 1105, source: GUID.S1, messageId: 21, tx }),
  event('R1', 'consumed', { atMs: 1106, source: GUID.S1, messageId: 21 }),
  event('R1', 'order-ack-sent', { atMs: 1500, messageId: 50 }),
  decision(1505, '127.0.9.11', 'R2'),
  event('R2', 'order-ack-received', { atMs: 1510, from: GUID.R1, messageId: 50 }),
  event('S1', 'resend', { atMs: 31_100 }),
  event('S1', 'sent', { atMs: 31_100, queue, messageId: 21, tx, attempt: 2 }),
  event('R1', 'fault', { atMs: 40_000, fault: 'killed' }),
  event('S1', 'sent', { atMs: 7_231_100, queue, messageId: 21, tx, attempt: 3 }),
  // noted by a machine whose clock is a little behind
  event('R1', 'discarded', { atMs: 7_231_098, source: GUID.S1, messageId: 21, reason: 'duplicate', tx }),
  event('R1', 'order-ack-sent', {
    atMs: 7_231_600,
    messageId: 51,
    destination: 'DIRECT=TCP:127.0.9.101\\PRIVATE$\\order_queue$',
  }),
  event('S1', 'order-ack-received', { atMs: 7_231_610, from: GUID.R1, messageId: 51, result: 'matched', removed: 6 }),
  event('R1', 'order-ack-sent', { atMs: 7_240_000, messageId: 52 }),
]

const view = createRunView({ ...handMadeRun({ events: EVENTS }), endedMs: 7_300_000 })
const data = reportData(view, createVerdict(view))
const [message] = sentMessages(data)
const steps = traceMessage(data, indexEvents(data.events), message!)

t.test('messages are those that were sent, acks aside', async t => {
  t.match(message, { sender: 'S1', messageId: 21, number: 6, sequence: SEQUENCE.S1, atMs: 1100 })
  const acks = [
    event('R1', 'order-ack-sent', { messageId: 50 }),
    event('R1', 'sent', { messageId: 50, queue: 'DIRECT=TCP:127.0.9.10\\PRIVATE$\\order_queue$' }),
    event('S1', 'sent', { messageId: 3 }),
    event('S1', 'sent', { messageId: 3, attempt: 2 }),
  ]
  t.match(sentMessages({ events: acks, nodes: data.nodes }), [{ sender: 'S1', messageId: 3, number: null }])
  t.equal(sentMessages({ events: acks, nodes: data.nodes }).length, 1)
})

t.test('a message is followed to where it came, and its acks to where they landed', async t => {
  t.strictSame(
    steps.map(({ atMs, node, to, arrivedMs, via, kind, wrong }) => [atMs, node, to, arrivedMs, via, kind, wrong]),
    [
      [1100, 'S1', 'R1', 1105, 'gateway', 'message', false],
      [1106, 'R1', null, null, null, 'application', false],
      [1500, 'R1', 'R2', 1510, 'gateway', 'ack', true],
      [31_100, 'S1', null, null, null, 'resend', false],
      [31_100, 'S1', null, null, 'gateway', 'resend', false],
      [40_000, 'R1', null, null, null, 'fault', true],
      [7_231_098, 'R1', null, null, null, 'refusal', false],
      [7_231_100, 'S1', 'R1', 7_231_100, 'gateway', 'resend', false],
      [7_231_600, 'R1', 'S1', 7_231_610, null, 'ack', false],
    ],
    'and no further ack once one has freed it',
  )
  t.match(steps[0]?.text, /S1 sends message 6, in session 1, to DIRECT.*gateway gave the connection to R1 \(in turn\)/)
  t.match(steps[2]?.text, /R2 gets it, for whom it is not/)
  t.match(steps[4]?.text, /attempt 2.*Nobody noted that it arrived/)
})

t.test('acks that never free a message are not followed without end', async t => {
  const events = [...EVENTS.slice(0, 4)]
  for (let index = 0; index < 50; index++)
    events.push(event('R1', 'order-ack-sent', { atMs: 2000 + index, messageId: index }))
  const endless: ReportData = { ...data, events }
  const acks = traceMessage(endless, indexEvents(events), message!, 12).filter(({ kind }) => kind === 'ack')
  t.equal(acks.length, 12)
})

t.test(
  'the drawing has a line for each machine, an arrow for each packet, and breaks its axis where nothing happened',
  async t => {
    const lifelines = lifelinesOf(data.nodes, steps)
    t.strictSame(
      lifelines.map(({ name }) => name),
      ['S1', 'gateway', 'R1', 'R2'],
    )
    const drawing = spaceTimeDiagram({ title: 'a <title>', lifelines, steps, startedMs: 1000 })
    t.equal(drawing.match(/class="lifeline"/g)?.length, 4)
    t.equal(drawing.match(/class="packet"/g)?.length, 4)
    t.equal(drawing.match(/class="packet lost"/g)?.length, 1)
    t.equal(drawing.match(/data-step=/g)?.length, steps.length)
    t.strictSame(
      Array.from(drawing.matchAll(/>([^>]*) without an event/g), ([, time]) => time),
      ['29.590 s', '8.900 s', '2 h'],
    )
    t.match(drawing, 'a &lt;title&gt;')
    t.notMatch(drawing, /NaN|undefined/)
  },
)

t.test('the script of a page does the same, with nothing but what is in it', async t => {
  const context = createContext({ data: JSON.stringify(data), message: JSON.stringify(message) })
  const functions = REPORT_SCRIPT.replace(/startReport\(document\)\n$/, '')
  t.not(functions, REPORT_SCRIPT)
  runInContext(functions, context)
  const drawn = runInContext(
    `const run = JSON.parse(data)
    const followed = traceMessage(run, indexEvents(run.events), JSON.parse(message))
    spaceTimeDiagram({ title: 'x', lifelines: lifelinesOf(run.nodes, followed), steps: followed, startedMs: 1000 }) + run.events.map(eventText)`,
    context,
  )
  t.match(drawn, spaceTimeDiagram({ title: 'x', lifelines: lifelinesOf(data.nodes, steps), steps, startedMs: 1000 }))
})
