import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { headersToClient, headersToHost, type Refusal, refusalOf } from './http-head.js'
import type { Lease } from './http-leases.js'
import type { DropAnswers } from './http-options.js'
import type { UpstreamConnection } from './http-upstream.js'
import type { ProxiedRequest, RequestOutcome } from './proxy-events.js'

/**
 * A body of at most so many bytes is handed to the upstream connection in one piece, so that requests can be pipelined
 * there: one whose body streams has the connection to itself until it is answered. Longer ones, and chunked ones, stream.
 */
const INLINE_BODY_MAX = 16_384

/** What a request needs of the client's connection that it came on. */
export interface ExchangeOwner {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly forwardedFor: boolean
  nowMs(): number
  /** Its body is here, or can be streamed: it may be sent when its turn comes. */
  ready(exchange: HttpExchange): void
  /** The host has nothing more to do with it. */
  left(exchange: HttpExchange): void
  /** Its connection to the host ended before anything of it was sent. */
  unsent(exchange: HttpExchange): void
  /** Its answer has gone out, or none will. */
  over(exchange: HttpExchange): void
  /** It cannot be answered by its host. */
  failed(exchange: HttpExchange, refusal: Refusal): void
  /** Its answer is the last on its connection. */
  last(exchange: HttpExchange): void
  /** An answer broke off in the middle, and so must the client's connection. */
  brokeOff(code: string): void
}

/** One request over HTTP, from its head to the end of its answer. Streams both ways; holds a few chunks at most. */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly number: number
  readonly method: string
  readonly target: string
  /** What the gateway answers by itself, known from the head alone. */
  readonly refusal: Refusal | null
  /** Hosts that could not be reached for it. */
  readonly failedHosts = new Set<string>()
  /** So often it was put on a connection that ended before it was sent. */
  unsentCount = 0
  host: string | null = null
  /** The connection to a host that it is on. */
  lease: Lease | null = null
  /** The fault: its answer is thrown away, and what comes in its place. Undefined: not yet decided. */
  dropManner: DropAnswers['manner'] | null | undefined
  /** It may be sent: see `ExchangeOwner.ready`. */
  isReady = false
  readonly #owner: ExchangeOwner
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #startedMs: number
  readonly #streams: boolean
  readonly #expectsContinue: boolean
  #inline: Buffer[] = []
  #body: Readable | undefined
  #controller: Dispatcher.DispatchController | undefined
  #upstreamLocalAddress: string | null = null
  #sent = false
  /** Given to an upstream connection that has not come back. */
  #away = false
  #answering = false
  #over = false
  #status: number | null = null
  #bytesToHost = 0
  #bytesToClient = 0
  #reason: string | null = null
  #ended: RequestOutcome = 'cut'

  constructor(owner: ExchangeOwner, number: number, request: IncomingMessage, response: ServerResponse) {
    this.#owner = owner
    this.#request = request
    this.#response = response
    this.#startedMs = owner.nowMs()
    this.number = number
    this.method = request.method ?? ''
    this.target = request.url ?? ''
    this.refusal = refusalOf(request)
    this.#expectsContinue = request.headers.expect !== undefined
    const length = bodyLength(request)
    this.#streams = length === null || length > INLINE_BODY_MAX
    response.sendDate = false
    response.once('finish', () => this.#end(this.#reason === null ? 'answered' : 'refused'))
    response.on('error', () => {})
    request.on('error', () => {})
    if (length === 0 || this.refusal !== null) this.isReady = true
    else if (this.#streams) this.isReady = true
    else if (!this.#expectsContinue) this.#collect()
  }

  /** Whether the client owes us bytes of it that we are waiting for. */
  get awaitsBody(): boolean {
    return !this.#request.complete && this.#request.isPaused() === false && this.#request.listenerCount('data') > 0
  }

  /** Whether all of the request has arrived. */
  get isWhole(): boolean {
    return this.#request.complete
  }

  /** Whether the host has said all that it will. */
  get isAnswered(): boolean {
    return this.#sent && !this.#away
  }

  /** Whether the head of an answer has gone to the client. */
  get isAnswering(): boolean {
    return this.#answering
  }

  get isOver(): boolean {
    return this.#over
  }

  /** Its turn has come, as far as the client's other requests are concerned: who waits for leave to send it has it now. */
  turn(): void {
    if (this.#expectsContinue && !this.#streams && !this.isReady && this.#request.listenerCount('data') === 0) {
      this.#response.writeContinue()
      this.#collect()
    }
  }

  /** Sends it on `upstream`, and everything that comes back to the client. */
  send(upstream: UpstreamConnection): void {
    this.#upstreamLocalAddress = upstream.localAddress
    this.#away = true
    upstream.dispatch(
      {
        path: this.target,
        method: this.method as Dispatcher.HttpMethod,
        headers: headersToHost(
          this.#request,
          this.#streams,
          this.#owner.forwardedFor ? this.#owner.clientAddress : null,
        ),
        body: this.#streams
          ? this.#stream()
          : this.#inline.length === 1
            ? this.#inline[0]!
            : Buffer.concat(this.#inline),
      },
      this,
    )
  }

  /** Answers in the host's place, or breaks off when an answer has begun. `close`: it is the last on its connection. */
  refuse({ status, reason }: Refusal, close: boolean): void {
    if (this.#over) return
    this.#reason = reason
    if (this.#answering) {
      this.#owner.brokeOff(reason)
      return
    }
    this.#answering = true
    this.#status = status
    const response = this.#response
    response.sendDate = true
    if (close || !this.#request.complete) this.#isLast()
    response.writeHead(status, ['Content-Length', '0'])
    response.end()
    // what the client still sends of its body is read and forgotten while the answer goes out
    this.#request.removeAllListeners('data')
    this.#request.resume()
  }

  /** The client's connection is gone. */
  cut(reason: string): void {
    if (this.#over) return
    this.#reason ??= reason
    this.#over = true
    if (this.#isDropped && !this.#away) this.#ended = 'dropped'
    this.#controller?.abort(new Error(reason))
    this.#body?.destroy()
    this.#owner.over(this)
  }

  /** Its answer was thrown away as the fault wants it, and nothing comes in its place. */
  endDropped(): void {
    this.#end('dropped')
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#sent = true
    for (const { length } of this.#inline) this.#bytesToHost += length
    this.#inline = []
    if (this.#over) controller.abort(new Error('the client has gone'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, message?: string): void {
    if (status < 200 || this.#over || this.#answering) return
    this.#status = status
    if (this.#isDropped) return
    const response = this.#response
    // The host does not wait for all of the body: what may be left of it must not be taken for a request.
    if (!this.#request.complete) this.#isLast()
    response.writeHead(status, message ?? '', headersToClient((controller.rawHeaders ?? []) as Buffer[]))
    this.#answering = true
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isDropped || this.#over) return
    this.#bytesToClient += chunk.length
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#comeBack()
    if (this.#over || this.#isDropped) return
    this.#response.end()
  }

  onResponseError(_: unknown, error: Error & { code?: string }): void {
    const wasAway = this.#away
    this.#comeBack()
    if (this.#over) return
    const { code = error.message } = error
    if (code === 'UND_ERR_INVALID_ARG') this.#owner.failed(this, { status: 400, reason: error.message })
    else if (!this.#sent && wasAway) this.#owner.unsent(this)
    else if (TIMEOUTS.has(code)) this.#owner.failed(this, { status: 504, reason: 'ETIMEDOUT', manner: 'hostDown' })
    else this.#owner.failed(this, { status: 502, reason: BREAKS.get(code) ?? code, manner: 'reset' })
  }

  get #isDropped(): boolean {
    return typeof this.dropManner === 'string'
  }

  #isLast(): void {
    this.#response.shouldKeepAlive = false
    this.#owner.last(this)
  }

  #collect(): void {
    this.#request.on('data', (chunk: Buffer) => this.#inline.push(chunk))
    this.#request.once('end', () => {
      this.isReady = true
      this.#owner.ready(this)
    })
  }

  /** The body as a stream of its own: its end, or its failure, must not take the client's connection along. */
  #stream(): Readable {
    if (this.#body !== undefined) return this.#body
    const request = this.#request
    const body = new Readable({ read: () => request.resume(), highWaterMark: 65_536 })
    this.#body = body
    body.on('error', () => {})
    request.on('data', (chunk: Buffer) => {
      if (body.destroyed) return
      this.#bytesToHost += chunk.length
      if (!body.push(chunk)) request.pause()
    })
    request.once('end', () => body.push(null))
    request.once('close', () => {
      if (!request.complete) body.destroy(new Error('the client has gone'))
    })
    if (this.#expectsContinue) this.#response.writeContinue()
    return body
  }

  #comeBack(): void {
    if (!this.#away) return
    this.#away = false
    this.#owner.left(this)
  }

  #end(outcome: RequestOutcome): void {
    if (this.#over) return
    this.#over = true
    this.#ended = outcome
    this.#owner.over(this)
  }

  /** What is told of it when it is over. */
  report(): ProxiedRequest {
    const { connection, clientAddress, clientPort } = this.#owner
    return {
      timeMs: this.#owner.nowMs(),
      startedMs: this.#startedMs,
      connection,
      request: this.number,
      clientAddress,
      clientPort,
      method: this.method,
      target: this.target,
      host: this.host,
      upstreamLocalAddress: this.#upstreamLocalAddress,
      sent: this.#sent,
      outcome: this.#ended,
      status: this.#status,
      bytesToHost: this.#bytesToHost,
      bytesToClient: this.#bytesToClient,
      reason: this.#reason,
    }
  }
}

const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** undici's words for what the system calls otherwise. */
const BREAKS: ReadonlyMap<string, string> = new Map([['UND_ERR_SOCKET', 'ECONNRESET']])

/** Null: chunked, so that nobody knows. A request that states neither has none. RFC 9112 6.3. */
function bodyLength({ headers }: IncomingMessage): number | null {
  if (headers['transfer-encoding'] !== undefined) return null
  return Number(headers['content-length'] ?? 0)
}
