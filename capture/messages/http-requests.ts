import { DecodeError } from '../../protocol/errors.js'
import { bodySizeBy, headerValue, parseRequestHead } from '../../protocol/srmp/http-head.js'
import { kindOf } from '../../protocol/srmp/kind.js'
import type { SrmpMessage } from '../../protocol/srmp/message.js'
import { decodeSrmpRequest, REQUEST_BODY_SIZE_MAX } from '../../protocol/srmp/request.js'
import type { FrameRef } from '../frame.js'
import { HeldBytes } from './held-bytes.js'
import type { HeldMemory, Holder } from './held-memory.js'
import type { Asked, HttpPairing } from './http-pairing.js'
import type { BodySize, HttpReaderSink } from './http-reader.js'
import type { SeenRequest } from './seen.js'

type RequestHead = SeenRequest['head']
/** A request that {@link HttpRequests} has read. */
export type ReadRequest = Omit<SeenRequest, 'connection'>

export interface HttpRequestsSink {
  /** A request to MSMQ begins. */
  recognised(): void
  /** @param asked holds a response, where that was complete before the request was. */
  request(request: ReadRequest, asked: Asked): void
  malformedRequest(fault: DecodeError, first: FrameRef, last: FrameRef): void
  givenUpRequest(size: number, frame: FrameRef): void
}

/** The requests of a connection, and the SRMP messages in them. */
export class HttpRequests implements HttpReaderSink, Holder {
  readonly #sink: HttpRequestsSink
  readonly #pairing: HttpPairing
  readonly #body: HeldBytes
  #index = 0
  #head: RequestHead | null = null
  #asked: Asked | null = null
  #first: FrameRef | null = null
  #last: FrameRef | null = null
  #bodySize = 0
  #isMeasured = true
  /** The body is an SRMP message, as far as the head tells, and is kept. */
  #isKept = false

  constructor(sink: HttpRequestsSink, pairing: HttpPairing, memory: HeldMemory) {
    this.#sink = sink
    this.#pairing = pairing
    this.#body = new HeldBytes(memory, this)
  }

  head(bytes: Buffer, first: FrameRef, last: FrameRef, isGuess: boolean): BodySize {
    let size: BodySize
    try {
      const { method, target, headers } = parseRequestHead(bytes)
      this.#head = { method, target, headers }
      size = bodySizeBy(headers) ?? 0
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      if (!isGuess) this.#sink.malformedRequest(error, first, last)
      return 'fault'
    }
    this.#asked = this.#pairing.asked(this.#head.method)
    this.#first = first
    this.#last = last
    this.#isMeasured = typeof size === 'number'
    this.#bodySize = typeof size === 'number' ? size : 0
    this.#isKept = this.#head.method === 'POST' && isMsmq(this.#head)
    if (isMsmq(this.#head)) this.#sink.recognised()
    return size
  }

  body(bytes: Buffer, frame: FrameRef): void {
    if (!this.#isMeasured) this.#bodySize += bytes.length
    this.#last = frame
    if (!this.#isKept) return
    // One byte too many is kept: it tells the decoder that the body is too large.
    const end = Math.min(bytes.length, REQUEST_BODY_SIZE_MAX + 1 - this.#body.size)
    this.#body.append(bytes, 0, end, frame)
  }

  end(last: FrameRef, isWhole: boolean): void {
    const head = this.#head!
    const asked = this.#asked!
    const isDecoded = this.#isKept && isWhole
    const { message, fault } = isDecoded ? this.#decode(head) : { message: null, fault: null }
    this.drop()
    const request = {
      index: this.#index,
      head,
      bodySize: this.#bodySize,
      message,
      kind: message === null ? null : kindOf(message),
      fault,
      first: this.#first!,
      last,
    }
    this.#index += 1
    this.#sink.request(request, asked)
  }

  lost(): void {
    this.#pairing.lost()
  }

  givenUp(size: number, frame: FrameRef): void {
    this.#sink.givenUpRequest(size, frame)
  }

  /** Lets go of the body. */
  drop(): void {
    this.#isKept = false
    this.#body.clear()
  }

  giveUp(): void {
    const { size } = this.#body
    this.drop()
    this.#sink.givenUpRequest(size, this.#last!)
  }

  // The message outlives the buffer: a response may come long after.
  #decode(head: RequestHead): { message: SrmpMessage | null; fault: DecodeError | null } {
    const body = Buffer.from(this.#body.buffer.subarray(0, this.#body.size))
    try {
      return { message: decodeSrmpRequest({ ...head, body: [body] }), fault: null }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { message: null, fault: error }
    }
  }
}

function isMsmq({ target, headers }: RequestHead): boolean {
  return (
    /\/msmq(?:[/?]|$)/i.test(target) ||
    (headerValue(headers, 'soapaction')?.includes('MSMQMessage') ?? false) ||
    (headerValue(headers, 'content-type')?.includes('MSMQ - SOAP boundary') ?? false)
  )
}
