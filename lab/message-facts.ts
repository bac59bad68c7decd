import type { SenderLedgerData } from '../senders/sender-ledger.js'
import { type EventOf, eventsOf, queueManagerReport, type RunNode, type RunRecord } from './history.js'
import { type MessageFacts, MessageTable } from './message-table.js'

/** The messages of one sending node. */
export interface SenderFacts {
  readonly node: RunNode
  readonly ledger: SenderLedgerData | null
  /** The node's report is not its last word: it died or did not stop in time. */
  readonly partial: boolean
  /** Offered to the queue manager, or delivered though the ledger ends earlier. */
  readonly sent: number
  readonly messages: MessageTable
  /** Copies of each message (index n - 1) by receiving node. */
  readonly copiesAt: ReadonlyMap<string, Uint8Array>
}

/** Joins the ledgers of both ends, message by message. */
export function messageFacts(run: RunRecord): SenderFacts[] {
  const othersPartial = run.nodes.some(node => node.role !== 'sender' && isPartial(run, node.name))
  return run.nodes
    .filter(node => node.sender !== null)
    .map(node => {
      const copiesAt = new Map<string, Uint8Array>()
      // Senders have queues too, for negative acknowledgements, and those carry the message's own body.
      for (const receiver of run.nodes.filter(({ role }) => role === 'receiver')) {
        const row = queueManagerReport(run, receiver.name)?.receiver?.senders.find(
          ({ sender }) => sender === node.sender,
        )
        if (row !== undefined && row.copies.length > 0) copiesAt.set(receiver.name, row.copies)
      }
      return senderFacts(run, node, copiesAt, othersPartial)
    })
}

function senderFacts(
  run: RunRecord,
  node: RunNode,
  copiesAt: ReadonlyMap<string, Uint8Array>,
  othersPartial: boolean,
): SenderFacts {
  const report = queueManagerReport(run, node.name)
  const ledger = report?.sender ?? null
  const partial = isPartial(run, node.name)
  const remainingAt = (name: string) =>
    queueManagerReport(run, name)?.remaining.find(({ sender }) => sender === node.sender)
  const frontEnds = run.nodes.filter(({ role }) => role === 'front-end')
  const waiting = frontEnds.flatMap(({ name }) => {
    const numbers = remainingAt(name)
    return numbers === undefined ? [] : [{ name, numbers }]
  })
  const sent = Math.max(ledger?.offered ?? 0, ...Array.from(copiesAt.values(), copies => copies.length))
  const messages = new MessageTable({
    sent,
    ledger,
    copiesAt,
    remaining: remainingAt(node.name),
    waiting,
    deadLettered: deadLetteredIds(run, node),
    partial,
    othersPartial,
  })
  return { node, ledger, partial, sent, messages, copiesAt }
}

/** Messages of all senders that answer a question: how many of whom, and the first. */
export interface MessagesFound {
  readonly count: number
  /** By the sender's name; senders with none are left out. */
  readonly bySender: ReadonlyMap<string, number>
  readonly sender: SenderFacts
  readonly message: MessageFacts
}

/** Null when there is none. */
export function findMessages(
  senders: readonly SenderFacts[],
  predicate: (message: MessageFacts) => boolean,
): MessagesFound | null {
  const bySender = new Map<string, number>()
  let first: Pick<MessagesFound, 'sender' | 'message'> | null = null
  let sum = 0
  for (const sender of senders) {
    const count = sender.messages.count(predicate)
    if (count === 0) continue
    sum += count
    bySender.set(sender.node.name, count)
    first ??= { sender, message: sender.messages.find(predicate)! }
  }
  return first === null ? null : { count: sum, bySender, ...first }
}

/** MessageIDs of what was dead-lettered where it was sent, or at a machine that had it from there. */
function deadLetteredIds(run: RunRecord, { name, guid }: RunNode): ReadonlySet<number> {
  const events = eventsOf(run, 'dead-lettered')
  if (events.length === 0) return new Set()
  const had = new Set<string>()
  for (const kind of ['forwarded', 'discarded'] as const)
    for (const event of eventsOf(run, kind)) had.add(`${event.node} ${messageKey(event.source, event.messageId)}`)
  return new Set(
    events
      .filter(event => event.node === name || had.has(`${event.node} ${messageKey(guid, event.messageId)}`))
      .map(event => event.messageId),
  )
}

function isPartial(run: RunRecord, node: string): boolean {
  return run.reports.get(node)?.partial !== false
}

/** MessageID is unique only together with the QMId. */
export function messageKey(guid: string, messageId: number): string {
  return `${guid}\\${messageId}`
}

/** Notes of discards, one for each message and node. */
export function distinctDiscards(
  run: RunRecord,
  reasons: ReadonlySet<EventOf<'discarded'>['reason']>,
): EventOf<'discarded'>[] {
  const seen = new Set<string>()
  return eventsOf(run, 'discarded').filter(event => {
    const key = `${event.node} ${messageKey(event.source, event.messageId)} ${event.tx?.sequence ?? ''}`
    if (!reasons.has(event.reason) || seen.has(key)) return false
    seen.add(key)
    return true
  })
}
