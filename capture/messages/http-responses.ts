import { DecodeError } from '../../protocol/errors.js'
import { bodySizeBy, parseResponseHead } from '../../protocol/srmp/http-head.js'
import type { FrameRef } from '../frame.js'
import type { Asked, HttpPairing } from './http-pairing.js'
import type { BodySize, HttpReaderSink } from './http-reader.js'

export interface ReadResponse {
  readonly status: number
  readonly first: FrameRef
  readonly last: FrameRef
}

export interface HttpResponsesSink {
  /** @param asked what it answers; null when that is not known. */
  response(response: ReadResponse, asked: Asked | null): void
  /** The connection is used for something else from now on. */
  switched(): void
  malformedResponse(fault: DecodeError, first: FrameRef, last: FrameRef): void
  givenUpResponse(size: number, frame: FrameRef): void
}

const SWITCHING_PROTOCOLS = 101
const NO_CONTENT = 204
const NOT_MODIFIED = 304

/** The responses of a connection; their bodies are passed over. Those before the final one, such as 100, are not told. */
export class HttpResponses implements HttpReaderSink {
  readonly #sink: HttpResponsesSink
  readonly #pairing: HttpPairing
  #status = 0
  #asked: Asked | null = null
  #first: FrameRef | null = null

  constructor(sink: HttpResponsesSink, pairing: HttpPairing) {
    this.#sink = sink
    this.#pairing = pairing
  }

  head(bytes: Buffer, first: FrameRef, last: FrameRef, isGuess: boolean): BodySize {
    let size: BodySize
    try {
      const { status, headers } = parseResponseHead(bytes)
      this.#status = status
      size = bodySizeBy(headers) ?? 'until-end'
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      if (!isGuess) this.#sink.malformedResponse(error, first, last)
      return 'fault'
    }
    this.#first = first
    if (isInterim(this.#status)) return 0
    this.#asked = this.#pairing.answered()
    const method = this.#asked?.method
    if (this.#status === SWITCHING_PROTOCOLS || (method === 'CONNECT' && this.#status < 300)) {
      this.end(last)
      this.#sink.switched()
      return 'no-http'
    }
    const hasNoBody = method === 'HEAD' || this.#status === NO_CONTENT || this.#status === NOT_MODIFIED
    return hasNoBody ? 0 : size
  }

  body(): void {}

  end(last: FrameRef): void {
    if (isInterim(this.#status)) return
    this.#sink.response({ status: this.#status, first: this.#first!, last }, this.#asked)
  }

  lost(): void {
    this.#pairing.lost()
  }

  givenUp(size: number, frame: FrameRef): void {
    this.#sink.givenUpResponse(size, frame)
  }
}

function isInterim(status: number): boolean {
  return status < 200 && status !== SWITCHING_PROTOCOLS
}
