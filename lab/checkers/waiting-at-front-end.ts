import type { Checker } from '../finding.js'
import { groupBy } from '../group-by.js'

/** In a front end's outgoing queue after the drain: the back end has not taken it from there. */
export const checkWaitingAtFrontEnds: Checker = ({ senders }) => {
  const waiting = senders.flatMap(({ node, messages }) =>
    messages.flatMap(({ number, waitingAt }) => waitingAt.map(frontEnd => ({ sender: node.name, number, frontEnd }))),
  )
  const [first] = waiting
  if (first === undefined) return []
  const holders = [...groupBy(waiting, ({ frontEnd }) => frontEnd)].map(
    ([name, rows]) => `${name} holds ${rows.length}`,
  )
  return [
    {
      id: 'waiting-at-front-end',
      behaviour: null,
      count: waiting.length,
      first: {
        atMs: null,
        nodes: [first.frontEnd],
        text: `message ${first.number} of ${first.sender} waits at ${first.frontEnd} to be passed on; at the end ${holders.join(', ')}`,
      },
    },
  ]
}
