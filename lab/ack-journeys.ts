import { groupBy } from './group-by.js'
import { type EventOf, eventsOf, type RunNode, type RunRecord } from './history.js'
import { messageKey } from './message-facts.js'

/** One order ack: who sent it, whom it was for, where it landed. */
export interface AckJourney {
  readonly sent: EventOf<'order-ack-sent'>
  /** Nodes whose messages it acknowledges: one, or several clones that nothing tells apart. */
  readonly owners: readonly string[]
  /** Arrivals; more than one when it was sent again over another session. */
  readonly landings: readonly EventOf<'order-ack-received'>[]
  /** First landing on a node that is no owner. */
  readonly astray: EventOf<'order-ack-received'> | null
}

/**
 * Joins each order ack with its arrivals, by the acknowledging node's QMId and MessageID: the ack is an ordinary message
 * of that node.
 */
export function ackJourneys(run: RunRecord): AckJourney[] {
  const landings = groupBy(eventsOf(run, 'order-ack-received'), ack => messageKey(ack.from, ack.messageId))
  const guidOf = new Map(run.nodes.map(({ name, guid }) => [name, guid]))
  return eventsOf(run, 'order-ack-sent').map(sent => {
    const owners = ackOwners(run.nodes, sent)
    const landed = landings.get(messageKey(guidOf.get(sent.node) ?? '', sent.messageId)) ?? []
    return { sent, owners, landings: landed, astray: landed.find(({ node }) => !owners.includes(node)) ?? null }
  })
}

/**
 * Whom an order ack is for. The QMId decides unless clones share it; then the sequence id does, whose time stamp is the
 * node's own; then the address that the acknowledged session came from; else it is for one of the clones.
 */
export function ackOwners(
  nodes: readonly RunNode[],
  ack: Pick<EventOf<'order-ack-sent'>, 'forSource' | 'sequence' | 'sessionPeer'>,
): string[] {
  const sharing = nodes.filter(({ guid }) => guid === ack.forSource)
  if (sharing.length <= 1) return sharing.map(({ name }) => name)
  const timeStamp = Number.parseInt(ack.sequence, 16)
  for (const matches of [
    sharing.filter(node => node.sequenceTimeStamp === timeStamp),
    sharing.filter(({ address }) => address === ack.sessionPeer),
  ]) {
    if (matches.length === 1) return matches.map(({ name }) => name)
  }
  return sharing.map(({ name }) => name)
}
