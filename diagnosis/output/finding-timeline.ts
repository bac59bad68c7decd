import { html, type Markup } from '../../lab/report/html.js'
import { timeTicks } from '../../lab/report/time-axis.js'
import { timeText } from '../../lab/report/time-text.js'
import type { CaptureFinding } from '../finding.js'

const WIDTH = 900
const LEFT = 236
const RIGHT = 24
const ROW = 28
const BOTTOM = 28
/** Marks that can be told from each other side by side. */
const CELLS = 160

/** When each kind of finding was seen: a row for each, darker where there are more. Null without findings. */
export function findingTimeline(
  findings: readonly CaptureFinding[],
  { firstUs, lastUs }: { readonly firstUs: number; readonly lastUs: number },
): Markup | null {
  if (findings.length === 0) return null
  const spanMs = Math.max(1, (lastUs - firstUs) / 1000)
  const x = (ms: number) => Math.round((LEFT + (ms / spanMs) * (WIDTH - LEFT - RIGHT)) * 10) / 10
  const height = findings.length * ROW + BOTTOM
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${height}" class="chart finding-times" style="max-width:${WIDTH}px" role="img" aria-label="when each kind of finding was seen">
${timeTicks(spanMs).map(({ ms, text }) => html`<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="4" y2="${height - BOTTOM}"/><text class="tick" x="${x(ms)}" y="${height - 10}" text-anchor="middle">${text}</text>`)}
${findings.map((finding, row) => {
  const y = row * ROW + 4
  return html`<g><text class="tick" x="${LEFT - 12}" y="${y + 15}" text-anchor="end">${finding.id}</text>${cellsOf(
    finding,
    firstUs,
    spanMs,
  ).map(
    ({ fromMs, toMs, count }) =>
      html`<rect class="bar ${finding.severity === 'error' ? 'wrong' : ''}" x="${x(fromMs)}" y="${y}" width="${Math.max(3, Math.round(10 * (x(toMs) - x(fromMs))) / 10)}" height="${ROW - 8}" fill-opacity="${Math.min(1, 0.35 + count / 8)}"><title>${finding.id}: ${count} from ${timeText(fromMs)} to ${timeText(toMs)}</title></rect>`,
  )}</g>`
})}
</svg><figcaption>Time from the first frame; darker: more of them. Of each kind at most the first 1,000 instances.</figcaption></figure>`
}

function cellsOf({ instances }: CaptureFinding, firstUs: number, spanMs: number) {
  const cellMs = spanMs / CELLS
  const counts = new Map<number, number>()
  for (const { frames } of instances) {
    if (frames[0] === undefined) continue
    const cell = Math.min(CELLS - 1, Math.max(0, Math.floor((frames[0].timeUs - firstUs) / 1000 / cellMs)))
    counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  return Array.from(counts, ([cell, count]) => ({ fromMs: cell * cellMs, toMs: (cell + 1) * cellMs, count }))
}
