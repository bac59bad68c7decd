import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpRequest } from '../queue-manager/actions.js'
import type { HttpLimits } from './http-limits.js'

/** As the product answers: these two, then `Date`, and no body. */
const ANSWER_HEADERS = ['Content-Length', '0', 'Server', 'Microsoft-IIS/7.0']

/** Bytes of bodies that wait for an answer, over all connections of a listener. */
export interface BodyLedger {
  bytes: number
}

export interface HttpExchangeOwner {
  /** All of it is there. Now `answer` is to be called. */
  collected(exchange: HttpExchange): void
  /** It has its answer, for whatever reason. `isLast`: the connection is of no more use. */
  answered(exchange: HttpExchange, isLast: boolean): void
}

/** One request while it comes in, until it is answered. */
export class HttpExchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #limits: HttpLimits
  readonly #ledger: BodyLedger
  readonly #owner: HttpExchangeOwner
  #body: Buffer[] = []
  #bodyBytes = 0
  #discardedBytes = 0
  /** What it will be answered with once its body has been read to the end. */
  #refusal: number | null = null
  #over = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    context: { readonly limits: HttpLimits; readonly ledger: BodyLedger; readonly owner: HttpExchangeOwner },
  ) {
    this.#request = request
    this.#response = response
    this.#limits = context.limits
    this.#ledger = context.ledger
    this.#owner = context.owner
  }

  /** The parser has seen its end, whether it has been read to there or not. */
  get isComplete(): boolean {
    return this.#request.complete
  }

  /** Begins to read it. A request that expects `100 Continue` is told to go on only if it is wanted. */
  collect(): void {
    const { expect } = this.#request.headers
    if (!this.#isWanted()) {
      if (expect === undefined) this.#refuse(400)
      else {
        this.answer(400, true)
        return
      }
    } else if (expect !== undefined) this.#response.writeContinue()
    this.#request.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#request.on('end', () => {
      if (this.#over) return
      if (this.#refusal === null) this.#owner.collected(this)
      else this.answer(this.#refusal, this.#discardedBytes > 0)
    })
  }

  /** What was collected, for the engine. */
  request(secure: boolean): HttpRequest {
    const { method = '', url = '', rawHeaders } = this.#request
    const headers: [name: string, value: string][] = []
    for (let n = 0; n + 1 < rawHeaders.length; n += 2) headers.push([rawHeaders[n]!, rawHeaders[n + 1]!])
    const body = this.#body
    this.#body = []
    return { method, target: url, headers, body, secure }
  }

  /** Only the first answer counts. */
  answer(status: number, isLast = false): void {
    if (this.#over) return
    this.release()
    const response = this.#response
    // The product says nothing of the connection that HTTP/1.1 does not say already.
    if (response.shouldKeepAlive && this.#request.httpVersionMinor === 1) response.removeHeader('connection')
    response.writeHead(status, ANSWER_HEADERS)
    response.end()
    this.#owner.answered(this, isLast)
  }

  /** The connection is gone, or it will be before this is answered. */
  release(): void {
    if (this.#over) return
    this.#over = true
    this.#ledger.bytes -= this.#bodyBytes
    this.#bodyBytes = 0
    this.#body = []
  }

  /** Calls back when its answer is on its way to the system. */
  whenWritten(written: () => void): void {
    if (this.#response.writableFinished) written()
    else this.#response.once('finish', written)
  }

  #isWanted(): boolean {
    const { method, headers, httpVersionMajor, httpVersionMinor } = this.#request
    if (method !== 'POST' || httpVersionMajor !== 1) return false
    if (httpVersionMinor === 1 && headers.host === undefined) return false
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') return false
    return Number(headers['content-length'] ?? 0) <= this.#limits.bodyBytesMax
  }

  #take(bytes: Buffer): void {
    if (this.#over) return
    if (this.#refusal !== null) {
      this.#discard(bytes.length, this.#refusal)
      return
    }
    this.#body.push(bytes)
    this.#bodyBytes += bytes.length
    this.#ledger.bytes += bytes.length
    if (this.#bodyBytes > this.#limits.bodyBytesMax) this.#refuse(400)
    else if (this.#ledger.bytes > this.#limits.unansweredBytesMax) this.#refuse(500)
  }

  /** Whoever still sends a body may not read an answer before it is through: what is left of it is read, within reason. */
  #refuse(status: number): void {
    this.#refusal = status
    this.#ledger.bytes -= this.#bodyBytes
    const discardedBytes = this.#bodyBytes
    this.#bodyBytes = 0
    this.#body = []
    this.#discard(discardedBytes, status)
  }

  #discard(bytes: number, status: number): void {
    this.#discardedBytes += bytes
    if (this.#discardedBytes > this.#limits.discardBytesMax) this.answer(status, true)
  }
}
