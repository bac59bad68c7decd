import type { FirstTimes } from '../explore/exploration.js'
import { html, type Markup } from './html.js'
import { timeText } from './time-text.js'

export interface FirstTimesRow {
  readonly name: string
  readonly times: FirstTimes
}

const WIDTH = 760
const LEFT = 190
const RIGHT = 24
const ROW = 34
const BOTTOM = 28

/** Round times for a logarithmic axis. */
const TICKS_MS: readonly number[] = [
  1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000, 2_592_000_000,
]

/**
 * When each anomaly was first seen, over all seeds that showed it: a line from the least to the most, a bar for the eight
 * tenths in the middle, a mark at the median. Time is logarithmic.
 */
export function firstTimesChart(rows: readonly FirstTimesRow[]): Markup {
  const least = Math.max(1, Math.min(...rows.map(({ times }) => times.min)))
  const most = Math.max(least * 10, ...rows.map(({ times }) => times.max))
  const x = (ms: number) => {
    const share = Math.log(Math.max(ms, least) / least) / Math.log(most / least)
    return Math.round((LEFT + share * (WIDTH - LEFT - RIGHT)) * 10) / 10
  }
  const height = rows.length * ROW + BOTTOM
  const ticks = TICKS_MS.filter(ms => ms >= least && ms <= most)
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${height}" class="chart first-times" role="img" aria-label="time to the first of each anomaly">
${ticks.map(ms => html`<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="4" y2="${height - BOTTOM}"/><text class="tick" x="${x(ms)}" y="${height - 10}" text-anchor="middle">${ms >= 1000 && ms < 60_000 ? `${ms / 1000} s` : timeText(ms)}</text>`)}
${rows.map(({ name, times }, row) => {
  const y = row * ROW + ROW / 2 + 2
  const [low, high] = [times.deciles[1]!, times.deciles[9]!]
  return html`<g><title>${name}: ${timeText(times.min)} to ${timeText(times.max)}, median ${timeText(times.median)}</title><text class="tick" x="${LEFT - 12}" y="${y + 4}" text-anchor="end">${name}</text><line class="range" x1="${x(times.min)}" x2="${x(times.max)}" y1="${y}" y2="${y}"/><rect class="middle" x="${x(low)}" y="${y - 6}" width="${Math.max(2, x(high) - x(low))}" height="12" rx="3"/><line class="median" x1="${x(times.median)}" x2="${x(times.median)}" y1="${y - 10}" y2="${y + 10}"/></g>`
})}
</svg><figcaption>Virtual time from the beginning of the load to the first, logarithmic: all seeds that showed it (line), the eight tenths in the middle (bar), the median (mark).</figcaption></figure>`
}
