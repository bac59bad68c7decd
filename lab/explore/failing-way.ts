import { DISAGREEMENT } from '../checkers/mqlab-disagrees.js'
import type { Expectation, ExpectedCount, Scenario } from '../scenario-schema.js'
import type { Exploration } from './exploration.js'
import { RUN_FAILED, type SeedSummary } from './seed-summary.js'

/**
 * A way of failing that a smaller scenario can have in common with a larger one: too much of a count, fewer than all
 * messages, a kind of anomaly. That something did not happen at all is none: the less a scenario does, the less happens.
 */
export type FailingWay =
  | { readonly kind: 'unmet'; readonly count: ExpectedCount; readonly expected: Expectation }
  | { readonly kind: 'anomaly'; readonly id: string }

export interface FailingSeed {
  readonly seed: number
  readonly way: FailingWay
}

/** Counts that say nothing but how much was asked for: `all` of them is meant whatever the number. */
const OF_ALL: ReadonlySet<ExpectedCount> = new Set(['sent', 'accepted', 'delivered'])

/** The count of the verdict in which a kind of anomaly shows. */
const COUNT_OF: Readonly<Record<string, ExpectedCount>> = {
  lost: 'lost',
  duplicated: 'duplicated',
  reordered: 'reordered',
  unacknowledged: 'unacknowledged',
  undelivered: 'unacknowledged',
  'waiting-at-front-end': 'waitingAtFrontEnds',
  'incomplete-transaction': 'incompleteTransactions',
  'name-validation': 'discardedByNameValidation',
  'dead-lettered': 'deadLettered',
  'misrouted-ack': 'misroutedAcks',
  'misrouted-ack-other-sender': 'misroutedAcks',
  'misrouted-ack-clone': 'misroutedAcks',
}

/** Lowest seeds of the different ways in which an exploration failed, most frequent first, at most `most`; a seed once. */
export function failingSeeds(exploration: Exploration, most: number): FailingSeed[] {
  const { unmet, anomalies, sent, seeds } = exploration
  const found: FailingSeed[] = [
    ...unmet.flatMap(({ count, expected, firstSeed, least, most }): FailingSeed[] => {
      const way = unmetWay(count, expected, least, most, seeds === 0 ? 0 : sent / seeds)
      return way === null ? [] : [{ seed: firstSeed, way }]
    }),
    ...anomalies.flatMap(({ kind, firstSeed }): FailingSeed[] =>
      kind === RUN_FAILED || kind === DISAGREEMENT ? [{ seed: firstSeed, way: { kind: 'anomaly', id: kind } }] : [],
    ),
  ]
  return found.filter(({ seed }, index) => found.findIndex(other => other.seed === seed) === index).slice(0, most)
}

function unmetWay(
  count: ExpectedCount,
  expected: Expectation,
  least: number,
  most: number,
  sent: number,
): FailingWay | null {
  if (expected === 'all') return OF_ALL.has(count) ? { kind: 'unmet', count, expected } : null
  if (typeof expected === 'string') return expected.startsWith('<') ? { kind: 'unmet', count, expected } : null
  if (OF_ALL.has(count) && expected === sent && least < expected) return { kind: 'unmet', count, expected: 'all' }
  if (most <= expected) return null
  return { kind: 'unmet', count, expected: expected === 0 ? 0 : `<= ${expected}` }
}

/** The scenario that expects nothing but what fails this way, so that running it shows that. */
export function expectingOnly(scenario: Scenario, way: FailingWay): Scenario {
  const count = way.kind === 'unmet' ? way.count : COUNT_OF[way.id]
  const expected = way.kind === 'unmet' ? way.expected : 0
  const expect = (count === undefined ? {} : { [count]: expected }) as Scenario['expect']
  return { ...scenario, expect, behaviours: [], exercises: [] }
}

/** Whether a seed failed this way. */
export function failsThisWay({ unmet, anomalies }: SeedSummary, way: FailingWay): boolean {
  if (way.kind === 'unmet') return unmet.some(({ count }) => count === way.count)
  return anomalies.some(({ kind }) => kind === way.id)
}

/** Ways that a longer wait may heal: cutting the wait short would make any scenario fail so. */
export function mayHeal(way: FailingWay): boolean {
  return way.kind === 'unmet' ? !LASTING_COUNTS.has(way.count) : !LASTING_IDS.has(way.id)
}

const LASTING_COUNTS: ReadonlySet<ExpectedCount> = new Set([
  'lost',
  'duplicated',
  'duplicateCopies',
  'reordered',
  'misroutedAcks',
  'discardedByNameValidation',
  'deadLettered',
])
const LASTING_IDS: ReadonlySet<string> = new Set([
  'lost',
  'duplicated',
  'reordered',
  'name-validation',
  'dead-lettered',
])

/** For people: `duplicated: expected 0`, `anomaly reordered`. */
export function wayText(way: FailingWay): string {
  return way.kind === 'unmet' ? `${way.count}, expected ${way.expected}` : way.id
}
