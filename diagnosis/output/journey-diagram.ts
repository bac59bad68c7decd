import { html, Markup } from '../../lab/report/html.js'
import type { StepKind, TraceStep } from '../../lab/report/message-trace.js'
import { type Lifeline, lifelinesOf, spaceTimeDiagram } from '../../lab/report/space-time-diagram.js'
import { timeText } from '../../lab/report/time-text.js'
import type { Journey, JourneyStep } from './journey.js'
import { arrivalText, journeyLines, type NameOf, stepText } from './journey-text.js'

/** Steps drawn, and told in words. */
const STEPS_MAX = 24
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

/** What machines are called in sentences, and in few letters by their addresses, where they have a name. */
export interface MachineNames {
  readonly of: NameOf
  readonly short: (address: string) => string | null
}

/**
 * A message of a capture in space and time, and in words: the lab's diagram. `title` says why it is shown, `startUs` is
 * where the capture begins.
 */
export function journeyDiagram(journey: Journey, title: string, startUs: number, names: MachineNames): Markup {
  const shown = journey.steps.slice(0, STEPS_MAX)
  const lifelines = lifelinesByAddress(shown, names)
  const steps = shown
    .map(step => traceStep(step, journey, names.of, address => lifelines.get(address)!.name))
    .sort((a, b) => a.atMs - b.atMs)
  const lines = journeyLines(journey, names.of)
  const left = [
    journey.steps.length > shown.length ? `${journey.steps.length - shown.length} later steps are left out.` : null,
  ]
  const drawing = spaceTimeDiagram({
    title,
    lifelines: lifelinesOf([...lifelines.values()], steps),
    steps,
    startedMs: startUs / 1000,
  })
  return html`<div class="diagram scroll" tabindex="0" role="region" aria-label="space-time diagram">${new Markup(drawing)}</div>
<p class="small quiet">Machines are vertical lines, and time runs downwards, a row for each moment: distances are not to scale. Where much time passed, the axis is broken. ${left}</p>
<h3>In words</h3>
<ol class="hops small">${lines.slice(0, WORDS_MAX).map(({ at, text, wrong }) => html`<li class="${wrong ? 'wrong' : ''}"><time>${timeText((at.timeUs - startUs) / 1000)}</time><span>${text}</span></li>`)}</ol>`
}

/** Senders before balancers before receivers. A name that two addresses have is no name. */
function lifelinesByAddress(steps: readonly JourneyStep[], { short }: MachineNames): Map<string, Lifeline> {
  const messages = steps.filter(({ kind }) => kind === 'message')
  const balancers = steps.flatMap(step => balancerOf(step) ?? [])
  const ends = [...messages, ...steps].flatMap(({ from, to }) => [from, ...(to === null ? [] : [to])])
  const senders = messages.map(({ from }) => from.address)
  const addresses = new Set([...senders, ...balancers, ...ends.map(({ address }) => address)])
  const names = Array.from(addresses, address => short(address))
  return new Map(
    Array.from(addresses, (address, index) => {
      const name = names[index] ?? null
      const isItsOwn = name !== null && names.filter(other => other === name).length === 1
      const qmId = balancers.includes(address) ? null : (ends.find(end => end.address === address)?.qmId ?? null)
      const known = qmId === null ? '' : `QM ${qmId.slice(0, 8)}…`
      return [address, isItsOwn ? { name, address } : { name: address, address: name ?? known }]
    }),
  )
}

/** The address that the sender's side leads to, where another side was seen. */
function balancerOf({ ways }: JourneyStep): string | null {
  return ways.length > 1 ? ways[0]!.to.replace(/:\d+$/, '') : null
}

function traceStep(
  step: JourneyStep,
  journey: Journey,
  nameOf: NameOf,
  lineOf: (address: string) => string,
): TraceStep {
  const { kind, times, from, to, ways, arrived, number, wrong } = step
  const travels = kind === 'message' || (kind.endsWith('-ack') && kind !== 'session-ack')
  const node = lineOf(from.address)
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
  const balancer = travels ? balancerOf(step) : null
  const comes = travels && to !== null && arrived !== null && lineOf(to.address) !== node
  return {
    atMs: ways[0]!.at.timeUs / 1000,
    node,
    to: comes ? lineOf(to.address) : null,
    arrivedMs: comes ? arrived.timeUs / 1000 : null,
    via: balancer === null ? null : lineOf(balancer),
    kind: kind === 'message' && times > 1 ? 'resend' : KINDS[kind],
    label,
    text: comes ? `${text}; ${arrivalText(step, to, journey, nameOf)}` : text,
    wrong,
  }
}
