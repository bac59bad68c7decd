import type { CrashQueue } from './crash-application.js'
import type { NodeLedgers } from './crash-check.js'
import type { LedgerLine } from './crash-ledger.js'
import type { OffersSpec } from './crash-offers.js'
import type { TakesSpec } from './crash-takes.js'

export const SENDER = 'crash-sender'
export const RECEIVER = 'crash-receiver'

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

export interface CrashLayout {
  readonly offers: OffersSpec
  readonly senderTakes: TakesSpec
  readonly receiverTakes: TakesSpec
}

/** Who sends what where in the crash campaign, on addresses of the sender and the receiver. */
export function crashLayout(
  [sender, receiver]: readonly [sender: string, receiver: string],
  { offersEveryMs, takesEveryMs, outgoingMax, bodyBytesMax }: CrashLoad,
): CrashLayout {
  const formatName = (queue: number): string => {
    const { node, name } = CRASH_QUEUES[queue]!
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

export function nodeLedgers(
  senderOffers: readonly LedgerLine[],
  senderTakes: readonly LedgerLine[],
  receiverTakes: readonly LedgerLine[],
): NodeLedgers[] {
  return [
    { node: SENDER, offers: { sender: OFFERS, lines: senderOffers }, takes: senderTakes, replies: null },
    { node: RECEIVER, offers: null, takes: receiverTakes, replies: { sender: REPLIES, queue: REPLY } },
  ]
}
