/*
 * Where messages over HTTP go instead of where their URL says: the tables of [MC-MQSRM] 3.1.1.1.7 to 3.1.1.1.10, and how a
 * URL is looked up in them. A queue manager reads them at its start; they stay as they are while it runs.
 */

/** `from` is compared with a URL; it may end in `*`, which stands for any rest. `to` is taken as it stands (3.1.1.1.10). */
export interface Redirection {
  readonly from: string
  readonly to: string
}

export interface Redirections {
  /** By the `to` of an arriving message: the queue it goes to, here or on another machine (3.1.1.1.10.2). */
  readonly inbound: readonly Redirection[]
  /** By the destination of a message sent: whose host it is sent to instead (3.1.1.1.10.1). The message stays as it is. */
  readonly outbound: readonly Redirection[]
  /** Destinations that `outbound` is not for; each may end in `*` (3.1.1.1.9). */
  readonly outboundExceptions: readonly string[]
  /** By the destination of a stream's first message: what it says in `sendReceiptsTo` (3.1.1.1.10.3). */
  readonly streamReceipts: readonly Redirection[]
  /** What it says there when `streamReceipts` has nothing (3.1.1.1.8). */
  readonly defaultStreamReceipt: string | null
  /** Messages for other machines are taken and sent on (3.1.1.1.7). */
  readonly transparent: boolean
}

/** As nobody configured anything. */
export const NO_REDIRECTIONS: Redirections = {
  inbound: [],
  outbound: [],
  outboundExceptions: [],
  streamReceipts: [],
  defaultStreamReceipt: null,
  transparent: false,
}

/**
 * The `to` of the first redirection whose `from` fits, or null. URLs are equal without regard to case, to whether slashes
 * lean forward or back, and to a port that is the scheme's own anyway (80, 443).
 */
export function redirect(table: readonly Redirection[], url: string): string | null {
  return table.length === 0 ? null : (table[patternsOf(table).firstMatch(comparableUrl(url))]?.to ?? null)
}

/** The URL whose host a message for `url` is sent to (3.1.7.9, matched with the whole URL); null: its own. */
export function outboundRedirect(redirections: Redirections, url: string): string | null {
  const to = redirect(redirections.outbound, url)
  if (to === null || redirections.outboundExceptions.length === 0) return to
  return patternsOf(redirections.outboundExceptions).firstMatch(comparableUrl(url)) < 0 ? to : null
}

/** Where receipts for a stream to `url` are asked to be sent (3.1.7.2.4); null: to the sender's own order queue. */
export function streamReceiptRedirect(redirections: Redirections, url: string): string | null {
  return redirect(redirections.streamReceipts, url) ?? redirections.defaultStreamReceipt
}

const AUTHORITY = /^(https?):\/\/([^/?#]*)/

/** A URL so that equal ones are equal texts. What is no http or https URL only loses its case and backslashes. */
export function comparableUrl(url: string): string {
  const text = url.toLowerCase().replaceAll('\\', '/')
  const found = AUTHORITY.exec(text)
  if (found === null) return text
  const [start, scheme, authority = ''] = found
  const colon = authority.lastIndexOf(':')
  // The colons of an IPv6 address stand before its bracket ends.
  if (colon < 0 || colon < authority.lastIndexOf(']')) return text
  const port = authority.slice(colon + 1)
  if (port !== '' && !(/^\d{1,5}$/.test(port) && Number(port) === (scheme === 'http' ? 80 : 443))) return text
  return `${scheme}://${authority.slice(0, colon)}${text.slice(start.length)}`
}

/** A `from` taken apart. A port that the `*` cuts short is no port yet, and stays. */
export function urlPattern(from: string): { readonly text: string; readonly isPrefix: boolean } {
  if (!from.endsWith('*')) return { text: comparableUrl(from), isPrefix: false }
  const start = from.slice(0, -1)
  const isCut = /^https?:[\\/]{2}[^\\/?#]*$/i.test(start)
  return { text: isCut ? start.toLowerCase().replaceAll('\\', '/') : comparableUrl(start), isPrefix: true }
}

/** Many URLs to compare one with. */
class UrlPatterns {
  readonly #equal = new Map<string, number>()
  readonly #prefixes: { readonly text: string; readonly index: number }[] = []

  constructor(patterns: readonly string[]) {
    for (const [index, from] of patterns.entries()) {
      const { text, isPrefix } = urlPattern(from)
      if (isPrefix) this.#prefixes.push({ text, index })
      else if (!this.#equal.has(text)) this.#equal.set(text, index)
    }
  }

  /** Index of the first that fits `url`, which is comparable; -1 when none does. */
  firstMatch(url: string): number {
    const equal = this.#equal.get(url) ?? -1
    for (const { text, index } of this.#prefixes) {
      if (equal >= 0 && index > equal) break
      if (url.startsWith(text)) return index
    }
    return equal
  }
}

/** Tables never change: each is taken apart once, when it is first asked. */
const known = new WeakMap<readonly (string | Redirection)[], UrlPatterns>()

function patternsOf(table: readonly (string | Redirection)[]): UrlPatterns {
  let patterns = known.get(table)
  if (patterns === undefined) {
    patterns = new UrlPatterns(table.map(row => (typeof row === 'string' ? row : row.from)))
    known.set(table, patterns)
  }
  return patterns
}
