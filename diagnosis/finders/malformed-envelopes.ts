import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { endName, endsOf, gapsIn } from './ends.js'

/** Requests that are meant as SRMP and cannot be decoded. */
export function findMalformedEnvelopes(context: DiagnosisContext): Finder {
  return {
    request(session, { fault, head, first, last }) {
      if (fault === null) return
      context.book.add('malformed-envelope', {
        ...endsOf(session, 0),
        frames: first === last ? [first] : [first, last],
        text: `${endName(context, session, 0)} posted to ${head.target} what is no SRMP: ${fault.message} (${fault.code}, ${fault.section})`,
        reservations: [...gapsIn(session, 0), ...context.coverage.ofBytes()],
      })
    },
  }
}
