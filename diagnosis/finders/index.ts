import type { FinderFactory } from '../context.js'
import { findClones } from './clones.js'
import { findDuplicates } from './duplicates.js'
import { findNegativeAcks } from './negative-acks.js'
import { findOrderAcks } from './order-acks.js'
import { findAckedButResent } from './resends.js'
import { findSequencesAtTheEnd } from './sequences-at-the-end.js'
import { findTranslations } from './translations.js'

/** Every finder. */
export const FINDERS: readonly FinderFactory[] = [
  findOrderAcks,
  findDuplicates,
  findAckedButResent,
  findSequencesAtTheEnd,
  findClones,
  findNegativeAcks,
  findTranslations,
]
