import { type Checker, counted } from '../finding.js'

/** Delivered more than once: by several receivers, or by one. */
export const checkDuplicated: Checker = ({ run, senders }) => {
  const duplicates = senders.flatMap(sender =>
    sender.messages
      .filter(({ copies }) => copies > 1)
      .map(({ number }) => ({
        sender: sender.node.name,
        number,
        at: [...sender.copiesAt]
          .map(([node, copies]) => ({ node, copies: copies[number - 1] ?? 0 }))
          .filter(({ copies }) => copies > 0),
      })),
  )
  const [first] = duplicates
  if (first === undefined) return []
  const where = first.at
    .map(({ node, copies }) => (copies === 1 ? node : `${node} (${counted(copies, 'copy')})`))
    .join(' and ')
  return [
    {
      id: 'duplicated',
      behaviour: run.gateway === null ? null : 'NLB-13',
      count: duplicates.length,
      first: {
        atMs: null,
        nodes: first.at.map(({ node }) => node),
        text: `message ${first.number} of ${first.sender} was delivered by ${where}`,
      },
    },
  ]
}
