import { MESSAGE_STATE, messageIdOf, type SenderLedgerData } from '../senders/sender-ledger.js'
import { type EventOf, eventsOf, queueManagerReport, type RunNode, type RunRecord } from './history.js'
import { isRemaining } from './node-spec.js'

/**
 * What became of one message. `delivered` has an application receive it (copies may be several, see `copies`); otherwise
 * one of: `waiting` in an outgoing queue of the sender or of a front end, `dead-lettered` at either,
 * `refused` by the sender's own queue manager, `lost` (accepted, and nowhere to be found), or `unknown`: the sender
 * got no answer, or a node that could tell has died.
 */
export type MessageFate = 'delivered' | 'waiting' | 'dead-lettered' | 'refused' | 'lost' | 'unknown'

export interface MessageFacts {
  readonly number: number
  readonly accepted: boolean
  readonly fate: MessageFate
  /** Copies delivered altogether. */
  readonly copies: number
  /** Still in the sender's outgoing queue at the end, delivered or not: no acknowledgement freed it. */
  readonly held: boolean
  /** Front ends in whose outgoing queues it is at the end. */
  readonly waitingAt: readonly string[]
}

/** The messages of one sending node. */
export interface SenderFacts {
  readonly node: RunNode
  readonly ledger: SenderLedgerData | null
  /** The node's report is not its last word: it died or did not stop in time. */
  readonly partial: boolean
  /** Offered to the queue manager, or delivered though the ledger ends earlier. */
  readonly sent: number
  /** Index n - 1 is message n. */
  readonly messages: readonly MessageFacts[]
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
  const remaining = remainingAt(node.name)
  const frontEnds = run.nodes.filter(({ role }) => role === 'front-end')
  const waiting = frontEnds.flatMap(({ name }) => {
    const numbers = remainingAt(name)
    return numbers === undefined ? [] : [{ name, numbers }]
  })
  const deadLettered = deadLetteredIds(run, node)
  const sent = Math.max(ledger?.offered ?? 0, ...Array.from(copiesAt.values(), copies => copies.length))
  const messages: MessageFacts[] = []
  for (let number = 1; number <= sent; number++) {
    const state = ledger?.states[number - 1] ?? MESSAGE_STATE.unknown
    const held = remaining !== undefined && isRemaining(remaining, number)
    const id = ledger === null ? null : messageIdOf(ledger, number)
    let copies = 0
    for (const row of copiesAt.values()) copies += row[number - 1] ?? 0
    const waitingAt = waiting.filter(({ numbers }) => isRemaining(numbers, number)).map(({ name }) => name)
    messages.push({ number, accepted: state === MESSAGE_STATE.accepted, copies, held, waitingAt, fate: fate() })

    function fate(): MessageFate {
      if (copies > 0) return 'delivered'
      if (state === MESSAGE_STATE.refused) return 'refused'
      if (state === MESSAGE_STATE.unknown) return 'unknown'
      if (partial) return 'unknown'
      if (held || waitingAt.length > 0) return 'waiting'
      if (id !== null && deadLettered.has(id)) return 'dead-lettered'
      return othersPartial ? 'unknown' : 'lost'
    }
  }
  return { node, ledger, partial, sent, messages, copiesAt }
}

/** MessageIDs of what was dead-lettered where it was sent, or at a front end that had it from there. */
function deadLetteredIds(run: RunRecord, { name, guid }: RunNode): ReadonlySet<number> {
  const forwarded = new Set(
    eventsOf(run, 'forwarded').map(event => `${event.node} ${messageKey(event.source, event.messageId)}`),
  )
  return new Set(
    eventsOf(run, 'dead-lettered')
      .filter(event => event.node === name || forwarded.has(`${event.node} ${messageKey(guid, event.messageId)}`))
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
