import type { AckStory } from '../ack-story.js'
import { html, type Markup } from './html.js'

const LANE_WIDTH = 190
const LEFT = 84
const HEAD = 58
const ROW = 46

/**
 * Machines as vertical lines, time downwards, each packet an arrow with its kind. Rows are steps in the order of time,
 * each with its time; the distances are not to scale.
 */
export function spaceTimeDiagram(story: AckStory, startedMs: number): Markup {
  const { lifelines, addresses, steps } = story
  const width = LEFT + lifelines.length * LANE_WIDTH
  const height = HEAD + steps.length * ROW + 16
  const x = (name: string) => LEFT + (lifelines.indexOf(name) + 0.5) * LANE_WIDTH
  return html`<figure>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${story.title}" style="min-width:${Math.round(width * 0.7)}px;max-width:${width}px">
${lifelines.map(
  name => html`<line class="lifeline" x1="${x(name)}" x2="${x(name)}" y1="${HEAD - 8}" y2="${height - 6}"/>
<rect class="machine" x="${x(name) - 66}" y="6" width="132" height="42" rx="6"/>
<text class="name" x="${x(name)}" y="24" text-anchor="middle">${name}</text><text class="tick" x="${x(name)}" y="40" text-anchor="middle">${addresses[name] ?? ''}</text>`,
)}
${steps.map((step, index) => {
  const y = HEAD + index * ROW + 26
  const tone = step.wrong ? 'wrong' : step.packet === 'OrderAck' || step.packet === 'StreamReceipt' ? 'ack' : 'message'
  const time = html`<text class="tick" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${((step.atMs - startedMs) / 1000).toFixed(3)} s</text>`
  const from = x(step.from)
  if (step.to === null || step.to === step.from) {
    return html`${time}<circle class="event ${tone}" cx="${from}" cy="${y}" r="4.5"/><text class="label ${tone}" x="${from + 12}" y="${y + 4}">${step.label}</text>`
  }
  const to = x(step.to)
  const tip = to > from ? -1 : 1
  return html`${time}<line class="packet ${tone}" x1="${from}" y1="${y - 6}" x2="${to + tip * 9}" y2="${y + 5}"/>
<polygon class="tip ${tone}" points="${to},${y + 6} ${to + tip * 11},${y} ${to + tip * 11},${y + 11}"/>
<text class="label ${tone}" x="${(from + to) / 2}" y="${y - 7}" text-anchor="middle">${step.label}</text>`
})}
</svg>
<figcaption>Time runs downwards, not to scale.</figcaption>
</figure>`
}
