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
  const { tx } = first
  const place = tx === null ? '' : ` number ${tx.number} (previous ${tx.previous}) of sequence ${tx.sequence}`
  const last = eventsOf(run, 'arrived').findLast(
    event => event.node === first.node && event.tx?.sequence === tx?.sequence && event.atMs <= first.atMs,
  )
  const has =
    last?.tx === undefined || last.tx === null ? 'nothing of that sequence' : `number ${last.tx.number} as its last`
  return [
    {
      id: 'sequence-stuck',
      behaviour: 'NLB-15',
      severity: 'anomaly',
      count: stuck.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node],
        text: `${first.node} refused${place}: it has not seen what comes before, and has ${has}`,
      },
    },
  ]
}
