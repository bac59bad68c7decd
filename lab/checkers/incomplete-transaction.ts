import { transactionOf } from '../../senders/workload-spec.js'
import type { Checker } from '../finding.js'
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

/** A transaction that did not arrive whole on one receiver. */
export const checkIncompleteTransactions: Checker = ({ senders }) => {
  const torn = senders.flatMap(tornTransactions)
  const [first] = torn
  if (first === undefined) return []
  const where = first.at.map(({ node, delivered }) => `${node} delivered ${delivered} of ${first.size}`).join(', ')
  return [
    {
      id: 'incomplete-transaction',
      behaviour: 'NLB-14',
      count: torn.length,
      first: {
        atMs: null,
        nodes: first.at.map(({ node }) => node),
        text: `transaction ${first.transaction} of ${first.sender}: ${where} messages`,
      },
    },
  ]
}
