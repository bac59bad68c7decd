import type { SeenRequest, SeenResponse } from '../capture/messages/seen.js'
import { headerValue } from '../protocol/srmp/http-head.js'
import type { BalancerSides } from './balancer-sides.js'
import { envelopeKey, type HttpFacts, httpFacts } from './http-facts.js'
import type { Parties } from './parties.js'
import type { Session } from './session.js'

/** A request without an answer so far. */
interface Exchange {
  readonly session: Session
  readonly request: SeenRequest
  readonly key: string
  readonly facts: HttpFacts
  readonly front: Exchange | null
  back: Exchange | null
}

const OPEN_MAX = 100_000
const SOURCES_MAX = 100_000

/**
 * Requests and their answers. A balancer that spreads requests passes each on over a connection of its own choice, so
 * that it is requests and not connections that have two sides: the same envelope, while the first is not answered.
 */
export class HttpExchanges {
  readonly #parties: Parties
  readonly #sides: BalancerSides
  readonly #open = new Map<SeenRequest, Exchange>()
  /** The latest side of each envelope that is on its way. */
  readonly #byEnvelope = new Map<string, Exchange>()
  /** Where messages of a source were posted to, `source@address`: who sends them on from there is a front end, or a balancer. */
  readonly #arrivals = new Set<string>()

  constructor(parties: Parties, sides: BalancerSides) {
    this.#parties = parties
    this.#sides = sides
  }

  /** Null where the request is not of MSMQ. */
  request(session: Session, seen: SeenRequest): HttpFacts | null {
    const key = envelopeKey(seen)
    if (key === null) return null
    const other = this.#byEnvelope.get(key)
    const mayBeFront = other !== undefined && other.session !== session && other.back === null
    const isPassedOn = mayBeFront && asksForServer(seen) && !asksForServer(other.request)
    const front = mayBeFront && !isPassedOn ? other : null
    const { client } = (front === null ? session : frontmost(front).session).connection
    const source = seen.message?.msmq?.sourceQmGuid ?? null
    const forwarded = isPassedOn || (source !== null && this.#arrivals.has(`${source}@${client.address}`))
    // answered or not: a front end that fails has stored what it had not answered for yet
    if (source !== null && this.#arrivals.size < SOURCES_MAX)
      this.#arrivals.add(`${source}@${session.connection.server.address}`)
    const facts = httpFacts(
      {
        session,
        direction: 0,
        first: seen.first,
        last: seen.last,
        relayed: front !== null,
        from: { qmId: null, address: client.address },
      },
      seen,
      forwarded,
    )
    const exchange: Exchange = { session, request: seen, key, facts, front, back: null }
    if (front !== null) {
      front.back = exchange
      this.#sides.translated(front.session, session)
    } else if (source !== null && seen.kind === 'user' && !forwarded) {
      this.#parties.seen(source, client.address, seen.last, 'opens', client.mac)
    }
    if (this.#open.size < OPEN_MAX) {
      this.#open.set(seen, exchange)
      this.#byEnvelope.set(key, exchange)
    }
    return facts
  }

  /** What the host took with this answer; null where it took nothing, or a balancer only passes the answer on. */
  response({ request, status }: SeenResponse): HttpFacts | null {
    const exchange = request === null ? undefined : this.#open.get(request)
    if (exchange === undefined || request === null) return null
    this.#close(request, exchange)
    if (exchange.back !== null || status < 200 || status > 299) return null
    return exchange.facts
  }

  ended(session: Session): void {
    if (session.protocol !== 'http') return
    for (const [request, exchange] of this.#open) if (exchange.session === session) this.#close(request, exchange)
  }

  #close(request: SeenRequest, exchange: Exchange): void {
    this.#open.delete(request)
    if (this.#byEnvelope.get(exchange.key) !== exchange) return
    if (exchange.front === null) this.#byEnvelope.delete(exchange.key)
    else this.#byEnvelope.set(exchange.key, exchange.front)
  }
}

function frontmost(exchange: Exchange): Exchange {
  let at = exchange
  while (at.front !== null) at = at.front
  return at
}

/**
 * The request names the very machine that it goes to. A front end that passes a message on before it has answered does so,
 * where a balancer leaves the name that its client asked for.
 */
function asksForServer({ head, connection }: SeenRequest): boolean {
  const host = headerValue(head.headers, 'host')
  return host !== null && host.replace(/:\d+$/, '') === connection.server.address
}
