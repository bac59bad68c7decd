import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { endName, endsOf, spanText } from './ends.js'

const CLOSED_MIN_US = 1_000_000

/** TCP windows that an end closed and kept closed: the machine takes nothing more from its network. */
export function findTcpStalls(context: DiagnosisContext): Finder {
  const closed = new Map<Session, [FrameRef | null, FrameRef | null]>()

  return {
    trouble(session, direction, what, frame) {
      if (what === 'zero-window') {
        const both = closed.get(session) ?? [null, null]
        both[direction] ??= frame
        closed.set(session, both)
      } else if (what === 'window-open') {
        const both = closed.get(session)
        const since = both?.[direction] ?? null
        if (both === undefined || since === null) return
        both[direction] = null
        if (both[0] === null && both[1] === null) closed.delete(session)
        judge(session, direction, since, frame, 'and opened it again')
      }
    },
    ended(session, ending) {
      const both = closed.get(session)
      if (both === undefined) return
      closed.delete(session)
      const until =
        ending.how === 'capture-ended' ? 'and the capture ends with it closed' : 'until the connection ended'
      for (const direction of [0, 1] as const) {
        const since = both[direction]
        if (since !== null) judge(session, direction, since, ending.at, until)
      }
    },
  }

  function judge(session: Session, direction: Direction, since: FrameRef, until: FrameRef, then: string): void {
    const us = until.timeUs - since.timeUs
    if (us < CLOSED_MIN_US) return
    context.book.add('tcp-window-closed', {
      ...endsOf(session, direction),
      frames: [since, until],
      text: `${endName(context, session, direction)} closed its TCP window on ${session.name} for ${spanText(us)}, ${then}`,
      weight: us / 1e6,
    })
  }
}
