import type { Socket } from 'node:net'
import { MqlabError } from '../protocol/errors.js'
import { TransportError } from '../transport/errors.js'
import { ANSWER_BYTES_FULL, CONTROL_VERSION, HELLO_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX } from './bounds.js'
import { ControlError } from './errors.js'
import { encodeFrame, FrameReader } from './frames.js'
import * as management from './management-operations.js'
import * as messages from './message-operations.js'
import type { ControlledHost, RequestDesk } from './request-desk.js'
import type { MessageRow, Requester } from './requester.js'
import { type Method, readHello, readRequest } from './requests.js'

type Operation = (by: Requester, id: number, parameters: never) => void

const OPERATIONS: { readonly [M in Method]: Operation } = { ...messages, ...management }

/** Of lists that have no end, so many rows go into a frame. */
const ROWS_PER_FRAME = 500
/** Requests under way and not waiting for anybody, from which on no more are read; half of it lets reading go on. */
const UNDER_WAY_MAX = 512
/** Answers that the client has not read, bytes, from which on no more requests are read. */
const UNREAD_BYTES_PAUSE = 8 * 1024 * 1024

/** What a connection needs of its server. */
export interface ConnectionServer {
  readonly host: ControlledHost
  readonly desk: RequestDesk
  readonly httpUrl: string | null
  /** Is that what a client has to show? */
  admits(token: string | undefined): boolean
  /** The client said hello as it must. */
  proven(connection: ControlConnection): void
  /** What connections hold of frames that are not whole, all together, may have grown. */
  held(connection: ControlConnection): void
  closed(connection: ControlConnection): void
}

/** The queue manager's end of one client's connection. Whatever comes in, nothing but this connection suffers. */
export class ControlConnection implements Requester {
  readonly host: ControlledHost
  readonly desk: RequestDesk
  readonly httpUrl: string | null
  readonly transactions = new Set<number>()
  readonly receives = new Map<number, { readonly request: number; readonly waits: boolean }>()
  readonly #server: ConnectionServer
  readonly #socket: Socket
  readonly #reader = new FrameReader(HELLO_BYTES_MAX, REQUEST_ITEMS_MAX)
  readonly #underWay = new Set<number>()
  #proven = false
  #ended = false
  #paused = false

  constructor(server: ConnectionServer, socket: Socket) {
    this.#server = server
    this.#socket = socket
    this.host = server.host
    this.desk = server.desk
    this.httpUrl = server.httpUrl
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
    const request = readRequest(frame)
    if (request === null) {
      this.end(new ControlError('MSMQ_CONTROL_REQUEST', 'a frame is no request: [id, method, parameters] is one'))
      return
    }
    const { id } = request
    if ('fault' in request) {
      this.fail(id, new ControlError('MSMQ_CONTROL_REQUEST', request.fault))
      return
    }
    if (this.#underWay.has(id) || this.receives.has(id)) {
      // Two answers to one id would be nobody's.
      if (request.method !== 'cancel') {
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
    const { name, guid } = this.host.call(engine => engine)
    this.#write([0, 'ok', { version: CONTROL_VERSION, name, guid }])
  }

  #carryOut(id: number, method: Method, parameters: unknown): void {
    const answered = method !== 'cancel'
    if (answered) this.#underWay.add(id)
    try {
      const operation = OPERATIONS[method] as (by: Requester, id: number, parameters: unknown) => void
      operation(this, id, parameters)
    } catch (error) {
      if (answered) this.fail(id, asControlError(error))
      return
    }
    // One that may wait for hours holds nobody up.
    if (this.receives.get(id)?.waits) this.#underWay.delete(id)
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
      const { code, message, mqError, definite } = asControlError(error)
      this.#socket.write(encodeFrame([frame[0], 'error', { code, message, mqError, definite }]))
    }
  }

  /** Nobody is there to end what was begun: transactions are undone, and no receive waits for nobody. */
  #closed(): void {
    this.#ended = true
    this.#server.closed(this)
    const { receives, transactions } = this
    if (receives.size === 0 && transactions.size === 0) return
    this.host.call((engine, now) => {
      for (const { request } of receives.values()) engine.cancel(now, request)
      for (const transaction of transactions) engine.abort(now, transaction)
    })
    transactions.clear()
  }
}

function asControlError(error: unknown): ControlError {
  if (error instanceof ControlError) return error
  if (error instanceof MqlabError)
    return new ControlError(error.code, error.message, { definite: error.definite, mqError: mqErrorOf(error.code) })
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new ControlError('MSMQ_CONTROL_FAILED', `the queue manager failed: ${text}`, { definite: false })
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
