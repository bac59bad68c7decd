import type { QueueName } from '../protocol/binary/queue-name.js'
import { type FormatName, isHttp } from '../protocol/format-name.js'
import { urlText } from '../protocol/srmp/from-packet.js'
import { localPath, queueUrl } from './http/names.js'

/** Queues of queue managers rather than of applications: acknowledgements, notifications ([MS-MQCN] 1.9) and orders. */
const PATH = /^(?:private\$\\)?(?:admin_queue|notify_queue|order_queue)\$$/i
/** Private queue numbers that are published: notifications 3, orders 4. */
const NUMBERS: ReadonlySet<number> = new Set([3, 4])

/**
 * Is it a service queue of some machine? Messages to such are neither acknowledged to an administration queue nor journaled
 * at their source ([MS-MQQB] <2>, <62>).
 */
export function isServiceQueue(name: QueueName | null): boolean {
  switch (name?.type) {
    case 'DirectQueueFormatName':
      return PATH.test(directPath(name.name))
    case 'PrivateQueueFormatNameId':
      return NUMBERS.has(name.number)
    default:
      return false
  }
}

/** What follows the machine in a name such as `OS:server\\private$\\q` or `HTTP://server/msmq/private$/q`. */
function directPath(wireName: string): string {
  const url = urlText(wireName)
  if (url === null) return wireName.slice(wireName.indexOf('\\') + 1)
  return queueUrl(url)?.queuePath ?? ''
}

/** The same for a name that an application gives. */
export function isServiceName(name: FormatName): boolean {
  if (name.kind === 'direct') return PATH.test(isHttp(name) ? localPath(name) : name.path)
  return name.kind === 'private' && NUMBERS.has(name.number)
}
