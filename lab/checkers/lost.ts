import { type Checker, counted, type RunView } from '../finding.js'
import { eventsOf } from '../history.js'
import { departedMs } from '../message-events.js'
import { distinctDiscards, findMessages, type SenderFacts } from '../message-facts.js'

/** Accepted by the sender's queue manager, and at the end nowhere: not delivered, not waiting, not dead-lettered. */
export const checkLost: Checker = view => {
  const { run, senders } = view
  const found = findMessages(senders, ({ fate }) => fate === 'lost')
  if (found === null) return []
  const { sender, message, count } = found
  const validation = distinctDiscards(run, new Set(['name-validation'] as const)).length > 0
  const losers = senders.filter(({ node }) => found.bySender.has(node.name))
  return [
    {
      id: 'lost',
      behaviour: validation ? 'NLB-3' : null,
      severity: !validation && losers.every(loser => mayLose(view, loser)) ? 'notice' : 'anomaly',
      count,
      first: {
        atMs: departedMs(run, sender, message.number),
        nodes: [sender.node.name],
        text: `message ${message.number} of ${sender.node.name} was accepted, was never delivered, and is in no outgoing queue (${counted(count, 'message')} in all)`,
      },
    },
  ]
}

/** Express messages are gone when a machine that holds them ends (MQ-2). */
function mayLose({ run }: RunView, { node }: SenderFacts): boolean {
  return (
    node.load?.delivery === 'express' &&
    eventsOf(run, 'fault').some(({ fault }) => fault === 'killed' || fault === 'stopped')
  )
}
