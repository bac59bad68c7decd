import { type Checker, counted } from '../finding.js'
import { findMessages } from '../message-facts.js'

/** Delivered more than once: by several receivers, or by one. */
export const checkDuplicated: Checker = ({ run, senders }) => {
  const found = findMessages(senders, ({ copies }) => copies > 1)
  if (found === null) return []
  const { sender, message, count } = found
  const at = [...sender.copiesAt]
    .map(([node, copies]) => ({ node, copies: copies[message.number - 1] ?? 0 }))
    .filter(({ copies }) => copies > 0)
  const where = at
    .map(({ node, copies }) => (copies === 1 ? node : `${node} (${counted(copies, 'copy')})`))
    .join(' and ')
  return [
    {
      id: 'duplicated',
      behaviour: run.gateway === null ? null : 'NLB-13',
      count,
      first: {
        atMs: null,
        nodes: at.map(({ node }) => node),
        text: `message ${message.number} of ${sender.node.name} was delivered by ${where}`,
      },
    },
  ]
}
