import { transactionOf } from '../../senders/workload-spec.js'
import type { Checker } from '../finding.js'
import type { RunRecord } from '../history.js'
import { arrivals } from '../message-events.js'
import type { SenderFacts } from '../message-facts.js'

export interface TornTransaction {
  readonly sender: string
  readonly transaction: number
  readonly size: number
  /** Receivers that delivered some of it but not all. */
  readonly at: readonly { readonly node: string; readonly delivered: number }[]
}

/** Transactions of which some receiver delivered k of n messages, 0 < k < n. */
export function tornTransactions({
  node,
  sent,
  copiesAt,
}: Pick<SenderFacts, 'node' | 'sent' | 'copiesAt'>): TornTransaction[] {
  const perTransaction = node.load?.perTransaction ?? 1
  if (node.load?.delivery !== 'transactional' || perTransaction === 1) return []
  const torn: TornTransaction[] = []
  for (let first = 1; first <= sent; first += perTransaction) {
    const size = Math.min(perTransaction, sent - first + 1)
    const at = []
    for (const [receiver, copies] of copiesAt) {
      let delivered = 0
      for (let number = first; number < first + size; number++) if ((copies[number - 1] ?? 0) > 0) delivered++
      if (delivered > 0 && delivered < size) at.push({ node: receiver, delivered })
    }
    if (at.length > 0) torn.push({ sender: node.name, transaction: transactionOf(first, perTransaction), size, at })
  }
  return torn
}

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
  const where = first.at.map(({ node, delivered }) => `${node} delivered ${delivered} of ${first.size}`).join(', ')
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
