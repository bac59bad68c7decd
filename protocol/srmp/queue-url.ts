/* URLs of queues: `http[s]://host[:port]/msmq/[private$/]name`, with slashes or backslashes. Source: [MS-MQMQ] 2.1.2,
 * [MC-MQSRM] 2.2.4.2. */

export interface QueueUrl {
  readonly scheme: 'http' | 'https'
  /** Without port, and without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
  /** First step of the path, as written. */
  readonly virtualDirectory: string
  /** `private$\name` or `name`, as written, without query; '' when the path ends before it. */
  readonly queuePath: string
  readonly private: boolean
  /** Behind the question mark; null without one. */
  readonly query: string | null
}

const START = /^https?:\/\/(?:\[[^\]\s]+\]|[^\s:/\\?[\]]+)(?::(\d{0,5}))?(?:[/\\?]|$)/i

/** Whether a text is such a URL as far as its host and port go, with blanks but no control characters in what follows. */
export function isHttpUrl(text: string): boolean {
  const match = START.exec(text)
  if (match === null || (match[1] !== undefined && Number(match[1]) > 65535)) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return false
  return true
}

const AUTHORITY = /^(\[[^\]\s]+\]|[^\s:[\]]+)(?::(\d{0,5}))?$/

/** Null when the text is no such URL: another scheme, no host, a port that is none. */
export function parseQueueUrl(text: string): QueueUrl | null {
  const mark = text.indexOf('?')
  const url = (mark < 0 ? text : text.slice(0, mark)).replaceAll('\\', '/')
  const colon = url.indexOf(':')
  const scheme = url.slice(0, colon).toLowerCase()
  if ((scheme !== 'http' && scheme !== 'https') || !url.startsWith('//', colon + 1)) return null
  const [authority, virtualDirectory = '', ...path] = url.slice(colon + 3).split('/')
  const match = AUTHORITY.exec(authority!)
  if (match === null) return null
  const port = match[2] ? Number(match[2]) : scheme === 'http' ? 80 : 443
  if (port > 65535) return null
  return {
    scheme,
    host: match[1]!.startsWith('[') ? match[1]!.slice(1, -1) : match[1]!,
    port,
    virtualDirectory,
    queuePath: path.join('\\'),
    private: path[0]?.toLowerCase() === 'private$',
    query: mark < 0 ? null : text.slice(mark + 1),
  }
}
