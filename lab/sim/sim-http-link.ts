import { DecodeError } from '../../protocol/errors.js'
import { headerValue, parseRawResponse, renderRawRequest } from '../../protocol/srmp/http-head.js'
import type { Endpoint, ExchangeId, HttpRequest } from '../../queue-manager/actions.js'
import type { SimNetwork } from './network.js'
import type { SimSocket } from './sim-socket.js'

/** An answer's head and body; one that is longer is a failure. */
const ANSWER_BYTES_MAX = 131_072
const INTERIM_ANSWER = /^HTTP\/1\.1 1\d\d$/

export interface SimHttpLinkOwner {
  answered(exchange: ExchangeId, status: number): void
  failed(exchange: ExchangeId, reason: string): void
  /** A later post needs another link. What is still under way on this one is reported next. */
  ended(link: SimHttpLink): void
  /** What was posted goes out from now on. */
  connected?(): void
}

/** One socket that posts go out on, pipelined; it connects at once. What `transport/http-link.ts` is on real sockets. */
export class SimHttpLink {
  readonly #owner: SimHttpLinkOwner
  readonly #socket: SimSocket
  #connected = false
  #ended = false
  #waiting: Buffer[] = []
  readonly #underWay: ExchangeId[] = []
  #unread: Buffer = Buffer.alloc(0)

  constructor(network: SimNetwork, from: string, to: Endpoint, owner: SimHttpLinkOwner) {
    this.#owner = owner
    this.#socket = network.connect(from, to, {
      connected: () => {
        this.#connected = true
        this.#socket.write(this.#waiting)
        this.#waiting = []
        owner.connected?.()
      },
      failed: reason => this.end(reason),
      data: bytes => this.#read(bytes),
      writable: () => undefined,
      closed: how => this.end(how === 'end' ? 'closed' : 'ECONNRESET'),
    })
  }

  get local(): Endpoint {
    return this.#socket.local
  }

  get postsUnderWay(): number {
    return this.#underWay.length
  }

  post(exchange: ExchangeId, request: HttpRequest): void {
    this.#underWay.push(exchange)
    const bytes = renderRawRequest(request)
    if (this.#connected) this.#socket.write([bytes])
    else this.#waiting.push(bytes)
  }

  /** Resets the connection; whatever is under way has failed, in the order in which it was posted. */
  end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket.abort()
    const failed = this.#underWay.splice(0)
    this.#owner.ended(this)
    for (const exchange of failed) this.#owner.failed(exchange, reason)
  }

  /** Ends without a word about what is under way. */
  abort(): void {
    this.#underWay.length = 0
    this.end('aborted')
  }

  /** Ends in order, with a FIN; nothing may be under way. */
  close(): void {
    if (this.#connected) {
      this.#ended = true
      this.#socket.end()
      this.#owner.ended(this)
    } else this.end('closed')
  }

  /** The machine crashed; nobody is told anything. */
  crash(how: 'process' | 'power'): void {
    this.#ended = true
    this.#socket.handlers = null
    if (how === 'process') this.#socket.abort()
    else this.#socket.vanish()
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes])
    while (!this.#ended && this.#unread.length > 0) {
      const exchange = this.#underWay[0]
      if (exchange === undefined) {
        this.end('an answer to nothing')
        return
      }
      if (INTERIM_ANSWER.test(this.#unread.toString('latin1', 0, 12))) {
        const end = this.#unread.indexOf('\r\n\r\n')
        if (end < 0) return
        this.#unread = this.#unread.subarray(end + 4)
        continue
      }
      try {
        const { response, rest } = parseRawResponse(this.#unread)
        this.#unread = rest
        this.#underWay.shift()
        this.#owner.answered(exchange, response.status)
        if (headerValue(response.headers, 'connection')?.toLowerCase() === 'close') this.end('closed')
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        if (error.code !== 'MSMQ_DECODE_SRMP_TRUNCATED') this.end('the answer is not HTTP')
        else if (this.#unread.length > ANSWER_BYTES_MAX) this.end('the answer is too long')
        return
      }
    }
  }
}
