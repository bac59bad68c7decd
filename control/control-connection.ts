import type { Socket } from 'node:net'
import { MqlabError } from '../protocol/errors.js'
import { TransportError } from '../transport/errors.js'
import { ANSWER_BYTES_FULL, CONTROL_VERSION, HELLO_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX } from './bounds.js'
import { ControlError } from './errors.js'
import { encodeFrame, FrameReader } from './frames.js'
import type { MessageRow, Replies } from './requester.js'
import { type MethodTable, readHello, readRequest } from './requests.js'

/** Of lists that have no end, so many rows go into a frame. */
const ROWS_PER_FRAME = 500
/** Requests under way and not waiting for anybody, from which on no more are read; half of it lets reading go on. */
const UNDER_WAY_MAX = 512
/** Answers that the client has not read, bytes, from which on no more requests are read. */
const UNREAD_BYTES_PAUSE = 8 * 1024 * 1024

/** What can be asked for over a control socket. */
export interface ControlService {
  /** What it is, such as `queue manager`; clients of something else turn away. */
  readonly what: string
  readonly methods: MethodTable
  /** What it says of itself to a client that has said hello. */
  greeting(): { readonly name: string }
  session(replies: Replies): ControlSession
  close(): void
}

/** One client's requests, one at a time and checked; answers come when they come. */
export interface ControlSession {
  carryOut(id: number, method: string, parameters: unknown): void
  /** Whether the answer to this request is still to come, and may take as long as it likes. */
  waits(id: number): boolean
  /** The client is gone. */
  closed(): void
}

/** It takes something back, and has no answer of its own. */
const UNANSWERED = 'cancel'

/** What a connection needs of its server. */
export interface ConnectionServer {
  readonly service: ControlService
  /** Is that what a client has to show? */
  admits(token: string | undefined): boolean
  /** The client said hello as it must. */
  proven(connection: ControlConnection): void
  /** What connections hold of frames that are not whole, all together, may have grown. */
  held(connection: ControlConnection): void
  closed(connection: ControlConnection): void
}

/** The server's end of one client's connection. Whatever comes in, nothing but this connection suffers. */
export class ControlConnection implements Replies {
  readonly #server: ConnectionServer
  readonly #session: ControlSession
  readonly #socket: Socket
  readonly #reader = new FrameReader(HELLO_BYTES_MAX, REQUEST_ITEMS_MAX)
  readonly #underWay = new Set<number>()
  #proven = false
  #ended = false
  #paused = false

  constructor(server: ConnectionServer, socket: Socket) {
    this.#server = server
    this.#socket = socket
    this.#session = server.service.session(this)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('drain', () => this.#goOn())
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
  }

  get bytesHeld(): number {
    return this.#reader.bytesHeld
  }

  answer(id: number, result: unknown): void {
    this.#settle(id)
    this.#write([id, 'ok', result])
  }

  answerMessages(id: number, rows: readonly MessageRow[]): void {
    let part: MessageRow[] = []
    let bytes = 0
    for (const row of rows) {
      if (part.length > 0 && bytes + row[1].length > ANSWER_BYTES_FULL) {
        this.#write([id, 'part', part])
        part = []
        bytes = 0
      }
      part.push(row)
      bytes += row[1].length
    }
    this.answer(id, part)
  }

  answerRows(id: number, rows: readonly unknown[]): void {
    let at = 0
    for (; at + ROWS_PER_FRAME < rows.length; at += ROWS_PER_FRAME)
      this.#write([id, 'part', rows.slice(at, at + ROWS_PER_FRAME)])
    this.answer(id, rows.slice(at))
  }

  fail(id: number, { code, message, mqError, definite }: ControlError): void {
    this.#settle(id)
    this.#write([id, 'error', { code, message, mqError, definite }])
  }

  /** Says why, if there is still somebody to hear it, and closes. */
  end(error?: ControlError): void {
    if (this.#ended) return
    this.#ended = true
    if (error !== undefined)
      this.#socket.write(
        encodeFrame([0, 'error', { code: error.code, message: error.message, mqError: null, definite: true }]),
      )
    this.#socket.end()
    // Whoever does not read what it is sent, or does not close its side, is not waited for.
    setTimeout(() => this.#socket.destroy(), 500).unref()
  }

  destroy(): void {
    this.#ended = true
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    if (this.#ended) return
    this.#reader.append(chunk)
    this.#work()
    this.#server.held(this)
  }

  /** Takes up what has come, as far as there is room for it. */
  #work(): void {
    try {
      while (!this.#ended && !this.#isFull()) {
        const frame = this.#reader.read()
        if (frame === null) return
        this.#take(frame.value)
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      // The bytes are no frames: nothing can follow.
      this.end(new ControlError('MSMQ_CONTROL_REQUEST', error.message))
      return
    }
    if (this.#ended) return
    this.#paused = true
    this.#socket.pause()
  }

  #isFull(): boolean {
    return this.#underWay.size >= UNDER_WAY_MAX || this.#socket.writableLength > UNREAD_BYTES_PAUSE
  }

  #goOn(): void {
    if (!this.#paused || this.#ended) return
    if (this.#underWay.size > UNDER_WAY_MAX / 2 || this.#socket.writableLength > UNREAD_BYTES_PAUSE) return
    this.#paused = false
    this.#work()
    if (!this.#paused) this.#socket.resume()
  }

  #take(frame: unknown): void {
    if (!this.#proven) {
      this.#greet(frame)
      return
    }
    const request = readRequest(frame, this.#server.service.methods)
    if (request === null) {
      this.end(new ControlError('MSMQ_CONTROL_REQUEST', 'a frame is no request: [id, method, parameters] is one'))
      return
    }
    const { id } = request
    if ('fault' in request) {
      this.fail(id, new ControlError('MSMQ_CONTROL_REQUEST', request.fault))
      return
    }
    if (this.#underWay.has(id) || this.#session.waits(id)) {
      // Two answers to one id would be nobody's.
      if (request.method !== UNANSWERED) {
        this.end(new ControlError('MSMQ_CONTROL_REQUEST', `request ${id} is still under way`))
        return
      }
    }
    this.#carryOut(id, request.method, request.parameters)
  }

  #greet(frame: unknown): void {
    const hello = readHello(frame)
    if (hello === null || hello.version !== CONTROL_VERSION) {
      this.end(new ControlError('MSMQ_CONTROL_REQUEST', `no hello of version ${CONTROL_VERSION}`))
      return
    }
    if (!this.#server.admits(hello.token)) {
      const remedy = 'show that of its --control-token file, with --token-file or in MQLAB_CONTROL_TOKEN'
      this.end(new ControlError('MSMQ_CONTROL_TOKEN', `the token is missing or wrong; ${remedy}`))
      return
    }
    this.#proven = true
    this.#reader.bytesMax = REQUEST_BYTES_MAX
    this.#server.proven(this)
    const { service } = this.#server
    this.#write([0, 'ok', { version: CONTROL_VERSION, what: service.what, ...service.greeting() }])
  }

  #carryOut(id: number, method: string, parameters: unknown): void {
    const answered = method !== UNANSWERED
    if (answered) this.#underWay.add(id)
    try {
      this.#session.carryOut(id, method, parameters)
    } catch (error) {
      if (answered) this.fail(id, this.#asControlError(error))
      return
    }
    // One that may wait for hours holds nobody up.
    if (this.#session.waits(id)) this.#underWay.delete(id)
  }

  #settle(id: number): void {
    this.#underWay.delete(id)
    if (this.#paused) setImmediate(() => this.#goOn())
  }

  /** Called from within the driver's work, which an answer that cannot be encoded must not end. */
  #write(frame: readonly [id: number, kind: string, result: unknown]): void {
    if (this.#ended || !this.#socket.writable) return
    try {
      this.#socket.write(encodeFrame(frame))
    } catch (error) {
      const { code, message, mqError, definite } = this.#asControlError(error)
      this.#socket.write(encodeFrame([frame[0], 'error', { code, message, mqError, definite }]))
    }
  }

  #closed(): void {
    this.#ended = true
    this.#server.closed(this)
    this.#session.closed()
  }

  #asControlError(error: unknown): ControlError {
    if (error instanceof ControlError) return error
    if (error instanceof MqlabError)
      return new ControlError(error.code, error.message, { definite: error.definite, mqError: mqErrorOf(error.code) })
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const { what } = this.#server.service
    return new ControlError('MSMQ_CONTROL_FAILED', `the ${what} failed: ${text}`, { definite: false })
  }
}

function mqErrorOf(code: string): string | null {
  switch (code) {
    case 'MSMQ_OPTION_QUEUE':
      return 'MQ_ERROR_QUEUE_NOT_FOUND'
    case 'MSMQ_OPTION_TAKEN':
      return 'MQ_ERROR_QUEUE_EXISTS'
    case 'MSMQ_OPTION_FORMAT_NAME':
      return 'MQ_ERROR_ILLEGAL_FORMATNAME'
    case 'MSMQ_OPTION_RANGE':
      return 'MQ_ERROR_PROPERTY'
    default:
      return null
  }
}
