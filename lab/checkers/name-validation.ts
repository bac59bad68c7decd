import type { Checker } from '../finding.js'
import { distinctDiscards } from '../message-facts.js'

/** Discarded because the machine name in a DIRECT=OS format name is not the receiver's own. */
export const checkNameValidation: Checker = ({ run }) => {
  const discards = distinctDiscards(run, new Set(['name-validation'] as const))
  const [first] = discards
  if (first === undefined) return []
  return [
    {
      id: 'name-validation',
      behaviour: 'NLB-3',
      severity: 'anomaly',
      count: discards.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node],
        text: `${first.node} discarded a message for ${first.destination}: the name is not its own`,
      },
    },
  ]
}
