import type { FrameRef } from '../../capture/frame.js'
import { ordinal } from '../../lab/journey-text.js'
import { messageClassName } from '../../protocol/message-class.js'
import type { MachineEnd } from '../seen-message.js'
import type { Journey, JourneyStep } from './journey.js'

/** What a person calls a machine. */
export type NameOf = (machine: MachineEnd) => string

/** One thing that a capture shows of a message, at one frame. */
export interface JourneyLine {
  readonly at: FrameRef
  readonly text: string
  readonly wrong: boolean
}

/** A journey in sentences, in the order of the frames. */
export function journeyLines(journey: Journey, nameOf: NameOf): JourneyLine[] {
  return journey.steps.flatMap(step => stepLines(step, journey, nameOf)).toSorted((a, b) => a.at.timeUs - b.at.timeUs)
}

function stepLines(step: JourneyStep, journey: Journey, nameOf: NameOf): JourneyLine[] {
  const { ways, arrived, to, wrong } = step
  const [first, ...others] = ways
  if (first === undefined) return []
  const says = stepText(step, nameOf)
  if (step.kind === 'session-ack' || step.kind === 'answer' || step.kind === 'ended')
    return [{ at: first.at, text: says, wrong }]
  const lines = ways.map(({ at, from, to }, index) => ({
    at,
    text: index === 0 ? `${says}: ${from} → ${to}` : `a balancer passes it on: ${from} → ${to}`,
    wrong: false,
  }))
  const last = others.at(-1) ?? first
  if (to === null || arrived === null)
    return [
      ...lines.slice(0, -1),
      { ...lines.at(-1)!, text: `${lines.at(-1)!.text}; that it came is not in the capture` },
    ]
  const comes = arrivalText(step, to, journey, nameOf)
  if (arrived.number !== last.at.number || arrived.fileIndex !== last.at.fileIndex)
    return [...lines, { at: arrived, text: comes, wrong }]
  return [...lines.slice(0, -1), { at: arrived, text: `${lines.at(-1)!.text}; ${comes}`, wrong }]
}

/** What happens in a step, without where it leads. */
export function stepText({ kind, times, from, to, number, detail }: JourneyStep, nameOf: NameOf): string {
  const who = nameOf(from)
  switch (kind) {
    case 'message':
      return `${who} sends it${times > 1 ? ` again, for the ${ordinal(times)} time,` : ''} to ${detail}`
    case 'order-ack':
      return `${who} sends an order ack up to number ${number} to ${detail}`
    case 'final-ack':
      return `${who} sends a final ack, ${messageClassName(number ?? 0)}, to ${detail}`
    case 'administration-ack':
      return `${who} sends an administration ack, ${messageClassName(number ?? 0)}, to ${detail}`
    case 'session-ack':
      return `${who} acknowledges it in its session: ${detail === 'stored' ? 'it is on disk' : 'it has come over'}`
    case 'answer':
      return `${who} answers ${number}`
    case 'ended':
      return `the session with ${to === null ? 'nobody' : nameOf(to)} ends (${detail}) before it is acknowledged there`
  }
}

/** Where a step leads. */
export function arrivalText({ kind, wrong }: JourneyStep, to: MachineEnd, journey: Journey, nameOf: NameOf): string {
  const comes = `it reaches ${nameOf(to)}`
  if (kind === 'message') return wrong ? `${comes}: another copy, for another machine has it` : comes
  const sender = nameOf(journey.sender)
  if (kind !== 'order-ack') return comes
  return wrong
    ? `${comes}, and not ${sender}, which waits for it`
    : `${comes}, which sent the message and may forget it now`
}
