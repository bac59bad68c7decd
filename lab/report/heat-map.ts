import type { RunView } from '../finding.js'
import { html, type Markup } from './html.js'

const CELL = { width: 58, height: 26 } as const
const LEFT = 96
const TOP = 30
const SENDERS_MAX = 32
const NOBODY = 'nobody'

/**
 * For whom order acks were, and where they landed: a row for each sender, a column for each machine that got any, the
 * senders' own first and in the same order, so that the diagonal is health. Null when no ack was sent.
 */
export function ackHeatMap({ run, acks }: RunView): Markup | null {
  if (acks.length === 0) return null
  const landed = new Map<string, Map<string, number>>()
  for (const { owners, landings, astray } of acks) {
    // nothing tells clones apart where their acks do not: what came to one of them counts as that one's
    const at = astray?.node ?? landings[0]?.node ?? NOBODY
    const owner = owners.includes(at) ? at : owners.join(' or ')
    const row = landed.get(owner) ?? new Map<string, number>()
    landed.set(owner, row.set(at, (row.get(at) ?? 0) + 1))
  }
  const order = [...run.nodes.map(({ name }) => name)]
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  const astrayOf = (owner: string) =>
    [...(landed.get(owner) ?? [])].reduce((sum, [at, count]) => sum + (at === owner ? 0 : count), 0)
  const all = [...landed.keys()]
  const rows = all
    .toSorted((a, b) => astrayOf(b) - astrayOf(a) || rank(a) - rank(b))
    .slice(0, SENDERS_MAX)
    .toSorted((a, b) => rank(a) - rank(b))
  const strangers = new Set(rows.flatMap(owner => [...landed.get(owner)!.keys()]).filter(at => !rows.includes(at)))
  const columns = [...rows, ...[...strangers].sort((a, b) => rank(a) - rank(b))].filter(
    (at, index) => index >= rows.length || order.includes(at),
  )
  const most = Math.max(1, ...rows.flatMap(owner => [...landed.get(owner)!.values()]))
  const x = (column: number) => LEFT + column * CELL.width
  const y = (row: number) => TOP + row * CELL.height
  const [width, height] = [x(columns.length) + 4, y(rows.length) + 4]
  return html`<figure><div class="scroll" tabindex="0" role="region" aria-label="where order acks went">
<svg viewBox="0 0 ${width} ${height}" width="${width}" class="heat" role="img" aria-label="for whom order acks were, and where they went">
${columns.map((at, column) => html`<text class="tick" x="${x(column) + CELL.width / 2}" y="${TOP - 8}" text-anchor="middle"${shortened(at, CELL.width)}>${at}</text>`)}
${rows.map((owner, row) => [
  html`<text class="tick" x="${LEFT - 8}" y="${y(row) + 17}" text-anchor="end"${shortened(owner, LEFT - 12)}>${owner}</text>`,
  ...columns.map((at, column) => {
    const count = landed.get(owner)!.get(at) ?? 0
    const home = at === owner
    const strength = count === 0 ? 0 : 0.18 + 0.82 * (count / most)
    return html`<g><title>${count} for ${owner} to ${at}</title><rect class="cell ${home ? 'home' : 'away'}" x="${x(column) + 1}" y="${y(row) + 1}" width="${CELL.width - 2}" height="${CELL.height - 2}" rx="3" fill-opacity="${strength.toFixed(2)}"/>${count === 0 ? null : html`<text class="count${strength > 0.55 ? ' on' : ''}" x="${x(column) + CELL.width / 2}" y="${y(row) + 17}" text-anchor="middle">${count}</text>`}</g>`
  }),
])}
</svg></div>
<figcaption>Order acks by the sender they were for (rows) and the machine that got them (columns). Outlined is home; anything beside it went astray.${all.length > rows.length ? ` ${all.length - rows.length} more senders are not shown.` : ''}</figcaption>
</figure>`
}

/** Names that would not fit are set closer. */
function shortened(text: string, room: number): Markup | null {
  return text.length * 6.2 > room ? html` textLength="${room - 4}" lengthAdjust="spacingAndGlyphs"` : null
}
