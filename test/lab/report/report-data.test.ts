import { inflateRawSync } from 'node:zlib'
import t from 'tap'
import { createReport } from '../../../lab/report/report.js'
import {
  type PackedData,
  packData,
  REPORT_EVENTS_MAX,
  reportData,
  unpackData,
} from '../../../lab/report/report-data.js'
import { createRunView, createVerdict } from '../../../lab/verdict.js'
import { largeRun } from '../../fixtures/large-run.js'
import { event, handMadeRun } from '../../fixtures/run-record.js'

const BYTES_MAX = 5_000_000

const large = largeRun(REPORT_EVENTS_MAX)

function dataIn(report: string) {
  const [, packed = ''] = /class="run-data">([^<]*)</.exec(report) ?? []
  return unpackData(JSON.parse(inflateRawSync(Buffer.from(packed, 'base64')).toString()) as PackedData)
}

t.test('a hundred thousand events are at most five megabytes, and all of them are there', async t => {
  t.equal(large.events.length, 100_000)
  const view = createRunView(large)
  const verdict = createVerdict(view)
  const report = createReport([{ view, verdict }], 'large')
  const bytes = Buffer.byteLength(report)
  t.comment(`${bytes} bytes`)
  t.ok(bytes <= BYTES_MAX, `${bytes} bytes`)
  const data = dataIn(report)
  t.equal(data.eventsLeftOut, 0)
  t.strictSame(data.events, large.events, 'each as it was, in its order')
})

t.test('of more events the first ones stay, and the report says how many do not', async t => {
  const view = createRunView(handMadeRun({ events: [event('S1', 'sent', {}), ...large.events] }))
  const report = createReport([{ view, verdict: createVerdict(view) }], 'more')
  const data = dataIn(report)
  t.equal(data.events.length, REPORT_EVENTS_MAX)
  t.equal(data.eventsLeftOut, 1)
  t.match(report, 'The first 100,000 events; 1 later ones')
})

t.test('what leads to the balancer is known by its address, name and QMId', async t => {
  const run = handMadeRun({
    events: [
      event('S1', 'sent', { queue: 'DIRECT=TCP:127.0.9.10\\private$\\orders' }),
      event('S1', 'sent', { queue: 'DIRECT=OS:CLUSTER\\private$\\orders' }),
      event('S1', 'sent', { queue: 'DIRECT=OS:R1\\private$\\orders' }),
    ],
  })
  const view = createRunView(run)
  const data = reportData(view, createVerdict(view))
  t.strictSame(data.balancedQueues, ['DIRECT=TCP:127.0.9.10\\private$\\orders', 'DIRECT=OS:CLUSTER\\private$\\orders'])
  t.strictSame(
    data.nodes.map(({ name }) => name),
    ['S1', 'S2', 'gateway', 'R1', 'R2'],
  )
  t.ok(packData(data).length > 0)
})
