import type { Checker } from '../finding.js'
import { accountOf, reconcile } from '../reconciliation.js'

export const DISAGREEMENT = 'mqlab-disagrees'

/** The witnesses of a run contradict each other: nothing else that this run says is to be trusted. */
export const checkAgreement: Checker = view => {
  const disagreements = reconcile(view)
  const [first] = disagreements
  if (first === undefined) return []
  const { accepted, delivered, sent, arrived, passed } = accountOf(view)
  const gateway = passed === null ? '' : `, the gateway passed on ${passed}`
  return [
    {
      id: DISAGREEMENT,
      behaviour: null,
      severity: 'anomaly',
      count: disagreements.length,
      first: {
        atMs: null,
        nodes: first.nodes,
        text:
          `a bug of mqlab itself: ${first.claim}, yet ${first.text} (ledgers: ${accepted} accepted, ${delivered} delivered; ` +
          `queue managers: ${sent} sent, ${arrived} arrived${gateway})`,
      },
    },
  ]
}
