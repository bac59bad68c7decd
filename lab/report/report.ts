import { type AckStory, firstGoodAck, firstMisroutedAck } from '../ack-story.js'
import { vacuousText } from '../exercises.js'
import type { RunView } from '../finding.js'
import { HTTP_PORT, isHttp } from '../scenario-checks.js'
import type { ReceiverRow, SenderRow, Verdict, VerdictCounts } from '../verdict.js'
import { depthChart } from './depth-chart.js'
import { html, Markup } from './html.js'
import { spaceTimeDiagram } from './space-time-diagram.js'
import { REPORT_STYLES } from './styles.js'
import { topologyDrawing } from './topology-drawing.js'

export interface ReportedRun {
  /** Heading for people; the scenario's name where there is none. */
  readonly title?: string
  readonly view: RunView
  readonly verdict: Verdict
}

/** Counts in the order of a report, with what they mean and whether more than none is bad news. */
export const COUNT_LABELS: readonly (readonly [count: keyof VerdictCounts, label: string, bad: boolean])[] = [
  ['sent', 'sent by applications', false],
  ['delivered', 'delivered (distinct)', false],
  ['lost', 'lost', true],
  ['duplicated', 'delivered more than once', true],
  ['duplicateCopies', 'copies too many', true],
  ['reordered', 'delivered out of order', true],
  ['incompleteTransactions', 'torn transactions', true],
  ['misroutedAcks', 'order acks to the wrong machine', true],
  ['unacknowledged', 'left in outgoing queues', true],
  ['waitingAtFrontEnds', 'left at front ends', true],
  ['discardedByNameValidation', 'discarded by name validation', true],
  ['deadLettered', 'dead-lettered', true],
  ['unknown', 'fate unknown', true],
]

/** One HTML file that needs nothing else: no network, no fonts, no scripts. Several runs stand side by side at the top. */
export function createReport(runs: readonly ReportedRun[], title: string): string {
  const asExpected = runs.every(({ verdict }) => verdict.asExpected)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(REPORT_STYLES)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p><span class="badge ${asExpected ? 'good' : 'bad'}">${asExpected ? 'as expected' : 'not as expected'}</span>
<span class="quiet">${protocolsOf(runs)}, on real sockets; ${runs.length === 1 ? 'one run' : `${runs.length} runs`}, seed ${runs[0]?.verdict.seed ?? 0}.</span></p>
${runs.length > 1 ? comparison(runs) : null}
${runs.map(runSection)}
</main>
</body>
</html>
`.text
}

function comparison(runs: readonly ReportedRun[]): Markup {
  return html`<section><div class="scroll"><table>
<tr><th></th>${runs.map(run => html`<th class="number">${titleOf(run)}</th>`)}</tr>
${COUNT_LABELS.filter(
  ([count]) => count === 'sent' || count === 'delivered' || runs.some(({ verdict }) => verdict.counts[count] > 0),
).map(
  ([count, label, bad]) =>
    html`<tr><td>${label}</td>${runs.map(({ verdict }) => html`<td class="number ${tone(verdict.counts[count], bad)}">${verdict.counts[count]}</td>`)}</tr>`,
)}
<tr><td>shows</td>${runs.map(({ verdict }) => html`<td class="number small">${verdict.behaviours.join(' ')}</td>`)}</tr>
<tr><td>as expected</td>${runs.map(({ verdict }) => html`<td class="number ${verdict.asExpected ? 'good' : 'bad'}">${verdict.asExpected ? 'yes' : 'no'}</td>`)}</tr>
</table></div></section>`
}

function runSection(reported: ReportedRun): Markup {
  const { view, verdict } = reported
  const { run } = view
  const astray = firstMisroutedAck(view)
  const story = astray ?? firstGoodAck(view)
  const topology = html`<h3>Topology</h3>${topologyDrawing(view, verdict)}`
  // Four columns of machines are not to be read in half the width.
  const wide = Object.keys(verdict.frontEnds).length > 0
  return html`<section>
<h2>${titleOf(reported)}</h2>
<p class="small quiet">${verdict.scenario} · ${verdict.behaviours.join(', ')} · ${(verdict.durationMs / 1000).toFixed(1)} s
· <span class="badge ${verdict.asExpected ? 'good' : 'bad'}">${verdict.asExpected ? 'as expected' : 'not as expected'}</span></p>
<p>${run.scenario.about}</p>
${verdict.unmet.map(({ count, expected, actual }) => html`<p class="bad">Expected ${count} ${expected}, saw ${actual}.</p>`)}
${verdict.vacuous.map(entry => html`<p class="warn">This run proves too little; ${vacuousText(entry)}.</p>`)}
${wide ? topology : null}
<div class="columns">
<div><h3>Counts</h3>${countsTable(verdict)}</div>
<div>${wide ? null : topology}<h3>Outgoing queues</h3>${depthChart(run)}</div>
</div>
${verdict.findings.length === 0 ? null : html`<h3>Findings</h3>${findingsTable(verdict)}`}
<h3>Machines</h3>${machinesTable(reported)}
${story === null ? null : storySection(story, run.startedMs, astray !== null)}
</section>`
}

function storySection(story: AckStory, startedMs: number, astray: boolean): Markup {
  return html`<h3>${astray ? 'One misrouted acknowledgement' : 'One acknowledgement'}: ${story.title}</h3>
<div class="scroll">${spaceTimeDiagram(story, startedMs)}</div>
<ol class="hops small">${story.steps.map(({ atMs, text, wrong }) => html`<li class="${wrong ? 'wrong' : ''}"><time>${((atMs - startedMs) / 1000).toFixed(3)} s</time><span>${text}</span></li>`)}</ol>`
}

function countsTable({ counts }: Verdict): Markup {
  return html`<table>${COUNT_LABELS.map(([count, label, bad]) => html`<tr><td>${label}</td><td class="number ${tone(counts[count], bad)}">${counts[count]}</td></tr>`)}</table>`
}

function findingsTable({ findings }: Verdict): Markup {
  return html`<div class="scroll"><table><tr><th>finding</th><th>shows</th><th class="number">count</th><th>first seen</th></tr>
${findings.map(({ id, behaviour, count, first }) => html`<tr><td class="nowrap">${id}</td><td class="nowrap">${behaviour ?? ''}</td><td class="number">${count}</td><td>${first.text}</td></tr>`)}</table></div>`
}

function machinesTable({ view, verdict }: ReportedRun): Markup {
  const forwards = Object.keys(verdict.frontEnds).length > 0
  const rows = view.run.nodes.map(({ name, address }) => {
    const receiver = verdict.receivers[name]
    const sender = verdict.senders[name]
    const frontEnd = verdict.frontEnds[name]
    return html`<tr><td><b>${name}</b></td><td>${address}</td><td class="number">${sender?.sent ?? null}</td><td class="number ${tone(sender?.unacknowledged ?? frontEnd?.waiting ?? 0, true)}">${sender?.unacknowledged ?? frontEnd?.waiting ?? null}</td>
<td class="number">${sender?.resends ?? null}</td>${forwards ? html`<td class="number">${frontEnd?.forwarded ?? null}</td>` : null}<td class="number">${receiver?.delivered ?? null}</td><td class="number">${receiver?.orderAcksSent ?? null}</td>
<td class="number ${tone(straysAt(receiver, sender), true)}">${straysAt(receiver, sender)}</td><td>${receiver === undefined ? null : discardText(receiver)}</td></tr>`
  })
  return html`<div class="scroll"><table><tr><th>machine</th><th>address</th><th class="number">sent</th><th class="number">still held</th><th class="number">resend rounds</th>${forwards ? html`<th class="number">forwarded</th>` : null}<th class="number">delivered</th><th class="number">order acks sent</th><th class="number">acks of others</th><th>discarded</th></tr>${rows}</table></div>`
}

function straysAt(receiver: ReceiverRow | undefined, sender: SenderRow | undefined): number {
  return receiver?.acksOfOthers ?? sender?.acksOfOthers ?? 0
}

function discardText({ discarded }: ReceiverRow): string {
  return Object.entries(discarded)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ')
}

function protocolsOf(runs: readonly ReportedRun[]): string {
  const destinations = runs.flatMap(({ view }) => view.run.scenario.load.flatMap(({ to }) => to))
  return [
    ...(destinations.every(isHttp) ? [] : ['MSMQ binary protocol, port 1801']),
    ...(destinations.some(isHttp) ? [`SRMP over HTTP, port ${HTTP_PORT}`] : []),
  ].join(' and ')
}

const titleOf = ({ title, verdict }: ReportedRun) => title ?? verdict.scenario
const tone = (value: number, bad: boolean) => (bad && value > 0 ? 'bad' : '')
