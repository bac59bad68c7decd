import { createRunView, createVerdict } from '../../lab/verdict.js'
import { syntheticRecord } from '../synthetic-record.js'

export interface Judged {
  readonly ms: number
  /** Largest that the process ever was, the record included. */
  readonly peakBytes: number
  readonly events: number
  /** Counts of the verdict that are not as they must be: `lost 3 instead of 4`. */
  readonly wrong: readonly string[]
  /** Ids of what was found. */
  readonly findings: readonly string[]
}

/** A process that makes the record of a run and judges it; the judging alone is timed. */
export async function startRecordJudge({ messages }: { readonly messages: number }) {
  return {
    judge(): Judged {
      const { run, expected } = syntheticRecord(messages)
      const fromMs = performance.now()
      const { counts, findings } = createVerdict(createRunView(run))
      const ms = performance.now() - fromMs
      const wrong = Object.entries(expected).flatMap(([name, count]) => {
        const actual = counts[name as keyof typeof expected]
        return actual === count ? [] : [`${name} ${actual} instead of ${count}`]
      })
      return {
        ms,
        peakBytes: process.resourceUsage().maxRSS * 1024,
        events: run.events.length,
        wrong,
        findings: findings.map(({ id }) => id),
      }
    },
  }
}
