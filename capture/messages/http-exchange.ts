import type { DecodeError } from '../../protocol/errors.js'
import type { FrameRef } from '../frame.js'
import type { Direction, SeenConnection } from '../tcp/seen-connection.js'
import type { HeldMemory } from './held-memory.js'
import { type Asked, HttpPairing } from './http-pairing.js'
import { HttpReader } from './http-reader.js'
import { HttpRequests, type HttpRequestsSink, type ReadRequest } from './http-requests.js'
import { HttpResponses, type HttpResponsesSink, type ReadResponse } from './http-responses.js'
import type { SeenRequest, SeenResponse } from './seen.js'

export interface HttpExchangeSink {
  /** A request to MSMQ begins. */
  recognised(): void
  request(request: SeenRequest): void
  response(response: SeenResponse): void
  malformed(direction: Direction, fault: DecodeError, first: FrameRef, last: FrameRef): void
  /** Too much of the capture waits for its end: `size` captured bytes were let go. */
  givenUp(direction: Direction, size: number, frame: FrameRef): void
}

/** Both directions of a captured HTTP connection. */
export class HttpExchange implements HttpRequestsSink, HttpResponsesSink {
  readonly #connection: SeenConnection
  readonly #asking: Direction
  readonly #sink: HttpExchangeSink
  readonly #pairing: HttpPairing
  readonly #messages: HttpRequests
  readonly #requests: HttpReader
  readonly #responses: HttpReader

  /** @param asking who sends the requests. `inStep`: each direction begins with the first byte that is pushed. */
  constructor(
    connection: SeenConnection,
    asking: Direction,
    sink: HttpExchangeSink,
    memory: HeldMemory,
    inStep: boolean,
  ) {
    this.#connection = connection
    this.#asking = asking
    this.#sink = sink
    this.#pairing = new HttpPairing(memory, !inStep)
    this.#messages = new HttpRequests(this, this.#pairing, memory)
    this.#requests = new HttpReader(this.#messages, memory, 'requests', inStep)
    this.#responses = new HttpReader(new HttpResponses(this, this.#pairing), memory, 'responses', inStep)
  }

  /** Requests are being read, or the next one is known to begin with what comes next. */
  get isInStep(): boolean {
    return this.#requests.isInStep
  }

  push(direction: Direction, bytes: Buffer, frame: FrameRef): void {
    this.#readerOf(direction).push(bytes, frame)
  }

  hole(direction: Direction, size: number | null, frame: FrameRef): void {
    this.#readerOf(direction).hole(size, frame)
  }

  /** The connection is over. */
  finish(): void {
    this.#requests.finish()
    this.#responses.finish()
    this.#pairing.forget()
  }

  /** It turned out to be none, or to be nobody's: nothing more is told. */
  drop(): void {
    this.#requests.drop()
    this.#responses.drop()
    this.#messages.drop()
    this.#pairing.forget()
  }

  recognised(): void {
    this.#sink.recognised()
  }

  request(read: ReadRequest, asked: Asked): void {
    const request: SeenRequest = { connection: this.#connection, ...read }
    this.#pairing.completed(asked, request, request.message === null ? 0 : request.bodySize)
    this.#sink.request(request)
    if (asked.response !== null) this.#sink.response({ ...asked.response, request })
  }

  response(read: ReadResponse, asked: Asked | null): void {
    const response = { connection: this.#connection, ...read }
    const request = asked?.request ?? null
    if (asked !== null && request === null) asked.response = response
    else this.#sink.response({ ...response, request })
  }

  switched(): void {
    this.drop()
  }

  malformedRequest(fault: DecodeError, first: FrameRef, last: FrameRef): void {
    this.#sink.malformed(this.#asking, fault, first, last)
  }

  malformedResponse(fault: DecodeError, first: FrameRef, last: FrameRef): void {
    this.#sink.malformed(this.#asking === 0 ? 1 : 0, fault, first, last)
  }

  givenUpRequest(size: number, frame: FrameRef): void {
    this.#sink.givenUp(this.#asking, size, frame)
  }

  givenUpResponse(size: number, frame: FrameRef): void {
    this.#sink.givenUp(this.#asking === 0 ? 1 : 0, size, frame)
  }

  #readerOf(direction: Direction): HttpReader {
    return direction === this.#asking ? this.#requests : this.#responses
  }
}
