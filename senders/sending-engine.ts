import type { Counters } from '../queue-manager/counters.js'
import type { MessageToSend } from '../queue-manager/message-to-send.js'
import type { QueueManager } from '../queue-manager/queue-manager.js'

/** The part of a queue manager that a workload uses. It takes a message over within the call. */
export interface SendingEngine extends Pick<QueueManager, 'send' | 'sendTransaction' | 'begin' | 'abort'> {
  readonly counters: Pick<Counters, 'outgoingMessages'>
}

/** A message whose fields and body are written over once the queue manager has taken it. */
export type ReusedMessage = { -readonly [field in keyof MessageToSend]: MessageToSend[field] }
