import { messageIdOf } from '../../senders/sender-ledger.js'
import { type Checker, counted } from '../finding.js'
import { eventsOf, queueManagerReport, type RunRecord } from '../history.js'
import { findMessages, type SenderFacts } from '../message-facts.js'

/** Delivered more than once: by several receivers, or by one. The instance shown is the first in time, where known. */
export const checkDuplicated: Checker = ({ run, senders }) => {
  const found = findMessages(senders, ({ copies }) => copies > 1)
  if (found === null) return []
  const { count } = found
  const earliest = firstTwice(run, senders) ?? { sender: found.sender, number: found.message.number, atMs: null }
  const { sender, number, atMs } = earliest
  const at = [...sender.copiesAt]
    .map(([node, copies]) => ({ node, copies: copies[number - 1] ?? 0 }))
    .filter(({ copies }) => copies > 0)
  const where = at
    .map(({ node, copies }) => (copies === 1 ? node : `${node} (${counted(copies, 'copy')})`))
    .join(' and ')
  return [
    {
      id: 'duplicated',
      behaviour: run.gateway === null ? null : 'NLB-13',
      severity: 'anomaly',
      count,
      first: {
        atMs,
        nodes: at.map(({ node }) => node),
        text: `message ${number} of ${sender.node.name} was delivered by ${where}`,
      },
    },
  ]
}

interface SecondCopy {
  readonly sender: SenderFacts
  readonly number: number
  readonly atMs: number
}

/** By the ledgers where one receiver had both copies, else by notes of what applications received. */
function firstTwice(run: RunRecord, senders: readonly SenderFacts[]): SecondCopy | null {
  const candidates = senders.flatMap((sender): SecondCopy[] => {
    const noted = firstConsumedTwice(run, senders, sender)
    const own = [...sender.copiesAt.keys()].flatMap(node => {
      const rows = queueManagerReport(run, node)?.receiver?.senders
      const example = rows?.find(row => row.sender === sender.node.sender)?.firstDuplicate ?? null
      return example === null ? [] : [{ sender, number: example.number, atMs: example.atMs }]
    })
    return noted === null ? own : [...own, noted]
  })
  return candidates.toSorted((a, b) => a.atMs - b.atMs)[0] ?? null
}

function firstConsumedTwice(run: RunRecord, senders: readonly SenderFacts[], sender: SenderFacts): SecondCopy | null {
  const { node, ledger, messages } = sender
  // clones may give two messages one identifier
  if (ledger === null || senders.some(other => other !== sender && other.node.guid === node.guid)) return null
  const receivers = sender.copiesAt
  const seen = new Set<number>()
  for (const event of eventsOf(run, 'consumed')) {
    if (event.source !== node.guid || !receivers.has(event.node)) continue
    if (!seen.has(event.messageId)) seen.add(event.messageId)
    else {
      const twice = messages.find(({ number, copies }) => copies > 1 && messageIdOf(ledger, number) === event.messageId)
      if (twice !== undefined) return { sender, number: twice.number, atMs: event.atMs }
    }
  }
  return null
}
