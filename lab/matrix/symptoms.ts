import type { Verdict, VerdictCounts } from '../verdict.js'

/** Something that is not as senders would have it. Nothing of it: the configuration works. */
export interface Symptom {
  readonly kind: SymptomKind
  readonly count: number
}

const COUNT_OF = {
  lost: 'lost',
  duplicated: 'duplicated',
  torn: 'incompleteTransactions',
  reordered: 'reordered',
  misrouted: 'misroutedAcks',
  unacknowledged: 'unacknowledged',
  waiting: 'waitingAtFrontEnds',
  refused: 'discardedByNameValidation',
  'dead-lettered': 'deadLettered',
  unknown: 'unknown',
} as const satisfies Readonly<Record<string, keyof VerdictCounts>>

export type SymptomKind = keyof typeof COUNT_OF

/** What each means, for the legend. */
export const SYMPTOM_MEANINGS: Readonly<Record<SymptomKind, string>> = {
  lost: 'messages that are nowhere',
  duplicated: 'messages delivered more than once',
  torn: 'transactions that no receiver has whole',
  reordered: 'messages delivered after a later one',
  misrouted: 'order acks that landed on the wrong machine',
  unacknowledged: 'messages still in an outgoing queue',
  waiting: 'messages still at a front end',
  refused: 'messages discarded for the machine name in them',
  'dead-lettered': 'messages in a dead-letter queue',
  unknown: 'messages whose fate nobody can tell',
}

export const SYMPTOM_KINDS = Object.keys(COUNT_OF) as SymptomKind[]

export function symptomsOf({ counts }: Pick<Verdict, 'counts'>): Symptom[] {
  return SYMPTOM_KINDS.flatMap(kind => {
    const count = counts[COUNT_OF[kind]]
    return count > 0 ? [{ kind, count }] : []
  })
}

/** `works`, or what was seen: `misrouted 3, unacknowledged 9`. */
export function symptomsText(symptoms: readonly Symptom[]): string {
  return symptoms.length === 0 ? 'works' : symptoms.map(({ kind, count }) => `${kind} ${count}`).join(', ')
}
