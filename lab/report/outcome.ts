import { DISAGREEMENT } from '../checkers/mqlab-disagrees.js'
import { vacuousText } from '../exercises.js'
import { counted, type Finding } from '../finding.js'
import type { ExpectedCount, Scenario } from '../scenario-schema.js'
import type { Verdict } from '../verdict.js'
import { html, type Markup } from './html.js'
import { COUNT_LABELS } from './run-tables.js'

/** What findings mean for people who have never heard of them. Each counts something else. */
const MEANINGS: Readonly<Record<string, readonly [what: string, meaning: string]>> = {
  'mqlab-disagrees': [
    'disagreement',
    'What senders, receivers and balancer counted cannot all be true: an error of mqlab itself.',
  ],
  'node-died': ['machine', 'ended by itself, and took with it what it knew.'],
  lost: ['message', 'was accepted from an application, reached none, and is nowhere to be found.'],
  duplicated: ['message', 'reached applications more than once.'],
  'incomplete-transaction': ['transaction', 'arrived in part: what belongs together was torn.'],
  reordered: ['message', 'reached an application after one that was sent later.'],
  'misrouted-ack': ['receipt', 'went to a machine that never sent a message. The sender goes on waiting.'],
  'misrouted-ack-other-sender': ['receipt', 'went to another sender than the one that waits for it.'],
  'misrouted-ack-clone': ['receipt', 'went to a copy of the machine that waits for it.'],
  'ack-never-arrived': ['receipt', 'was sent and came to nobody before the end.'],
  'qmid-cache-misroute': [
    'receipt',
    'went to the address that a receiver remembered for a QMId, which was another machine’s.',
  ],
  unacknowledged: ['message', 'was delivered, and its sender cannot know: it keeps it and will send it again.'],
  undelivered: ['message', 'still waits at its sender, not delivered.'],
  'waiting-at-front-end': ['message', 'still waits at a front end.'],
  'sequence-stuck': [
    'message',
    'was refused since the one before it had gone to another machine: that sender’s line stood still.',
  ],
  'name-validation': ['message', 'was refused for a machine name that is not the receiver’s.'],
  'dead-lettered': ['message', 'was given up by its sender and put aside.'],
  ghost: ['message', 'was delivered although its transaction was undone.'],
  'acknowledged-before-persisted': ['receipt', 'was sent before the message was safe on disk.'],
  'acknowledged-undelivered': ['message', 'counts as arrived at its sender, and no application got it.'],
  'dead-lettered-delivered': ['message', 'was given up by its sender, and reached an application all the same.'],
  'dead-letter-unaccounted': ['message', 'was given up for no reason that anybody can name.'],
  'qmid-cache-row-wrong': [
    'receipt',
    'was addressed by what a receiver remembered for a QMId, which was another machine’s address.',
  ],
  'delivered-after-expiry': ['message', 'was delivered after its time was over.'],
}

/** What came of the messages, in one sentence for anybody. */
export function outcomeText({ counts }: Verdict): string {
  const { sent, delivered, lost, duplicated, unacknowledged, incompleteTransactions, reordered, deadLettered } = counts
  if (sent === 0) return 'No message was sent.'
  const troubles = [
    delivered === sent ? null : `only ${number(delivered)} arrived`,
    lost === 0 ? null : `${number(lost)} ${is(lost)} lost`,
    duplicated === 0 ? null : `${number(duplicated)} arrived more than once`,
    incompleteTransactions === 0 ? null : `${counted(incompleteTransactions, 'transaction')} came in parts`,
    reordered === 0 ? null : `${number(reordered)} came out of order`,
    unacknowledged === 0
      ? null
      : `${number(unacknowledged)} ${is(unacknowledged)} still held by senders that had no receipt`,
    deadLettered === 0 ? null : `${number(deadLettered)} ${is(deadLettered)} in dead-letter queues`,
  ].filter(text => text !== null)
  if (troubles.length === 0) return `All ${number(sent)} messages arrived, each once, and every sender knows it.`
  const last = troubles.pop()!
  return `Of ${number(sent)} messages, ${troubles.length === 0 ? last : `${troubles.join(', ')}, and ${last}`}.`
}

/** Verdict and reasons: what happened, whether that was expected, and each finding in plain words with its first evidence. */
export function outcome(verdict: Verdict, expect: Scenario['expect']): Markup {
  const { asExpected, findings, unmet, vacuous } = verdict
  const anomalies = findings.filter(({ severity }) => severity === 'anomaly')
  const notices = findings.filter(({ severity }) => severity === 'notice')
  return html`<div class="outcome ${anomalies.length === 0 ? 'works' : 'fails'}">
<p class="headline">${outcomeText(verdict)}</p>
<p><span class="badge ${asExpected ? 'good' : 'bad'}">${asExpected ? 'as expected' : 'not as expected'}</span> ${expectationText(verdict, expect)}</p>
${unmet.map(({ count, expected, actual }) => html`<p class="bad">Expected ${count} ${expected}, saw ${actual}.</p>`)}
${vacuous.map(entry => html`<p class="warn">This run proves too little; ${vacuousText(entry)}.</p>`)}
${anomalies.length === 0 ? null : html`<h3>Why</h3><ul class="reasons">${anomalies.map(reason)}</ul>`}
${notices.length === 0 ? null : html`<h3>Also seen</h3><ul class="reasons">${notices.map(reason)}</ul>`}
</div>`
}

function expectationText({ asExpected, unmet, vacuous, findings }: Verdict, expect: Scenario['expect']): string {
  if (asExpected) {
    if (!findings.some(({ severity }) => severity === 'anomaly')) return 'That is what the scenario says.'
    const saysSo = COUNT_LABELS.some(([count, , bad]) => bad && (expect[count as ExpectedCount] ?? 0) !== 0)
    return saysSo
      ? 'The scenario is of a configuration that fails, and says that it fails in this way.'
      : 'The scenario does not say that this must not happen.'
  }
  if (unmet.length > 0) return 'The scenario says otherwise:'
  if (vacuous.length > 0) return 'What the scenario is about did not all happen:'
  if (findings.some(({ id }) => id === DISAGREEMENT))
    return 'Nothing that a run says counts while mqlab contradicts itself.'
  return 'A machine of the run died.'
}

function reason({ id, behaviour, count, first }: Finding): Markup {
  return html`<li>${findingText(id, count)} <span class="quiet small">${id}${behaviour === null ? null : `, ${behaviour}`}</span>
<div class="evidence small">First: ${first.text}</div></li>`
}

/** So many of what a kind of finding is about, and what happened to them. */
export function findingText(id: string, count: number): Markup {
  const [what, meaning] = MEANINGS[id] ?? ['', '']
  if (what === '') return html`<b>${number(count)} × ${id}</b>`
  return html`<b>${number(count)} ${plural(count, what)}</b> ${count === 1 ? meaning : severalOf(meaning)}`
}

/** The same without a number, for several: `messages reached applications more than once`. */
export function troubleText(id: string): string {
  const [what, meaning] = MEANINGS[id] ?? ['', id]
  return what === '' ? id : `${plural(2, what)} ${severalOf(meaning).replace(/\.( .*)?$/, '')}`
}

const plural = (count: number, noun: string) => counted(count, noun).replace(/^\d+ /, '')

/** The same of several: the verb that follows the subject in the plural. */
function severalOf(meaning: string): string {
  return meaning
    .replace(/^was /, 'were ')
    .replace(/^still waits /, 'still wait ')
    .replace(/^counts /, 'count ')
    .replace(
      'its sender cannot know: it keeps it and will send it again',
      'their senders cannot know: they keep them and will send them again',
    )
}

const number = (value: number) => value.toLocaleString('en-US')
const is = (count: number) => (count === 1 ? 'is' : 'are')
