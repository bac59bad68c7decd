import type { HistoryHeader } from '../lab/history-format.js'
import type { JourneyEnd } from '../lab/journey-end.js'
import type { JourneyStep, JourneyTarget } from '../lab/journey-state.js'
import { styled, table } from './output.js'
import { wrapped } from './wrapped-text.js'

/** Milliseconds of a run as seconds, without what floating point adds. */
export function runSeconds(ms: number): number {
  return Number((ms / 1000).toFixed(6))
}

/** One thing that happened: when, on which machine, what. */
export function stepLine(
  { startedMs, nodes }: HistoryHeader,
  { atMs, node, text, wrong }: Omit<JourneyStep, 'step'>,
): string {
  const width = Math.max(...nodes.map(({ name }) => name.length), 7)
  const head = `${runSeconds(atMs - startedMs)
    .toFixed(3)
    .padStart(10)} s  ${node.padEnd(width)}  `
  const body = wrapped(text, ' '.repeat(head.length)).trim()
  return `${head}${wrong ? styled('red', body) : body}\n`
}

/** What is followed: `S1#17, MessageID 4711 of QMId …`. */
export function targetText({ node, number, source, messageId }: JourneyTarget): string {
  const identity = `MessageID ${messageId} of QMId ${source}`
  return node === null ? identity : number === null ? `${identity}, which is ${node}` : `${node}#${number}, ${identity}`
}

/** Copies side by side, and where the message is in the end. */
export function describeEnd({ sender, copies, heldBy }: JourneyEnd, isOver: boolean): string {
  const rows = copies.map(({ node, arrived, consumed, discarded, delivered }) => [
    node,
    arrived,
    consumed,
    discarded,
    delivered,
  ])
  const header = ['machine', 'stored', 'received', 'not taken', 'by its ledger']
  return [
    '\n',
    copies.length === 0 ? 'It came to no machine.\n' : table(rows, header),
    sender === null ? '' : `Its sender was told: ${sender}.\n`,
    heldBy.length === 0 ? '' : `In the end it is in the outgoing queue of ${heldBy.join(' and ')}.\n`,
    isOver ? '' : 'The run has not ended as far as the file goes.\n',
  ].join('')
}
