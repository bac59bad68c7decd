import { decodePing, encodePing, PING_FLAGS } from '../protocol/binary/ping.js'
import { DecodeError } from '../protocol/errors.js'
import type { ConnectionId, Endpoint, ExchangeId, PingSocket } from './actions.js'
import type { Context } from './context.js'
import { HttpSession } from './http/session.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { Session } from './session.js'
import type { Timer } from './timers.js'

/** Wait for a ping's answer, always ([MS-MQQB] 3.1.2.9). */
const PING_RESPONSE_MS = 1_000

/** Bytes of packets that are not whole, of all sessions together. */
const HELD_BYTES_MAX = 256 * 1024 * 1024

/** How an attempt may go on: a ping was answered, was not (or with a refusal), or none is used. */
export type PingVerdict = true | false | 'no ping'

interface PingAttempt {
  readonly cookie: number
  readonly timer: Timer
  readonly done: (verdict: PingVerdict) => void
}

/** The sessions of one queue manager by connection, and the pings that may come before them ([MS-MQQB] 3.1.7.6 to 3.1.7.8). */
export class Sessions {
  readonly #context: Context
  readonly #byConnection = new Map<ConnectionId, Session>()
  readonly #pings = new Map<string, PingAttempt>()
  /** Accepted sessions in state OPEN: what MaxInSessions limits. Sessions keep it, for every newcomer asks. */
  acceptedOpen = 0
  /** Sessions over HTTP, all of them this machine's; and which of them a post belongs to that is under way. */
  readonly http = new Set<HttpSession>()
  readonly posts = new Map<ExchangeId, HttpSession>()
  #heldBytes = 0
  #lastConnection = 0
  #lastExchange = 0
  #cookie = 0

  constructor(context: Context) {
    this.#context = context
  }

  nextConnection(): ConnectionId {
    this.#lastConnection += 1
    return this.#lastConnection
  }

  nextExchange(): ExchangeId {
    this.#lastExchange += 1
    return this.#lastExchange
  }

  /** Opens a session over HTTP for a queue. */
  openHttp(queue: OutgoingQueue, address: string): void {
    const hop = this.#context.httpNames.hop(queue.url)
    if (hop === null) throw new Error(`${queue.text} is no URL`)
    const session = new HttpSession(this.#context, queue, address, hop)
    this.http.add(session)
    queue.connecting(session)
    session.dispatch()
  }

  /** What came of a post: a status, or why there is none. Of one that its session has given up, nothing is wanted. */
  answered(exchange: ExchangeId, status: number): void {
    const session = this.posts.get(exchange)
    this.posts.delete(exchange)
    session?.answered(exchange, status)
  }

  postFailed(exchange: ExchangeId, reason: string): void {
    const session = this.posts.get(exchange)
    this.posts.delete(exchange)
    session?.failed(exchange, reason)
  }

  add(session: Session): void {
    this.#byConnection.set(session.connection, session)
  }

  get(connection: ConnectionId): Session | undefined {
    return this.#byConnection.get(connection)
  }

  forget(connection: ConnectionId): void {
    this.#byConnection.delete(connection)
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#byConnection.values()
  }

  /**
   * Counts bytes of packets that are not whole. A packet may have 4 MiB, and a machine has many sessions: beyond the
   * limit the session that holds most is closed, which is not one that sends what it began.
   */
  held(changeBytes: number): void {
    this.#heldBytes += changeBytes
    if (this.#heldBytes <= HELD_BYTES_MAX) return
    let greediest: Session | undefined
    for (const session of this.#byConnection.values())
      if (greediest === undefined || session.bytesHeld > greediest.bytesHeld) greediest = session
    this.#context.counters.unfinishedPacketsGivenUp += 1
    greediest?.close('too many bytes of unfinished packets', 'abort')
  }

  /** Asks the peer whether it would take a session now; only where EnablePingService is on. */
  ping(address: string, done: (verdict: PingVerdict) => void): void {
    const { guid, log, now, settings, timers } = this.#context
    if (settings.EnablePingService === 0) {
      done('no ping')
      return
    }
    this.#pings.get(address)?.done(false)
    this.#cookie = (this.#cookie + 1) >>> 0
    const timer = timers.create('ping response', () => this.#pingOver(address, false))
    timer.start(now, PING_RESPONSE_MS)
    this.#pings.set(address, { cookie: this.#cookie, timer, done })
    const bytes = encodePing({ flags: 0, cookie: this.#cookie, qmGuid: guid })
    log.push({ do: 'datagram', socket: 'client', address, port: settings.MsmqIpPingPort, bytes })
  }

  /** A datagram on one of the ping sockets; anything that is no ping, or answers nothing, is ignored. */
  datagram(socket: PingSocket, from: Endpoint, bytes: Buffer): void {
    const { counters, guid, log, settings } = this.#context
    try {
      const ping = decodePing(bytes)
      if (socket === 'client') {
        if (this.#pings.get(from.address)?.cookie !== ping.cookie) counters.pingsIgnored += 1
        else this.#pingOver(from.address, (ping.flags & PING_FLAGS.RF) === 0)
        return
      }
      // Requests and answers look alike: answering another ping service would have both answer each other for ever.
      if (settings.EnablePingService === 0 || from.port === settings.MsmqIpPingPort) {
        counters.pingsIgnored += 1
        return
      }
      const refuse = this.acceptedOpen >= settings.MaxInSessions ? PING_FLAGS.RF : 0
      const flags = (ping.flags & PING_FLAGS.RC) | refuse
      counters.pingsAnswered += 1
      log.push({ do: 'datagram', socket, ...from, bytes: encodePing({ flags, cookie: ping.cookie, qmGuid: guid }) })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      counters.pingsIgnored += 1
    }
  }

  #pingOver(address: string, verdict: boolean): void {
    const attempt = this.#pings.get(address)
    if (attempt === undefined) return
    this.#pings.delete(address)
    attempt.timer.stop()
    attempt.done(verdict)
  }
}
