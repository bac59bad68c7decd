import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Scenario } from '../scenario-schema.js'
import { ddmin } from './ddmin.js'
import { expectingOnly, type FailingSeed, type FailingWay, failsThisWay, mayHeal } from './failing-way.js'
import { fewerMachines, fewerMessages, lessSaid, type Reduction, roundedTimes, shorterTimes } from './reductions.js'
import { asWritten } from './scenario-text.js'
import type { SeedSummary } from './seed-summary.js'

export interface ShrinkOptions {
  /** Runs one; lab/explore/run-seed.ts. */
  readonly run: (scenario: Scenario, seed: number) => SeedSummary
  /** Most runs. Default 400. */
  readonly runsMax?: number
  /** When to stop, whatever is left: a bound for the impatient, for what is found then depends on the machine. Default 120,000 ms. */
  readonly limitMs?: number
  readonly onProgress?: (runs: number, current: Scenario) => void
  /** Ends it early, with the smallest so far. */
  readonly signal?: AbortSignal
}

export interface Shrunk {
  readonly seed: number
  readonly way: FailingWay
  /** For the simulated world; it carries its seed. */
  readonly scenario: Scenario
  readonly runs: number
  /** Nothing that was tried makes it smaller. Otherwise runs or time were over. */
  readonly minimal: boolean
}

const RUNS_MAX = 400
const LIMIT_MS = 120_000

/**
 * The smallest scenario found that still fails in the same way with the same seed: fewer faults, messages, machines, less
 * said, rounder and shorter times. One change at a time is tried and kept when the failure stays and no other kind of
 * anomaly comes in. The same scenario, seed and bounds on runs give the same.
 *
 * `scenario`: as the simulated world runs it, with each fault spelt out.
 * @returns null when it does not fail this way at all
 */
export async function shrink(
  scenario: Scenario,
  { seed, way }: FailingSeed,
  options: ShrinkOptions,
): Promise<Shrunk | null> {
  const { run, runsMax = RUNS_MAX, limitMs = LIMIT_MS, onProgress = () => {}, signal } = options
  const deadlineMs = performance.now() + limitMs
  const start = expectingOnly({ ...scenario, seed }, way)
  const first = run(start, seed)
  if (!failsThisWay(first, way)) return null
  const kinds = new Set(first.anomalies.map(({ kind }) => kind))
  let current = start
  let runs = 1

  const isOver = () => runs >= runsMax || performance.now() >= deadlineMs || signal?.aborted === true
  const attempt = async (candidate: unknown): Promise<boolean> => {
    if (isOver()) return false
    const readable = asWritten(candidate)
    if (readable === null || isDeepStrictEqual(readable, current)) return false
    await turn() // so that Ctrl-C is heard
    runs += 1
    const summary = run(readable, seed)
    if (!failsThisWay(summary, way) || summary.anomalies.some(({ kind }) => !kinds.has(kind))) return false
    current = readable
    onProgress(runs, current)
    return true
  }
  /** After a change that was kept, goes on with what the candidates are then, at the same place. */
  const tryEach = async (reduction: Reduction): Promise<void> => {
    let candidates = reduction(current)
    for (let index = 0; index < candidates.length && !isOver(); ) {
      if (await attempt(candidates[index])) candidates = reduction(current)
      else index += 1
    }
  }

  let before: Scenario
  do {
    before = current
    await tryEach(fewerMessages)
    await ddmin(current.faults, faults => attempt({ ...current, faults: [...faults] }))
    await tryEach(fewerMachines)
    await tryEach(lessSaid)
    if (!mayHeal(way)) await tryEach(shorterTimes)
    await tryEach(roundedTimes)
  } while (!isDeepStrictEqual(before, current) && !isOver())
  return { seed, way, scenario: current, runs, minimal: !isOver() }
}
