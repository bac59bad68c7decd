import type { FinderFactory } from '../context.js'
import { findAttempts } from './attempts.js'
import { findCaptureLimits } from './capture-limits.js'
import { findClocks } from './clocks.js'
import { findClones } from './clones.js'
import { findDamagedPackets } from './damaged-packets.js'
import { findDuplicates } from './duplicates.js'
import { findExpiredMessages } from './expired-messages.js'
import { findHttpStatuses } from './http-statuses.js'
import { findLateOrderAcks } from './late-order-acks.js'
import { findLostReceipts } from './lost-receipts.js'
import { findMalformedEnvelopes } from './malformed-envelopes.js'
import { findMalformedPackets } from './malformed-packets.js'
import { findNegativeAcks } from './negative-acks.js'
import { findOrderAcks } from './order-acks.js'
import { findPings } from './pings.js'
import { findRefusedHandshakes } from './refused-handshakes.js'
import { findResendLadders } from './resend-ladder.js'
import { findAckedButResent } from './resends.js'
import { findSequencesAtTheEnd } from './sequences-at-the-end.js'
import { findSessionFlow } from './session-flow.js'
import { findSilence } from './session-silence.js'
import { findTcpStalls } from './tcp-stalls.js'
import { findTornTransactions } from './torn-transactions.js'
import { findTranslations } from './translations.js'
import { findUnansweredRequests } from './unanswered-requests.js'

/** Every finder. */
export const FINDERS: readonly FinderFactory[] = [
  findOrderAcks,
  findDuplicates,
  findAckedButResent,
  findSequencesAtTheEnd,
  findTornTransactions,
  findClones,
  findNegativeAcks,
  findTranslations,
  findResendLadders,
  findLateOrderAcks,
  findSessionFlow,
  findSilence,
  findTcpStalls,
  findRefusedHandshakes,
  findAttempts,
  findMalformedPackets,
  findExpiredMessages,
  findClocks,
  findHttpStatuses,
  findUnansweredRequests,
  findLostReceipts,
  findMalformedEnvelopes,
  findPings,
  findDamagedPackets,
  findCaptureLimits,
]
