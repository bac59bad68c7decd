import type { Checker, Finding } from '../finding.js'
import { groupBy } from '../group-by.js'
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
    const held = senders.flatMap(({ node, messages }) =>
      messages
        .filter(message => message.held && message.copies > 0 === delivered)
        .map(({ number }) => ({ node: node.name, number })),
    )
    const [first] = held
    if (first === undefined) return []
    const bySender = [...groupBy(held, ({ node }) => node)].map(([node, rows]) => `${node} holds ${rows.length}`)
    return [
      {
        id,
        behaviour,
        count: held.length,
        first: {
          atMs: null,
          nodes: [first.node],
          text: `message ${first.number} of ${first.node} ${text}; at the end ${bySender.join(', ')} such ${held.length === 1 ? 'message' : 'messages'}`,
        },
      },
    ]
  })
}
