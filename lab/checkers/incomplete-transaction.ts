import { transactionOf } from '../../senders/workload-spec.js'
import type { Checker } from '../finding.js'
import type { RunRecord } from '../history.js'
import { arrivals } from '../message-events.js'
import type { SenderFacts } from '../message-facts.js'

export interface TornTransaction {
  readonly sender: string
  readonly transaction: number
  readonly size: number
  /** Receivers that delivered some but not all of what went to one address; `of`: how much that was. */
  readonly at: readonly { readonly node: string; readonly delivered: number; readonly of: number }[]
}

/**
 * Transactions of which some receiver delivered k of n messages, 0 < k < n. Of one whose messages go to several machines each is
 * to have what goes to its address.
 */
export function tornTransactions({
  node,
  sent,
  copiesAt,
}: Pick<SenderFacts, 'node' | 'sent' | 'copiesAt'>): TornTransaction[] {
  const perTransaction = node.load?.perTransaction ?? 1
  if (node.load?.delivery !== 'transactional' || perTransaction === 1) return []
  const parts = partsOf(node.load.to, perTransaction)
  const torn: TornTransaction[] = []
  for (let first = 1; first <= sent; first += perTransaction) {
    const size = Math.min(perTransaction, sent - first + 1)
    const at = []
    for (const part of parts) {
      for (const [receiver, copies] of copiesAt) {
        let delivered = 0
        let wanted = 0
        for (const place of part) {
          if (place >= size) break
          wanted++
          if ((copies[first + place - 1] ?? 0) > 0) delivered++
        }
        if (delivered > 0 && delivered < wanted) at.push({ node: receiver, delivered, of: wanted })
      }
    }
    if (at.length > 0) torn.push({ sender: node.name, transaction: transactionOf(first, perTransaction), size, at })
  }
  return torn
}

/** Places in a transaction, from 0, by the address that their messages go to. */
function partsOf(to: readonly string[], perTransaction: number): number[][] {
  const parts = new Map<string, number[]>()
  for (let place = 0; place < perTransaction; place++) {
    const destination = to[place % to.length] ?? ''
    const address = ADDRESS.exec(destination)?.[1]?.toLowerCase() ?? destination
    const part = parts.get(address)
    if (part === undefined) parts.set(address, [place])
    else part.push(place)
  }
  return [...parts.values()]
}

const ADDRESS = /^(?:DIRECT=(?:TCP:|OS:|HTTP:\/\/)|PRIVATE=)([^\\/:]+)/i

/** When the first message of it came to one of those receivers. */
function firstArrivalMs(
  run: RunRecord,
  sender: SenderFacts,
  { transaction, size, at }: TornTransaction,
): number | null {
  const first = (transaction - 1) * (sender.node.load?.perTransaction ?? 1) + 1
  for (let number = first; number < first + size; number++) {
    const arrived = arrivals(run, sender, number, 'arrived').find(event => at.some(({ node }) => node === event.node))
    if (arrived !== undefined) return arrived.atMs
  }
  return null
}

/** A transaction that did not arrive whole on one receiver. */
export const checkIncompleteTransactions: Checker = ({ run, senders }) => {
  const torn = senders.flatMap(sender => tornTransactions(sender).map(each => ({ ...each, from: sender })))
  const [first] = torn
  if (first === undefined) return []
  const where = first.at.map(({ node, delivered, of }) => `${node} delivered ${delivered} of ${of}`).join(', ')
  return [
    {
      id: 'incomplete-transaction',
      behaviour: 'NLB-14',
      severity: 'anomaly',
      count: torn.length,
      first: {
        atMs: firstArrivalMs(run, first.from, first),
        nodes: first.at.map(({ node }) => node),
        text: `transaction ${first.transaction} of ${first.sender}: ${where} messages`,
      },
    },
  ]
}
