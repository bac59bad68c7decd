import type { Now } from '../queue-manager/clock.js'

/** The part of a queue manager that a workload uses. */
export interface SendingEngine {
  readonly counters: { readonly outgoingMessages: number }
  /** Takes the message over within the call: its body may be overwritten afterwards. */
  send(now: Now, message: OfferedMessage): SendTicket
  sendTransaction(now: Now, messages: OfferedMessage[]): SendTicket
}

export interface OfferedMessage {
  destination: string
  body: Buffer
  delivery?: 'express' | 'recoverable'
  label?: string
  priority?: number
  timeToReachQueueS?: number
  timeToBeReceivedS?: number
  acknowledgements?: number
  adminQueue?: string
  journalNegative?: boolean
}

export interface SendTicket {
  /** Comes back with the outcome. */
  readonly request: number
  readonly messageIds: readonly number[]
}
