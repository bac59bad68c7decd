import type { Guid } from '../../protocol/guid.js'
import type { Session } from '../session.js'

/** All that a capture says of who was at one end of a connection. */
export interface SeenEnd {
  readonly qmId: Guid | null
  readonly address: string
  readonly mac: string | null
}

/** Who opened a session, on the outer side of any balancer. */
export function openerOf(session: Session): SeenEnd {
  const { client } = session.frontmost.connection
  return { qmId: session.qmIds[0], address: client.address, mac: client.mac }
}

/** Who took it. */
export function takerOf(session: Session): SeenEnd {
  const { server } = session.backmost.connection
  return { qmId: session.backmost.qmIds[1] ?? session.qmIds[1], address: server.address, mac: server.mac }
}

/** The same for the same end, as a map's key. */
export function endKey({ qmId, address, mac }: SeenEnd): string {
  return `${qmId ?? ''} ${address} ${mac ?? ''}`
}
