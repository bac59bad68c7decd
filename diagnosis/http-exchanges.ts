import type { SeenRequest, SeenResponse } from '../capture/messages/seen.js'
import type { Guid } from '../protocol/guid.js'
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
/** Of one connection, as the reading matches answers to; and of one envelope: a sender posts it again every now and then. */
const UNANSWERED_MAX = 64
const SOURCES_MAX = 100_000

/**
 * Requests and their answers. A balancer that spreads requests passes each on over a connection of its own choice, so
 * that it is requests and not connections that have two sides: the same envelope, while the first is not answered.
 */
export class HttpExchanges {
  readonly #parties: Parties
  readonly #sides: BalancerSides
  readonly #open = new Map<SeenRequest, Exchange>()
  readonly #bySession = new Map<Session, Set<Exchange>>()
  /** Those of each envelope; a sender may have posted one again before it was answered. */
  readonly #byEnvelope = new Map<string, Set<Exchange>>()
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
    const source = seen.message?.msmq?.sourceQmGuid ?? null
    const other = [...(this.#byEnvelope.get(key) ?? [])].find(
      each => each.session !== session && each.back === null && this.#leadsOn(each, session, source),
    )
    const isPassedOn = other !== undefined && asksForServer(seen) && !asksForServer(other.request)
    const front = other === undefined || isPassedOn ? null : other
    const { client } = (front === null ? session : frontmost(front).session).connection
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
      this.#parties.seen(source, client.address, seen.last, 'posts', client.mac)
    }
    this.#keep(exchange)
    return facts
  }

  /** What the host took with this answer; null where it took nothing, or a balancer only passes the answer on. */
  response({ request, status }: SeenResponse): HttpFacts | null {
    const exchange = request === null ? undefined : this.#open.get(request)
    if (exchange === undefined || request === null) return null
    this.#close(exchange)
    if (exchange.back !== null || status < 200 || status > 299) return null
    // what the balancer's other side would show was missed: nobody knows which host has it
    if (this.#sides.standsFor({ qmId: null, address: exchange.session.connection.server.address })) return null
    return exchange.facts
  }

  ended(session: Session): void {
    for (const exchange of this.#bySession.get(session) ?? []) this.#close(exchange)
  }

  /**
   * Whether a balancer may have made the one connection of the other: it keeps the client's address, or puts one of its own in
   * place. What the sender repeats meanwhile, and what a front end sends on, comes from an address that is known otherwise.
   */
  #leadsOn({ session: { connection: front } }: Exchange, { connection: back }: Session, source: Guid | null): boolean {
    const { address } = back.client
    if (address === front.client.address) return back.server.address !== front.server.address
    if (address === front.server.address || source === null) return true
    return !this.#arrivals.has(`${source}@${address}`) && !this.#parties.at(address).includes(source)
  }

  #keep(exchange: Exchange): void {
    const { session, request, key } = exchange
    for (const known of [this.#bySession.get(session), this.#byEnvelope.get(key)])
      if (known?.size === UNANSWERED_MAX) this.#close(known.values().next().value!)
    if (this.#open.size >= OPEN_MAX) return
    this.#open.set(request, exchange)
    addTo(this.#bySession, session, exchange)
    addTo(this.#byEnvelope, key, exchange)
  }

  #close(exchange: Exchange): void {
    this.#open.delete(exchange.request)
    removeFrom(this.#bySession, exchange.session, exchange)
    removeFrom(this.#byEnvelope, exchange.key, exchange)
  }
}

function addTo<Key>(sets: Map<Key, Set<Exchange>>, key: Key, exchange: Exchange): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([exchange]))
  else known.add(exchange)
}

function removeFrom<Key>(sets: Map<Key, Set<Exchange>>, key: Key, exchange: Exchange): void {
  const known = sets.get(key)
  known?.delete(exchange)
  if (known?.size === 0) sets.delete(key)
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
