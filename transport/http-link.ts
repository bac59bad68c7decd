import { createConnection, isIP, type Socket } from 'node:net'
import { checkServerIdentity, type SecureContext, connect as secureConnect } from 'node:tls'
import type { Client } from 'undici'
import type { ExchangeId, HttpRequest } from '../queue-manager/actions.js'
import { resetNow } from './abrupt-close.js'
import { systemCode } from './errors.js'
import { skipContinueAnswers } from './interim-answers.js'
import { SocketTap } from './socket-tap.js'
import { undiciClient } from './undici.js'
import type { WireTap } from './wire-tap.js'

/** An answer may have a body, of which nothing is wanted; one that is longer is a failure. */
const ANSWER_BODY_BYTES_MAX = 65_536

/** The longest wait of a Node timer. undici must not close what is idle before it is told to. */
const NEVER_MS = 2 ** 31 - 1

/** Headers that concern one connection, or that undici writes itself. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

export interface HttpLinkTarget {
  /** IP address; names are never looked up here. */
  readonly address: string
  readonly port: number
  readonly localAddress: string | undefined
  /** Absent: plain HTTP. `host` is what the certificate must be for. */
  readonly tls: { readonly host: string; readonly context: SecureContext } | null
  /** Told of the link where it is plain. */
  readonly tap: WireTap | undefined
}

export interface HttpLinkOwner {
  answered(exchange: ExchangeId, status: number): void
  failed(exchange: ExchangeId, reason: string): void
  /** A later post needs another link. What is still under way on this one is reported next. */
  ended(link: HttpLink): void
}

/**
 * One socket that posts go out on, one after the other without waiting, in the order in which they are asked for. It
 * connects with the first. undici would send what is unanswered once more on a new socket when one breaks; whether that
 * is right only the engine knows, so a link never has a second socket: when it breaks, all that is under way has failed.
 */
export class HttpLink {
  readonly #target: HttpLinkTarget
  readonly #owner: HttpLinkOwner
  readonly #client: Client
  readonly #underWay = new Set<ExchangeId>()
  #socket: Socket | null = null
  #ended = false
  #corked = false

  constructor(target: HttpLinkTarget, owner: HttpLinkOwner) {
    this.#target = target
    this.#owner = owner
    this.#client = new (undiciClient())('http://link', {
      connect: (_, report) => this.#connect(report),
      pipelining: Number.MAX_SAFE_INTEGER,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: NEVER_MS,
      keepAliveMaxTimeout: NEVER_MS,
      // Taken off what a server says of how long it waits, so that the link outlasts it.
      keepAliveTimeoutThreshold: -NEVER_MS,
    })
    // Not before these events may the client be destroyed: undici still goes through its queue.
    const over = () => {
      this.end('closed')
      this.#client.destroy().catch(() => undefined)
    }
    this.#client.on('disconnect', over).on('connectionError', over)
  }

  get postsUnderWay(): number {
    return this.#underWay.size
  }

  /** The other side, or what it said, has closed the socket, and undici has not got to saying so. */
  get isClosing(): boolean {
    return this.#socket?.destroyed ?? false
  }

  post(exchange: ExchangeId, { method, target, headers, body }: HttpRequest): void {
    this.#underWay.add(exchange)
    this.#gatherWrites()
    let status = 0
    let bodyBytes = 0
    this.#client.dispatch(
      {
        method,
        path: target,
        headers: headers.filter(([name]) => !OWN_HEADERS.has(name.toLowerCase())).flat(),
        body: body.length === 1 ? body[0]! : Buffer.concat(body),
        // That lets undici send it before those in front of it are answered; it never gets to send it again.
        idempotent: true,
        blocking: false,
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_, statusCode) => {
          status = statusCode
        },
        onResponseData: (_, { length }) => {
          bodyBytes += length
          if (bodyBytes > ANSWER_BODY_BYTES_MAX) this.end('the answer is too long')
        },
        onResponseEnd: () => {
          if (this.#underWay.delete(exchange)) this.#owner.answered(exchange, status)
        },
        onResponseError: (_, error) => {
          if (error.name !== 'InvalidArgumentError') this.end(reasonOf(error))
          else if (this.#underWay.delete(exchange)) this.#owner.failed(exchange, error.message)
        },
      },
    )
  }

  /** Resets the connection; whatever is under way has failed, in the order in which it was posted. */
  end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#socket !== null) {
      // A TLS socket cannot reset.
      if (this.#target.tls === null) resetNow(this.#socket)
      else this.#socket.destroy()
    }
    const failed = [...this.#underWay]
    this.#underWay.clear()
    this.#owner.ended(this)
    for (const exchange of failed) this.#owner.failed(exchange, reason)
  }

  /** Ends without a word about what is under way. */
  abort(): void {
    this.#underWay.clear()
    this.end('aborted')
  }

  /** Ends in order, with a FIN; nothing may be under way. */
  close(): void {
    this.#ended = true
    this.#socket?.destroy()
    this.#owner.ended(this)
  }

  #connect(report: (...args: [error: null, socket: Socket] | [error: Error, socket: null]) => void): void {
    if (this.#ended || this.#socket !== null) {
      report(new Error('closed'), null)
      return
    }
    const { address, port, localAddress, tls, tap } = this.#target
    const where = { host: address, port, ...(localAddress !== undefined && { localAddress }) }
    const socket = tls === null ? createConnection({ ...where, noDelay: true }) : secureConnect(securely(where, tls))
    this.#socket = socket
    if (tls === null) SocketTap.connecting(tap, socket, { address, port })
    socket.on('error', () => undefined)
    const failed = (error: Error) => {
      this.end(reasonOf(error))
      report(error, null)
    }
    const closed = () => failed(new Error('closed'))
    socket.once('error', failed)
    socket.once('close', closed)
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      socket.off('error', failed)
      socket.off('close', closed)
      socket.setNoDelay(true)
      skipContinueAnswers(socket)
      this.#gatherWrites()
      report(null, socket)
    })
  }

  /** What is posted in one turn goes out as one write. */
  #gatherWrites(): void {
    const socket = this.#socket
    if (this.#corked || socket === null || socket.connecting) return
    this.#corked = true
    socket.cork()
    process.nextTick(() => {
      this.#corked = false
      socket.uncork()
    })
  }
}

function securely(
  where: { host: string; port: number; localAddress?: string },
  { host, context }: NonNullable<HttpLinkTarget['tls']>,
) {
  return {
    ...where,
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 && { servername: host }),
    checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(host, certificate),
  }
}

/** Short: the system's code, or undici's words where it has only a code of its own. */
function reasonOf(error: Error): string {
  if (error.name === 'HTTPParserError') return 'the answer is not HTTP'
  const code = systemCode(error)
  return code.startsWith('UND_') ? error.message : code
}
