import type { DirectFormatName } from '../../protocol/format-name.js'
import { parseQueueUrl, type QueueUrl } from '../../protocol/srmp/queue-url.js'
import { requestTarget } from '../../protocol/srmp/request.js'
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
  /** Path and query as a request line has them, in lower case as the product sends it (4.2 to 4.4). */
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
    const queue = queueUrl(redirected ?? url)
    if (queue === null) return { kind: 'malformed' }
    if (this.isOwn(queue.host)) return { kind: 'here', path: queue.queuePath }
    return redirected === null && !this.#redirections.transparent
      ? { kind: 'foreign' }
      : { kind: 'elsewhere', formatName: `DIRECT=${redirected ?? url}` }
  }

  /** What the first message of a stream to `url` says in `sendReceiptsTo`: whatever the table says, or our order queue. */
  receiptsUrl(url: string): string {
    const replaced = streamReceiptRedirect(this.#redirections, url)
    if (replaced !== null) return replaced
    const secure = parseQueueUrl(url)?.scheme === 'https'
    const { host = this.#name, port = 80, securePort = 443 } = this.#options
    return `${secure ? 'https' : 'http'}://${withPort(host, secure ? securePort : port, secure)}/MSMQ/PRIVATE$/order_queue$`
  }

  /** Where messages to `url` are posted; null when that is no URL. Of an outbound redirection only the host counts. */
  hop(url: string): HttpHop | null {
    const queue = queueUrl(url)
    const through = outboundRedirect(this.#redirections, url)
    const server = through === null ? queue : parseQueueUrl(through)
    if (queue === null || server === null) return null
    const { host, port, scheme } = server
    const secure = scheme === 'https'
    const path = url.slice(url.indexOf('//') + 2).replaceAll('\\', '/')
    const target = requestTarget(path.slice(path.indexOf('/')))
    return { host, port, secure, hostHeader: withPort(host, port, secure), target }
  }
}

/** The queue that a URL names: a private or public one, no subqueue and no journal. Null when it names none. */
export function queueUrl(url: string): QueueUrl | null {
  const parsed = parseQueueUrl(url)
  if (parsed === null || parsed.virtualDirectory.toLowerCase() !== 'msmq') return null
  return parsed.queuePath === '' || parsed.queuePath.includes(';') ? null : parsed
}

/** `private$\\q` of `msmq/private$/q`: how local queues are called. */
export function localPath({ path }: DirectFormatName): string {
  return path.replace(/^msmq[/\\]/i, '').replaceAll('/', '\\')
}

function withPort(host: string, port: number, secure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (secure ? 443 : 80) ? name : `${name}:${port}`
}
