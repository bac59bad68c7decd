import { balancedHosts } from '../balanced-hosts.js'
import { EXERCISE_DEFINITIONS } from '../exercises.js'
import type { RunView } from '../finding.js'
import { EXPECTED_COUNTS, type Exercise, type Expectation, type ExpectedCount } from '../scenario-schema.js'
import { meets, type Verdict } from '../verdict.js'

/**
 * What a rule says a run will show. `always`: in every run that means anything. `sometimes`: in one of them at least, for
 * chance decides whether it comes about.
 */
export interface Prediction {
  readonly when: 'always' | 'sometimes'
  /** Groups of which one has to hold: all of its measures. One group is the common case. */
  readonly anyOf: readonly Expected[]
  /** What must have happened for the run to mean anything. */
  readonly given: readonly Exercise[]
}

/** Measures with what they are to be; written as in a scenario's `expect`. */
export type Expected = Readonly<Partial<Record<Measure, Expectation>>>

/** Counts of the verdict, and what is counted here. */
export type Measure = ExpectedCount | keyof typeof OWN_MEASURES

const OWN_MEASURES = {
  /** Balanced nodes that the balancer gave anything to. */
  nodesUsed: ({ run }: RunView) => balancedHosts(run).size,
  /** Order acks that reached a sender which is none of those they are for. */
  acksToOtherSenders: (view: RunView) => EXERCISE_DEFINITIONS['order-ack-to-wrong-sender'].count(view),
  /** Messages refused for want of their predecessor. */
  refusedInMidSequence: (view: RunView) => EXERCISE_DEFINITIONS['middle-of-sequence'].count(view),
  /** Connections that the balancer ended. */
  connectionsEnded: ({ run }: RunView) =>
    run.events.filter(event => event.kind === 'gateway-closed' && ['cut', 'idle'].includes(event.closed.manner)).length,
} as const satisfies Readonly<Record<string, (view: RunView) => number>>

/** Everything that went as senders would have it. */
export const ALL_WELL: Expected = {
  delivered: 'all',
  lost: 0,
  duplicated: 0,
  unacknowledged: 0,
  misroutedAcks: 0,
}

export const always = (expected: Expected, ...given: Exercise[]): Prediction => ({
  when: 'always',
  anyOf: [expected],
  given,
})

export const sometimes = (expected: Expected | readonly Expected[], ...given: Exercise[]): Prediction => ({
  when: 'sometimes',
  anyOf: Array.isArray(expected) ? expected : [expected as Expected],
  given,
})

/** `delivered all, lost 0`; groups are joined by `or`. */
export function predictionText({ when, anyOf }: Prediction): string {
  const groups = anyOf.map(expected =>
    Object.entries(expected)
      .map(([measure, value]) => `${measure} ${value}`)
      .join(', '),
  )
  return `${when === 'sometimes' ? 'at times ' : ''}${groups.join(' or ')}`
}

/** What one run says of a prediction. `vacuous`: what it needs did not happen. */
export interface Observation {
  readonly outcome: 'as predicted' | 'otherwise' | 'vacuous'
  /** The measures that the prediction names, as they were. */
  readonly measured: Readonly<Record<string, number>>
}

export function observe(prediction: Prediction, view: RunView, verdict: Verdict): Observation {
  const measured: Record<string, number> = {}
  const holds = (expected: Expected) =>
    (Object.entries(expected) as [Measure, Expectation][])
      .map(([measure, value]) => {
        measured[measure] ??= measureOf(measure, view, verdict)
        return meets(measured[measure], value, verdict.counts.sent)
      })
      .every(Boolean)
  const asPredicted = prediction.anyOf.map(holds).some(Boolean)
  const vacuous =
    verdict.counts.sent === 0 ||
    view.run.deaths.length > 0 ||
    verdict.findings.some(({ id }) => id === 'mqlab-disagrees') ||
    prediction.given.some(exercise => EXERCISE_DEFINITIONS[exercise].count(view) === 0)
  return { outcome: vacuous ? 'vacuous' : asPredicted ? 'as predicted' : 'otherwise', measured }
}

function measureOf(measure: Measure, view: RunView, verdict: Verdict): number {
  return isCount(measure) ? verdict.counts[measure] : OWN_MEASURES[measure](view)
}

const isCount = (measure: Measure): measure is ExpectedCount => (EXPECTED_COUNTS as readonly string[]).includes(measure)
