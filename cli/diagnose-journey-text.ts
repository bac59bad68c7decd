import { sinceSeconds } from '../diagnosis/output/capture-times.js'
import type { FollowedLine } from '../diagnosis/output/followed-connection.js'
import type { FrameNames } from '../diagnosis/output/frame-names.js'
import type { Journey } from '../diagnosis/output/journey.js'
import { journeyLines, type NameOf } from '../diagnosis/output/journey-text.js'
import { printable } from '../diagnosis/output/printable.js'
import { messageText } from '../diagnosis/packet-facts.js'
import { styled } from './output.js'
import { wrapped } from './wrapped-text.js'

/** Where times count from, what files are called, how wide the terminal is. */
export interface FramedText {
  readonly firstUs: number
  readonly names: FrameNames
  readonly columns: number
}

/** One message through the capture, a line or two for each thing seen. */
export function describeJourney(journey: Journey, nameOf: NameOf, framed: FramedText): string {
  const { source, messageId, sequence, number, destination, sender } = journey
  const place = sequence === null ? '' : `, number ${number} of sequence ${sequence}`
  const head = `message ${messageText(source, messageId)}${place}, from ${nameOf(sender)} to ${destination}`
  const lines = journeyLines(journey, nameOf)
  const width = Math.max(...lines.map(({ at }) => framed.names.frame(at).length))
  return [
    wrapped(printable(head), '', framed.columns).replace(/^(.*)$/gm, (_, line: string) => styled('bold', line)),
    ...lines.map(({ at, text, wrong }) => framedLine(at, text, wrong, width, framed)),
  ].join('')
}

/** A packet of a followed connection in a line: `→` is from who opened it. */
export function describeFollowed(lines: readonly FollowedLine[], framed: FramedText): string {
  const width = lines.reduce((most, { at }) => Math.max(most, framed.names.frame(at).length), 0)
  const several = new Set(lines.map(({ connection }) => connection)).size > 1
  return lines
    .map(({ at, connection, direction, text, wrong }) => {
      const arrow = direction === null ? ' ' : direction === 0 ? '→' : '←'
      const which = several ? `${connection.id} ` : ''
      return framedLine(at, `${which}${arrow} ${text}`, wrong, width, framed)
    })
    .join('')
}

function framedLine(
  at: Parameters<FrameNames['frame']>[0],
  text: string,
  wrong: boolean,
  width: number,
  { firstUs, names, columns }: FramedText,
): string {
  const time = sinceSeconds(at.timeUs, firstUs).toFixed(6).padStart(12)
  const head = `${names.frame(at).padEnd(width)} ${time} s  `
  const body = wrapped(printable(text), ' '.repeat(head.length), columns).slice(head.length).trimEnd()
  return `${head}${wrong ? styled('red', body) : body}\n`
}
