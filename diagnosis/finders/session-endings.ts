import type { FrameRef } from '../../capture/frame.js'
import type { Direction, SeenEnding } from '../../capture/tcp/seen-connection.js'
import { Deque } from '../../queue-manager/deque.js'
import type { DiagnosisContext } from '../context.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import { type Culprit, culpritOf, TOGETHER_US } from './culprit.js'
import { countText, endName, endsOf, gapsIn, other, routeOf, spanText } from './ends.js'
import type { Flight } from './flight.js'
import { IdleCuts } from './idle-cuts.js'

/** Routes that were opened, and cuts that wait for their sender to come back. */
const ROUTES_MAX = 10_000
/** So long the other sides of a balancer may take to end too. */
const BEHIND_US = 30_000_000

interface Unacknowledged {
  readonly direction: Direction
  readonly count: number
  readonly oldest: FrameRef
}

interface Ended {
  readonly session: Session
  readonly ending: SeenEnding
  readonly unacknowledged: Unacknowledged | null
}

/**
 * Sessions that ended by FIN or RST. MSMQ ends one when nothing is in flight; a session that ends with messages in flight
 * was cut if neither end did it, or if its client comes back for what it has to send again. (A machine that is
 * stopped cuts its sessions too, and does not come back.)
 */
export class SessionEndings {
  readonly #context: DiagnosisContext
  readonly #idle: IdleCuts
  /** Ended, and not judged before the other sides of balancers can have ended too. */
  readonly #ended = new Deque<Ended>()
  /** Latest answered EstablishConnection on each route. */
  readonly #established = new BoundedMap<string, FrameRef>(ROUTES_MAX)
  readonly #waiting = new BoundedMap<string, Ended>(ROUTES_MAX)

  constructor(context: DiagnosisContext) {
    this.#context = context
    this.#idle = new IdleCuts(context)
  }

  established(session: Session, frame: FrameRef): void {
    const route = routeOf(session)
    this.#established.take(route)
    this.#established.set(route, frame)
    this.#idle.established(route)
    const cut = this.#waiting.take(route)
    if (cut !== undefined) this.#report(cut, culpritOf(this.#context, cut.session), frame)
  }

  ended(session: Session, ending: SeenEnding, flights: readonly [Flight, Flight] | null): void {
    if (session.protocol !== 'msmq' || session.refused || (ending.how !== 'fin' && ending.how !== 'reset')) return
    this.#ended.push({ session, ending, unacknowledged: flights === null ? null : unacknowledgedIn(flights) })
  }

  tick(nowUs: number): void {
    this.#ended.filterInPlace(ended => {
      const us = nowUs - ended.ending.at.timeUs
      if (us <= TOGETHER_US || (us <= BEHIND_US && !isOverBehind(ended.session))) return true
      this.#judge(ended)
      return false
    })
  }

  finish(): void {
    for (const ended of this.#ended) this.#judge(ended)
    this.#ended.clear()
  }

  #judge(ended: Ended): void {
    const { session, ending, unacknowledged } = ended
    // the client's side of a balancer tells of all its sides
    if (session.front !== null) return
    const culprit = culpritOf(this.#context, session)
    const route = routeOf(session)
    const established = this.#established.get(route)
    const again = established !== undefined && established.timeUs > ending.at.timeUs ? established : null
    if (unacknowledged === null) this.#idle.ended(session, ending, culprit, route, again !== null)
    else if (session.connection.frames[other(unacknowledged.direction)] === 0) return
    else if (again !== null || ending.forged) this.#report(ended, culprit, again)
    else this.#waiting.set(route, ended)
  }

  #report({ session, ending, unacknowledged }: Ended, culprit: Culprit, again: FrameRef | null): void {
    const { direction, count, oldest } = unacknowledged!
    const sender = endName(this.#context, session, direction)
    const how = ending.how === 'fin' ? 'closed' : 'reset'
    // a sender that hears nothing gives the session up itself
    const gaveUp = ending.by === direction && !culprit.isThirdParty
    const waited = gaveUp ? `, the oldest for ${spanText(ending.at.timeUs - oldest.timeUs)}` : ''
    const more = again === null ? '' : `; the client connected again ${spanText(again.timeUs - ending.at.timeUs)} later`
    this.#context.book.add('session-cut', {
      ...endsOf(session, direction),
      frames: [oldest, ...culprit.frames, ...(again === null ? [] : [again])],
      text: `${session.name} was ${how} by ${culprit.name} while ${countText(count, 'message')} of ${sender} had no session ack${waited}, ${spanText(ending.idleUs)} after the last byte${more}`,
      weight: count,
      reservations: gapsIn(session, other(direction)),
    })
  }
}

function isOverBehind({ back }: Session): boolean {
  return back === null || (back.ending !== null && isOverBehind(back))
}

/** The direction with more of it; null when all was acknowledged. */
function unacknowledgedIn(flights: readonly [Flight, Flight]): Unacknowledged | null {
  const direction = flights[1].size > flights[0].size ? 1 : 0
  const { waiting } = flights[direction]
  const oldest = waiting.at(0)
  return oldest === undefined ? null : { direction, count: waiting.size, oldest: oldest.frame }
}
