import type { Checker } from '../finding.js'
import { queueManagerReport } from '../history.js'

/** Delivered by one queue of one receiver after a later message of the same sender. Only transactions promise an order. */
export const checkReordered: Checker = ({ run }) => {
  const rows = run.nodes.flatMap(receiver =>
    (queueManagerReport(run, receiver.name)?.receiver?.senders ?? []).flatMap(row =>
      row.firstOutOfOrder === null
        ? []
        : [
            {
              receiver: receiver.name,
              sender: senderName(row.sender),
              ordered: run.nodes.some(
                ({ sender, load }) => sender === row.sender && load?.delivery === 'transactional',
              ),
              count: row.outOfOrder,
              example: row.firstOutOfOrder,
            },
          ],
    ),
  )
  const first = rows.toSorted((a, b) => a.example.atMs - b.example.atMs)[0]
  if (first === undefined) return []
  const { example } = first
  return [
    {
      id: 'reordered',
      behaviour: run.gateway === null ? null : 'NLB-14',
      severity: rows.some(({ ordered }) => ordered) ? 'anomaly' : 'notice',
      count: rows.reduce((sum, { count }) => sum + count, 0),
      first: {
        atMs: example.atMs,
        nodes: [first.receiver],
        text: `${first.receiver} delivered message ${example.number} of ${first.sender} from ${example.queue} after message ${example.after}`,
      },
    },
  ]

  function senderName(index: number): string {
    return run.nodes.find(({ sender }) => sender === index)?.name ?? `sender ${index}`
  }
}
