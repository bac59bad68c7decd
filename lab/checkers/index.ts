import type { Checker } from '../finding.js'
import { checkCacheMisroute } from './cache-misroute.js'
import { checkDeadLettered } from './dead-lettered.js'
import { checkDuplicated } from './duplicated.js'
import { checkIncompleteTransactions } from './incomplete-transaction.js'
import { checkLost } from './lost.js'
import { checkMisroutedAcks } from './misrouted-ack.js'
import { checkNameValidation } from './name-validation.js'
import { checkNodeDeaths } from './node-death.js'
import { checkReordered } from './reordered.js'
import { checkSequenceStuck } from './sequence-stuck.js'
import { checkUnacknowledged } from './unacknowledged.js'
import { checkWaitingAtFrontEnds } from './waiting-at-front-end.js'

/** Every checker, the worst news first. */
export const CHECKERS: readonly Checker[] = [
  checkNodeDeaths,
  checkLost,
  checkDuplicated,
  checkIncompleteTransactions,
  checkReordered,
  checkMisroutedAcks,
  checkCacheMisroute,
  checkUnacknowledged,
  checkWaitingAtFrontEnds,
  checkSequenceStuck,
  checkNameValidation,
  checkDeadLettered,
]
