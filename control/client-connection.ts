import { createConnection, type Socket } from 'node:net'
import { MqlabError } from '../protocol/errors.js'
import type { Guid } from '../protocol/guid.js'
import { systemCode } from '../transport/errors.js'
import { ANSWER_BYTES_MAX, CONTROL_VERSION } from './bounds.js'
import { type ControlEndpoint, type ControlKind, controlEndpointText, QUEUE_MANAGER } from './endpoint.js'
import { ControlError } from './errors.js'
import { encodeFrame, FrameReader } from './frames.js'

export interface ConnectionOptions {
  /** Default: a queue manager. */
  readonly kind?: ControlKind
  readonly token?: string | undefined
  /** For the connection and its hello. Default 15,000: a machine under load may stand still for some seconds. */
  readonly connectTimeoutMs?: number | undefined
  /** For an answer, beyond what the request itself may wait. Default 60,000. */
  readonly answerTimeoutMs?: number | undefined
}

const CONNECT_TIMEOUT_MS = 15_000
const ANSWER_TIMEOUT_MS = 60_000

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  /** Rows that came in earlier frames. */
  readonly parts: unknown[]
  readonly timer: NodeJS.Timeout | undefined
}

/** The client's end of a control connection: requests out, their answers back by id. */
export class ClientConnection {
  readonly endpoint: ControlEndpoint
  /** Of the queue manager or cluster, from its hello. */
  name = ''
  /** Of a queue manager. */
  guid: Guid = ''
  onClosed: (error: ControlError | null) => void = () => undefined
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #kind: ControlKind
  readonly #reader = new FrameReader(ANSWER_BYTES_MAX)
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #closing = false
  #closed = false
  #error: ControlError | null = null

  private constructor(endpoint: ControlEndpoint, options: ConnectionOptions) {
    this.endpoint = endpoint
    this.#options = options
    this.#kind = options.kind ?? QUEUE_MANAGER
    this.#socket = createConnection({ ...endpoint, noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('error', error => this.#fail(systemCode(error)))
    this.#socket.on('close', () => this.#ended())
  }

  /** Connects and says hello. @throws ControlError MSMQ_CONTROL_CONNECT, MSMQ_CONTROL_TOKEN */
  static async open(endpoint: ControlEndpoint, options: ConnectionOptions): Promise<ClientConnection> {
    const connection = new ClientConnection(endpoint, options)
    const { token } = options
    const timer = setTimeout(() => connection.#fail('no answer'), options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS)
    try {
      const hello = await connection.#ask(0, 'hello', {
        version: CONTROL_VERSION,
        ...(token !== undefined && { token }),
      })
      const { name, guid = '', what } = hello as { name: string; guid?: Guid; what?: string }
      const kind = connection.#kind
      if (what !== kind.what)
        throw new ControlError(
          'MSMQ_CONTROL_CONNECT',
          `what answers at ${controlEndpointText(endpoint)} is no ${kind.what}, but says: ${what}`,
        )
      connection.name = name
      connection.guid = guid
      return connection
    } catch (error) {
      connection.#socket.destroy()
      if (error instanceof ControlError && error.code !== 'MSMQ_CONTROL_CLOSED') throw error
      throw nobody(connection.#kind, endpoint, connection.#error?.message ?? 'closed', error)
    } finally {
      clearTimeout(timer)
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * One request and its result; the rows of messages for those that bring messages. `waitMs` is how long the queue manager
   * may let it wait; Infinity for ever. An aborted `signal` cancels a receive, whose answer still counts when it brings
   * messages; other requests that are under way cannot be taken back.
   */
  request(
    method: string,
    parameters: object,
    { waitMs = 0, signal }: { waitMs?: number | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    // Ids have 32 bits; by the time they are used up, the first is long answered.
    const id = (this.#lastId % 0xffffffff) + 1
    this.#lastId = id
    const answer = this.#ask(id, method, parameters, waitMs)
    if (signal === undefined) return answer
    const abort = () => this.#write([id, 'cancel', { request: id }])
    signal.addEventListener('abort', abort, { once: true })
    return answer
      .catch(error => {
        const cancelled = error instanceof ControlError && error.mqError === 'MQ_ERROR_OPERATION_CANCELLED'
        throw cancelled && signal.aborted ? reasonOf(signal) : error
      })
      .finally(() => signal.removeEventListener('abort', abort))
  }

  /** Ends in order; what is under way is rejected with MSMQ_CONTROL_CLOSED. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closing = true
    return new Promise(resolve => {
      this.#socket.once('close', () => resolve())
      this.#socket.end()
    })
  }

  #ask(id: number, method: string, parameters: object, waitMs = 0): Promise<unknown> {
    if (this.#closed || this.#closing)
      return Promise.reject(new ControlError('MSMQ_CONTROL_CLOSED', 'the control connection is closed'))
    return new Promise((resolve, reject) => {
      let frame: Buffer
      try {
        frame = encodeFrame([id, method, parameters])
      } catch (error) {
        reject(error)
        return
      }
      // A timer cannot be longer than some 25 days.
      const limitMs = waitMs + (this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS)
      const timer = limitMs < 2 ** 31 ? setTimeout(() => this.#late(id), limitMs) : undefined
      this.#pending.set(id, { resolve, reject, parts: [], timer })
      this.#socket.write(frame)
    })
  }

  #write(frame: unknown): void {
    if (!this.#closed && this.#socket.writable) this.#socket.write(encodeFrame(frame))
  }

  #received(chunk: Buffer): void {
    let frames: unknown[]
    try {
      frames = this.#reader.push(chunk)
    } catch (error) {
      this.#fail(error instanceof MqlabError ? error.message : String(error))
      return
    }
    for (const frame of frames) this.#answered(frame)
  }

  #answered(frame: unknown): void {
    if (!Array.isArray(frame)) {
      this.#fail('what answers is not a control socket')
      return
    }
    const [id, kind, result] = frame as [number, string, unknown]
    const pending = this.#pending.get(id)
    if (pending === undefined) {
      // Of the connection as a whole, which ends, or for a request that was given up.
      if (kind === 'error' && id === 0) this.#fail((result as { message: string }).message)
      return
    }
    if (kind === 'part') {
      for (const row of result as unknown[]) pending.parts.push(row)
      return
    }
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (kind === 'error') pending.reject(errorOf(result))
    else pending.resolve(pending.parts.length === 0 ? result : [...pending.parts, ...(result as unknown[])])
  }

  #late(id: number): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    pending?.reject(
      new ControlError('MSMQ_CONTROL_CLOSED', `the ${this.#kind.what} did not answer in time`, { definite: false }),
    )
  }

  #fail(what: string): void {
    this.#error ??= new ControlError('MSMQ_CONTROL_CLOSED', what, { definite: false })
    this.#socket.destroy()
  }

  #ended(): void {
    this.#closed = true
    const where = controlEndpointText(this.endpoint)
    const what = this.#closing ? 'the control connection was closed' : `the ${this.#kind.what} at ${where} is gone`
    const why = this.#error === null ? '' : `: ${this.#error.message}`
    const error = new ControlError('MSMQ_CONTROL_CLOSED', what + why, { definite: false })
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.#pending.clear()
    this.onClosed(this.#closing ? null : error)
  }
}

function errorOf(given: unknown): ControlError {
  const { code, message, mqError, definite } = given as {
    code: `MSMQ_${string}`
    message: string
    mqError: string | null
    definite: boolean
  }
  return new ControlError(code, message, { mqError, definite })
}

function nobody({ what, remedy }: ControlKind, endpoint: ControlEndpoint, why: string, cause: unknown): ControlError {
  const where = controlEndpointText(endpoint)
  return new ControlError('MSMQ_CONTROL_CONNECT', `no ${what} answers at ${where} (${why}); ${remedy}`, { cause })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
}
