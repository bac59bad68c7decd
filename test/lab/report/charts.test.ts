import t from 'tap'
import { bucketRings } from '../../../lab/report/bucket-ring.js'
import { depthCharts } from '../../../lab/report/depth-chart.js'
import { eventText } from '../../../lab/report/event-text.js'
import { ackHeatMap } from '../../../lab/report/heat-map.js'
import { hostShares } from '../../../lab/report/host-shares.js'
import { runFaults } from '../../../lab/report/run-faults.js'
import { topologyDrawing } from '../../../lab/report/topology-drawing.js'
import { createRunView, createVerdict } from '../../../lab/verdict.js'
import { reportedRun } from '../../fixtures/reported-run.js'
import { event, handMadeRun } from '../../fixtures/run-record.js'

const { view, verdict } = reportedRun('a run')
const { run } = view

t.test('rings say who owned which bucket, and what moved', async t => {
  const rings = bucketRings(run)?.text ?? ''
  t.equal(rings.match(/<figure class="ring">/g)?.length, 3)
  t.match(rings, 'R1 30, R2 30')
  t.match(rings, 'nobody 30, R1 30. Moved: 30 R2 → nobody')
  t.match(rings, 'R1 60. Moved: 30 nobody → R1')
  t.match(rings, 'bucket 1: nobody, before R2')
  t.equal(rings.match(/class="bucket nobody"/g)?.length, 30)
  t.equal(bucketRings({ ...run, gateway: { ...run.gateway!, kind: 'appliance' } }), null, 'an appliance has none')
})

t.test('the heat map has what came home on its diagonal, and what went astray beside it', async t => {
  const map = ackHeatMap(view)?.text ?? ''
  t.match(map, '<title>1 for S1 to R2</title><rect class="cell away"')
  t.match(map, '<title>0 for S1 to S1</title><rect class="cell home"')
  const acked = [event('R1', 'order-ack-sent', {}), event('S1', 'order-ack-received', { result: 'matched' })]
  const home = createRunView(handMadeRun({ events: acked }))
  t.match(ackHeatMap(home)?.text, '<title>1 for S1 to S1</title><rect class="cell home"')
  const nobody = createRunView(handMadeRun({ events: acked.slice(0, 1) }))
  t.match(ackHeatMap(nobody)?.text, '<title>1 for S1 to nobody</title><rect class="cell away"')
  t.equal(ackHeatMap(createRunView(handMadeRun({}))), null, 'without acks there is none')
})

t.test('queues and resend stages over time, with what befell machines', async t => {
  const charts = depthCharts(run).text
  t.equal(charts.match(/<svg [^>]*class="chart"/g)?.length, 2)
  t.match(charts, 'S1 (6 at the end)')
  t.match(charts, 'S2 (0 at the end)')
  t.match(charts, '<title>R2 left</title>')
  t.match(depthCharts(handMadeRun({})).text, 'No resend timer fired.')
})

t.test('more senders than lines can be told apart: the deepest have their own, the others one together', async t => {
  const nodes = Array.from({ length: 9 }, (_, index) => ({ ...run.nodes[2]!, name: `S${index + 1}`, sender: index }))
  const samples = nodes.map(({ name }, index) => ({
    node: name,
    sample: { ...run.samples[0]!.sample, outgoing: [{ formatName: 'x', messages: index + 1 }] },
  }))
  const charts = depthCharts({ ...run, nodes, samples, events: [] }).text
  t.match(charts, 'S9 (9 at the end)')
  t.match(charts, '4 others together (10 at the end)')
  t.notMatch(charts, 'S1 (1 at the end)')
})

t.test('what the balancer gave to whom', async t => {
  const shares = hostShares(run)?.text ?? ''
  t.match(shares, '2 (67 %)')
  t.match(shares, '1 (33 %)')
  t.match(shares, '3 connections')
  t.equal(hostShares(handMadeRun({})), null, 'one that tells of no decision has none')
})

t.test('the topology draws a dozen machines a column, those with trouble before the others', async t => {
  const many = Array.from({ length: 30 }, (_, index) => ({ ...run.nodes[0]!, name: `R${index + 1}` }))
  const wide = { ...view, run: { ...run, nodes: [...many, ...run.nodes.slice(2)] } }
  const drawing = topologyDrawing(wide, createVerdict(wide)).text
  t.equal(drawing.match(/<rect class="machine/g)?.length, 12 + 2 + 1)
  t.match(drawing, '18 more machines are not drawn.')
  t.match(topologyDrawing({ ...view, acks: [] }, verdict).text, 'left 1.000 s')
})

t.test('a recovery of what was never ill is no news', async t => {
  const events = [
    event('R1', 'fault', { atMs: 1, fault: 'disk-ill' }),
    event('R1', 'fault', { atMs: 2, fault: 'disk-well' }),
    event('R2', 'fault', { atMs: 2, fault: 'disk-well' }),
    event('R2', 'sent', { atMs: 3 }),
  ]
  t.strictSame(
    runFaults(events).map(({ node, atMs }) => [node, atMs]),
    [
      ['R1', 1],
      ['R1', 2],
    ],
  )
})

t.test('events in words', async t => {
  const owners = Array.from({ length: 60 }, (_, bucket) => (bucket < 30 ? ['R1'] : []))
  const rows: [text: RegExp, event: Parameters<typeof eventText>[0]][] = [
    [/^sends message 1 to DIRECT/, event('S1', 'sent', {})],
    [/^sends again \(2\) message 1/, event('S1', 'sent', { attempt: 2 })],
    [/^discards message 1 .*its own \(name-validation\)$/, event('R1', 'discarded', {})],
    [/^leaves the cluster \(left\)$/, event('R1', 'fault', { fault: 'left' })],
    [/^resend timer, stage 1: 6 unacknowledged/, event('S1', 'resend', {})],
    [/^buckets by owner: R1 30, nobody 30$/, event('gateway', 'cluster-map', { owners })],
    [/^unheard-of \{"why":1\}$/, { kind: 'unheard-of', node: 'R1', atMs: 1, why: 1 } as never],
  ]
  for (const [text, one] of rows) t.match(eventText(one), text)
})
