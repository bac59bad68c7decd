import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import type { Endpoint, HttpRequest } from '../queue-manager/actions.js'
import { resetNow } from './abrupt-close.js'
import { systemCode, TransportError } from './errors.js'
import type { BodyLedger, HttpExchange } from './http-exchange.js'
import { HttpIncoming, type HttpIncomingOwner } from './http-incoming.js'
import { HTTP_LIMITS, type HttpLimits } from './http-limits.js'
import { type ListenCounters, listenOn } from './listening.js'
import { plainAddress } from './plain-address.js'
import { tapHttp } from './socket-tap.js'
import type { SocketsTap } from './wire-tap.js'

/** Where to listen, in plain or, with a certificate and its key (PEM), over TLS. */
export interface HttpListenOptions extends Endpoint {
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

export interface HttpListenerOwner {
  /** A whole request; `answer` is to be called once. For a peer that has gone meanwhile it does nothing. */
  requested(peer: Endpoint, request: HttpRequest, answer: (status: number) => void): void
  /** After `stop`: the last connection is gone. */
  stopped(): void
}

/** An HTTP server that hands over whole requests and answers each with a status, in the order of the requests. */
export class HttpListener implements HttpIncomingOwner {
  readonly limits: HttpLimits
  readonly ledger: BodyLedger = { bytes: 0 }
  readonly #owner: HttpListenerOwner
  readonly #options: HttpListenOptions
  readonly #counters: ListenCounters
  readonly #tap: SocketsTap | undefined
  /** Those of TCP; one of TLS begins as one of these and is no connection of ours before its handshake is over. */
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Map<Socket, HttpIncoming>()
  #server: Server | null = null
  #sweep: NodeJS.Timeout | undefined
  #stopping = false

  constructor(
    options: HttpListenOptions,
    context: {
      readonly owner: HttpListenerOwner
      readonly counters: ListenCounters
      readonly limits?: Partial<HttpLimits>
      /** Told of connections that are not over TLS. */
      readonly tap?: SocketsTap
    },
  ) {
    this.#options = options
    this.#owner = context.owner
    this.#counters = context.counters
    this.#tap = context.tap
    this.limits = { ...HTTP_LIMITS, ...context.limits }
  }

  get isEmpty(): boolean {
    return this.#sockets.size === 0
  }

  /** Throws `MSMQ_TRANSPORT_LISTEN`, or `MSMQ_TRANSPORT_CERTIFICATE` for a certificate or key that is of no use. */
  async listen(): Promise<Endpoint> {
    const server = this.#createServer()
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#gone(socket))
    })
    const secure = this.#isSecure
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket))
    server.on('request', (request, response) => this.#connections.get(request.socket)?.take(request, response))
    server.on('checkContinue', (request, response) => this.#connections.get(request.socket)?.take(request, response))
    server.on('checkExpectation', (request, response) => this.#connections.get(request.socket)?.take(request, response))
    server.on('clientError', (error, socket) => {
      const connection = this.#connections.get(socket as Socket)
      const code = systemCode(error)
      if (connection === undefined || !socket.writable || code === 'ECONNRESET') socket.destroy()
      // A status would be taken for the answer to what may just be coming, and 400 is final: the sender would give up a
      // message for which perhaps only this machine was too slow. Without an answer it tries again.
      else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') connection.stop()
      else connection.fail()
    })
    this.#sweep = setInterval(() => {
      for (const connection of this.#connections.values()) connection.checkProgress()
    }, this.limits.stalledTimeoutMs).unref()
    return listenOn(server, this.#options, this.limits, this.#counters)
  }

  /** Takes no more connections; those that are there stay. */
  stopListening(): void {
    // http.Server's own way of closing would end those that are idle, too.
    if (this.#server !== null) NetServer.prototype.close.call(this.#server)
  }

  /** Takes no more requests; connections close when those that were taken are answered. */
  stop(): void {
    this.stopListening()
    this.#stopping = true
    for (const connection of this.#connections.values()) connection.stop()
  }

  /** Resets everything at once. */
  kill(): void {
    this.#server?.close()
    this.#server = null
    clearInterval(this.#sweep)
    for (const connection of this.#connections.values()) connection.reset()
    for (const socket of this.#sockets) {
      if (this.#isSecure) socket.destroy()
      else resetNow(socket)
    }
  }

  requested(connection: HttpIncoming, exchange: HttpExchange): void {
    this.#owner.requested(connection.peer, exchange.request(connection.secure), status => exchange.answer(status))
  }

  get #isSecure(): boolean {
    return this.#options.cert !== undefined
  }

  #createServer(): Server {
    const { headerBytesMax, headersTimeoutMs, requestTimeoutMs, idleTimeoutMs } = this.limits
    const options: ServerOptions = {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.max(20, Math.min(headersTimeoutMs, 30_000) / 4),
      insecureHTTPParser: false,
      requireHostHeader: false,
      noDelay: true,
    }
    const { cert, key, address, port } = this.#options
    let server: Server
    if (cert === undefined && key === undefined) server = createServer(options)
    else {
      try {
        const tls = { cert, key, ALPNProtocols: ['http/1.1'], handshakeTimeout: headersTimeoutMs }
        server = createSecureServer({ ...options, ...tls })
      } catch (error) {
        const what = `the certificate or its key is of no use: ${error instanceof Error ? error.message : error}`
        throw new TransportError('MSMQ_TRANSPORT_CERTIFICATE', 'listen', `${address}:${port}`, what, { cause: error })
      }
    }
    // As many as fit; node would leave out the rest without a word.
    server.maxHeadersCount = 0
    return server
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    // Gone before it could be looked at.
    if (this.#stopping || remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    if (!this.#isSecure) tapHttp(this.#tap, socket)
    const peer = { address: plainAddress(remoteAddress), port: remotePort }
    this.#connections.set(socket, new HttpIncoming(socket, peer, this.#isSecure, this))
    socket.on('close', () => this.#connections.delete(socket))
  }

  #gone(socket: Socket): void {
    this.#sockets.delete(socket)
    if (this.#stopping && this.#sockets.size === 0) this.#owner.stopped()
  }
}
