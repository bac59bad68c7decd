import { messageIdOf } from '../../senders/sender-ledger.js'
import type { Checker, Finding, RunView } from '../finding.js'
import { type EventOf, eventsOf, runTime } from '../history.js'
import { arrivals } from '../message-events.js'
import type { SenderFacts } from '../message-facts.js'

/**
 * An acknowledgement took a message out of its sender's outgoing queue, and nobody delivered it: it waits nowhere and is
 * in no dead-letter queue. Not express messages, whose acknowledgement promises nothing.
 */
export const checkAcknowledgedUndelivered: Checker = view => {
  const freed = view.senders.flatMap(sender => freedForNothing(view, sender))
  const [first] = freed.toSorted((a, b) => a.atMs - b.atMs)
  if (first === undefined) return []
  const { run } = view
  const { sender, number, atMs, by } = first
  const finding: Finding = {
    id: 'acknowledged-undelivered',
    behaviour: null,
    severity: 'anomaly',
    count: freed.reduce((sum, { count }) => sum + count, 0),
    first: {
      atMs,
      nodes: [sender.node.name],
      text: `message ${number} of ${sender.node.name} left its outgoing queue at ${runTime(run, atMs)} by ${by}, and nobody delivered it: ${fateText(view, sender, number)}`,
    },
  }
  return [finding]
}

interface Freed {
  readonly sender: SenderFacts
  /** Of the sender's messages that this befell, and the first of them. */
  readonly count: number
  readonly number: number
  readonly atMs: number
  readonly by: string
}

function freedForNothing({ run }: RunView, sender: SenderFacts): Freed[] {
  const { node, ledger, messages } = sender
  if (ledger === null || node.load?.delivery === 'express' || messages.countOf('lost') === 0) return []
  const ackOf = node.load?.delivery === 'transactional' ? orderAcksBy(run, node.name) : sessionAcksBy(run, node.name)
  let count = 0
  let first: { number: number; ack: Acknowledgement } | null = null
  for (let number = 1; number <= messages.length; number++) {
    if (messages.fate(number) !== 'lost') continue
    const ack = ackOf(messageIdOf(ledger, number))
    if (ack === null) continue
    count++
    if (first === null || ack.atMs < first.ack.atMs) first = { number, ack }
  }
  return first === null ? [] : [{ sender, count, number: first.number, ...first.ack }]
}

interface Acknowledgement {
  readonly atMs: number
  readonly by: string
}

type AcknowledgementOf = (messageId: number | null) => Acknowledgement | null

function sessionAcksBy(run: RunView['run'], name: string): AcknowledgementOf {
  const acked = new Map<number, number>()
  for (const { node, messageId, atMs } of eventsOf(run, 'session-acked'))
    if (node === name && !acked.has(messageId)) acked.set(messageId, atMs)
  return messageId => {
    const atMs = messageId === null ? undefined : acked.get(messageId)
    return atMs === undefined ? null : { atMs, by: 'a session ack' }
  }
}

function orderAcksBy(run: RunView['run'], name: string): AcknowledgementOf {
  const places = new Map<number, { readonly sequence: string; readonly number: number }>()
  for (const { node, messageId, tx } of eventsOf(run, 'sent'))
    if (node === name && tx !== null) places.set(messageId, tx)
  const matched = new Map<string, EventOf<'order-ack-received'>[]>()
  for (const ack of eventsOf(run, 'order-ack-received')) {
    if (ack.node !== name || ack.result !== 'matched') continue
    const acks = matched.get(ack.sequence)
    if (acks === undefined) matched.set(ack.sequence, [ack])
    else acks.push(ack)
  }
  const nameOf = new Map(run.nodes.map(node => [node.guid, node.name]))
  return messageId => {
    const place = messageId === null ? undefined : places.get(messageId)
    const ack =
      place === undefined ? undefined : matched.get(place.sequence)?.find(({ number }) => number >= place.number)
    if (ack === undefined) return null
    const from = nameOf.get(ack.from) ?? ack.from
    return { atMs: ack.atMs, by: `${from}'s order ack for number ${ack.number} of sequence ${ack.sequence}` }
  }
}

/** What other machines noted of it. */
function fateText({ run }: RunView, sender: SenderFacts, number: number): string {
  const clones = run.nodes.filter(({ name, guid }) => guid === sender.node.guid && name !== sender.node.name)
  if (clones.length > 0)
    return `nothing tells its message from one of ${clones.map(({ name }) => name).join(' or ')}, which has the same QMId`
  const discarded = arrivals(run, sender, number, 'discarded').at(-1)
  const stored = arrivals(run, sender, number, 'arrived')
  if (stored.length > 0)
    return `${stored.map(({ node, atMs }) => `${node} had it at ${runTime(run, atMs)}`).join(', ')}, and has it no more`
  if (discarded !== undefined) return `${discarded.node} discarded it (${discarded.reason})`
  return 'no machine noted that it came'
}
