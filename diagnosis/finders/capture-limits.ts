import type { FrameRef } from '../../capture/frame.js'
import type { Direction, HoleCause } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { FindingKindId } from '../finding-kinds.js'
import type { Session } from '../session.js'
import { countText, endName, endsOf } from './ends.js'

interface Gaps {
  count: number
  bytes: number
  /** The size of one was not known. */
  isMore: boolean
  first: FrameRef
  cause: HoleCause
}

const KINDS: Readonly<Record<HoleCause, FindingKindId>> = {
  'never-captured': 'capture-hole',
  'snap-length': 'frames-cut-short',
  'let-go': 'bytes-let-go',
}

/** What the capture lacks of each connection, so that what it does not show may have happened all the same. */
export function findCaptureLimits(context: DiagnosisContext): Finder {
  const gaps = new Map<Session, [Gaps | null, Gaps | null]>()

  return {
    hole(session, direction, size, cause, frame) {
      const both = gaps.get(session) ?? [null, null]
      const known = both[direction] ?? { count: 0, bytes: 0, isMore: false, first: frame, cause }
      known.count += 1
      known.bytes += size ?? 0
      known.isMore ||= size === null
      both[direction] = known
      gaps.set(session, both)
    },
    ended(session, ending) {
      const { connection } = session
      const both = gaps.get(session)
      gaps.delete(session)
      for (const direction of [0, 1] as const) {
        const found = both?.[direction] ?? null
        if (found !== null) reportGaps(session, direction, found)
      }
      if (session.protocol === 'unknown' || ending.how === 'unanswered') return
      for (const direction of [0, 1] as const) {
        if (connection.frames[direction] > 0) continue
        const silent = endName(context, session, direction)
        context.book.add('one-side-captured', {
          ...endsOf(session, direction),
          frames: [connection.first],
          text: `Nothing that ${silent} sent on ${session.name} was captured: whether it answered cannot be said`,
        })
      }
      if (connection.opening === 'none') {
        context.book.add('began-before-capture', {
          ...endsOf(session, 0),
          frames: [connection.first],
          text: `${session.name} was open before the capture began, or its opening is missing: what it carried until then is not known`,
        })
      }
    },
  }

  function reportGaps(session: Session, direction: Direction, { count, bytes, isMore, first, cause }: Gaps): void {
    // the start of a connection that was open before is told as that, and a side without any frame as that
    const { frames, opening } = session.connection
    if ((bytes === 0 && opening === 'none') || frames[direction] === 0) return
    const size = bytes === 0 ? 'An unknown number of bytes' : `${isMore ? 'At least ' : ''}${countText(bytes, 'byte')}`
    const sender = endName(context, session, direction)
    const where = count === 1 ? 'in one place' : `in ${count} places`
    context.book.add(KINDS[cause], {
      ...endsOf(session, direction),
      frames: [first],
      weight: bytes,
      text: `${size} that ${sender} sent on ${session.name} ${bytes === 1 ? 'is' : 'are'} missing ${where}, before frame ${first.number} first`,
    })
  }
}
