import { createHash, timingSafeEqual } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, isIP, type ListenOptions, type Server, type Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'
import { OptionError } from '../protocol/errors.js'
import { systemCode, TransportError } from '../transport/errors.js'
import { type ConnectionServer, ControlConnection, type ControlService } from './control-connection.js'
import { type ControlEndpoint, controlEndpointText, probe } from './endpoint.js'
import { ControlError } from './errors.js'
import { QueueManagerService } from './queue-manager-service.js'
import type { ControlledHost } from './request-desk.js'

export interface ServiceServerOptions {
  /** A Unix socket, for this user alone, or a loopback address; port 0 takes any free one. */
  readonly listen: ControlEndpoint
  /** What a client has to show. Needed on TCP, where every user of the machine can connect. */
  readonly token?: string
  readonly limits?: Partial<ControlLimits>
}

export interface ControlServerOptions extends ServiceServerOptions {
  /** Runs the queue manager: a `Driver<QueueManager>`. */
  readonly driver: ControlledHost
  /** `http://host:port` by which others reach the queue manager over HTTP; absent: they do not. */
  readonly httpUrl?: string
}

export interface ControlLimits {
  /** Connections at one time. When they are all there, those that have not said hello make room. Default 512. */
  readonly connectionsMax: number
  /** How long a client may take to say hello. Default 5,000 ms. */
  readonly helloMs: number
  /** What all connections together may hold of frames that are not whole. Default 64 MiB. */
  readonly unfinishedBytesMax: number
}

export const CONTROL_LIMITS: ControlLimits = {
  connectionsMax: 512,
  helloMs: 5000,
  unfinishedBytesMax: 64 * 1024 * 1024,
}

export const TOKEN_CHARACTERS_MIN = 16

/** A control socket that is open. */
export interface ControlServer {
  readonly endpoint: ControlEndpoint
  /** Connections now, those included that have not said hello. */
  readonly connections: number
  /** Ends the connections, undoes their open transactions, and takes the socket away. */
  close(): Promise<void>
}

/**
 * Opens a queue manager's control socket.
 * @throws OptionError MSMQ_OPTION_CONTROL for an address that is not loopback, MSMQ_OPTION_TOKEN for none or a short one;
 *   TransportError MSMQ_TRANSPORT_LISTEN when the address is in use or cannot be had.
 */
export function startControlServer({ driver, httpUrl, ...options }: ControlServerOptions): Promise<ControlServer> {
  return startServiceServer(() => new QueueManagerService(driver, httpUrl ?? null), options)
}

/**
 * The same for whatever can be asked for over a control socket; `create` is called once the options are in order.
 * @throws as {@link startControlServer} does
 */
export async function startServiceServer(
  create: () => ControlService,
  options: ServiceServerOptions,
): Promise<ControlServer> {
  const { listen, token } = options
  if (!('path' in listen)) {
    if (!isLoopback(listen.host))
      throw new OptionError('MSMQ_OPTION_CONTROL', 'control', listen.host, 'a loopback address, such as 127.0.0.1')
    if (token === undefined || token.length < TOKEN_CHARACTERS_MIN)
      // The value is a secret.
      throw new OptionError(
        'MSMQ_OPTION_TOKEN',
        'token',
        undefined,
        `${TOKEN_CHARACTERS_MIN} characters or more on TCP, which every user of this machine can connect to; or a Unix socket, which needs none`,
      )
  }
  const server = new OpenControlServer(create(), options)
  await server.listen()
  return server
}

class OpenControlServer implements ControlServer, ConnectionServer {
  readonly service: ControlService
  endpoint: ControlEndpoint
  readonly #server: Server
  readonly #limits: ControlLimits
  readonly #tokenHash: Buffer | null
  readonly #connections = new Set<ControlConnection>()
  /** Those that have not said hello, oldest first, and the timer of each. */
  readonly #unproven = new Map<ControlConnection, NodeJS.Timeout>()
  /** Connections with a part of a frame, and how much of it. */
  readonly #unfinished = new Map<ControlConnection, number>()
  #unfinishedBytes = 0

  constructor(service: ControlService, { limits, listen, token }: ServiceServerOptions) {
    this.service = service
    this.endpoint = listen
    this.#limits = { ...CONTROL_LIMITS, ...limits }
    this.#tokenHash = 'path' in listen || token === undefined ? null : hashOf(token)
    this.#server = createServer({ allowHalfOpen: false }, socket => this.#accept(socket))
  }

  get connections(): number {
    return this.#connections.size
  }

  async listen(): Promise<void> {
    try {
      await this.#listenOnce()
    } catch (error) {
      const { endpoint } = this
      if (systemCode(error) !== 'EADDRINUSE' || !('path' in endpoint) || (await probe(endpoint.path)) !== 'stale') {
        this.service.close()
        throw listenError(this.service.what, endpoint, error)
      }
      // Left behind by one that was killed.
      rmSync(endpoint.path, { force: true })
      await this.#listenOnce().catch(again => {
        this.service.close()
        throw listenError(this.service.what, endpoint, again)
      })
    }
    // From here on an error is a connection that could not be accepted; others can.
    this.#server.on('error', () => undefined)
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object') this.endpoint = { host: bound.address, port: bound.port }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const connection of this.#connections)
      connection.end(new ControlError('MSMQ_CONTROL_CLOSED', `the ${this.service.what} stops`))
    await closed
    this.service.close()
  }

  admits(token: string | undefined): boolean {
    if (this.#tokenHash === null) return true
    // Hashes are of one length, and their comparison takes one time.
    return timingSafeEqual(hashOf(token ?? ''), this.#tokenHash)
  }

  proven(connection: ControlConnection): void {
    clearTimeout(this.#unproven.get(connection))
    this.#unproven.delete(connection)
  }

  held(connection: ControlConnection): void {
    const before = this.#unfinished.get(connection) ?? 0
    const { bytesHeld } = connection
    this.#unfinishedBytes += bytesHeld - before
    if (bytesHeld === 0) this.#unfinished.delete(connection)
    else this.#unfinished.set(connection, bytesHeld)
    if (this.#unfinishedBytes <= this.#limits.unfinishedBytesMax) return
    const [largest] = [...this.#unfinished].reduce((most, each) => (each[1] > most[1] ? each : most))
    largest.end(new ControlError('MSMQ_CONTROL_BUSY', 'too much of requests that are not whole'))
    this.#forget(largest)
  }

  closed(connection: ControlConnection): void {
    this.proven(connection)
    this.#connections.delete(connection)
    this.#forget(connection)
  }

  #forget(connection: ControlConnection): void {
    this.#unfinishedBytes -= this.#unfinished.get(connection) ?? 0
    this.#unfinished.delete(connection)
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.connectionsMax) {
      const [oldest] = this.#unproven.keys()
      if (oldest === undefined) {
        socket.on('error', () => undefined)
        socket.destroy()
        return
      }
      oldest.destroy()
      this.closed(oldest)
    }
    const connection = new ControlConnection(this, socket)
    this.#connections.add(connection)
    this.#unproven.set(
      connection,
      setTimeout(() => connection.destroy(), this.#limits.helloMs),
    )
  }

  #listenOnce(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) => reject(error)
      this.#server.once('error', refused)
      const { endpoint } = this
      const where: ListenOptions = 'path' in endpoint ? { path: endpoint.path } : { ...endpoint }
      const restore = 'path' in endpoint ? ownerOnly() : () => undefined
      try {
        this.#server.listen({ ...where, backlog: 1024 }, () => {
          this.#server.off('error', refused)
          if ('path' in endpoint) chmodSync(endpoint.path, 0o600)
          resolve()
        })
      } finally {
        restore()
      }
    })
  }
}

/** Files made from now on are for this user alone, until what is returned is called. Threads share the mask and cannot
 *  set it; there the mode is set once the socket is there. */
function ownerOnly(): () => void {
  if (!isMainThread) return () => undefined
  const before = process.umask(0o177)
  return () => process.umask(before)
}

function listenError(server: string, endpoint: ControlEndpoint, error: unknown): TransportError {
  const inUse = systemCode(error) === 'EADDRINUSE'
  const what = inUse ? `another ${server} listens there, or a file is in the way` : systemCode(error)
  const where = `control ${controlEndpointText(endpoint)}`
  return new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', where, what, { cause: error })
}

function isLoopback(host: string): boolean {
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === 'localhost'
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
