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
const KNOWN_REASONS: readonly KnownReason[] = [
  {
    scenario: /^nlb-16-nodes-of-windows-nlb-send$/,
    columns: /^(kernel-dnat|haproxy-transparent)$/,
    accountsFor: ['expectations'],
    reason:
      'An appliance balances what a host sends to the cluster address like anything else. Only where hosts hold that address themselves, as with Windows NLB and direct server return, does it never leave them.',
  },
]

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
