import { MESSAGE_STATE } from '../../senders/sender-ledger.js'
import type { Checker } from '../finding.js'
import { arrivals } from '../message-events.js'
import { findMessages } from '../message-facts.js'

/** Delivered though its queue manager told the application that it did not take it: a ghost. */
export const checkGhosts: Checker = ({ run, senders }) => {
  const found = findMessages(
    senders,
    ({ state, copies }) => copies > 0 && (state === MESSAGE_STATE.refused || state === MESSAGE_STATE.aborted),
  )
  if (found === null) return []
  const { sender, message, count } = found
  const at = [...sender.copiesAt].filter(([, copies]) => (copies[message.number - 1] ?? 0) > 0).map(([node]) => node)
  const [arrived] = arrivals(run, sender, message.number, 'arrived')
  const what = message.state === MESSAGE_STATE.aborted ? 'its transaction was aborted' : 'it was refused'
  return [
    {
      id: 'ghost',
      behaviour: 'MQ-3',
      severity: 'anomaly',
      count,
      first: {
        atMs: arrived?.atMs ?? null,
        nodes: [sender.node.name, ...at],
        text: `message ${message.number} of ${sender.node.name} was delivered by ${at.join(' and ')}, though ${what}`,
      },
    },
  ]
}
