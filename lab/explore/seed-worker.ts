import { parentPort, workerData } from 'node:worker_threads'
import type { Scenario } from '../scenario-schema.js'
import type { SeedSummary } from './seed-summary.js'

/** What a thread of a {@link SeedPool} runs: it is given seeds, and answers with a summary for each. */

/** Consecutive seeds. */
export interface SeedBatch {
  readonly scenario: Scenario
  readonly from: number
  readonly to: number
}

/** What a pool's threads do with a seed: a module that exports it as `runSeed`. Never throws, unless the thread is lost. */
export type SeedRunner = (scenario: Scenario, seed: number) => SeedSummary

/** A thread's first word: it has what it runs, and is ready. */
export const READY = 'ready'

/** Of a thread. */
export interface SeedWorkerData {
  /** URL of the module with the runner. */
  readonly runner: string
}

if (parentPort !== null) {
  const port = parentPort
  const { runner } = workerData as SeedWorkerData
  const { runSeed } = (await import(runner)) as { readonly runSeed: SeedRunner }
  port.postMessage(READY)
  port.on('message', ({ scenario, from, to }: SeedBatch) => {
    for (let seed = from; seed <= to; seed++) port.postMessage(runSeed(scenario, seed))
  })
}
