import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { resetNow } from './abrupt-close.js'
import { type BodyLedger, HttpExchange } from './http-exchange.js'
import type { HttpLimits } from './http-limits.js'

const BAD_REQUEST =
  'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nServer: Microsoft-IIS/7.0\r\nConnection: close\r\n\r\n'

export interface HttpIncomingOwner {
  readonly limits: HttpLimits
  readonly ledger: BodyLedger
  /** A whole request of that connection. */
  requested(connection: HttpIncoming, exchange: HttpExchange): void
}

/** One connection that requests come in on. node:http sends their answers in the order of the requests. */
export class HttpIncoming {
  readonly peer: Endpoint
  readonly secure: boolean
  readonly #socket: Socket
  readonly #owner: HttpIncomingOwner
  /** In order; of these only the last may still be coming in. */
  readonly #exchanges = new Set<HttpExchange>()
  #comingIn: HttpExchange | null = null
  /** The last that had come in whole, answered or not. */
  #lastWhole: HttpExchange | null = null
  /** Parsed, and not looked at before others are answered. No more than one read of the socket brought. */
  #held: (readonly [request: IncomingMessage, response: ServerResponse])[] = []
  /** Takes no further request, and ends when those that it took are answered. */
  #closing = false
  #ending = false
  /** After the answers to what could be understood there is one more: to what could not. */
  #owesBadRequest = false
  #takenBytes = -1

  constructor(socket: Socket, peer: Endpoint, secure: boolean, owner: HttpIncomingOwner) {
    this.#socket = socket
    this.peer = peer
    this.secure = secure
    this.#owner = owner
    // node resumes it whenever a message is complete.
    socket.on('resume', () => {
      if (this.#held.length > 0 || (this.#closing && !this.#ending)) socket.pause()
    })
    socket.on('close', () => {
      for (const exchange of this.#exchanges) exchange.release()
      this.#exchanges.clear()
      this.#held = []
    })
  }

  /** Takes a request whose headers are there, now or when enough of those before it are answered. */
  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#closing) return
    if (this.#held.length > 0 || this.#exchanges.size >= this.#owner.limits.requestsAheadMax) {
      this.#held.push([request, response])
      this.#socket.pause()
    } else this.#collect(request, response)
  }

  /** Something came that is no HTTP: 400 as the last answer, in its turn. */
  fail(): void {
    if (this.#closing) return
    this.#closing = true
    this.#socket.pause()
    const unfinished = this.#comingIn?.isComplete ? null : this.#comingIn
    this.#owesBadRequest = unfinished === null
    if (this.#held.at(-1)?.[0].complete === false) this.#held.pop()
    if (unfinished === null) this.#endWhenAnswered()
    else unfinished.answer(400)
  }

  /** Takes no further request and closes when what was handed over is answered. */
  stop(): void {
    if (this.#comingIn !== null) {
      this.#comingIn.release()
      this.#exchanges.delete(this.#comingIn)
      this.#comingIn = null
    }
    this.#held = []
    this.#closing = true
    this.#endWhenAnswered()
  }

  /** Resets it when the peer has taken nothing of what waits for it since this was last called. */
  checkProgress(): void {
    const { writableLength, bytesWritten } = this.#socket
    const takenBytes = bytesWritten - writableLength
    if (writableLength > 0 && takenBytes === this.#takenBytes) this.reset()
    this.#takenBytes = takenBytes
  }

  reset(): void {
    // A TLS socket cannot reset.
    if (this.secure) this.#socket.destroy()
    else resetNow(this.#socket)
  }

  collected(exchange: HttpExchange): void {
    this.#comingIn = null
    this.#lastWhole = exchange
    this.#owner.requested(this, exchange)
  }

  answered(exchange: HttpExchange, isLast: boolean): void {
    this.#exchanges.delete(exchange)
    if (exchange === this.#comingIn) {
      this.#comingIn = null
      this.#lastWhole = exchange
    }
    if (isLast) {
      this.#closing = true
      this.#held = []
    }
    const next = this.#held.shift()
    if (next !== undefined) this.#collect(...next)
    if (this.#closing) this.#endWhenAnswered()
    else if (this.#held.length === 0) this.#socket.resume()
  }

  #collect(request: IncomingMessage, response: ServerResponse): void {
    const { limits, ledger } = this.#owner
    const exchange = new HttpExchange(request, response, { limits, ledger, owner: this })
    this.#exchanges.add(exchange)
    this.#comingIn = exchange
    exchange.collect()
  }

  #endWhenAnswered(): void {
    if (this.#exchanges.size > 0 || this.#ending) return
    if (this.#lastWhole === null) this.#end()
    else this.#lastWhole.whenWritten(() => this.#end())
  }

  /** Sends a FIN and reads on for a while: a peer that is still writing would lose the answers to a reset. */
  #end(): void {
    if (this.#ending) return
    this.#ending = true
    const socket = this.#socket
    if (this.#owesBadRequest && socket.writable) socket.write(BAD_REQUEST)
    socket.end()
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), this.#owner.limits.lingerMs)
    socket.once('close', () => clearTimeout(timer))
  }
}
