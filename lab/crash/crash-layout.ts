import { NO_REDIRECTIONS, type Redirection } from '../../queue-manager/http/redirections.js'
import type { HttpOptions } from '../../queue-manager/queue-manager.js'
import type { CrashQueue } from './crash-application.js'
import type { NodeLedgers } from './crash-check.js'
import type { LedgerLine } from './crash-ledger.js'
import type { OffersSpec } from './crash-offers.js'
import type { TakesSpec } from './crash-takes.js'

export const SENDER = 'crash-sender'
export const RECEIVER = 'crash-receiver'
/** Over HTTP, between the balancer and the receiver. */
export const FRONT_ENDS = ['crash-front-end-1', 'crash-front-end-2'] as const
export const CRASH_HTTP_PORT = 8080

/** In whose names is offered: the sender's messages, and the receiver's replies. */
const OFFERS = 1
const REPLIES = 2

const [ORDERS, PAYMENTS, RECOVERABLE, EXPRESS, REPLY, ORDERS_JOURNAL] = [0, 1, 2, 3, 4, 5]

/** In the order of their numbers. */
export const CRASH_QUEUES: readonly CrashQueue[] = [
  { node: RECEIVER, name: 'private$\\orders', transactional: true, journal: ORDERS_JOURNAL },
  { node: RECEIVER, name: 'private$\\payments', transactional: true },
  { node: RECEIVER, name: 'private$\\recoverable', transactional: false },
  { node: RECEIVER, name: 'private$\\express', transactional: false },
  { node: SENDER, name: 'private$\\replies', transactional: true },
  { node: RECEIVER, name: 'private$\\orders;journal', transactional: false, isJournal: true },
]

export interface CrashLoad {
  /** Mean times between two groups offered, and between two takes of a lane. */
  readonly offersEveryMs: number
  readonly takesEveryMs: number
  readonly outgoingMax: number
  readonly bodyBytesMax: number
}

/**
 * Addresses of the sender, of the receiver, and of what the sender names in its place: over HTTP a balancer, behind which
 * front ends map each queue to the receiver (NLB-5).
 */
export interface CrashPlaces {
  readonly over: 'binary' | 'http'
  readonly sender: string
  readonly receiver: string
  readonly cluster: string
}

export interface CrashLayout {
  readonly offers: OffersSpec
  readonly senderTakes: TakesSpec
  readonly receiverTakes: TakesSpec
}

/** Who sends what where in the crash campaign. */
export function crashLayout(
  { over, sender, receiver, cluster }: CrashPlaces,
  { offersEveryMs, takesEveryMs, outgoingMax, bodyBytesMax }: CrashLoad,
): CrashLayout {
  const formatName = (queue: number): string => {
    const { node, name } = CRASH_QUEUES[queue]!
    if (over === 'http') return `DIRECT=${queueUrl(node === SENDER ? sender : cluster, name)}`
    return `DIRECT=TCP:${node === SENDER ? sender : receiver}\\${name}`
  }
  return {
    offers: {
      sender: OFFERS,
      destinations: [
        { queue: ORDERS, formatName: formatName(ORDERS), kind: 'transactional' },
        { queue: PAYMENTS, formatName: formatName(PAYMENTS), kind: 'transactional' },
        { queue: RECOVERABLE, formatName: formatName(RECOVERABLE), kind: 'recoverable' },
        { queue: EXPRESS, formatName: formatName(EXPRESS), kind: 'express' },
      ],
      everyMs: offersEveryMs,
      outgoingMax,
      bodyBytesMax,
    },
    senderTakes: { node: SENDER, queues: CRASH_QUEUES, lanes: [[REPLY]], everyMs: takesEveryMs },
    receiverTakes: {
      node: RECEIVER,
      queues: CRASH_QUEUES,
      lanes: [[ORDERS, PAYMENTS], [RECOVERABLE], [EXPRESS], [ORDERS_JOURNAL]],
      everyMs: takesEveryMs,
      reply: { sender: REPLIES, queue: REPLY, formatName: formatName(REPLY) },
    },
  }
}

/** What a node says of itself over HTTP: the receiver knows the cluster's name as its own, and front ends pass it on. */
export function crashHttp(
  node: string,
  address: string,
  { receiver, cluster }: CrashPlaces,
): HttpOptions & { port: number } {
  const own = { host: address, port: CRASH_HTTP_PORT }
  if (node === SENDER) return own
  if (node === RECEIVER) return { ...own, aliases: [cluster] }
  const inbound = CRASH_QUEUES.flatMap(({ node: holder, name, isJournal }): Redirection[] =>
    holder === RECEIVER && isJournal !== true ? [{ from: queueUrl(cluster, name), to: queueUrl(receiver, name) }] : [],
  )
  return { ...own, redirections: { ...NO_REDIRECTIONS, inbound } }
}

function queueUrl(host: string, queue: string): string {
  return `http://${host}:${CRASH_HTTP_PORT}/msmq/${queue.replace('\\', '/')}`
}

export function nodeLedgers(
  senderOffers: readonly LedgerLine[],
  senderTakes: readonly LedgerLine[],
  receiverTakes: readonly LedgerLine[],
  frontEndTakes: readonly (readonly LedgerLine[])[] = [],
): NodeLedgers[] {
  return [
    { node: SENDER, offers: { sender: OFFERS, lines: senderOffers }, takes: senderTakes, replies: null },
    { node: RECEIVER, offers: null, takes: receiverTakes, replies: { sender: REPLIES, queue: REPLY } },
    // nothing is taken there, but much can be wrong
    ...frontEndTakes.map((takes, index) => ({ node: FRONT_ENDS[index]!, offers: null, takes, replies: null })),
  ]
}
