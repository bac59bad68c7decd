import type { FrameRef } from '../../capture/frame.js'
import { Deque } from '../../queue-manager/deque.js'
import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { countText, endName, endsOf, spanText } from './ends.js'
import { isMsmq } from './http-statuses.js'

const WAITING_MAX = 1_000
/** After that a sender posts it again. */
const ANSWER_US = DEFAULT_SETTINGS.HttpRetransmissionTimeout * 1000

/** Messages over HTTP that got no answer before their connection, or the capture, ended. */
export function findUnansweredRequests(context: DiagnosisContext): Finder {
  const waiting = new Map<Session, Deque<FrameRef>>()

  return {
    request(session, seen) {
      if (!isMsmq(seen)) return
      const known = waiting.get(session)
      const requests = known ?? new Deque<FrameRef>()
      if (requests.size < WAITING_MAX) requests.push(seen.last)
      if (known === undefined) waiting.set(session, requests)
    },
    response(session, { request }) {
      const requests = waiting.get(session)
      if (requests === undefined || request === null || !isMsmq(request)) return
      while (requests.size > 0 && requests.at(0)!.timeUs <= request.last.timeUs) requests.shift()
      if (requests.size === 0) waiting.delete(session)
    },
    ended(session, { how, by, at }) {
      const requests = waiting.get(session)
      if (requests === undefined) return
      waiting.delete(session)
      const first = requests.at(0)!
      const waitedUs = at.timeUs - first.timeUs
      // what was not captured may have been the answer
      if (session.connection.frames[1] === 0 || session.holes[1] || session.holes[0]) return
      if (how === 'capture-ended' && waitedUs < ANSWER_US) return
      const server = endName(context, session, 1)
      const end =
        how === 'fin' || how === 'reset'
          ? `${by === null ? 'somebody' : `the end of ${endName(context, session, by)}`} ${how === 'fin' ? 'closed' : 'reset'} the connection`
          : 'nothing came any more'
      context.book.add('http-unanswered', {
        ...endsOf(session, 0),
        frames: [first, at],
        text: `${server} did not answer ${countText(requests.size, 'request')} on ${session.name}: ${end} ${spanText(waitedUs)} after the first of them`,
        weight: requests.size,
      })
    },
  }
}
