import { isAstray } from '../checkers/misrouted-ack.js'
import { counted, type RunView } from '../finding.js'
import type { Verdict } from '../verdict.js'
import { html, type Markup } from './html.js'

const WIDTH = 720
const BOX = { width: 188, height: 60 } as const
const ROW = 74
const TOP = 12

interface Place {
  readonly x: number
  readonly y: number
}

/** Senders, gateway and receivers, with what went between them: messages out, acks home, acks astray. */
export function topologyDrawing(view: RunView, verdict: Verdict): Markup {
  const { run } = view
  const left = run.nodes.filter(({ role }) => role === 'sender')
  const right = run.nodes.filter(({ role }) => role === 'receiver')
  const rows = Math.max(left.length, right.length, 1)
  const height = TOP * 2 + rows * ROW
  const places = new Map<string, Place>()
  for (const [column, x] of [
    [left, 10],
    [right, WIDTH - BOX.width - 10],
  ] as const) {
    for (const [index, { name }] of column.entries()) {
      places.set(name, { x, y: TOP + (rows * ROW - column.length * ROW) / 2 + index * ROW + (ROW - BOX.height) / 2 })
    }
  }
  const middle: Place = { x: (WIDTH - BOX.width) / 2, y: TOP + (rows * ROW) / 2 - BOX.height / 2 }
  if (run.gateway !== null) places.set(run.gateway.name, middle)
  const hosts = new Set(run.gateway?.hosts ?? [])
  const astrayAt = new Map<string, number>()
  for (const { astray } of view.acks.filter(isAstray)) astrayAt.set(astray.node, (astrayAt.get(astray.node) ?? 0) + 1)

  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="topology">
${left.map(({ name }) => link(name, run.gateway?.name ?? right[0]?.name, 'path'))}
${run.gateway === null ? null : right.filter(({ name }) => hosts.has(name)).map(({ name }) => link(run.gateway?.name, name, astrayAt.has(name) ? 'path wrong' : 'path'))}
${run.nodes.map(({ name, address }) => {
  const place = places.get(name)!
  const receiver = verdict.receivers[name]
  const sender = verdict.senders[name]
  const astray = astrayAt.get(name) ?? 0
  const traffic = [
    sender === undefined ? null : `sent ${sender.sent}`,
    receiver === undefined ? null : `delivered ${receiver.delivered}`,
  ].filter(fact => fact !== null)
  const troubles = [
    sender !== undefined && sender.unacknowledged > 0 ? `holds ${sender.unacknowledged}` : null,
    astray > 0 ? `${counted(astray, 'ack')} of others` : null,
  ].filter(fact => fact !== null)
  return box(place, name, address, traffic.join(' · '), troubles.join(' · '))
})}
${run.gateway === null ? null : box(middle, run.gateway.name, run.gateway.address, `hosts ${run.gateway.hosts.join(' ')}`, '', run.gateway.source === 'keep' ? "receivers see the client's address" : 'receivers see its own address')}
</svg>
</figure>`

  function link(from: string | undefined, to: string | undefined, tone: string): Markup | null {
    const a = places.get(from ?? '')
    const b = places.get(to ?? '')
    if (a === undefined || b === undefined) return null
    return html`<line class="${tone}" x1="${a.x + BOX.width}" y1="${a.y + BOX.height / 2}" x2="${b.x}" y2="${b.y + BOX.height / 2}"/>`
  }
}

function box({ x, y }: Place, name: string, address: string, traffic: string, troubles: string, remark = ''): Markup {
  const text = x + 10
  return html`<rect class="machine${troubles === '' ? '' : ' troubled'}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>
<text class="name" x="${text}" y="${y + 19}">${name}</text><text class="tick" x="${x + BOX.width - 10}" y="${y + 19}" text-anchor="end">${address}</text>
<text class="facts" x="${text}" y="${y + 36}">${traffic}</text><text class="facts${troubles === '' ? '' : ' bad'}" x="${text}" y="${y + 51}">${troubles || remark}</text>`
}
