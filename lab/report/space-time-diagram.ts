import { escapeHtml } from './html.js'
import type { TraceStep } from './message-trace.js'
import { timeText } from './time-text.js'

export interface Lifeline {
  readonly name: string
  readonly address: string
}

export interface DiagramInput {
  readonly title: string
  /** Machines from left to right. */
  readonly lifelines: readonly Lifeline[]
  /** By time. */
  readonly steps: readonly TraceStep[]
  /** Of the run: times count from it. */
  readonly startedMs: number
}

/**
 * Machines as vertical lines, time downwards, each packet an arrow from where and when it left to where and when it came.
 * Rows are moments in their order, each with its time: distances are not to scale, and where much time passed without
 * anything the axis is broken and says how much. SVG in two parts, of which the first, the machines' names, may stay in
 * sight. Stands alone but for `escapeHtml` and `timeText`: the report's script has it too.
 */
export function spaceTimeDiagram({ title, lifelines, steps, startedMs }: DiagramInput): string {
  const [lane, left, right, head, departed, arrived, idle] = [172, 84, 150, 50, 25, 18, 34]
  const labelMax = 32
  const width = left + lifelines.length * lane + right
  const x = (name: string) => left + (lifelines.findIndex(line => line.name === name) + 0.5) * lane
  const shortened = (text: string) => (text.length > labelMax ? `${text.slice(0, labelMax - 1)}…` : text)

  const points = steps
    .flatMap(({ atMs, to, arrivedMs }, index) => [
      { ms: atMs, index, arrival: false },
      ...(to === null || arrivedMs === null ? [] : [{ ms: arrivedMs, index, arrival: true }]),
    ])
    .sort((a, b) => a.ms - b.ms || a.index - b.index)
  const spanMs = points.length === 0 ? 0 : points.at(-1)!.ms - points[0]!.ms
  const gaps = points.map(({ ms }, index) => ms - (points[index - 1]?.ms ?? ms)).sort((a, b) => a - b)
  const usualMs = gaps[Math.floor(gaps.length / 2)] ?? 0
  const idleMs = Math.max(1000, Math.min(spanMs / 12, usualMs * 50))
  const leftAt: number[] = []
  const cameAt: number[] = []
  const axis: string[] = []
  let y = 12
  let lastMs = points[0]?.ms ?? 0
  let lastText = ''
  for (const { ms, index, arrival } of points) {
    if (ms - lastMs >= idleMs) {
      const middle = y + idle / 2 + 6
      axis.push(
        `<path class="break" d="M${left - 44} ${middle} l4 -5 l8 10 l8 -10 l4 5"/><line class="idle" x1="${left - 12}" x2="${width}" y1="${middle}" y2="${middle}"/><text class="tick idle-text" x="${width - 8}" y="${middle - 4}" text-anchor="end">${escapeHtml(timeText(ms - lastMs))} without an event</text>`,
      )
      y += idle
    }
    y += arrival ? arrived : departed
    if (arrival) cameAt[index] = y
    else leftAt[index] = y
    const text = timeText(ms - startedMs)
    if (text !== lastText) axis.push(`<text class="tick" x="${left - 8}" y="${y + 4}" text-anchor="end">${text}</text>`)
    lastText = text
    lastMs = ms
  }
  const height = y + 20

  const drawn = steps.map((step, index) => {
    const { node, to, via, kind, label, text, wrong } = step
    const [x1, y1] = [x(node), leftAt[index]!]
    const classes = `step ${kind}${wrong ? ' wrong' : ''}`
    const times =
      step.arrivedMs === null
        ? timeText(step.atMs - startedMs)
        : `${timeText(step.atMs - startedMs)} to ${timeText(step.arrivedMs - startedMs)}`
    const say = escapeHtml(`${times}: ${text}`)
    const open = `<g class="${classes}" data-step="${index}" tabindex="-1" role="img" aria-label="${say}"><title>${say}</title>`
    const name = escapeHtml(shortened(label))
    const leaves = kind === 'message' || kind === 'resend' || kind === 'ack'
    if (to === null || cameAt[index] === undefined) {
      const mark = `<circle class="mark" cx="${x1}" cy="${y1}" r="4.5"/>`
      const caption = `<text class="label" x="${x1 + 12}" y="${y1 + 4}">${name}</text>`
      if (!leaves || via === null) return `${open}${mark}${caption}</g>`
      const end = x1 + Math.sign(x(via) - x1) * lane * 0.42
      return `${open}<line class="packet lost" x1="${x1}" y1="${y1}" x2="${end}" y2="${y1 + 6}"/><text class="gone" x="${end}" y="${y1 + 11}" text-anchor="middle">×</text><text class="label" x="${(x1 + end) / 2}" y="${y1 - 6}" text-anchor="middle">${name}</text></g>`
    }
    const [x2, y2] = [x(to), cameAt[index]!]
    const middle = via === null ? null : { x: x(via), y: (y1 + y2) / 2 }
    const last = middle ?? { x: x1, y: y1 }
    const way = Math.sign(x2 - last.x) || 1
    const path = `M${x1} ${y1}${middle === null ? '' : ` L${middle.x} ${middle.y}`} L${x2 - way * 9} ${y2}`
    const [labelX, labelY] = middle === null ? [(x1 + x2) / 2, (y1 + y2) / 2] : [(x1 + middle.x) / 2, (y1 * 3 + y2) / 4]
    return `${open}<path class="hit" d="${path}"/><path class="packet" d="${path}"/>${middle === null ? '' : `<circle class="through" cx="${middle.x}" cy="${middle.y}" r="3"/>`}<polygon class="tip" points="${x2},${y2} ${x2 - way * 11},${y2 - 5} ${x2 - way * 11},${y2 + 5}"/><text class="label" x="${labelX}" y="${labelY - 6}" text-anchor="middle">${name}</text></g>`
  })
  const size = `width="${width}" style="min-width:${Math.min(width, 640)}px"`
  const heads = lifelines.map(
    ({ name, address }) =>
      `<rect class="machine" x="${x(name) - 66}" y="4" width="132" height="40" rx="6"/><text class="name" x="${x(name)}" y="21" text-anchor="middle">${escapeHtml(name)}</text><text class="tick" x="${x(name)}" y="37" text-anchor="middle">${escapeHtml(address)}</text>`,
  )
  const lines = lifelines.map(
    ({ name }) => `<line class="lifeline" x1="${x(name)}" x2="${x(name)}" y1="0" y2="${height}"/>`,
  )
  return `<svg class="lane-heads" viewBox="0 0 ${width} ${head}" ${size} aria-hidden="true">${heads.join('')}</svg>
<svg class="space-time" viewBox="0 0 ${width} ${height}" ${size} role="group" aria-label="${escapeHtml(title)}">${lines.join('')}${axis.join('')}${drawn.join('')}</svg>`
}

/** The machines that take part in steps, in the order of `nodes`. Stands alone, as above. */
export function lifelinesOf(nodes: readonly Lifeline[], steps: readonly TraceStep[]): Lifeline[] {
  const met = new Set(steps.flatMap(({ node, to, via }) => [node, to, via]))
  return nodes.filter(({ name }) => met.has(name)).map(({ name, address }) => ({ name, address }))
}
