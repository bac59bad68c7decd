import { html, Markup } from '../../lab/report/html.js'
import type { StepKind, TraceStep } from '../../lab/report/message-trace.js'
import { type Lifeline, lifelinesOf, spaceTimeDiagram } from '../../lab/report/space-time-diagram.js'
import { timeText } from '../../lab/report/time-text.js'
import type { MachineEnd } from '../seen-message.js'
import type { Journey, JourneyStep } from './journey.js'
import { arrivalText, journeyLines, type NameOf, stepText } from './journey-text.js'

/** Steps drawn, and told in words. */
const STEPS_MAX = 48
const WORDS_MAX = 24

const KINDS: Readonly<Record<JourneyStep['kind'], StepKind>> = {
  message: 'message',
  'order-ack': 'ack',
  'final-ack': 'ack',
  'administration-ack': 'ack',
  'session-ack': 'session',
  answer: 'session',
  ended: 'fault',
}

/**
 * A message of a capture in space and time, and in words: the lab's diagram. `title` says why it is shown, `startUs` is
 * where the capture begins.
 */
export function journeyDiagram(journey: Journey, title: string, startUs: number, nameOf: NameOf): Markup {
  const shown = journey.steps.slice(0, STEPS_MAX)
  const steps = shown.map(step => traceStep(step, journey, nameOf)).sort((a, b) => a.atMs - b.atMs)
  const lines = journeyLines(journey, nameOf)
  const left = [
    journey.steps.length > shown.length ? `${journey.steps.length - shown.length} later steps are left out.` : null,
  ]
  const drawing = spaceTimeDiagram({
    title,
    lifelines: lifelinesOf(machinesOf(shown), steps),
    steps,
    startedMs: startUs / 1000,
  })
  return html`<div class="diagram scroll" tabindex="0" role="region" aria-label="space-time diagram">${new Markup(drawing)}</div>
<p class="small quiet">Machines are vertical lines, and time runs downwards, a row for each moment: distances are not to scale. Where much time passed, the axis is broken. ${left}</p>
<h3>In words</h3>
<ol class="hops small">${lines.slice(0, WORDS_MAX).map(({ at, text, wrong }) => html`<li class="${wrong ? 'wrong' : ''}"><time>${timeText((at.timeUs - startUs) / 1000)}</time><span>${text}</span></li>`)}</ol>`
}

/** Senders before balancers before receivers. */
function machinesOf(steps: readonly JourneyStep[]): Lifeline[] {
  const lines = new Map<string, Lifeline>()
  const add = (address: string, qmId: string | null) => {
    const known = lines.get(address)
    if (known === undefined || known.address === '')
      lines.set(address, { name: address, address: qmId === null ? '' : `QM ${qmId.slice(0, 8)}…` })
  }
  const messages = steps.filter(({ kind }) => kind === 'message')
  for (const { from } of messages) add(from.address, from.qmId)
  for (const step of steps) if (step.ways.length > 1) add(balancerOf(step)!, null)
  for (const { from, to } of [...messages, ...steps]) {
    add(from.address, from.qmId)
    if (to !== null) add(to.address, to.qmId)
  }
  return [...lines.values()]
}

/** The address that the sender's side leads to, where another side was seen. */
function balancerOf({ ways }: JourneyStep): string | null {
  return ways.length > 1 ? ways[0]!.to.replace(/:\d+$/, '') : null
}

function traceStep(step: JourneyStep, journey: Journey, nameOf: NameOf): TraceStep {
  const { kind, times, from, to, ways, arrived, number, wrong } = step
  const travels = kind === 'message' || (kind.endsWith('-ack') && kind !== 'session-ack')
  const node = lineOf(from)
  const text = stepText(step, nameOf)
  const called = journey.number === null ? `message ${journey.messageId}` : `message ${journey.number}`
  const label = {
    message: times > 1 ? `${called} again` : called,
    'order-ack': `order ack ${number}`,
    'final-ack': 'final ack',
    'administration-ack': 'administration ack',
    'session-ack': 'session ack',
    answer: `answer ${number}`,
    ended: 'session ends',
  }[kind]
  const comes = travels && to !== null && arrived !== null && lineOf(to) !== node
  return {
    atMs: ways[0]!.at.timeUs / 1000,
    node,
    to: comes ? lineOf(to) : null,
    arrivedMs: comes ? arrived.timeUs / 1000 : null,
    via: travels ? balancerOf(step) : null,
    kind: kind === 'message' && times > 1 ? 'resend' : KINDS[kind],
    label,
    text: comes ? `${text}; ${arrivalText(step, to, journey, nameOf)}` : text,
    wrong,
  }
}

const lineOf = ({ address }: MachineEnd) => address
