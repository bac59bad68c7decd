import type { UnmetExpectation } from '../verdict.js'

/** One kind of anomaly, as one seed showed it. */
export interface Sighting {
  /** A finding's id, such as `duplicated`; `run-failed` or `run-lost` when the run itself came to grief. */
  readonly kind: string
  /** Behaviour that it shows, such as `NLB-13`; null where the source documents name none. */
  readonly behaviour: string | null
  /** Messages, acknowledgements or machines that it befell. */
  readonly count: number
  /** Virtual milliseconds from the beginning of the load to the first of them; null when nobody can tell. */
  readonly firstMs: number | null
  /** The first of them, for people. */
  readonly text: string
}

/** What is kept of a run: little enough for a million of them. Plain data, for it comes from another thread. */
export interface SeedSummary {
  readonly seed: number
  /** Each expectation met, nobody died, mqlab agrees with itself, and the run came to its end. What was never exercised is judged over all seeds. */
  readonly asExpected: boolean
  readonly anomalies: readonly Sighting[]
  readonly unmet: readonly UnmetExpectation[]
  /** Exercises and claims that this seed did not show. */
  readonly vacuous: readonly string[]
  readonly sent: number
  readonly delivered: number
  /** Virtual milliseconds. */
  readonly durationMs: number
  /** Longest that a transactional message waited for its order ack, to the end if none came. Virtual milliseconds. */
  readonly longestWaitMs: number
  /** Virtual milliseconds to the first time that messages had to be sent again for want of an order ack; null when none had. */
  readonly firstResendMs: number | null
}

/** Kind of the sighting when the run threw an error; and when the thread that it ran in died, or had to be ended. */
export const RUN_FAILED = 'run-failed'
export const RUN_LOST = 'run-lost'

/** Stands for a run that did not come to its end: that too belongs to its seed. */
export function failedSeed(
  seed: number,
  why: string,
  kind: typeof RUN_FAILED | typeof RUN_LOST = RUN_FAILED,
): SeedSummary {
  return {
    seed,
    asExpected: false,
    anomalies: [{ kind, behaviour: null, count: 1, firstMs: null, text: why }],
    unmet: [],
    vacuous: [],
    sent: 0,
    delivered: 0,
    durationMs: 0,
    longestWaitMs: 0,
    firstResendMs: null,
  }
}
