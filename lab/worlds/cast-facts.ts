import { type ClusterFault, faultNoteOf } from '../cluster-fault.js'
import type { FaultEvent } from '../history.js'
import type { Casting } from './node-specs.js'

/** Whether a machine's death is a matter of heartbeats. */
export function isClusterHost({ gateway }: Casting, name: string): boolean {
  return gateway?.run?.kind === 'nlb' && gateway.run.hosts.includes(name)
}

/** Whether each sender of transactions is among those that have had an order ack. */
export function allAcknowledged({ nodes }: Casting, acknowledged: ReadonlySet<string>): boolean {
  return nodes.every(({ name, load }) => load?.delivery !== 'transactional' || acknowledged.has(name))
}

/** What the history says of a fault that befell the gateway's hosts, and of whom; null where it says that of the machine. */
export function clusterFaultNote(
  gatewayName: string,
  fault: ClusterFault,
): { readonly node: string; readonly note: FaultEvent['fault'] } | null {
  const note = faultNoteOf(fault)
  return note === null ? null : { node: 'host' in fault && fault.host !== null ? fault.host : gatewayName, note }
}
