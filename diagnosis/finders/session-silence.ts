import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import { endName, endsOf, other, routeOf, spanText } from './ends.js'

/** So often in a row, over at least so long: that is no lost packet. */
const REPEATS_MIN = 3
const SILENT_MIN_US = 1_000_000
const ROUTES_MAX = 10_000

interface Silence {
  readonly session: Session
  readonly direction: Direction
  /** First retransmission into the silence, and the latest. */
  readonly first: FrameRef
  last: FrameRef
  repeats: number
  /** Frames that the other end had sent by then. */
  readonly answers: number
}

/**
 * Sessions that died without FIN or RST: one end sends the same bytes again and again, and not even TCP's acknowledgement
 * comes back. A firewall or balancer forgot the connection, or the other machine is gone.
 */
export function findSilence(context: DiagnosisContext): Finder {
  const silences = new Map<Session, Silence>()
  /** Of those that are long enough, the latest on each route: a new connection there shows that its client gave up. */
  const byRoute = new BoundedMap<string, Silence>(ROUTES_MAX)
  /** Reported when their client comes back, or the capture ends. */
  const over = new BoundedMap<string, Silence>(ROUTES_MAX, silence => report(silence, null))

  return {
    session(session) {
      const silence = byRoute.take(routeOf(session))
      if (silence !== undefined && silences.get(silence.session) === silence && isReal(silence)) {
        silences.delete(silence.session)
        report(silence, session)
      }
      const ended = over.take(routeOf(session))
      if (ended !== undefined) report(ended, session)
    },
    trouble(session, direction, what, frame) {
      if (what !== 'retransmission') return
      const known = silences.get(session)
      const answers = session.connection.frames[other(direction)]
      if (answers === 0) return
      if (known?.direction === direction && known.answers === answers) {
        known.last = frame
        known.repeats += 1
        if (known.repeats === REPEATS_MIN) byRoute.set(routeOf(session), known)
      } else silences.set(session, { session, direction, first: frame, last: frame, repeats: 1, answers })
    },
    ended(session) {
      const silence = silences.get(session)
      if (silence === undefined) return
      silences.delete(session)
      if (isReal(silence)) over.set(routeOf(session), silence)
    },
    finish() {
      for (const silence of silences.values()) if (isReal(silence)) report(silence, null)
      silences.clear()
      for (const silence of over.values()) report(silence, null)
    },
  }

  function report({ session, direction, first, last, repeats }: Silence, again: Session | null): void {
    const sender = endName(context, session, direction)
    const silent = endName(context, session, other(direction))
    const next =
      again === null
        ? ''
        : `; ${endName(context, again, 0)} opened a new connection ${spanText(again.connection.first.timeUs - first.timeUs)} later`
    context.book.add('session-silent', {
      ...endsOf(session, direction),
      frames: again === null ? [first, last] : [first, last, again.connection.first],
      text: `${sender} sent the same bytes again ${repeats} times within ${spanText(last.timeUs - first.timeUs)} on ${session.name}, and ${silent} answered nothing any more, not even by TCP${next}`,
      weight: (last.timeUs - first.timeUs) / 1e6,
      reservations: context.coverage.ofStreams(),
    })
  }
}

/** Not answered to the end, often and long enough. */
function isReal({ session, direction, first, last, repeats, answers }: Silence): boolean {
  return (
    repeats >= REPEATS_MIN &&
    last.timeUs - first.timeUs >= SILENT_MIN_US &&
    session.connection.frames[other(direction)] === answers
  )
}
