/* URLs of queues, `http[s]://host[:port]/msmq/[private$/]queue` ([MS-MQMQ] 2.1.2): slashes may lean back, case is nothing. */

export interface QueueUrl {
  readonly scheme: 'http' | 'https'
  /** Lower case, without port and brackets. */
  readonly host: string
  /** The scheme's own where none is written. */
  readonly port: number
  /** `private$\name` or `name`, lower case; null where the path names no queue. */
  readonly queue: string | null
  /** Lower case, from its slash on, without query. */
  readonly path: string
  readonly query: string | null
  readonly fragment: string | null
}

const URL = /^(https?):\/\/([^/?#]+)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s
const QUEUE_NAME_MAX = 124
const AUTHORITY = /^(?:\[([^\]]+)\]|([^:[\]@]+))(?::(\d{0,5}))?$/

/** Null for what is no http or https URL with a host. */
export function parseQueueUrl(text: string): QueueUrl | null {
  const url = URL.exec(text.toLowerCase().replaceAll('\\', '/'))
  if (url === null) return null
  const [, scheme = '', authority = '', path = '', query = null, fragment = null] = url
  const found = AUTHORITY.exec(authority)
  if (found === null || /\s/.test(authority)) return null
  const [, bracketed, plain = '', digits] = found
  const port = digits === undefined || digits === '' ? (scheme === 'http' ? 80 : 443) : Number(digits)
  if (port > 65_535) return null
  return {
    scheme: scheme as QueueUrl['scheme'],
    host: bracketed ?? plain,
    port,
    queue: queueOf(path),
    path,
    query,
    fragment,
  }
}

function queueOf(path: string): string | null {
  const steps = path.split('/').slice(1)
  if (steps.shift() !== 'msmq' || steps.length === 0 || steps.length > 2 || steps.includes('')) return null
  if (steps.length === 2 ? steps[0] !== 'private$' : steps[0] === 'private$') return null
  // What a queue's name cannot have ([MS-MQMQ] 2.1.1): a subqueue cannot be sent to either.
  const name = steps.at(-1) ?? ''
  if (name.length > QUEUE_NAME_MAX || /[;+,"\p{Cc}]/u.test(name)) return null
  return steps.join('\\')
}

/** Where stream receipts go at each sender ([MC-MQSRM] 3.1.7.2.4). */
export const ORDER_QUEUE = 'private$\\order_queue$'

/** Without what follows the first dot, for names; addresses stay. */
export function shortHost(host: string): string {
  return /^[\d.]+$|:/.test(host) ? host : (host.split('.', 1)[0] ?? host)
}
