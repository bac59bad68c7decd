import type { Checker } from '../finding.js'
import { checkAcknowledgedEarly } from './acknowledged-early.js'
import { checkAcknowledgedUndelivered } from './acknowledged-undelivered.js'
import { checkCacheMisroute } from './cache-misroute.js'
import { checkCacheRows } from './cache-row.js'
import { checkDeadLetterAccount } from './dead-letter-account.js'
import { checkDeadLettered } from './dead-lettered.js'
import { checkDeliveredAfterExpiry } from './delivered-after-expiry.js'
import { checkDuplicated } from './duplicated.js'
import { checkGhosts } from './ghost.js'
import { checkIncompleteTransactions } from './incomplete-transaction.js'
import { checkLost } from './lost.js'
import { checkMisroutedAcks } from './misrouted-ack.js'
import { checkAgreement } from './mqlab-disagrees.js'
import { checkNameValidation } from './name-validation.js'
import { checkNodeDeaths } from './node-death.js'
import { checkReordered } from './reordered.js'
import { checkSequenceStuck } from './sequence-stuck.js'
import { checkUnacknowledged } from './unacknowledged.js'
import { checkWaitingAtFrontEnds } from './waiting-at-front-end.js'

/** Every checker, the worst news first: that mqlab contradicts itself. */
export const CHECKERS: readonly Checker[] = [
  checkAgreement,
  checkNodeDeaths,
  checkLost,
  checkAcknowledgedUndelivered,
  checkAcknowledgedEarly,
  checkGhosts,
  checkDuplicated,
  checkIncompleteTransactions,
  checkReordered,
  checkMisroutedAcks,
  checkCacheMisroute,
  checkCacheRows,
  checkUnacknowledged,
  checkWaitingAtFrontEnds,
  checkSequenceStuck,
  checkNameValidation,
  checkDeliveredAfterExpiry,
  checkDeadLetterAccount,
  checkDeadLettered,
]
