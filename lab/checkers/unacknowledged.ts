import type { Checker, Finding } from '../finding.js'
import { departedMs } from '../message-events.js'
import { findMessages } from '../message-facts.js'
import { isAstray, landingKind } from './misrouted-ack.js'

/**
 * Still in a sender's outgoing queue after the drain. `unacknowledged`: delivered somewhere all the same, for the order
 * ack did not come home. `undelivered`: no receiver has taken it.
 */
export const checkUnacknowledged: Checker = view => {
  const { run, senders } = view
  const clones = new Set(run.nodes.map(({ guid }) => guid)).size < run.nodes.length
  const landings = new Set(view.acks.filter(isAstray).map(journey => landingKind(view, journey)))
  const overHttp = run.gateway?.protocol === 'http' ? 'NLB-6' : null
  const astray = landings.has('other-sender') ? 'NLB-12' : landings.size > 0 ? 'NLB-11' : overHttp
  const kinds = [
    {
      id: 'unacknowledged',
      behaviour: clones ? 'QMID-6' : astray,
      delivered: true,
      text: 'was delivered, yet no acknowledgement took it out of the outgoing queue',
    },
    {
      id: 'undelivered',
      behaviour: run.gateway === null ? null : 'NLB-15',
      delivered: false,
      text: 'waits in the outgoing queue and no receiver has taken it',
    },
  ]
  return kinds.flatMap(({ id, behaviour, delivered, text }): Finding[] => {
    const found = findMessages(senders, message => message.held && message.copies > 0 === delivered)
    if (found === null) return []
    const { sender, message, count } = found
    const bySender = Array.from(found.bySender, ([node, held]) => `${node} holds ${held}`)
    return [
      {
        id,
        behaviour,
        severity: 'anomaly',
        count,
        first: {
          atMs: departedMs(run, sender, message.number),
          nodes: [sender.node.name],
          text: `message ${message.number} of ${sender.node.name} ${text}; at the end ${bySender.join(', ')} such ${count === 1 ? 'message' : 'messages'}`,
        },
      },
    ]
  })
}
