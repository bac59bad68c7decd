import type { Direction } from '../../capture/tcp/seen-connection.js'
import { timeText } from '../../lab/report/time-text.js'
import type { DiagnosisContext } from '../context.js'
import type { Evidence } from '../finding.js'
import type { Session } from '../session.js'

/* What the findings of sessions say alike: who, from where, how long, and what the capture lacks. */

type Ends = Pick<Evidence, 'from' | 'to' | 'machines'>

/** Who sends in `direction`, and to whom. */
export function endsOf(session: Session, direction: Direction): Ends {
  const { client, server } = session.connection
  const [from, to] = direction === 0 ? [client, server] : [server, client]
  return {
    from: `${from.address}:${from.port}`,
    to: `${to.address}:${to.port}`,
    machines: [session.qmIds[direction] ?? from.address, session.qmIds[other(direction)] ?? to.address],
  }
}

export function other(direction: Direction): Direction {
  return direction === 0 ? 1 : 0
}

/** The end that sends in `direction`, as people know it. */
export function endName(
  { parties }: Pick<DiagnosisContext, 'parties'>,
  session: Session,
  direction: Direction,
): string {
  const { client, server } = session.connection
  return parties.describe(null, (direction === 0 ? client : server).address)
}

/** Why something that was sent in `direction` may be missing from the capture; empty: it would be there. */
export function gapsIn(session: Session, direction: Direction): string[] {
  const { connection, holes } = session
  const { address } = direction === 0 ? connection.client : connection.server
  if (connection.frames[direction] === 0) return [`nothing that ${address} sent on ${session.name} was captured`]
  if (holes[direction]) return [`bytes that ${address} sent on ${session.name} are missing from the capture`]
  return []
}

/** Client, and the place that it connects to: what attempts in a row have in common. */
export function routeOf({ connection: { client, server } }: Session): string {
  return `${client.address} → ${server.address}:${server.port}`
}

/** Microseconds as people say them. */
export function spanText(us: number): string {
  return timeText(us / 1000)
}

export function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}
