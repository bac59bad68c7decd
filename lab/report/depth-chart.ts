import { eventsOf, type RunRecord } from '../history.js'
import { outgoingDepth } from '../outgoing-depth.js'
import { html, type Markup } from './html.js'

const WIDTH = 640
const HEIGHT = 220
const LEFT = 44
const RIGHT = 12
const TOP = 14
const BOTTOM = 34
/** Distinguishable lines; more senders share the last style. */
const LINE_STYLES_MAX = 6

interface DepthLine {
  readonly node: string
  readonly points: readonly { readonly s: number; readonly messages: number }[]
}

/** Messages of the workloads in the outgoing queues of senders and front ends over the time of the run, as an SVG chart. */
export function depthChart(run: RunRecord): Markup {
  const lines = depthLines(run)
  const endS = Math.max(0.1, (run.endedMs - run.startedMs) / 1000)
  const top = niceCeiling(Math.max(1, ...lines.flatMap(({ points }) => points.map(({ messages }) => messages))))
  const x = (s: number) => round(LEFT + (s / endS) * (WIDTH - LEFT - RIGHT))
  const y = (messages: number) => round(HEIGHT - BOTTOM - (messages / top) * (HEIGHT - TOP - BOTTOM))
  const ticksS = timeTicks(endS)
  const faults = eventsOf(run, 'fault').map(({ atMs, node, fault }) => ({
    s: (atMs - run.startedMs) / 1000,
    text: `${node} ${fault}`,
  }))
  const resends = eventsOf(run, 'resend').map(({ atMs }) => (atMs - run.startedMs) / 1000)
  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="outgoing-queue depth over time">
${[0, top / 2, top].map(value => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`)}
${ticksS.map(s => html`<text class="tick" x="${x(s)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${s} s</text>`)}
${resends.filter(s => s >= 0 && s <= endS).map(s => html`<line class="resend" x1="${x(s)}" x2="${x(s)}" y1="${HEIGHT - BOTTOM - 5}" y2="${HEIGHT - BOTTOM}"/>`)}
${faults.filter(({ s }) => s >= 0 && s <= endS).map(({ s, text }, index) => html`<line class="fault" x1="${x(s)}" x2="${x(s)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="tick" x="${x(s) + 4}" y="${TOP + 8 + (index % 3) * 12}">${text}</text>`)}
${lines.map(({ points }, index) => html`<polyline class="depth depth-${Math.min(index, LINE_STYLES_MAX - 1)}" points="${points.map(({ s, messages }) => `${x(s)},${y(messages)}`).join(' ')}"/>`)}
</svg>
<figcaption>Messages in ${hasFrontEnds(run) ? "senders' and front ends' outgoing queues" : "each sender's outgoing queues"} over time${resends.length > 0 ? '; marks on the axis are resends' : ''}.
${lines.map(({ node, points }, index) => html` <span class="key"><svg width="22" height="8" aria-hidden="true"><line class="depth depth-${Math.min(index, LINE_STYLES_MAX - 1)}" x1="0" x2="22" y1="4" y2="4"/></svg> ${node} (${points.at(-1)?.messages ?? 0} at the end)</span>`)}</figcaption>
</figure>`
}

const hasFrontEnds = ({ nodes }: RunRecord) => nodes.some(({ role }) => role === 'front-end')

function depthLines(run: RunRecord): DepthLine[] {
  return run.nodes
    .filter(({ sender, role }) => sender !== null || role === 'front-end')
    .map(({ name }) => {
      const points = run.samples
        .filter(({ node, sample }) => node === name && sample.atMs >= run.startedMs && sample.atMs <= run.endedMs)
        .map(({ sample }) => ({ s: (sample.atMs - run.startedMs) / 1000, messages: outgoingDepth(sample) }))
      return { node: name, points: [{ s: 0, messages: 0 }, ...points] }
    })
}

function timeTicks(endS: number): number[] {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120].find(candidate => endS / candidate <= 8) ?? 600
  return Array.from({ length: Math.floor(endS / step) + 1 }, (_, index) => Number((index * step).toFixed(1)))
}

/** The smallest even number of the form 1, 2, 4, 6, 8 times a power of ten that is not below `value`. */
function niceCeiling(value: number): number {
  for (let power = 1; ; power *= 10) {
    for (const factor of [2, 4, 6, 8, 10]) if (factor * power >= value) return factor * power
  }
}

const round = (value: number) => Math.round(value * 10) / 10
