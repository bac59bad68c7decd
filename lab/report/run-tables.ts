import type { RunView } from '../finding.js'
import { HTTP_PORT, isHttp } from '../scenario-checks.js'
import type { ReceiverRow, SenderRow, Verdict, VerdictCounts } from '../verdict.js'
import { html, type Markup } from './html.js'

export interface ReportedRun {
  /** Heading for people; the scenario's name where there is none. */
  readonly title?: string
  readonly view: RunView
  readonly verdict: Verdict
}

export const titleOf = ({ title, verdict }: ReportedRun) => title ?? verdict.scenario

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

/** Machines listed; of more, those that have trouble, then the first. */
const MACHINES_MAX = 60

export function comparison(runs: readonly ReportedRun[]): Markup {
  return html`<section><h2>Side by side</h2><div class="scroll" tabindex="0" role="region" aria-label="comparison of the runs"><table>
<tr><th></th>${runs.map((run, index) => html`<th class="number"><a href="#run-${index}">${titleOf(run)}</a></th>`)}</tr>
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

export function countsTable({ counts }: Verdict): Markup {
  const shown = COUNT_LABELS.filter(([count, , bad]) => !bad || counts[count] > 0)
  return html`<table>${shown.map(([count, label, bad]) => html`<tr><td>${label}</td><td class="number ${tone(counts[count], bad)}">${counts[count].toLocaleString('en-US')}</td></tr>`)}</table>`
}

/** What there was none of: an answer too. */
export function zeroCounts({ counts }: Verdict): Markup {
  const zeros = COUNT_LABELS.filter(([count, , bad]) => bad && counts[count] === 0).map(([, label]) => label)
  return html`<p class="small quiet">0 ${zeros.join(', 0 ')}.</p>`
}

export function machinesTable({ view, verdict }: ReportedRun): Markup {
  const forwards = Object.keys(verdict.frontEnds).length > 0
  const machines = view.run.nodes.map(node => {
    const receiver = verdict.receivers[node.name]
    const sender = verdict.senders[node.name]
    const frontEnd = verdict.frontEnds[node.name]
    const held = sender?.unacknowledged ?? frontEnd?.waiting ?? null
    return { node, receiver, sender, frontEnd, held, strays: straysAt(receiver, sender) }
  })
  const troubled = ({ held, strays }: (typeof machines)[number]) => (held ?? 0) > 0 || strays > 0
  const shown = machines.length <= MACHINES_MAX ? machines : worstFirst(machines, troubled)
  const rows = shown.map(
    ({
      node,
      receiver,
      sender,
      frontEnd,
      held,
      strays,
    }) => html`<tr><td><b>${node.name}</b></td><td>${node.address}</td><td class="number">${sender?.sent ?? null}</td><td class="number ${tone(held ?? 0, true)}">${held}</td>
<td class="number">${sender?.resends ?? null}</td>${forwards ? html`<td class="number">${frontEnd?.forwarded ?? null}</td>` : null}<td class="number">${receiver?.delivered ?? null}</td><td class="number">${receiver?.orderAcksSent ?? null}</td>
<td class="number ${tone(strays, true)}">${strays}</td><td>${receiver === undefined ? null : discardText(receiver)}</td></tr>`,
  )
  return html`<div class="scroll" tabindex="0" role="region" aria-label="machines"><table><tr><th>machine</th><th>address</th><th class="number">sent</th><th class="number">still held</th><th class="number">resend rounds</th>${forwards ? html`<th class="number">forwarded</th>` : null}<th class="number">delivered</th><th class="number">order acks sent</th><th class="number">acks of others</th><th>discarded</th></tr>${rows}</table></div>
${shown.length < machines.length ? html`<p class="quiet small">${machines.length - shown.length} more machines are not listed.</p>` : null}`
}

/** The first few, those with trouble before all others; within both in their own order. */
export function worstFirst<Item>(
  items: readonly Item[],
  troubled: (item: Item) => boolean,
  max = MACHINES_MAX,
): Item[] {
  return [...items.filter(troubled), ...items.filter(item => !troubled(item))].slice(0, max)
}

function straysAt(receiver: ReceiverRow | undefined, sender: SenderRow | undefined): number {
  return receiver?.acksOfOthers ?? sender?.acksOfOthers ?? 0
}

function discardText({ discarded }: ReceiverRow): string {
  return Object.entries(discarded)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ')
}

export function protocolsOf(runs: readonly ReportedRun[]): string {
  const destinations = runs.flatMap(({ view }) => view.run.scenario.load.flatMap(({ to }) => to))
  return [
    ...(destinations.every(isHttp) ? [] : ['MSMQ binary protocol, port 1801']),
    ...(destinations.some(isHttp) ? [`SRMP over HTTP, port ${HTTP_PORT}`] : []),
  ].join(' and ')
}

const tone = (value: number, bad: boolean) => (bad && value > 0 ? 'bad' : '')
