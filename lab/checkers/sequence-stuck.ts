import type { Checker } from '../finding.js'
import { eventsOf } from '../history.js'
import { distinctDiscards, messageKey } from '../message-facts.js'

/** A receiver that lacks a transactional message's predecessor refuses it, and never got to deliver it. */
export const checkSequenceStuck: Checker = ({ run }) => {
  const arrived = new Set(
    eventsOf(run, 'arrived').map(event => `${event.node} ${messageKey(event.source, event.messageId)}`),
  )
  const stuck = distinctDiscards(run, new Set(['middle-of-sequence', 'hole'] as const)).filter(
    event => !arrived.has(`${event.node} ${messageKey(event.source, event.messageId)}`),
  )
  const [first] = stuck
  if (first === undefined) return []
  const place =
    first.tx === null
      ? ''
      : ` number ${first.tx.number} (previous ${first.tx.previous}) of sequence ${first.tx.sequence}`
  return [
    {
      id: 'sequence-stuck',
      behaviour: 'NLB-15',
      severity: 'anomaly',
      count: stuck.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node],
        text: `${first.node} refused${place}: it has not seen what comes before`,
      },
    },
  ]
}
