import type { Deployment } from './deployment.js'
import { type RuleRow, type RuleVerdict, worstVerdict } from './rule.js'
import { RULES } from './rules/index.js'

export interface Validation {
  readonly deployment: Deployment
  /** The worst of the rows; `supported` where no rule has anything to say. */
  readonly verdict: RuleVerdict
  /** By rule, in their order. */
  readonly rows: readonly RuleRow[]
}

/** What every rule says of a topology. Pure. */
export function validate(deployment: Deployment): Validation {
  const rows = RULES.flatMap(({ id, check }) => check(deployment).map((finding): RuleRow => ({ rule: id, ...finding })))
  return { deployment, verdict: worstVerdict(rows.map(({ verdict }) => verdict)), rows }
}
