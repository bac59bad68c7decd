import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import { inOrder } from '../frames-in-order.js'
import type { Session } from '../session.js'
import { endName } from './ends.js'

/** Both sides of a balancer that end a session together do so within this, microseconds. */
export const TOGETHER_US = 1_000_000

/** Who ended a session. */
export interface Culprit {
  /** Neither of the two queue managers: a frame gives it away, or both sides of a balancer do. */
  readonly isThirdParty: boolean
  readonly name: string
  /** The frames that show it, in order. */
  readonly frames: readonly FrameRef[]
}

/**
 * Who ended the session whose client side is `front`; asked when its other sides have ended too, if they ever do.
 * A FIN or RST that comes from the balancer on both of its sides is the balancer's own.
 */
export function culpritOf({ parties }: Pick<DiagnosisContext, 'parties'>, front: Session): Culprit {
  for (let session: Session | null = front; session !== null; session = session.back) {
    const { ending, back } = session
    if (ending === null) break
    if (ending.forged) {
      const by = ending.by === null ? 'one of its ends' : endName({ parties }, session, ending.by)
      const name = `a third party in the name of ${by} (the TTL or the MAC address is not that of its other frames)`
      return { isThirdParty: true, name, frames: [ending.at] }
    }
    // a machine that reaches itself through the balancer has both ends in its hands
    if (back === null || ending.by !== 1 || isOneMachine(session, back)) continue
    const behind = back.ending
    if (behind === null) continue
    const balancer = endName({ parties }, session, 1)
    if (behind.at.timeUs - ending.at.timeUs > TOGETHER_US) {
      const name = `the balancer ${balancer} (the connection behind it lived on)`
      return { isThirdParty: true, name, frames: [ending.at] }
    }
    if (behind.by !== 0) continue
    const frames = inOrder(ending.at, behind.at)
    return { isThirdParty: true, name: `the balancer ${balancer} (it ended both of its connections)`, frames }
  }
  const { ending } = front
  const name =
    ending === null || ending.by === null ? 'somebody' : `the end of ${endName({ parties }, front, ending.by)}`
  return { isThirdParty: false, name, frames: ending === null ? [] : [ending.at] }
}

function isOneMachine(front: Session, back: Session): boolean {
  const [client, server] = back.qmIds
  return front.connection.client.address === back.connection.server.address || (client !== null && client === server)
}
