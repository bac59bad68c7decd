import { isAstray } from '../checkers/misrouted-ack.js'
import { counted, type RunView } from '../finding.js'
import type { RunGateway, RunNode, RunRecord } from '../history.js'
import type { Verdict } from '../verdict.js'
import { html, type Markup } from './html.js'
import { runFaults } from './run-faults.js'
import { worstFirst } from './run-tables.js'
import { timeText } from './time-text.js'

const BOX = { width: 188, height: 60 } as const
const ROW = 74
const TOP = 12
const MARGIN = 10
/** Inside of a box, and how wide a letter of its facts is on average, in the same units. */
const PADDING = 10
const LETTER = 5.8
/** Faults named in a box. */
const FAULTS_MAX = 2
/** Machines drawn in a column; of more, those with trouble before the others. */
const COLUMN_MAX = 12
/** Between columns; narrower where there are four. */
const GAP = { three: 68, four: 44 } as const

interface Place {
  readonly x: number
  readonly y: number
}

interface Link {
  readonly from: string
  readonly to: string
  readonly wrong: boolean
}

/** Senders, gateway, front ends and receivers, with what went between them: messages out, acks home, acks astray. */
export function topologyDrawing(view: RunView, verdict: Verdict): Markup {
  const { run } = view
  const astrayAt = new Map<string, number>()
  for (const { astray } of view.acks.filter(isAstray)) astrayAt.set(astray.node, (astrayAt.get(astray.node) ?? 0) + 1)
  const troubled = (name: string) =>
    (verdict.senders[name]?.unacknowledged ?? verdict.frontEnds[name]?.waiting ?? 0) > 0 || astrayAt.has(name)
  const namesOf = (role: RunNode['role']) => {
    const names = run.nodes.filter(node => node.role === role).map(({ name }) => name)
    const shown = new Set(worstFirst(names, troubled, COLUMN_MAX))
    return names.filter(name => shown.has(name))
  }
  const faults = runFaults(run.events)
  const frontEnds = namesOf('front-end')
  const columns = [
    namesOf('sender'),
    run.gateway === null ? [] : [run.gateway.name],
    frontEnds,
    namesOf('receiver'),
  ].filter(({ length }) => length > 0)
  const step = BOX.width + (columns.length > 3 ? GAP.four : GAP.three)
  const width = 2 * MARGIN + (columns.length - 1) * step + BOX.width
  const rows = Math.max(...columns.map(({ length }) => length))
  const height = TOP * 2 + rows * ROW
  const places = new Map<string, Place>()
  for (const [index, column] of columns.entries()) {
    for (const [row, name] of column.entries()) {
      const y = TOP + (rows * ROW - column.length * ROW) / 2 + row * ROW + (ROW - BOX.height) / 2
      places.set(name, { x: MARGIN + index * step, y })
    }
  }
  const drawn = run.nodes.filter(({ name }) => places.has(name))

  return html`<figure>
<div class="scroll" tabindex="0" role="region" aria-label="topology"><svg viewBox="0 0 ${width} ${height}" class="topology" style="max-width:${Math.round(width * 1.2)}px" role="img" aria-label="machines, and who sends to whom">
${topologyLinks(run, new Set(astrayAt.keys())).map(link)}
${drawn.map(({ name, address }) => {
  const receiver = verdict.receivers[name]
  const sender = verdict.senders[name]
  const frontEnd = verdict.frontEnds[name]
  const astray = astrayAt.get(name) ?? 0
  const traffic = [
    sender === undefined ? null : `sent ${sender.sent}`,
    receiver === undefined ? null : `delivered ${receiver.delivered}`,
    frontEnd === undefined ? null : `forwarded ${frontEnd.forwarded}`,
  ].filter(fact => fact !== null)
  const troubles = [
    sender !== undefined && sender.unacknowledged > 0 ? `holds ${sender.unacknowledged}` : null,
    frontEnd !== undefined && frontEnd.waiting > 0 ? `holds ${frontEnd.waiting}` : null,
    astray > 0 ? `${counted(astray, 'ack')} of others` : null,
  ].filter(fact => fact !== null)
  return box(places.get(name)!, name, address, traffic.join(' · '), troubles.join(' · '), faultsText(name))
})}
${run.gateway === null ? null : box(places.get(run.gateway.name)!, run.gateway.name, run.gateway.address, `hosts ${run.gateway.hosts.join(' ')}`, '', gatewayRemark(run.gateway))}
</svg></div>
${drawn.length < run.nodes.length ? html`<figcaption>${run.nodes.length - drawn.length} more machines are not drawn.</figcaption>` : null}</figure>`

  function faultsText(name: string): string {
    const texts = faults
      .filter(({ node }) => node === name)
      .map(event => `${event.kind === 'fault' ? event.fault : event.what} ${timeText(event.atMs - run.startedMs)}`)
    return texts.length > FAULTS_MAX ? `${texts.slice(0, FAULTS_MAX).join(', ')}, …` : texts.join(', ')
  }

  function link({ from, to, wrong }: Link): Markup | null {
    const a = places.get(from)
    const b = places.get(to)
    if (a === undefined || b === undefined) return null
    const [start, end] = a.x <= b.x ? [a.x + BOX.width, b.x] : [a.x, b.x + BOX.width]
    return html`<line class="${wrong ? 'path wrong' : 'path'}" x1="${start}" y1="${a.y + BOX.height / 2}" x2="${end}" y2="${b.y + BOX.height / 2}"/>`
  }
}

/** Who sends to whom: senders by where their load goes, the gateway to its hosts, front ends to the back end. */
function topologyLinks(run: RunRecord, astrayAt: ReadonlySet<string>): Link[] {
  const { gateway, nodes, scenario } = run
  const hosts = gateway?.hosts ?? []
  const targets = ({ load }: RunNode) =>
    new Set((load?.to ?? []).flatMap(to => Array.from(to.matchAll(PLACEHOLDER), ([, inside = '']) => inside)))
  const links = nodes.flatMap(node =>
    Array.from(targets(node), target => ({
      from: node.name,
      to: target === 'vip' || target === 'cluster' ? (gateway?.name ?? '') : target.replace(/\.guid$/, ''),
      wrong: false,
    })),
  )
  const outside = nodes.filter(({ name, role }) => role === 'receiver' && !hosts.includes(name))
  const forwards = nodes.filter(({ role }) => role === 'front-end')
  const toCluster = scenario.topology.senders.some(({ sendReceiptsTo }) =>
    /\{(vip|cluster)\}/.test(sendReceiptsTo ?? ''),
  )
  return [
    ...links.filter(({ from, to }) => !(hosts.includes(from) && to === gateway?.name)),
    ...hosts.map(host => ({ from: gateway?.name ?? '', to: host, wrong: astrayAt.has(host) })),
    ...forwards.flatMap(({ name }) => outside.map(to => ({ from: name, to: to.name, wrong: false }))),
    ...(toCluster ? outside.map(({ name }) => ({ from: name, to: gateway?.name ?? '', wrong: false })) : []),
  ]
}

function gatewayRemark({ source, protocol, balance }: RunGateway): string {
  if (protocol === 'http') return `per ${balance}, source ${source === 'keep' ? 'kept' : 'translated'}`
  return source === 'keep' ? "receivers see the client's address" : 'receivers see its own address'
}

const PLACEHOLDER = /\{([^{}]*)\}/g

function box({ x, y }: Place, name: string, address: string, traffic: string, troubles: string, remark = ''): Markup {
  const left = x + PADDING
  return html`<rect class="machine${troubles === '' ? '' : ' troubled'}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>
<text class="name" x="${left}" y="${y + 19}">${name}</text><text class="tick" x="${x + BOX.width - PADDING}" y="${y + 19}" text-anchor="end">${address}</text>
<text class="facts" x="${left}" y="${y + 36}"${narrowed(traffic)}>${traffic}</text><text class="facts${troubles === '' ? '' : ' bad'}" x="${left}" y="${y + 51}"${narrowed(troubles || remark)}>${troubles || remark}</text>`
}

/** Letters of a text that would not fit into its box are set closer. */
function narrowed(text: string): Markup | null {
  const room = BOX.width - 2 * PADDING
  return text.length * LETTER > room ? html` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : null
}
