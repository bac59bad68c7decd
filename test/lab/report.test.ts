import { createHash } from 'node:crypto'
import { Script } from 'node:vm'
import t from 'tap'
import { firstGoodAck, firstMisroutedAck } from '../../lab/ack-story.js'
import { html } from '../../lab/report/html.js'
import { createReport } from '../../lab/report/report.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { event, GUID, handMadeRun, SEQUENCE } from '../fixtures/run-record.js'

const TX = { sequence: SEQUENCE.S1, number: 6, previous: 5 }

const EVENTS = [
  event('gateway', 'gateway-decision', {
    atMs: 1100,
    decision: {
      timeMs: 1100,
      connection: 1,
      clientAddress: '127.0.9.101',
      clientPort: 4000,
      host: 'R1',
      hostAddress: '127.0.9.11',
      hostPort: 1801,
      upstreamLocalAddress: '127.0.9.10',
      source: 'translate',
      bucket: 3,
      reason: 'bucket 3 belongs to <host> 1 & "others"',
    },
  }),
  event('S1', 'sent', { atMs: 1200, messageId: 6, tx: TX }),
  event('R1', 'arrived', { atMs: 1210, messageId: 6, source: GUID.S1, tx: TX }),
  event('R1', 'order-ack-sent', { atMs: 1300, messageId: 50 }),
  event('gateway', 'gateway-decision', {
    atMs: 1310,
    decision: {
      timeMs: 1310,
      connection: 2,
      clientAddress: '127.0.9.11',
      clientPort: 4001,
      host: 'R2',
      hostAddress: '127.0.9.12',
      hostPort: 1801,
      upstreamLocalAddress: '127.0.9.10',
      source: 'translate',
      bucket: 4,
      reason: 'bucket 4',
    },
  }),
  event('R2', 'order-ack-received', { atMs: 1400, messageId: 50 }),
]

const run = handMadeRun({
  scenario: [['about: a run that never was', 'about: "<script>alert(1)</script> & more"']],
  delivered: { R1: { S1: '111111', S2: '111111' } },
  held: { S1: [1, 2, 3, 4, 5, 6] },
  events: EVENTS,
})
const view = createRunView(run)
const verdict = createVerdict(view)

t.test('a misrouted ack is followed from the message to where the ack landed', async t => {
  const story = firstMisroutedAck(view)
  t.same(story?.lifelines, ['S1', 'gateway', 'R1', 'R2'])
  t.match(
    story?.steps.map(({ atMs, from, to, packet, wrong }) => [atMs, from, to, packet, wrong]),
    [
      [1100, 'gateway', null, null, false],
      [1200, 'S1', 'gateway', 'UserMessage', false],
      [1210, 'gateway', 'R1', 'UserMessage', false],
      [1300, 'R1', 'gateway', 'OrderAck', false],
      [1310, 'gateway', null, null, false],
      [1400, 'gateway', 'R2', 'OrderAck', true],
      [3000, 'S1', null, null, false],
    ],
  )
  t.match(story?.steps.at(-2)?.text, /R2 \(127\.0\.9\.12\), which never sent a message, gets the OrderAck of R1/)
  t.match(story?.steps.at(-1)?.text, /still has 6 messages/)
})

t.test('an ack over HTTP: by a front end there, past the balancer back', async t => {
  const path = 'private$/orders'
  const run = handMadeRun({
    scenario: [['DIRECT=TCP:{vip}\\private$\\orders', `DIRECT=HTTP://{cluster}:8080/msmq/${path}`]],
    gateway: { protocol: 'http', balance: 'request' },
    frontEnds: {},
    delivered: { R1: { S1: '111111', S2: '111111' } },
    events: [
      event('S1', 'sent', { atMs: 1100, queue: `DIRECT=HTTP://CLUSTER:8080/msmq/${path}`, messageId: 6, tx: TX }),
      event('gateway', 'gateway-decision', {
        atMs: 1110,
        decision: {
          timeMs: 1110,
          connection: 1,
          request: 4,
          clientAddress: '127.0.9.101',
          clientPort: 4000,
          host: 'F2',
          hostAddress: '127.0.9.52',
          hostPort: 8080,
          upstreamLocalAddress: '127.0.9.10',
          source: 'translate',
          bucket: null,
          reason: 'in turn',
        },
      }),
      event('F2', 'forwarded', { atMs: 1120, messageId: 6, tx: TX }),
      event('R1', 'arrived', { atMs: 1200, peer: '127.0.9.52', messageId: 6, tx: TX }),
      event('F1', 'fault', { atMs: 1250, fault: 'killed' }),
      event('R1', 'order-ack-sent', { atMs: 1300, destination: 'DIRECT=http://S1:8080/MSMQ/PRIVATE$/order_queue$' }),
      event('S1', 'order-ack-received', { atMs: 1310, result: 'matched' }),
    ],
  })
  const view = createRunView(run)
  const story = firstGoodAck(view)
  t.same(story?.lifelines, ['S1', 'gateway', 'F2', 'R1'])
  t.match(
    story?.steps.map(({ atMs, from, to, packet }) => [atMs, from, to, packet]),
    [
      [1100, 'S1', 'gateway', 'POST'],
      [1110, 'gateway', null, null],
      [1120, 'gateway', 'F2', 'POST'],
      [1200, 'F2', 'R1', 'POST'],
      [1300, 'R1', 'S1', 'StreamReceipt'],
      [1310, 'S1', null, null],
    ],
  )
  t.match(story?.steps[1]?.text, /gives S1's request 4 of its connection to F2/)
  const report = createReport([{ view, verdict: createVerdict(view) }], 'over HTTP')
  t.match(report, /SRMP over HTTP, port 8080, on real sockets/)
  t.match(report, /forwarded 1/)
  t.match(report, /F1 killed/)
})

t.test('no ack astray, no story', async t => {
  t.equal(firstMisroutedAck(createRunView(handMadeRun({}))), null)
})

t.test('the report needs nothing else and escapes everything', async t => {
  const report = createReport([{ view, verdict }], 'A <b>title</b>')
  t.match(report, /^<!doctype html>/)
  t.match(report, '&lt;script&gt;alert(1)&lt;/script&gt; &amp; more')
  t.match(report, 'bucket 3 belongs to &lt;host&gt; 1 &amp; &quot;others&quot;')
  t.notMatch(report, /<b>title/)
  const withoutScript = report.replaceAll(/<script.*?<\/script>/gs, '')
  t.notMatch(withoutScript, /\ssrc=|href="[^#]|url\(|@import|https?:\/\//i, 'nothing from elsewhere')
  t.notMatch(report, /fetch\(|XMLHttpRequest|import\(|WebSocket/, 'nor by the script')
  t.match(report, /prefers-color-scheme: dark/)
  for (const label of [
    'machines, and who sends to whom',
    'messages in outgoing queues over time',
    'for whom order acks were, and where they went',
    'connections by host',
    'Space-time diagram',
  ])
    t.match(report, label === 'Space-time diagram' ? /class="space-time"/ : `aria-label="${label}"`, label)
  t.match(report, 'order ack 6')
})

t.test('one script may run, and it is the report’s own', async t => {
  const report = createReport([{ view, verdict }], 'a title')
  const scripts = [...report.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)]
  t.strictSame(
    scripts.map(([, attributes]) => attributes),
    [' type="application/octet-stream" class="run-data"', ''],
    'data, and the script',
  )
  const hash = createHash('sha256').update(scripts[1]![2]!).digest('base64')
  t.match(report, `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`)
  t.doesNotThrow(() => new Script(scripts[1]![2]!), 'it can be read')
})

t.test('verdict and reasons come first, in words for anybody', async t => {
  const report = createReport([{ view, verdict }], 'a title')
  const text = report.slice(report.indexOf('<main>')).replaceAll(/<script.*?<\/script>|<[^>]*>/gs, ' ')
  const places = ['Of 12 messages, 6 are still held by senders that had no receipt', 'Why', 'Topology', 'Counts']
  const found = places.map(place => text.indexOf(place))
  t.ok(
    found.every((at, index) => at > (found[index - 1] ?? 0)),
    found.join(),
  )
  t.match(text, /1 receipt\s+went to a machine that never sent a message/)
  t.equal(report.match(/<dt>order ack<\/dt>/g)?.length, 1, 'each word is explained once')
})

t.test('where all went well the first words say so', async t => {
  const view = createRunView(handMadeRun({ delivered: { R1: { S1: '111111', S2: '111111' } } }))
  const report = createReport([{ view, verdict: createVerdict(view) }], 'well')
  t.match(report, 'All 12 messages arrived, each once, and every sender knows it.')
})

t.test('text that is wider than its box is set closer, and no other is', async t => {
  const view = createRunView(handMadeRun({ gateway: { protocol: 'http', balance: 'connection', source: 'translate' } }))
  const report = createReport([{ view, verdict: createVerdict(view) }], 'over HTTP')
  t.match(report, / textLength="168" lengthAdjust="spacingAndGlyphs">per connection, source translated</)
  t.match(report, /<text class="facts" x="\d+" y="\d+">hosts R1 R2</)
})

t.test('several runs stand side by side', async t => {
  const report = createReport(
    [
      { title: 'one', view, verdict },
      { title: 'two', view, verdict },
    ],
    'both',
  )
  t.match(report, /<a href="#run-0">one<\/a><\/th>\s*<th class="number"><a href="#run-1">two<\/a>/)
})

t.test('markup goes in as it is, everything else escaped', async t => {
  t.equal(
    html`<p>${html`<b>${'<&>"\''}</b>`}${null}${[1, '<']}</p>`.text,
    '<p><b>&lt;&amp;&gt;&quot;&#39;</b>1&lt;</p>',
  )
})
