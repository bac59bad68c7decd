/** How a message travels; `transactional` puts each group of `perTransaction` messages into one internal transaction. */
export type Delivery = 'express' | 'recoverable' | 'transactional'

/**
 * What one sender offers. Messages are numbered from 1. Those of transaction t (from 1) are numbers
 * `(t - 1) * perTransaction + 1` to `t * perTransaction`; the last transaction may be shorter. The message at place i
 * (from 0) of its transaction goes to destination `i mod destinations.length`. Without transactions `perTransaction`
 * only groups messages in time, and message n goes to destination `(n - 1) mod destinations.length`.
 */
export interface WorkloadSpec {
  /** Which sender this is, 0 to 65,535: it travels in every body and is apart from the queue manager's GUID, which
   *  clones share. */
  readonly sender: number
  /** Format names, at least one, such as `DIRECT=TCP:127.0.1.9\private$\orders`. */
  readonly destinations: readonly string[]
  readonly delivery: Delivery
  /** Messages in a transaction, 1 to 65,535. Default 1. */
  readonly perTransaction?: number
  /** Of transactions: every so many-th is aborted once all of it was sent. Absent: none. */
  readonly abortEvery?: number
  /** Bytes of body, identity included; raised to the identity's own size when smaller. */
  readonly bodyBytes: number
  /** Stop after so many messages. Without this and `durationMs` the workload goes on until it is told to stop. */
  readonly messages?: number
  /** Stop this long after the first message. */
  readonly durationMs?: number
  /** Messages a second, open loop: a message's intended time counts, whether or not it could be sent then. Absent: as
   *  fast as possible, bounded by `outgoingMax`. */
  readonly ratePerS?: number
  /** Spacing of groups when there is a rate. Default `constant`. */
  readonly arrival?: 'constant' | 'poisson'
  /** Of the Poisson arrivals. Default 1. */
  readonly seed?: number
  /** Most messages in the node's outgoing queues before an unpaced workload waits. Default 2,048; for
   *  transactional messages, which wait for their order ack, 65,536. */
  readonly outgoingMax?: number
  /** With a rate: wait for intended times less than 2 ms away by going round the event loop instead of by a timer of
   *  whole milliseconds. Costs a core; for measuring latencies. */
  readonly spin?: boolean
  readonly startDelayMs?: number
  /** MessagePropertiesHeader.Flags: PA 1, NA 4 and so on, with `adminQueue`. */
  readonly acknowledgements?: number
  readonly adminQueue?: string
  readonly timeToReachQueueS?: number
  readonly timeToBeReceivedS?: number
  /** 0 to 7, default 3; transactions force 0. */
  readonly priority?: number
  readonly journalNegative?: boolean
  readonly label?: string
}

/** The transaction, from 1, that message `number` belongs to. */
export function transactionOf(number: number, perTransaction: number): number {
  return Math.floor((number - 1) / perTransaction) + 1
}

/** Place in `destinations` that message `number` goes to. */
export function destinationIndex(spec: WorkloadSpec, number: number): number {
  const place = spec.delivery === 'transactional' ? (number - 1) % (spec.perTransaction ?? 1) : number - 1
  return place % spec.destinations.length
}
