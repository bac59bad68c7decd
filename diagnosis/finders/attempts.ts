import type { FrameRef } from '../../capture/frame.js'
import type { SeenEnding } from '../../capture/tcp/seen-connection.js'
import { MSMQ_PORT } from '../../protocol/ports.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { FindingKindId } from '../finding-kinds.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import { countText, endName, endsOf, routeOf, spanText } from './ends.js'

/** A machine that restarts is away for a few attempts; more than these, over more time, are a finding of its own. */
const ROW_MIN = 3
const ROW_MIN_US = 10_000_000
/** [MS-MQQB] 3.1.2.1: so long a client waits for the answers of the handshake. */
const HANDSHAKE_US = 60_000_000
const ROUTES_MAX = 10_000

type Failure = 'refused' | 'unanswered' | 'closed by client' | 'closed by server' | 'silent'

interface Row {
  readonly session: Session
  count: number
  readonly first: FrameRef
  last: FrameRef
  readonly failures: Map<Failure, number>
}

/**
 * Connections to a queue manager that came to nothing, in a row for each client and place: refused or unanswered by TCP,
 * or accepted and left without an answer to EstablishConnection. Connections in which nothing is said are health checks.
 */
export function findAttempts(context: DiagnosisContext): Finder {
  const rows = new BoundedMap<string, Row>(ROUTES_MAX, row => report(row, null))

  return {
    handshake(session, { direction, last }) {
      if (direction === 0 || session.refused) return
      const row = rows.take(routeOf(session))
      if (row !== undefined) report(row, last)
    },
    ended(session, ending) {
      const failure = failureOf(session, ending)
      if (failure === null) return
      const route = routeOf(session)
      const { first } = session.connection
      const row = rows.get(route) ?? { session, count: 0, first, last: first, failures: new Map<Failure, number>() }
      row.count += 1
      row.last = first
      row.failures.set(failure, (row.failures.get(failure) ?? 0) + 1)
      if (row.count === 1) rows.set(route, row)
    },
    finish() {
      for (const row of rows.values()) report(row, null)
    },
  }

  function report({ session, count, first, last, failures }: Row, success: FrameRef | null): void {
    const us = last.timeUs - first.timeUs
    const { client, server } = session.connection
    const place = `${context.parties.describe(null, server.address)}:${server.port}`
    const isLong = count >= ROW_MIN && us >= ROW_MIN_US
    const byTcp = failures.has('refused') || failures.has('unanswered')
    const kind: FindingKindId = !isLong ? 'attempt-failed' : byTcp ? 'unreachable' : 'handshake-unanswered'
    const how = [...failures].map(([failure, times]) => failureText(failure, times)).join(', ')
    const row = count === 1 ? '' : ` within ${spanText(us)}, one every ${spanText(us / (count - 1))}`
    const end =
      success === null
        ? 'none got through while the capture lasted'
        : `the next one got through ${spanText(success.timeUs - first.timeUs)} after the first`
    context.book.add(kind, {
      ...endsOf(session, 0),
      to: `${server.address}:${server.port}`,
      frames: success === null ? [first, last] : [first, last, success],
      text: `${endName(context, session, 0)} tried ${countText(count, 'time')}${row} to reach ${place}: ${how}; ${end}`,
      machines: [session.qmIds[0] ?? client.address, server.address],
      weight: count,
    })
  }
}

/** How the attempt failed; null when it did not, or nothing can be said. */
function failureOf(session: Session, ending: SeenEnding): Failure | null {
  const { connection, established, protocol } = session
  if (protocol === 'http') return null
  if (ending.how === 'refused' || ending.how === 'unanswered')
    return connection.server.port === MSMQ_PORT || protocol === 'msmq' ? ending.how : null
  const asked = established[0]
  if (asked === null || established[1] !== null || connection.frames[1] === 0 || session.holes[1]) return null
  if (ending.how === 'fin' || ending.how === 'reset') return ending.by === 0 ? 'closed by client' : 'closed by server'
  return ending.at.timeUs - asked >= HANDSHAKE_US ? 'silent' : null
}

function failureText(failure: Failure, times: number): string {
  const count = countText(times, 'time')
  switch (failure) {
    case 'refused':
      return `refused by TCP ${count}`
    case 'unanswered':
      return `not answered by TCP ${count}`
    case 'closed by client':
      return `accepted ${count} and given up by the client, since EstablishConnection got no answer`
    case 'closed by server':
      return `accepted ${count} and ended by the server without an answer to EstablishConnection`
    case 'silent':
      return `accepted ${count} and left without an answer to EstablishConnection`
  }
}
