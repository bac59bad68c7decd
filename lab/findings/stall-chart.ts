import { html } from '../report/html.js'
import { timeText } from '../report/time-text.js'
import type { Explored } from './findings.js'
import type { CloneCell } from './grid.js'

const WIDTH = 640
const HEIGHT = 300
const LEFT = 70
const RIGHT = 90
const TOP = 16
const BOTTOM = 44
const COLOURS = ['#4878a8', '#3a8a5a', '#b07020', '#b03a48']
/** Of the scale of times, which goes by the logarithm. */
const TICKS_MS = [30_000, 60_000, 120_000, 300_000, 600_000]

/** How long it takes until a queue stalls, the median over the seeds, by messages a minute: a line for each number of clones. An SVG file. */
export function stallChart(cells: readonly Explored<CloneCell>[]): string {
  const rates = [...new Set(cells.map(({ cell }) => cell.perMinute))]
  const counts = [...new Set(cells.map(({ cell }) => cell.clones))]
  const [low, high] = [Math.log(TICKS_MS[0]! / 1.3), Math.log(TICKS_MS.at(-1)!)]
  const x = (rate: number) => LEFT + (rates.indexOf(rate) / Math.max(1, rates.length - 1)) * (WIDTH - LEFT - RIGHT)
  const y = (ms: number) => {
    const share = (Math.min(high, Math.max(low, Math.log(Math.max(1, ms)))) - low) / (high - low)
    return Number((HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)).toFixed(1))
  }
  const lines = counts.map((clones, index) => ({
    clones,
    colour: COLOURS[index % COLOURS.length]!,
    points: cells
      .filter(({ cell }) => cell.clones === clones)
      .flatMap(({ cell, exploration: { resent } }) =>
        resent.firstMs === null ? [] : [{ x: x(cell.perMinute), y: y(resent.firstMs.median) }],
      ),
  }))
  return `${
    html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>How long until queues of clones stall, by the messages a minute of each clone</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${TICKS_MS.map(ms => html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/><text x="${LEFT - 8}" y="${y(ms) + 4}" text-anchor="end" fill="#444">${timeText(ms)}</text>`)}
${rates.map(rate => html`<text x="${x(rate)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">${rate}</text>`)}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="#444">messages a minute from each clone</text>
${lines.map(({ colour, points }) => html`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(point => `${point.x},${point.y}`).join(' ')}"/>${points.map(point => html`<circle cx="${point.x}" cy="${point.y}" r="3.5" fill="${colour}"/>`)}`)}
${lines.map(({ clones, colour }, index) => html`<text x="${WIDTH - RIGHT + 14}" y="${TOP + 14 + index * 18}" fill="${colour}">${clones} clones</text>`)}
</svg>`.text
  }\n`
}
