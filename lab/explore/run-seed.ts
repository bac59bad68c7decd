import { DISAGREEMENT } from '../checkers/mqlab-disagrees.js'
import type { RunView } from '../finding.js'
import { eventsOf } from '../history.js'
import type { Scenario } from '../scenario-schema.js'
import { createRunView, createVerdict, type Verdict } from '../verdict.js'
import { simulateScenario } from '../worlds/simulated.js'
import { longestWaitMs } from './longest-wait.js'
import { failedSeed, type SeedSummary } from './seed-summary.js'

/** Runs a scenario, as the simulated world has it, with one seed. An error of the simulation or the engine is of its seed. */
export function runSeed(scenario: Scenario, seed: number): SeedSummary {
  try {
    const view = createRunView(simulateScenario(scenario, { seed, samples: false }))
    return summarise(view, createVerdict(view))
  } catch (error) {
    return failedSeed(seed, error instanceof Error ? placeOf(error) : String(error))
  }
}

/** What an exploration keeps of a run. */
function summarise({ run }: RunView, { findings, unmet, vacuous, counts }: Verdict): SeedSummary {
  const sinceStart = (atMs: number | null | undefined) => (atMs == null ? null : Math.round(atMs - run.startedMs))
  return {
    seed: run.seed,
    asExpected: unmet.length === 0 && run.deaths.length === 0 && findings.every(({ id }) => id !== DISAGREEMENT),
    anomalies: findings
      .filter(({ severity }) => severity === 'anomaly')
      .map(({ id, behaviour, count, first }) => ({
        kind: id,
        behaviour,
        count,
        firstMs: sinceStart(first.atMs),
        text: first.text,
      })),
    unmet,
    vacuous,
    sent: counts.sent,
    delivered: counts.delivered,
    durationMs: Math.round(run.endedMs - run.startedMs),
    longestWaitMs: longestWaitMs(run),
    firstResendMs: sinceStart(eventsOf(run, 'resend')[0]?.atMs),
  }
}

/** The message, and the line of code that it comes from. */
function placeOf({ message, stack = '' }: Error): string {
  const [, place] = /\n\s+at .*?([^/\\]+:\d+):\d+\)?/.exec(stack) ?? []
  return place === undefined ? message : `${message} (at ${place})`
}
