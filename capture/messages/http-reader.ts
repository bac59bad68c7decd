import { HEAD_SIZE_MAX, readChunkSize } from '../../protocol/srmp/http-head.js'
import type { FrameRef } from '../frame.js'
import { HeldBytes } from './held-bytes.js'
import type { HeldMemory, Holder } from './held-memory.js'
import { type HttpBeginning, REQUEST_BEGINNING, RESPONSE_BEGINNING } from './http-beginning.js'

/** How the body is measured that follows a head; a number is its bytes. */
export type BodySize = number | 'chunked' | 'until-end' | 'no-http' | 'fault'

/** Told of the messages in one direction of an HTTP connection. Views are valid during the call only. */
export interface HttpReaderSink {
  /** A whole head with its empty line. `fault`: it is none, and must be one when it is no guess; `no-http`: nothing behind
   *  it is HTTP. */
  head(head: Buffer, first: FrameRef, last: FrameRef, isGuess: boolean): BodySize
  /** Of the body, without what chunks are wrapped in. */
  body(bytes: Buffer, frame: FrameRef): void
  /** The body is over. `isWhole`: no byte of it is missing. */
  end(last: FrameRef, isWhole: boolean): void
  /** A head, or an unknown number of messages, could not be read. */
  lost(): void
  /** Too much of the capture waits for its end: `size` captured bytes of a head were let go. */
  givenUp(size: number, frame: FrameRef): void
}

const CR = 0x0d
const LF = 0x0a
const CHUNK_LINE_SIZE_MAX = 100

type State = 'search' | 'head' | 'length' | 'until-end' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'deaf'

/**
 * Reads the heads and passes on the bodies of one direction of a captured HTTP connection. Behind what is missing, or is no
 * HTTP, it goes on with the next segment that begins as a message does: who sends one begins a segment with it, but for
 * requests that do not wait for answers.
 */
export class HttpReader implements Holder {
  readonly #sink: HttpReaderSink
  readonly #begins: HttpBeginning
  /** The beginning of a head. */
  readonly #held: HeldBytes
  #state: State
  /** Of the head held: where its last line begins. */
  #lineStart = 0
  /** Bytes of the body, or of the chunk, that are to come. */
  #remaining = 0
  /** What is there of the line before a chunk, or of a trailer. */
  #line = ''
  #isWhole = true
  /** The head began where something was missing or wrong before. */
  #isGuess = false
  #last: FrameRef | null = null

  /** @param inStep a message begins with the first byte that is pushed. */
  constructor(sink: HttpReaderSink, memory: HeldMemory, kind: 'requests' | 'responses', inStep: boolean) {
    this.#sink = sink
    this.#begins = kind === 'requests' ? REQUEST_BEGINNING : RESPONSE_BEGINNING
    this.#held = new HeldBytes(memory, this)
    this.#state = inStep ? 'head' : 'search'
  }

  /** It reads a message, or knows that one begins with what comes next. */
  get isInStep(): boolean {
    return this.#state !== 'search' && this.#state !== 'deaf'
  }

  push(bytes: Buffer, frame: FrameRef): void {
    this.#last = frame
    let at = 0
    if (this.#state === 'search' && this.#begins.fits(bytes, 0)) {
      this.#state = 'head'
      this.#isGuess = true
    }
    while (at < bytes.length) {
      switch (this.#state) {
        case 'search':
        case 'deaf':
          return
        case 'head':
          at = this.#readHead(bytes, at, frame)
          break
        case 'chunk-line':
        case 'trailers':
          at = this.#readLine(bytes, at, frame)
          break
        case 'chunk-end':
          at = this.#passChunkEnd(bytes, at)
          break
        default:
          at = this.#passBody(bytes, at, frame)
      }
    }
  }

  /** `size` bytes are missing before what is pushed next; null: unknown how many. */
  hole(size: number | null, frame: FrameRef): void {
    const hasSize = this.#state === 'length' || this.#state === 'chunk'
    if (this.#state === 'deaf') return
    if (this.#state === 'until-end') this.#isWhole = false
    else if (hasSize && size !== null && size <= this.#remaining) {
      this.#isWhole = false
      this.#remaining -= size
      if (this.#remaining === 0) this.#endOfPart(frame)
    } else this.#lose()
  }

  /** The connection is over. */
  finish(): void {
    if (this.#state === 'until-end') this.#end(this.#last!)
    else if (this.#isInBody()) this.#lose()
    this.#held.clear()
    this.#state = 'search'
  }

  /** Lets go of everything and reads no more. */
  drop(): void {
    this.#held.clear()
    this.#state = 'deaf'
  }

  giveUp(): void {
    const { size } = this.#held
    this.#lose()
    this.#sink.givenUp(size, this.#last!)
  }

  #isInBody(): boolean {
    return this.#state !== 'head' && this.#state !== 'search' && this.#state !== 'deaf'
  }

  #lose(): void {
    const isInBody = this.#isInBody()
    this.#held.clear()
    this.#state = 'search'
    if (isInBody) {
      this.#isWhole = false
      this.#sink.end(this.#last!, false)
    }
    this.#sink.lost()
  }

  #readHead(bytes: Buffer, start: number, frame: FrameRef): number {
    const held = this.#held
    let at = start
    if (held.size === 0) {
      while (at < bytes.length && (bytes[at] === CR || bytes[at] === LF)) at += 1
      if (at === bytes.length) return at
      if (!this.#begins.fits(bytes, at)) {
        this.#lose()
        return bytes.length
      }
      if (this.#isGuess && !this.#isLikely(bytes, at, bytes.length)) {
        this.#lose()
        return bytes.length
      }
      const end = endOfHead(bytes, at, at, bytes.length)
      if (end > 0) {
        this.#takeHead(bytes.subarray(at, end), frame, frame)
        return end
      }
      this.#lineStart = 0
    }
    const before = held.size
    held.append(bytes, at, bytes.length, frame)
    if (this.#isGuess && !this.#isLikely(held.buffer, 0, held.size)) {
      this.#lose()
      // What was held was no beginning; these bytes may be.
      if (before === 0 || !this.#begins.fits(bytes, 0)) return bytes.length
      this.#state = 'head'
      return 0
    }
    const end = endOfHead(held.buffer, 0, this.#lineStart, held.size)
    if (end > 0) {
      const first = held.frameAt(0)
      this.#takeHead(held.buffer.subarray(0, end), first, frame)
      held.clear()
      return at + end - before
    }
    this.#lineStart = held.buffer.lastIndexOf(LF, held.size - 1) + 1
    if (held.size > HEAD_SIZE_MAX) this.#lose()
    return bytes.length
  }

  /** The first line, when it is there, is one of a message. */
  #isLikely(bytes: Buffer, start: number, end: number): boolean {
    const lineEnd = bytes.indexOf(LF, start)
    if (lineEnd < 0 || lineEnd >= end) return true
    return this.#begins.line.test(bytes.toString('latin1', start, lineEnd))
  }

  #takeHead(head: Buffer, first: FrameRef, last: FrameRef): void {
    const size = this.#sink.head(head, first, last, this.#isGuess)
    this.#isGuess = false
    this.#isWhole = true
    this.#line = ''
    switch (size) {
      case 'chunked':
        this.#state = 'chunk-line'
        return
      case 'until-end':
        this.#state = 'until-end'
        return
      case 'no-http':
        this.#state = 'deaf'
        return
      case 'fault':
        this.#state = 'search'
        this.#sink.lost()
        return
      default:
        this.#state = 'length'
        this.#remaining = size
        if (size === 0) this.#end(last)
    }
  }

  #passBody(bytes: Buffer, start: number, frame: FrameRef): number {
    const hasSize = this.#state !== 'until-end'
    const end = hasSize ? Math.min(bytes.length, start + this.#remaining) : bytes.length
    this.#sink.body(bytes.subarray(start, end), frame)
    if (!hasSize) return end
    this.#remaining -= end - start
    if (this.#remaining === 0) this.#endOfPart(frame)
    return end
  }

  #endOfPart(frame: FrameRef): void {
    if (this.#state === 'length') {
      this.#end(frame)
      return
    }
    this.#state = 'chunk-end'
    this.#remaining = 2
  }

  #passChunkEnd(bytes: Buffer, at: number): number {
    const expected = this.#remaining === 2 ? CR : LF
    this.#remaining -= 1
    if (bytes[at] !== expected) {
      this.#lose()
      return bytes.length
    }
    if (this.#remaining === 0) this.#state = 'chunk-line'
    return at + 1
  }

  #readLine(bytes: Buffer, start: number, frame: FrameRef): number {
    const end = bytes.indexOf(LF, start)
    const isComplete = end >= 0
    this.#line += bytes.toString('latin1', start, isComplete ? end : bytes.length)
    if (this.#line.length > (this.#state === 'trailers' ? HEAD_SIZE_MAX : CHUNK_LINE_SIZE_MAX)) {
      this.#lose()
      return bytes.length
    }
    if (!isComplete) return bytes.length
    const line = this.#line
    this.#line = ''
    if (this.#state === 'trailers') {
      if (line === '' || line === '\r') this.#end(frame)
      return end + 1
    }
    const size = readChunkSize(line)
    if (size === null) {
      this.#lose()
      return bytes.length
    }
    this.#remaining = size
    this.#state = size === 0 ? 'trailers' : 'chunk'
    return end + 1
  }

  #end(last: FrameRef): void {
    this.#state = 'head'
    this.#sink.end(last, this.#isWhole)
  }
}

/** Behind the first empty line; 0 when it is not there. `lineStart`: where a line begins, with no empty one before. */
function endOfHead(bytes: Buffer, start: number, lineStart: number, end: number): number {
  let at = Math.max(start, lineStart)
  for (;;) {
    const lineEnd = bytes.indexOf(LF, at)
    if (lineEnd < 0 || lineEnd >= end) return 0
    if (lineEnd === at || (lineEnd === at + 1 && bytes[at] === CR)) return lineEnd + 1
    at = lineEnd + 1
  }
}
