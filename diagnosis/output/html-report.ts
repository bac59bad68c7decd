import { counted } from '../../lab/finding.js'
import { Glossary } from '../../lab/report/glossary.js'
import { html, type Markup } from '../../lab/report/html.js'
import { lineChart, lineKey } from '../../lab/report/line-chart.js'
import { page } from '../../lab/report/page.js'
import { timeText } from '../../lab/report/time-text.js'
import { type CaptureFinding, type Evidence, INSTANCES_MAX } from '../finding.js'
import { sinceText, utcText } from './capture-times.js'
import { type DiagnosedCapture, verdictOf } from './diagnosed-capture.js'
import { findingTimeline } from './finding-timeline.js'
import { FrameNames } from './frame-names.js'
import type { Machine } from './machines.js'
import type { Traffic } from './traffic.js'

export interface HtmlReportParts {
  /** Of the traffic over time; null: it was not counted. */
  readonly traffic: Traffic | null
  /** The first finding's message in space and time, under its heading. */
  readonly story: { readonly title: string; readonly diagram: Markup } | null
}

/** Instances of a finding in the report's own list; `--json` has all that are kept. */
const LISTED_MAX = 20
/** Machines in the table of who is who. */
const MACHINES_MAX = 500

/** One HTML file about a capture that needs nothing else, in the looks of the lab's report. */
export function htmlReport(capture: DiagnosedCapture, { traffic, story }: HtmlReportParts): string {
  const { files, findings, period } = capture
  const names = new FrameNames(files.map(({ file }) => file))
  const glossary = new Glossary()
  const explained = (part: Markup) => html`${part}${glossary.explain(part)}`
  const timeline = period === null ? null : findingTimeline(findings, period)
  const title = files.length === 1 ? names.file(0) : `${files.length} captures`
  return page(
    `${title === '-' ? 'standard input' : title}: diagnosis`,
    html`<section class="summary">${explained(summary(capture, names))}</section>
${timeline === null ? null : html`<section class="timeline"><h2>When</h2>${timeline}${trafficChart(traffic)}</section>`}
${story === null ? null : html`<section class="story">${explained(html`<h2>${story.title}</h2>${story.diagram}`)}</section>`}
${findings.map(finding => html`<section class="finding" id="${finding.id}">${explained(findingPart(finding, capture, names))}</section>`)}
<section class="machines">${explained(html`<h2>Who is who</h2>${machinesTable(capture.machines)}${translationsTable(capture)}`)}</section>
<section class="capture">${captureFacts(capture)}</section>`,
  )
}

function summary(capture: DiagnosedCapture, names: FrameNames): Markup {
  const { findings, period, counts } = capture
  const verdict = verdictOf(capture)
  const tone = { clean: 'good', findings: 'bad', unusable: 'warn' }[verdict.state]
  return html`<h2>Verdict</h2>
<div class="outcome ${verdict.state === 'clean' ? 'works' : 'fails'}"><p class="headline">${verdict.text}</p>
<p><span class="badge ${tone}">${verdict.state}</span> <span class="quiet">${counted(counts.frames, 'frame')}, ${counted(counts.sessions, 'connection')} with MSMQ, ${counted(counts.machines, 'machine')}, ${counted(counts.messages, 'message')}, ${counted(counts.orderAcks, 'order ack')}${period === null ? '' : `; ${utcText(period.firstUs)} to ${utcText(period.lastUs)}, ${timeText((period.lastUs - period.firstUs) / 1000)}`}.</span></p></div>
${capture.limits.map(limit => html`<p class="warn small">The capture lacks: ${limit}.</p>`)}
${capture.filters.map(filter => html`<p class="small quiet">Filter: ${filter}.</p>`)}
${
  findings.length === 0
    ? null
    : html`<div class="scroll" tabindex="0" role="region" aria-label="findings"><table><tr><th>severity</th><th class="number">count</th><th class="number">proven</th><th>finding</th><th>first</th></tr>
${findings.map(({ id, severity, count, proven, title, first }) => html`<tr><td class="${toneOf(severity)}">${severity}</td><td class="number">${number(count)}</td><td class="number">${number(proven)}</td><td><a href="#${id}">${title}</a></td><td class="nowrap">${first.frames[0] === undefined ? null : names.frame(first.frames[0])}</td></tr>`)}</table></div>`
}`
}

function findingPart(finding: CaptureFinding, { period }: DiagnosedCapture, names: FrameNames): Markup {
  const { id, severity, title, count, proven, first, worst, instances, cause, behaviour, remedy } = finding
  const firstUs = period?.firstUs ?? 0
  const told = worst === first ? [first] : [first, worst]
  const filters = names.filters(told.flatMap(({ frames }) => frames))
  const shown = instances.slice(0, LISTED_MAX)
  const kept = count > INSTANCES_MAX ? `, of which the first ${number(INSTANCES_MAX)} are kept` : ''
  return html`<h2><span class="${toneOf(severity)}">${number(count)} ×</span> ${title}</h2>
<p class="small quiet">${id}${behaviour === null ? null : ` · ${behaviour}`} · ${severity} · ${number(proven)} proven</p>
<p><b>Why.</b> ${cause}</p><p><b>What to change.</b> ${remedy}</p>
${told.map((one, index) => html`<p><b>${index === 0 ? 'First' : 'Worst'}.</b> ${evidencePart(one, firstUs, names)}</p>`)}
<p class="small">In Wireshark: ${filters.map(({ file, filter }, index) => html`${index === 0 ? null : '; '}<code>${filter}</code>${filters.length > 1 ? ` (${file})` : null}`)}</p>
${
  instances.length < 2
    ? null
    : html`<details><summary>${shown.length < instances.length ? `The first ${shown.length} of ${number(count)}${kept}` : `All ${number(count)}`}</summary><ol class="hops small">${shown.map(one => html`<li><time>${one.frames[0] === undefined ? null : timeText((one.frames[0].timeUs - firstUs) / 1000)}</time><span>${evidencePart(one, firstUs, names)}</span></li>`)}</ol></details>`
}`
}

function evidencePart(evidence: Evidence, firstUs: number, names: FrameNames): Markup {
  const { frames, from, to, text, message, sequence, number, reservations } = evidence
  const [at] = frames
  const about = [
    message === null ? null : `message ${message}`,
    sequence === null ? null : `${number === null ? '' : `number ${number} of `}sequence ${sequence}`,
    frames.length === 0 ? null : names.list(frames),
    at === undefined ? null : `${utcText(at.timeUs)} (${sinceText(at.timeUs, firstUs)})`,
    from === null || to === null ? (from ?? to) : `${from} → ${to}`,
  ].filter(part => part !== null)
  return html`${text} <span class="evidence small">${about.join(', ')}</span>${reservations.map(reservation => html`<br><span class="warn small">Not proven: ${reservation}.</span>`)}`
}

function trafficChart(traffic: Traffic | null): Markup | null {
  if (traffic === null || traffic.startUs === null) return null
  const stretches = Math.max(traffic.messagesOver.length, traffic.orderAcksOver.length)
  const line = (name: string, over: readonly number[]) => ({
    name,
    points: Array.from({ length: stretches + 1 }, (_, at) => ({
      ms: (at * traffic.stretchUs) / 1000,
      value: over[at] ?? 0,
    })),
  })
  const lines = [line('messages', traffic.messagesOver), line('order acks', traffic.orderAcksOver)]
  const endMs = (stretches * traffic.stretchUs) / 1000
  return html`<figure class="later">${lineChart({ label: 'messages and order acks over time', endMs, lines, marks: [], height: 200 })}<figcaption>In each ${timeText(traffic.stretchUs / 1000)} from the first message on:${lineKey(lines, () => '')}</figcaption></figure>`
}

function machinesTable(machines: readonly Machine[]): Markup {
  if (machines.length === 0)
    return html`<p class="quiet">No queue manager said who it is: no handshake was captured.</p>`
  const shown = machines.slice(0, MACHINES_MAX)
  return html`<div class="scroll" tabindex="0" role="region" aria-label="queue managers"><table><tr><th>QMId</th><th>names</th><th>role</th><th>addresses</th><th>system started</th><th class="number">sent</th><th class="number">received</th><th class="number">clock ahead</th></tr>
${shown.map(({ qmId, names, roles, addresses, sent, received, clockAheadS }) => html`<tr><td><code>${qmId}</code>${addresses.length > 1 ? html`<div class="warn small">at ${addresses.length} addresses</div>` : null}</td><td>${names.join(', ')}</td><td>${roles.join(', ')}</td><td>${addresses.map(({ address, mac }) => html`<div class="nowrap">${address}${mac === null ? null : html` <span class="quiet small">${mac}</span>`}</div>`)}</td><td>${addresses.map(({ startedUs }) => html`<div class="nowrap">${startedUs === null ? '–' : utcText(startedUs).slice(0, 19).replace('T', ' ')}</div>`)}</td><td class="number">${number(sent)}</td><td class="number">${number(received)}</td><td class="number nowrap">${clockAheadS === null ? null : `${clockAheadS} s`}</td></tr>`)}</table></div>
${machines.length > shown.length ? html`<p class="small quiet">And ${number(machines.length - shown.length)} more: see <code>--qms</code>.</p>` : null}`
}

function translationsTable({ translations }: DiagnosedCapture): Markup | null {
  if (translations.length === 0) return null
  return html`<h3>Balancers that translate</h3><div class="scroll" tabindex="0" role="region" aria-label="translations"><table><tr><th>client</th><th>connects to</th><th>host</th><th>which sees</th><th class="number">connections</th></tr>
${translations.slice(0, MACHINES_MAX).map(({ client, virtual, host, seenAs, connections }) => html`<tr><td>${client}</td><td>${virtual}</td><td>${host}</td><td class="${seenAs === client ? '' : 'bad'}">${seenAs}${seenAs === client ? ' (kept)' : null}</td><td class="number">${number(connections)}</td></tr>`)}</table></div>`
}

function captureFacts({ files, version }: DiagnosedCapture): Markup {
  return html`<h2>The capture</h2><div class="scroll" tabindex="0" role="region" aria-label="files"><table><tr><th>file</th><th>format</th><th class="number">frames</th><th class="number">bytes</th><th class="number">dropped</th></tr>
${files.map(({ file, format, compression, frames, bytes, dropped }) => html`<tr><td>${file}</td><td>${format ?? 'not recognised'}${compression === null ? null : `, ${compression}`}</td><td class="number">${number(frames)}</td><td class="number">${number(bytes)}</td><td class="number">${number(dropped)}</td></tr>`)}</table></div>
${files.flatMap(({ file, troubles }) => troubles.map(({ kind, offset, what }) => html`<p class="bad small">${file}: ${kind} at byte ${number(offset)}: ${what}.</p>`))}
${files.flatMap(({ file, notes }) => notes.map(note => html`<p class="small quiet">${file}: ${note}</p>`))}
<p class="small quiet">mqlab ${version} diagnose</p>`
}

const toneOf = (severity: CaptureFinding['severity']) => ({ error: 'bad', warning: 'warn', notice: 'quiet' })[severity]

const number = (value: number) => value.toLocaleString('en-US')
