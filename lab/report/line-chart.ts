import { html, type Markup } from './html.js'
import { timeTicks } from './time-axis.js'

export interface ChartLine {
  readonly name: string
  /** By time, in milliseconds since the beginning of the chart; each value holds until the next. */
  readonly points: readonly { readonly ms: number; readonly value: number }[]
}

export interface ChartMark {
  readonly ms: number
  readonly text: string
  readonly tone: 'fault' | 'healed'
}

export interface LineChart {
  readonly label: string
  readonly endMs: number
  readonly lines: readonly ChartLine[]
  readonly marks: readonly ChartMark[]
  readonly height: number
}

const WIDTH = 640
const LEFT = 52
const RIGHT = 26
const TOP = 22
const BOTTOM = 26
/** Lines that can be told from each other. */
export const LINES_MAX = 6
/** Marks with their text; more have their line alone. */
const MARK_TEXTS_MAX = 4

/** Lines over the time of a run, as SVG; marks stand where something happened to the machines. */
export function lineChart({ label, endMs, lines, marks, height }: LineChart): Markup {
  const most = niceCeiling(Math.max(1, ...lines.map(({ points }) => greatest(points))))
  const span = Math.max(1, endMs)
  const x = (ms: number) => round(LEFT + (Math.min(ms, span) / span) * (WIDTH - LEFT - RIGHT))
  const y = (value: number) => round(height - BOTTOM - (value / most) * (height - TOP - BOTTOM))
  const scale = most % 2 === 0 ? [0, most / 2, most] : [0, most]
  const shown = gathered(
    marks.filter(({ ms }) => ms >= 0 && ms <= endMs),
    span,
  )
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" class="chart" role="img" aria-label="${label}">
${scale.map(value => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`)}
${timeTicks(span).map(({ ms, text }) => html`<text class="tick" x="${x(ms)}" y="${height - BOTTOM + 17}" text-anchor="middle">${text}</text>`)}
${shown.map(({ ms, text, tone }, index) => {
  const end = x(ms) > WIDTH * 0.75
  return html`<line class="${tone}" x1="${x(ms)}" x2="${x(ms)}" y1="${TOP - 8}" y2="${height - BOTTOM}"><title>${text}</title></line>${index < MARK_TEXTS_MAX ? html`<text class="tick" x="${x(ms) + (end ? -4 : 4)}" y="${TOP - 6 + (index % 2) * 12}" text-anchor="${end ? 'end' : 'start'}">${text}</text>` : null}`
})}
${lines.map(({ name, points }, index) => html`<path class="depth depth-${Math.min(index, LINES_MAX - 1)}" d="${stairs(points, x, y, x(span))}"><title>${name}</title></path>`)}
</svg>`
}

/** Key of the lines, for a caption. */
export function lineKey(lines: readonly ChartLine[], remark: (line: ChartLine) => string): Markup[] {
  return lines.map(
    (line, index) =>
      html` <span class="key"><svg viewBox="0 0 22 8" width="22" height="8" aria-hidden="true"><line class="depth depth-${Math.min(index, LINES_MAX - 1)}" x1="0" x2="22" y1="4" y2="4"/></svg> ${line.name}${remark(line)}</span>`,
  )
}

export function greatest(points: ChartLine['points']): number {
  let most = 0
  for (const { value } of points) most = Math.max(most, value)
  return most
}

/** Marks that would stand on each other are one. */
function gathered(marks: readonly ChartMark[], span: number): ChartMark[] {
  const groups: { first: ChartMark; texts: string[] }[] = []
  for (const mark of marks.toSorted((a, b) => a.ms - b.ms)) {
    const group = groups.at(-1)
    if (group !== undefined && mark.ms - group.first.ms < span / 100) group.texts.push(mark.text)
    else groups.push({ first: mark, texts: [mark.text] })
  }
  return groups.map(({ first, texts }) => ({
    ...first,
    text: texts.length > 2 ? `${texts[0]} and ${texts.length - 1} more` : texts.join(', '),
  }))
}

/** Of all points within a third of a unit of width only the greatest and the last are drawn: nobody could see the others. */
function stairs(
  points: ChartLine['points'],
  x: (ms: number) => number,
  y: (value: number) => number,
  endX: number,
): string {
  const kept: { at: number; most: number; last: number }[] = []
  for (const { ms, value } of points) {
    const at = Math.round(x(ms) * 3) / 3
    const before = kept.at(-1)
    if (before?.at === at) {
      before.most = Math.max(before.most, value)
      before.last = value
    } else kept.push({ at, most: value, last: value })
  }
  let path = ''
  for (const { at, most, last } of kept) {
    path += path === '' ? `M${round(at)} ${y(most)}` : `H${round(at)}V${y(most)}`
    if (last !== most) path += `V${y(last)}`
  }
  return path === '' ? '' : `${path}H${endX}`
}

/** The smallest number of the form 1, 2, 4, 6, 8 times a power of ten that is not below `value`. */
function niceCeiling(value: number): number {
  for (let power = 1; ; power *= 10) {
    for (const factor of [1, 2, 4, 6, 8]) if (factor * power >= value) return factor * power
  }
}

const round = (value: number) => Math.round(value * 10) / 10
