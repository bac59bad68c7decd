import type { Checker } from '../finding.js'
import { arrivals } from '../message-events.js'
import { findMessages } from '../message-facts.js'

/** In a front end's outgoing queue after the drain: the back end has not taken it from there. */
export const checkWaitingAtFrontEnds: Checker = ({ run, senders }) => {
  const first = findMessages(senders, ({ waitingAt }) => waitingAt.length > 0)
  if (first === null) return []
  const { sender, message } = first
  const [frontEnd = ''] = message.waitingAt
  const others = run.nodes.map(({ name }) => name).filter(name => name !== frontEnd)
  const holders = [frontEnd, ...others].flatMap(name => {
    const found = findMessages(senders, ({ waitingAt }) => waitingAt.includes(name))
    return found === null ? [] : [{ name, count: found.count }]
  })
  return [
    {
      id: 'waiting-at-front-end',
      behaviour: null,
      severity: 'anomaly',
      count: holders.reduce((sum, { count }) => sum + count, 0),
      first: {
        atMs: arrivals(run, sender, message.number, 'forwarded').find(({ node }) => node === frontEnd)?.atMs ?? null,
        nodes: [frontEnd],
        text: `message ${message.number} of ${sender.node.name} waits at ${frontEnd} to be passed on; at the end ${holders.map(({ name, count }) => `${name} holds ${count}`).join(', ')}`,
      },
    },
  ]
}
