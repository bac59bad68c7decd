import type { Checker } from '../finding.js'
import { eventsOf } from '../history.js'
import { isAstray, landingKind } from './misrouted-ack.js'

/** A receiver's row QMId -> address held one clone's address while another clone's acks were sent by it. */
export const checkCacheMisroute: Checker = view => {
  const { run } = view
  const held = eventsOf(run, 'qmid-cached').filter(({ change }) => change === 'kept-other')
  const misled = view.acks
    .filter(isAstray)
    .filter(journey => !journey.sent.direct && landingKind(view, journey) === 'clone')
  const [first] = held
  const [ack] = misled
  if (first === undefined || ack === undefined) return []
  const holder = run.nodes.find(({ name }) => name === ack.astray.node)
  return [
    {
      id: 'qmid-cache-misroute',
      behaviour: 'QMID-3',
      severity: 'anomaly',
      count: misled.length,
      first: {
        atMs: first.atMs,
        nodes: [first.node, ack.astray.node],
        text: `${first.node} kept ${ack.astray.node}'s address ${holder?.address ?? ''} for QMId ${first.guid} when a message of ${ack.owners.join(' or ')} came; its ack went to ${ack.astray.node}`,
      },
    },
  ]
}
