import { type Checker, counted } from '../finding.js'
import { distinctDiscards, findMessages } from '../message-facts.js'

/** Accepted by the sender's queue manager, and at the end nowhere: not delivered, not waiting, not dead-lettered. */
export const checkLost: Checker = ({ run, senders }) => {
  const found = findMessages(senders, ({ fate }) => fate === 'lost')
  if (found === null) return []
  const { sender, message, count } = found
  const validation = distinctDiscards(run, new Set(['name-validation'] as const)).length > 0
  return [
    {
      id: 'lost',
      behaviour: validation ? 'NLB-3' : null,
      count,
      first: {
        atMs: null,
        nodes: [sender.node.name],
        text: `message ${message.number} of ${sender.node.name} was accepted, was never delivered, and is in no outgoing queue (${counted(count, 'message')} in all)`,
      },
    },
  ]
}
