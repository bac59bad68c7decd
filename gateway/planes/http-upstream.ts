import { type NetConnectOpts, Socket } from 'node:net'
import type { Client, Dispatcher } from 'undici'
import { resetNow } from '../../transport/abrupt-close.js'
import { undiciClient } from '../../transport/undici.js'
import type { ProxyHost } from './proxied-connection.js'

/** Requests that may be on their way on one connection; the client's connection is held to less. */
const PIPELINE_MAX = 4096

export interface UpstreamLimits {
  /** How long a host may take to accept. */
  readonly connectTimeoutMs: number
  /** How long it may take to begin its answer, and between two pieces of it. */
  readonly answerTimeoutMs: number
  /** An unused connection is closed after so long, or earlier where the host said so. */
  readonly upstreamIdleMs: number
  readonly headerBytesMax: number
}

/**
 * One connection to a host. `undici` writes the requests and reads the answers, pipelined and streaming; that it stays one
 * connection is our doing. By itself undici would send what was under way on a broken connection once more on a new one,
 * and a balancer that repeats messages would be the fault that it is to show. So its connector works once, and everything
 * under way fails, in order, with the connection.
 */
export class UpstreamConnection {
  readonly host: ProxyHost
  readonly localAddress: string | null
  readonly localPort: number | null
  readonly #socket: Socket
  readonly #client: Client
  #open = true
  /** Requests that were read at one time are written at one time. */
  #isCorked = false
  readonly #uncork = () => {
    this.#isCorked = false
    this.#socket.uncork()
  }

  private constructor(
    host: ProxyHost,
    socket: Socket,
    limits: UpstreamLimits,
    closed: (c: UpstreamConnection) => void,
  ) {
    this.host = host
    this.localAddress = socket.localAddress ?? null
    this.localPort = socket.localPort ?? null
    this.#socket = socket
    let isUsed = false
    const origin = `http://${host.address.includes(':') ? `[${host.address}]` : host.address}:${host.port}`
    this.#client = new (undiciClient())(origin, {
      // undici does not expect to be called back at once
      connect: (_: unknown, callback: (error: Error | null, socket: Socket | null) => void) =>
        queueMicrotask(() => {
          const isGone = isUsed || socket.destroyed
          isUsed = true
          callback(isGone ? new UpstreamClosed() : null, isGone ? null : socket)
        }),
      pipelining: PIPELINE_MAX,
      headersTimeout: limits.answerTimeoutMs,
      bodyTimeout: limits.answerTimeoutMs,
      keepAliveTimeout: limits.upstreamIdleMs,
      keepAliveMaxTimeout: limits.upstreamIdleMs,
      maxHeaderSize: limits.headerBytesMax,
    } as ConstructorParameters<typeof Client>[1])
    socket.on('close', () => {
      this.#open = false
      closed(this)
    })
  }

  /** Rejects with the system's error, or with `ETIMEDOUT`. `closed` is told its end, in whatever way. */
  static connect(
    host: ProxyHost,
    localAddress: string | undefined,
    limits: UpstreamLimits,
    closed: (connection: UpstreamConnection) => void,
    socket: Socket,
  ): Promise<UpstreamConnection> {
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      const giveUp = () => socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' }))
      socket.setTimeout(limits.connectTimeoutMs, giveUp)
      const options: NetConnectOpts = {
        host: host.address,
        port: host.port,
        ...(localAddress !== undefined && { localAddress }),
      }
      socket.connect(options, () => {
        socket.setTimeout(0, giveUp)
        socket.off('error', reject)
        socket.on('error', () => {})
        socket.setNoDelay(true)
        resolve(new UpstreamConnection(host, socket, limits, closed))
      })
    })
  }

  /** Whether it takes requests: it may have broken since, or the host's last answer may have ended it. */
  get open(): boolean {
    return this.#open && !this.#socket.destroyed
  }

  /** Never throws: what is wrong with the request goes to the handler's `onResponseError`. */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      setImmediate(this.#uncork)
    }
    this.#client.dispatch({ ...request, idempotent: true, blocking: false }, handler)
  }

  /** Breaks it off with a reset; what is under way fails. */
  reset(): void {
    resetNow(this.#socket)
  }

  /** Closes it in order; for one that nobody uses. */
  close(): void {
    this.#socket.destroySoon()
  }
}

/** A request that was under way, or waiting, when its connection ended. */
class UpstreamClosed extends Error {
  readonly code = 'ECONNRESET'

  constructor() {
    super('the connection to the host ended')
  }
}

/**
 * A socket that lets so many bytes out and no more, then tells. For the fault that cuts connections: what was written
 * before has left, nothing after it does.
 */
export class CuttingSocket extends Socket {
  readonly #budget: CutBudget

  constructor(budget: CutBudget) {
    super()
    this.#budget = budget
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
    if (bytes.length < this.#budget.bytesLeft) {
      this.#budget.bytesLeft -= bytes.length
      super._write(bytes, 'buffer' as BufferEncoding, callback)
      return
    }
    const last = bytes.subarray(0, this.#budget.bytesLeft)
    this.#budget.bytesLeft = 0
    super._write(last, 'buffer' as BufferEncoding, () => this.#budget.cut())
  }

  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    const all = chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk))
    this._write(Buffer.concat(all), 'buffer' as BufferEncoding, callback)
  }
}

/** Bytes that a client may still get through to hosts, over all the connections made for it. */
export interface CutBudget {
  bytesLeft: number
  cut(): void
}
