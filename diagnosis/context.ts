import type { BalancerSides } from './balancer-sides.js'
import type { Coverage } from './coverage.js'
import type { Finder, Findings } from './finder.js'
import type { Parties } from './parties.js'
import type { SeenTransactions } from './seen-transactions.js'
import type { Sequences } from './sequences.js'

/** What every finder may ask. */
export interface DiagnosisContext {
  readonly book: Findings
  readonly parties: Parties
  readonly coverage: Coverage
  readonly sequences: Sequences
  readonly transactions: SeenTransactions
  readonly sides: BalancerSides
  /** Time of the frame that is being read, microseconds since 1970. */
  nowUs(): number
}

export type FinderFactory = (context: DiagnosisContext) => Finder
