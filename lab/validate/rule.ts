import type { Scenario } from '../scenario-schema.js'
import type { Deployment } from './deployment.js'
import type { Prediction } from './prediction.js'

/**
 * From good to bad. `supported`: nothing is left to do. `supported-if`: it depends on what the file cannot say, or it works
 * in part. `unknown`: the file leaves out what decides. `unsupported`: it fails, or nobody vouches for it.
 */
export const RULE_VERDICTS = ['supported', 'supported-if', 'unknown', 'unsupported'] as const
export type RuleVerdict = (typeof RULE_VERDICTS)[number]

/** What one rule says of one part of a topology. */
export interface RuleFinding {
  readonly verdict: RuleVerdict
  /** The part of the file that it is about. */
  readonly path: readonly PropertyKey[]
  /** Under `supported-if`: what has to hold. */
  readonly condition?: string
  /** Why, in plain words. */
  readonly reason: string
  /** What people see. */
  readonly consequence: string
  /** Nothing to do: absent. */
  readonly remedy?: string
  readonly proof: Trial | NotRun
}

/** A run that shows whether a finding is right. */
export interface Trial {
  readonly prediction: Prediction
  /** Load or faults beyond what the file says, without which it would not show; null where the file's own traffic does. */
  readonly stress: string | null
  readonly scenario: (world: ProofWorld) => Scenario
  /** Why it runs in the simulation alone. */
  readonly simulationOnly?: string
}

export interface NotRun {
  /** Why nothing can be run for it, in a sentence. */
  readonly notRun: string
}

export type ProofWorld = 'sim' | 'sockets'

export const isTrial = (proof: Trial | NotRun): proof is Trial => 'scenario' in proof

export interface Rule {
  /** A behaviour of docs/scenarios.md, or one of message queuing (MQ-) or of clusters (CLU-), and what it is about. */
  readonly id: string
  /** What it looks at, for the table of rules. */
  readonly about: string
  /** Verdicts that it can give. */
  readonly verdicts: readonly RuleVerdict[]
  /** What a run has to show, for the table of rules. */
  readonly shownBy: string
  /** Its findings; none where it does not apply. */
  readonly check: (deployment: Deployment) => readonly RuleFinding[]
}

export interface RuleRow extends RuleFinding {
  readonly rule: string
}

export function worstVerdict(verdicts: readonly RuleVerdict[]): RuleVerdict {
  return RULE_VERDICTS[Math.max(0, ...verdicts.map(verdict => RULE_VERDICTS.indexOf(verdict)))]!
}
