import type { Column } from './columns.js'
import type { SymptomKind } from './symptoms.js'

interface KnownReason {
  readonly scenario: RegExp
  readonly columns: RegExp
  /** What it accounts for; `expectations`: that those of the scenario are not met. */
  readonly accountsFor: readonly (SymptomKind | 'expectations')[]
  readonly reason: string
}

/** Where balancers that model the same thing show different things, and why they must. */
const KNOWN_REASONS: readonly KnownReason[] = []

/** A sentence; null for what nobody has an explanation for. */
export function knownReason(
  scenario: string,
  { id }: Column,
  differences: readonly (SymptomKind | 'expectations')[],
): string | null {
  const known = KNOWN_REASONS.find(
    entry =>
      entry.scenario.test(scenario) &&
      entry.columns.test(id) &&
      differences.every(difference => entry.accountsFor.includes(difference)),
  )
  return known?.reason ?? null
}
