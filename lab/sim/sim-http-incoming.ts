import { DecodeError } from '../../protocol/errors.js'
import { type HttpRequestLike, headerValue, parseRawRequest } from '../../protocol/srmp/http-head.js'
import type { HttpRequest } from '../../queue-manager/actions.js'
import type { SimSocket } from './sim-socket.js'

/** A request with its head: 4 MB of message and 1 MB of envelope. */
const REQUEST_BYTES_MAX = 5 << 20
/** Requests of one connection that are not answered yet; then no more is read from it. */
const REQUESTS_AHEAD_MAX = 64

const REASONS = new Map([
  [200, 'OK'],
  [400, 'Bad Request'],
  [500, 'Internal Server Error'],
])

export interface SimHttpIncomingOwner {
  /** `answer` is to be called once. */
  requested(request: HttpRequest, answer: (status: number) => void): void
  /** Milliseconds since 1970 of this machine's clock. */
  wallMs(): number
  closed(incoming: SimHttpIncoming, how: 'end' | 'reset'): void
}

/** One connection that requests come in on; answers go out in the order of the requests, whatever that of the engine. */
export class SimHttpIncoming {
  readonly #socket: SimSocket
  readonly #secure: boolean
  readonly #owner: SimHttpIncomingOwner
  #unread: Buffer = Buffer.alloc(0)
  /** In order; null where the answer is still to come. */
  readonly #statuses: { status: number | null }[] = []
  /** Takes no further request, and ends when those that it took are answered. */
  #closing = false
  #reading = false

  constructor(socket: SimSocket, secure: boolean, owner: SimHttpIncomingOwner) {
    this.#socket = socket
    this.#secure = secure
    this.#owner = owner
    socket.handlers = {
      data: bytes => {
        if (this.#closing) return
        this.#unread = Buffer.concat([this.#unread, bytes])
        this.#read()
      },
      writable: () => undefined,
      closed: how => owner.closed(this, how),
    }
  }

  /** Takes no further request and ends when what was handed over is answered. */
  stop(): void {
    this.#closing = true
    this.#writeAnswers()
  }

  /** Ends with the answers that were given; what is not answered never is. */
  end(): void {
    this.#closing = true
    this.#statuses.length = 0
    this.#writeAnswers()
  }

  reset(): void {
    this.#socket.abort()
  }

  crash(how: 'process' | 'power'): void {
    this.#socket.handlers = null
    if (how === 'process') this.#socket.abort()
    else this.#socket.vanish()
  }

  #read(): void {
    // Answered at once, a request must not have the next one read within its own reading.
    if (this.#reading) return
    this.#reading = true
    try {
      while (!this.#closing && this.#unread.length > 0 && this.#statuses.length < REQUESTS_AHEAD_MAX) {
        const { request, rest } = parseRawRequest(this.#unread)
        this.#unread = rest
        this.#take(request)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const isIncomplete = error.code === 'MSMQ_DECODE_SRMP_TRUNCATED' && this.#unread.length <= REQUEST_BYTES_MAX
      if (!isIncomplete) this.#refuseRest()
    } finally {
      this.#reading = false
    }
    if (this.#statuses.length >= REQUESTS_AHEAD_MAX) this.#socket.pause()
  }

  #take(request: HttpRequestLike): void {
    const answer: { status: number | null } = { status: null }
    this.#statuses.push(answer)
    if (request.method !== 'POST' || headerValue(request.headers, 'host') === null) {
      answer.status = 400
      this.#writeAnswers()
      return
    }
    this.#owner.requested({ ...request, secure: this.#secure }, status => {
      answer.status ??= status
      this.#writeAnswers()
    })
  }

  /** What came is no HTTP; nothing that follows can be made sense of. */
  #refuseRest(): void {
    this.#closing = true
    this.#statuses.push({ status: 400 })
    this.#writeAnswers()
  }

  #writeAnswers(): void {
    const wasFull = this.#statuses.length >= REQUESTS_AHEAD_MAX
    for (;;) {
      const status = this.#statuses[0]?.status ?? null
      if (status === null) break
      this.#statuses.shift()
      this.#socket.write([Buffer.from(this.#answerText(status), 'latin1')])
    }
    if (this.#closing) {
      if (this.#statuses.length > 0) return
      this.#socket.end()
      // Who does not read never learns that the peer closed, too.
      this.#socket.resume()
    } else if (wasFull && this.#statuses.length < REQUESTS_AHEAD_MAX) {
      this.#socket.resume()
      this.#read()
    }
  }

  /** As the product answers. */
  #answerText(status: number): string {
    const date = new Date(this.#owner.wallMs()).toUTCString()
    const head = `HTTP/1.1 ${status} ${REASONS.get(status) ?? 'Unknown'}`
    return `${head}\r\nContent-Length: 0\r\nServer: Microsoft-IIS/7.0\r\nDate: ${date}\r\n\r\n`
  }
}
