import { isNegativeAcknowledgment } from '../../protocol/message-class.js'
import { messageIdOf } from '../../senders/sender-ledger.js'
import type { Checker, Finding } from '../finding.js'
import { type EventOf, eventsOf, runTime } from '../history.js'
import { findMessages, type SenderFacts } from '../message-facts.js'

/**
 * Dead letters that do not add up. `dead-lettered-delivered`: given up, and delivered all the same.
 * `dead-letter-unaccounted`: for no reason that a message class names, or of a sender that never offered it.
 */
export const checkDeadLetterAccount: Checker = ({ run, senders }) => {
  const findings: Finding[] = []
  const events = eventsOf(run, 'dead-lettered')
  if (events.length === 0) return findings
  const both = findMessages(senders, ({ copies, deadLettered }) => deadLettered && copies > 0)
  if (both !== null) {
    const { sender, message, count } = both
    const id = sender.ledger === null ? null : messageIdOf(sender.ledger, message.number)
    const others = new Set(senders.filter(other => other !== sender).map(({ node }) => node.name))
    const event = events.find(({ node, messageId }) => messageId === id && !others.has(node))
    const at = [...sender.copiesAt].filter(([, copies]) => (copies[message.number - 1] ?? 0) > 0).map(([name]) => name)
    findings.push({
      id: 'dead-lettered-delivered',
      behaviour: null,
      severity: 'anomaly',
      count,
      first: {
        atMs: event?.atMs ?? null,
        nodes: [sender.node.name, ...at],
        text: `message ${message.number} of ${sender.node.name} went to a dead-letter queue of ${event?.node ?? sender.node.name}${event === undefined ? '' : ` at ${runTime(run, event.atMs)}, class ${classText(event)}`}, and ${at.join(' and ')} delivered it`,
      },
    })
  }
  const strangers = new Map(senders.map(sender => [sender.node.name, neverOffered(sender, events)]))
  const strange = events.filter(
    event => !isNegativeAcknowledgment(event.messageClass) || strangers.get(event.node)?.has(event.messageId) === true,
  )
  const [first] = strange
  if (first !== undefined) {
    const why = isNegativeAcknowledgment(first.messageClass)
      ? 'no application there sent it'
      : `class ${classText(first)} names no reason`
    findings.push({
      id: 'dead-letter-unaccounted',
      behaviour: null,
      severity: 'anomaly',
      count: strange.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node],
        text: `${first.node} moved message ${first.messageId} for ${first.queue} to a dead-letter queue at ${runTime(run, first.atMs)}: ${why}`,
      },
    })
  }
  return findings
}

/** MessageIDs of its dead letters that its ledger does not have; none where nobody kept the ledger to the end. */
function neverOffered(
  { node, ledger, partial }: SenderFacts,
  events: readonly EventOf<'dead-lettered'>[],
): ReadonlySet<number | null> {
  const ids = new Set<number | null>()
  if (ledger === null || partial || ledger.messageIds.length === 0) return ids
  for (const event of events) if (event.node === node.name) ids.add(event.messageId)
  for (let number = 1; number <= ledger.offered && ids.size > 0; number++) ids.delete(messageIdOf(ledger, number))
  return ids
}

function classText({ messageClass }: EventOf<'dead-lettered'>): string {
  return `0x${messageClass.toString(16).padStart(4, '0')}`
}
