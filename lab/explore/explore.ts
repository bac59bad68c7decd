import type { Scenario } from '../scenario-schema.js'
import { inSimulation } from '../scenario-worlds.js'
import { type Exploration, ExplorationTally, type SeedRange } from './exploration.js'
import { SeedPool } from './seed-pool.js'

/** Most seeds of one exploration: of each anomaly of each seed a number is kept. */
export const SEEDS_MAX = 1_000_000

export interface ExplorationProgress {
  readonly done: number
  readonly wanted: number
  /** Seeds that did not go as expected. */
  readonly failed: number
}

export interface ExploreOptions {
  readonly seeds: SeedRange
  /** Threads that exist already; they are left as they are. Default: as many as there are cores, for this exploration alone. */
  readonly pool?: SeedPool
  readonly onProgress?: (progress: ExplorationProgress) => void
  /** Ends it early, with what there is. */
  readonly signal?: AbortSignal
}

/**
 * Runs a scenario in the simulated world, as it says it is there, with each of many seeds. The result depends on nothing but
 * the scenario and the seeds that ran: not on the number of threads, nor on which was faster.
 * @throws RangeError for more than {@link SEEDS_MAX} seeds, or none
 */
export async function explore(scenario: Scenario, options: ExploreOptions): Promise<Exploration> {
  const { seeds, onProgress = () => {}, signal } = options
  const wanted = seeds.to - seeds.from + 1
  if (!(wanted >= 1 && wanted <= SEEDS_MAX)) throw new RangeError(`1 to ${SEEDS_MAX} seeds are wanted, not ${wanted}`)
  const simulated = inSimulation(scenario)
  const tally = new ExplorationTally(simulated, seeds)
  const pool = options.pool ?? new SeedPool()
  try {
    await pool.run(
      simulated,
      seeds,
      summary => {
        tally.add(summary)
        onProgress({ done: tally.seeds, wanted, failed: tally.failed })
      },
      signal,
    )
  } finally {
    if (options.pool === undefined) await pool.close()
  }
  return tally.exploration()
}
