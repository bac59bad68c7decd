import { isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Action, ConnectionId, ExchangeId, HttpRequest } from '../queue-manager/actions.js'
import { HttpLink, type HttpLinkOwner } from './http-link.js'
import { trustedAuthorities } from './trusted-authorities.js'
import type { WireTap } from './wire-tap.js'

type HttpOpen = Extract<Action, { do: 'http-open' }>

export interface HttpClientOptions {
  /** Source of connections; absent: the system chooses. */
  readonly localAddress?: string
  /** Told of connections that are not over TLS. */
  readonly tap?: WireTap
  /** PEM; absent: the authorities that this platform trusts. */
  readonly ca?: string | Buffer
  /** How long a connection that is closed in order waits for answers. */
  readonly lingerMs: number
}

/** What becomes of posts; for one connection in the order of the posts, and once for each. */
export interface HttpClientOwner {
  answered(exchange: ExchangeId, status: number): void
  failed(exchange: ExchangeId, reason: string): void
}

/**
 * Carries out `http-open`, `http-post` and `http-close`. Each connection has at most one socket; when it breaks, all its
 * posts have failed, and the next post makes a new one. How long an answer may take is the engine's affair.
 */
export class HttpClient {
  readonly #connections = new Map<ConnectionId, HttpConnection>()
  readonly #options: HttpClientOptions
  readonly #owner: HttpClientOwner
  #secureContext: SecureContext | undefined

  constructor(options: HttpClientOptions, owner: HttpClientOwner) {
    this.#options = options
    this.#owner = owner
  }

  get postsUnderWay(): number {
    let posts = 0
    for (const connection of this.#connections.values()) posts += connection.postsUnderWay
    return posts
  }

  open({ connection: id, address, port, secure, host }: HttpOpen): void {
    const tls = () => (secure ? { host: withoutBrackets(host), context: this.#context() } : null)
    const { localAddress, tap } = this.#options
    const makeLink = (owner: HttpLinkOwner) => new HttpLink({ address, port, localAddress, tls: tls(), tap }, owner)
    // Only addresses: a peer's text must not make us ask a name server.
    const usable = isIP(address) !== 0
    this.#connections.set(
      id,
      new HttpConnection(this.#owner, usable ? makeLink : null, () => this.#connections.delete(id)),
    )
  }

  post(id: ConnectionId, exchange: ExchangeId, request: HttpRequest): void {
    this.#connections.get(id)?.post(exchange, request)
  }

  close(id: ConnectionId, how: 'graceful' | 'abort'): void {
    const connection = this.#connections.get(id)
    if (how === 'abort') connection?.abort()
    else connection?.close(this.#options.lingerMs)
  }

  /** Drops everything at once, without a word. */
  kill(): void {
    for (const connection of this.#connections.values()) connection.abort()
  }

  #context(): SecureContext {
    this.#secureContext ??= createSecureContext({ ca: this.#options.ca ?? trustedAuthorities() })
    return this.#secureContext
  }
}

/** What one `http-open` stands for: at any time one link or none. */
class HttpConnection implements HttpLinkOwner {
  readonly #owner: HttpClientOwner
  readonly #makeLink: ((owner: HttpLinkOwner) => HttpLink) | null
  readonly #gone: () => void
  #link: HttpLink | null = null
  #closing = false
  #lingerTimer: NodeJS.Timeout | undefined

  constructor(owner: HttpClientOwner, makeLink: ((owner: HttpLinkOwner) => HttpLink) | null, gone: () => void) {
    this.#owner = owner
    this.#makeLink = makeLink
    this.#gone = gone
  }

  get postsUnderWay(): number {
    return this.#link?.postsUnderWay ?? 0
  }

  post(exchange: ExchangeId, request: HttpRequest): void {
    if (this.#closing) return
    if (this.#makeLink === null) {
      this.#owner.failed(exchange, 'EADDRNOTAVAIL')
      return
    }
    if (this.#link?.isClosing) this.#link.end('closed')
    this.#link ??= this.#makeLink(this)
    this.#link.post(exchange, request)
  }

  close(lingerMs: number): void {
    if (this.#closing) return
    this.#closing = true
    if (this.postsUnderWay > 0) this.#lingerTimer = setTimeout(() => this.#link?.end('closed'), lingerMs)
    else this.#finish()
  }

  abort(): void {
    this.#closing = true
    if (this.#link === null) this.#finish()
    else this.#link.abort()
  }

  answered(exchange: ExchangeId, status: number): void {
    this.#owner.answered(exchange, status)
    if (this.#closing && this.postsUnderWay === 0) this.#finish()
  }

  failed(exchange: ExchangeId, reason: string): void {
    this.#owner.failed(exchange, reason)
  }

  ended(link: HttpLink): void {
    if (link === this.#link) this.#link = null
    if (this.#closing) this.#finish()
  }

  /** Closes what is left, and is over. */
  #finish(): void {
    clearTimeout(this.#lingerTimer)
    if (this.#link === null) this.#gone()
    else this.#link.close()
  }
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}
