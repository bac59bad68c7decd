import type { Checker } from '../finding.js'
import { eventsOf } from '../history.js'

/** Gone to a dead-letter queue. */
export const checkDeadLettered: Checker = ({ run }) => {
  const events = eventsOf(run, 'dead-lettered')
  const [first] = events
  if (first === undefined) return []
  const which = first.transactional ? 'transactional dead-letter queue' : 'dead-letter queue'
  return [
    {
      id: 'dead-lettered',
      behaviour: first.transactional ? 'MQ-9' : 'MQ-8',
      severity: 'notice',
      count: events.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node],
        text: `${first.node} moved message ${first.messageId} for ${first.queue} to its ${which}, class 0x${first.messageClass.toString(16).padStart(4, '0')}`,
      },
    },
  ]
}
