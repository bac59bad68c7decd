import type { FrameRef } from '../../capture/frame.js'
import { NIL_GUID } from '../../protocol/guid.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { endName, endsOf } from './ends.js'

/** Answers to EstablishConnection that refuse: by the CS flag, or because another queue manager answers than was asked for. */
export function findRefusedHandshakes(context: DiagnosisContext): Finder {
  /** Who was asked for, and where, until the answer comes. */
  const wanted = new Map<Session, { readonly guid: string; readonly frame: FrameRef }>()

  return {
    handshake(session, { packet, direction, last }) {
      // a balancer's other side is told of along with its client's
      if (packet.packetType !== 'EstablishConnection' || session.front !== null) return
      if (direction === 0) {
        wanted.set(session, { guid: packet.serverGuid, frame: last })
        return
      }
      const asked = wanted.get(session)
      wanted.delete(session)
      const isForeign = asked !== undefined && asked.guid !== NIL_GUID && asked.guid !== packet.serverGuid
      if (!session.refused && !isForeign) return
      const client = endName(context, session, 0)
      const server = endName(context, session, 1)
      const why = isForeign
        ? `${client} asked for the queue manager ${asked.guid}, and at ${server} answers ${packet.serverGuid}`
        : `${client} asked for whoever is at ${server}, and was refused`
      context.book.add('handshake-refused', {
        ...endsOf(session, 0),
        frames: asked === undefined ? [last] : [asked.frame, last],
        text: `${why}${session.refused ? ' (the answer says so by its CS flag)' : ''}: the session is not made, and what is queued for it waits`,
      })
    },
    ended: session => {
      wanted.delete(session)
    },
  }
}
