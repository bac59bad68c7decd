import { type DirectFormatName, hostOf, parseFormatName } from '../../protocol/format-name.js'
import {
  NO_REDIRECTIONS,
  outboundRedirect,
  type Redirections,
  redirect,
  streamReceiptRedirect,
} from './redirections.js'

/** How a queue manager takes part in HTTP. */
export interface HttpOptions {
  /** Further names and addresses of this machine: a virtual name, a public address. Without port; case does not matter. */
  readonly aliases?: readonly string[]
  /** How other machines reach this one over HTTP, as `sendReceiptsTo` says it. Default: the computer's name, 80, 443. */
  readonly host?: string
  readonly port?: number
  readonly securePort?: number
  readonly redirections?: Redirections
}

/** Where a URL leads: to a path on this machine, to another machine by a mapping, or nowhere. */
export type UrlPlace =
  | { readonly kind: 'here'; readonly path: string }
  /** By the inbound table, or because messages for other machines are taken and sent on. */
  | { readonly kind: 'elsewhere'; readonly formatName: string }
  /** Another machine's, which no mapping names. */
  | { readonly kind: 'foreign' }
  /** No URL of a queue. */
  | { readonly kind: 'malformed' }

/** The next machine for messages to a URL, and what is asked of it. */
export interface HttpHop {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** Header `Host`: the host, and the port where it is not the scheme's own. */
  readonly hostHeader: string
  /** Path and query, in lower case as the product sends it (4.2 to 4.4). */
  readonly target: string
}

const REMEMBERED_MAX = 1_000
const REMEMBERED_URL_MAX = 512

/** Which URLs are this machine's, and which way messages to the others go ([MC-MQSRM] 3.1.5.1.3, 3.1.7.9, 3.1.7.2.4). */
export class HttpNames {
  readonly #own: ReadonlySet<string>
  readonly #options: HttpOptions
  readonly #redirections: Redirections
  readonly #name: string
  readonly #remembered = new Map<string, UrlPlace>()

  /** @param names of the computer, its addresses among them. */
  constructor(name: string, names: readonly string[], options: HttpOptions) {
    this.#name = name
    this.#options = options
    this.#redirections = options.redirections ?? NO_REDIRECTIONS
    this.#own = new Set([...names, ...(options.aliases ?? [])].map(each => each.toLowerCase()))
  }

  isOwn(host: string): boolean {
    return this.#own.has(host.toLowerCase())
  }

  /** Inbound table, then local check, then transparent forwarding (decision 0022). */
  locate(url: string): UrlPlace {
    const known = this.#remembered.get(url)
    if (known !== undefined) return known
    const place = this.#locate(url)
    if (url.length > REMEMBERED_URL_MAX) return place
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
    this.#remembered.set(url, place)
    return place
  }

  #locate(url: string): UrlPlace {
    const redirected = redirect(this.#redirections.inbound, url)
    const name = parseQueueUrl(redirected ?? url)
    if (name === null) return { kind: 'malformed' }
    if (this.isOwn(hostOf(name))) return { kind: 'here', path: localPath(name) }
    return redirected === null && !this.#redirections.transparent
      ? { kind: 'foreign' }
      : { kind: 'elsewhere', formatName: `DIRECT=${redirected ?? url}` }
  }

  /** What the first message of a stream to `url` says in `sendReceiptsTo`: whatever the table says, or our order queue. */
  receiptsUrl(url: string): string {
    const replaced = streamReceiptRedirect(this.#redirections, url)
    if (replaced !== null) return replaced
    const secure = isSecure(url)
    const { host = this.#name, port = 80, securePort = 443 } = this.#options
    return `${secure ? 'https' : 'http'}://${withPort(host, secure ? securePort : port, secure)}/MSMQ/PRIVATE$/order_queue$`
  }

  /** Where messages to `url` are posted; null when that is no URL. Of an outbound redirection only the host counts. */
  hop(url: string): HttpHop | null {
    const name = parseQueueUrl(url)
    const through = outboundRedirect(this.#redirections, url)
    const server = through === null ? name : parseServerUrl(through)
    if (name === null || server === null) return null
    const secure = server.protocol === 'HTTPS'
    const port = portOf(server)
    const host = hostOf(server)
    const path = url.slice(url.indexOf('//') + 2).replaceAll('\\', '/')
    return {
      host,
      port,
      secure,
      hostHeader: withPort(host, port, secure),
      target: path.slice(path.indexOf('/')).toLowerCase(),
    }
  }
}

/** A URL whose path does not matter. */
function parseServerUrl(url: string): DirectFormatName | null {
  const [server] = /^https?:\/\/[^/?#]+/i.exec(url.replaceAll('\\', '/')) ?? []
  return server === undefined ? null : parseQueueUrl(`${server}/msmq/any`)
}

/** The queue that a URL names; a query does not count. Null when it names none. */
export function parseQueueUrl(url: string): DirectFormatName | null {
  const query = url.indexOf('?')
  try {
    const name = parseFormatName(`DIRECT=${query < 0 ? url : url.slice(0, query)}`)
    return name.kind === 'direct' && isHttp(name) && name.suffix === '' && name.subqueue === undefined ? name : null
  } catch {
    return null
  }
}

export function isHttp({ protocol }: DirectFormatName): boolean {
  return protocol === 'HTTP' || protocol === 'HTTPS'
}

/** `private$\q` of `msmq/private$/q`: how local queues are called. */
export function localPath({ path }: DirectFormatName): string {
  return path.replace(/^msmq[/\\]/i, '').replaceAll('/', '\\')
}

function isSecure(url: string): boolean {
  return /^https:/i.test(url)
}

function portOf(name: DirectFormatName): number {
  const port = /:(\d+)$/.exec(name.address)?.[1]
  return port === undefined ? (name.protocol === 'HTTPS' ? 443 : 80) : Number(port)
}

function withPort(host: string, port: number, secure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`
}
