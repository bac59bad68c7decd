import { messageIdOf } from '../../senders/sender-ledger.js'
import { firstMisroutedAck } from '../ack-story.js'
import { isAstray } from '../checkers/misrouted-ack.js'
import type { RunView } from '../finding.js'
import { eventsOf } from '../history.js'
import type { MessageFacts } from '../message-table.js'
import { html, Markup } from './html.js'
import { indexEvents, type StepKind, sentMessages, type TracedMessage, traceMessage } from './message-trace.js'
import type { ReportData } from './report-data.js'
import { lifelinesOf, spaceTimeDiagram } from './space-time-diagram.js'
import { timeText } from './time-text.js'

/** A message worth looking at, and why. */
interface Example {
  readonly why: string
  readonly message: TracedMessage
}

const STEP_KINDS: readonly (readonly [kind: StepKind, label: string])[] = [
  ['message', 'messages'],
  ['resend', 'resends'],
  ['ack', 'order acks'],
  ['session', 'session acks'],
  ['application', 'applications'],
  ['refusal', 'refusals'],
  ['fault', 'faults'],
]

/** Steps drawn where no script can take more. */
const STEPS_MAX = 48
const WORDS_MAX = 16

/** Chosen messages in space and time; without the reader's choice the first anomaly, or a message that went well. */
export function messageSection(view: RunView, data: ReportData): Markup | null {
  const examples = findExamples(view, data)
  const [first] = examples
  if (first === undefined) return null
  const all = traceMessage(data, indexEvents(data.events), first.message)
  const steps = all.slice(0, STEPS_MAX)
  const title = `message ${first.message.number ?? first.message.messageId} of ${first.message.sender}`
  const story = firstMisroutedAck(view)
  const words =
    story === null ? all.slice(0, WORDS_MAX).map(({ atMs, text, wrong }) => ({ atMs, text, wrong })) : story.steps
  return html`<div class="follow"><h3>A message in space and time: ${first.why}</h3>
<div class="choose only-script">
<div class="examples" role="group" aria-label="messages worth looking at">${examples.map(({ why, message }) => html`<button type="button" data-message="${keyOf(message)}">${why}</button>`)}</div>
<label>Find a message <input type="search" class="message-search" placeholder="S1 number 6" autocomplete="off"></label>
<label>Messages shown (several with Ctrl)<select class="message-list" multiple size="4"></select></label>
<fieldset class="kinds"><legend>Show</legend>${STEP_KINDS.map(([kind, label]) => html`<label><input type="checkbox" value="${kind}" checked> ${label}</label>`)}</fieldset>
</div>
<div class="diagram scroll" tabindex="0" role="region" aria-label="space-time diagram; arrow keys go from step to step" data-messages="${keyOf(first.message)}">${new Markup(spaceTimeDiagram({ title, lifelines: lifelinesOf(data.nodes, steps), steps, startedMs: data.startedMs }))}</div>
<p class="diagram-note small quiet">${all.length > steps.length ? `${all.length - steps.length} later steps are left out.` : null}</p>
<p class="step-text only-script" aria-live="polite">Point at a step, or go from step to step with the arrow keys, to read what happened.</p>
<p class="small quiet">Machines are vertical lines, and time runs downwards, a row for each moment: distances are not to scale. Where much time passed, the axis is broken.</p>
<h3>In words: ${story?.title ?? title}</h3>
<ol class="hops small">${words.map(({ atMs, text, wrong }) => html`<li class="${wrong ? 'wrong' : ''}"><time>${timeText(atMs - data.startedMs)}</time><span>${text}</span></li>`)}</ol></div>`
}

const keyOf = ({ sender, messageId }: TracedMessage) => `${sender} ${messageId}`

/** The first of each kind of trouble, the one that explains most before the others; one that went well where there is none. */
function findExamples({ run, senders, acks }: RunView, data: ReportData): Example[] {
  const messages = sentMessages(data)
  const byKey = new Map(messages.map(message => [keyOf(message), message]))
  const byPlace = new Map(messages.map(message => [`${message.sender} ${message.sequence} ${message.number}`, message]))
  const examples: Example[] = []
  const add = (why: string, message: TracedMessage | undefined) => {
    if (message !== undefined) examples.push({ why, message })
  }

  const astray = acks.filter(isAstray)
  const wrong = astray.find(({ sent, astray }) => sent.node !== astray.node) ?? astray[0]
  if (wrong !== undefined) {
    const { sequence, number } = wrong.sent
    add('its order ack went astray', byPlace.get(`${wrong.owners[0]} ${sequence} ${number}`))
  }
  const kinds: readonly (readonly [why: string, is: (facts: MessageFacts) => boolean])[] = [
    ['lost', ({ fate }) => fate === 'lost'],
    ['delivered more than once', ({ copies }) => copies > 1],
    ['delivered, and held by its sender', ({ fate, held }) => held && fate === 'delivered'],
    ['not delivered', ({ fate }) => fate === 'waiting'],
    ['given up', ({ fate }) => fate === 'dead-lettered'],
  ]
  for (const [why, is] of kinds) {
    for (const { node, ledger, messages } of senders) {
      const facts = ledger === null ? undefined : messages.find(is)
      const id = facts === undefined || ledger === null ? null : messageIdOf(ledger, facts.number)
      if (id === null) continue
      add(why, byKey.get(`${node.name} ${id}`))
      break
    }
  }
  const refused = eventsOf(run, 'discarded').find(({ reason }) => reason !== 'duplicate')
  if (refused !== undefined) {
    const sender = run.nodes.find(({ guid, sender }) => guid === refused.source && sender !== null)
    add(`refused: ${refused.reason}`, byKey.get(`${sender?.name} ${refused.messageId}`))
  }
  if (examples.length > 0) return examples
  const home = acks.find(({ owners, landings }) => landings.some(({ node }) => owners.includes(node)))
  const acked = home && byPlace.get(`${home.owners[0]} ${home.sent.sequence} ${home.sent.number}`)
  add('how it should be', acked ?? messages[0])
  return examples
}
