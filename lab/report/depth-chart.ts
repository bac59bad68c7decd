import { eventsOf, type RunRecord } from '../history.js'
import { FAULT_TEXTS } from '../journey-text.js'
import { outgoingDepth } from '../outgoing-depth.js'
import { html, type Markup } from './html.js'
import { type ChartLine, type ChartMark, greatest, LINES_MAX, lineChart, lineKey } from './line-chart.js'
import { runFaults } from './run-faults.js'

type Point = ChartLine['points'][number]

/**
 * Messages of the workloads in the outgoing queues of senders and front ends over the time of the run, and below it the
 * stage of each sender's resend timer. Where there are more senders than lines can be told apart, the rest are one line.
 */
export function depthCharts(run: RunRecord): Markup {
  const endMs = run.endedMs - run.startedMs
  const depths = depthLines(run)
  const names = depths.map(({ name }) => name)
  const stages = stageLines(run, names)
  const marks = faultMarks(run)
  const resent = stages.some(({ points }) => greatest(points) > 0)
  const sender = run.nodes.some(({ role }) => role === 'front-end') ? 'senders and front ends' : 'senders'
  const ends = ({ points }: ChartLine) => ` (${points.at(-1)?.value ?? 0} at the end)`
  return html`<figure>${lineChart({ label: 'messages in outgoing queues over time', endMs, lines: depths, marks, height: 210 })}
<figcaption>Messages in the outgoing queues of ${sender} over time. ${lineKey(depths, ends)}</figcaption></figure>
${resent ? html`<figure class="later">${lineChart({ label: 'stage of the resend timer over time', endMs, lines: stages, marks: [], height: 130 })}<figcaption>Stage of the resend timer: up with each round of resends, to 0 when an order ack frees messages.</figcaption></figure>` : html`<p class="quiet small">No resend timer fired.</p>`}`
}

function depthLines(run: RunRecord): ChartLine[] {
  const points = new Map<string, Point[]>(
    run.nodes
      .filter(({ sender, role }) => sender !== null || role === 'front-end')
      .map(({ name }) => [name, [{ ms: 0, value: 0 }]]),
  )
  for (const { node, sample } of run.samples) {
    if (sample.atMs < run.startedMs || sample.atMs > run.endedMs) continue
    points.get(node)?.push({ ms: sample.atMs - run.startedMs, value: outgoingDepth(sample) })
  }
  const lines = Array.from(points, ([name, own]): ChartLine => ({ name, points: own }))
  if (lines.length <= LINES_MAX) return lines
  const area = ({ points }: ChartLine) => points.reduce((sum, { value }) => sum + value, 0)
  const deepest = new Set(lines.toSorted((a, b) => area(b) - area(a)).slice(0, LINES_MAX - 1))
  const others = lines.filter(line => !deepest.has(line))
  return [
    ...lines.filter(line => deepest.has(line)),
    { name: `${others.length} others together`, points: together(others) },
  ]
}

/** Their sum, at each moment that any of them has. */
function together(lines: readonly ChartLine[]): Point[] {
  const changes = lines.flatMap(({ points }) =>
    points.map(({ ms, value }, index) => ({ ms, by: value - (points[index - 1]?.value ?? 0) })),
  )
  let value = 0
  return changes
    .sort((a, b) => a.ms - b.ms)
    .map(({ ms, by }) => {
      value += by
      return { ms, value }
    })
}

/** The greatest stage of any sequence of a sender; in the order of `names`, of which unknown ones are without points. */
function stageLines(run: RunRecord, names: readonly string[]): ChartLine[] {
  const stages = new Map(names.map(name => [name, new Map<string, number>()]))
  const points = new Map(names.map(name => [name, [{ ms: 0, value: 0 }] as Point[]]))
  const changes = [
    ...eventsOf(run, 'resend'),
    ...eventsOf(run, 'order-ack-received').filter(({ result, removed }) => result === 'matched' && removed > 0),
  ].sort((a, b) => a.atMs - b.atMs)
  for (const change of changes) {
    const own = stages.get(change.node)
    if (own === undefined) continue
    own.set(change.sequence, change.kind === 'resend' ? change.stage : 0)
    points.get(change.node)!.push({ ms: change.atMs - run.startedMs, value: Math.max(...own.values()) })
  }
  return names.map(name => ({ name, points: points.get(name)! }))
}

function faultMarks(run: RunRecord): ChartMark[] {
  const faults = runFaults(run.events).map(
    (event): ChartMark => ({
      ms: event.atMs - run.startedMs,
      text: `${event.node} ${event.kind === 'fault' ? event.fault : event.what}`,
      tone: event.kind === 'fault' && FAULT_TEXTS[event.fault].isGood ? 'healed' : 'fault',
    }),
  )
  return run.healedMs === undefined || faults.length === 0
    ? faults
    : [...faults, { ms: run.healedMs - run.startedMs, text: 'all is well again', tone: 'healed' }]
}
