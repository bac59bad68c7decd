import { type Checker, counted } from '../finding.js'
import { distinctDiscards } from '../message-facts.js'

/** Accepted by the sender's queue manager, and at the end nowhere: not delivered, not waiting, not dead-lettered. */
export const checkLost: Checker = ({ run, senders }) => {
  const lost = senders.flatMap(({ node, messages }) =>
    messages.filter(({ fate }) => fate === 'lost').map(({ number }) => ({ node, number })),
  )
  const [first] = lost
  if (first === undefined) return []
  const validation = distinctDiscards(run, new Set(['name-validation'] as const)).length > 0
  return [
    {
      id: 'lost',
      behaviour: validation ? 'NLB-3' : null,
      count: lost.length,
      first: {
        atMs: null,
        nodes: [first.node.name],
        text: `message ${first.number} of ${first.node.name} was accepted, was never delivered, and is in no outgoing queue (${counted(lost.length, 'message')} in all)`,
      },
    },
  ]
}
