import type { Exploration, SeedRange } from '../explore/exploration.js'
import { explore } from '../explore/explore.js'
import type { SeedPool } from '../explore/seed-pool.js'
import {
  type BalancerCell,
  balancerCells,
  balancerScenario,
  type CloneCell,
  cloneCells,
  cloneScenario,
} from './grid.js'

/** A configuration, and what its seeds came to. */
export interface Explored<Cell> {
  readonly cell: Cell
  readonly exploration: Exploration
}

/** What nobody has published: how soon and how often what goes wrong. */
export interface Findings {
  readonly seeds: SeedRange
  readonly balancers: readonly Explored<BalancerCell>[]
  readonly clones: readonly Explored<CloneCell>[]
}

export interface FindingsOptions {
  readonly seeds: SeedRange
  readonly pool: SeedPool
  /** Told of runs that are over. */
  readonly onProgress?: (done: number, all: number) => void
  readonly signal?: AbortSignal
}

/**
 * Runs every configuration with every seed. The same seeds give the same.
 * @throws the signal's reason when it aborts: half a table misleads
 */
export async function runFindings({ seeds, pool, onProgress, signal }: FindingsOptions): Promise<Findings> {
  const [balanced, cloned] = [balancerCells(), cloneCells()]
  const perCell = seeds.to - seeds.from + 1
  const all = (balanced.length + cloned.length) * perCell
  let before = 0
  const exploreAll = async <Cell>(
    cells: readonly Cell[],
    scenarioOf: (cell: Cell) => Parameters<typeof explore>[0],
  ) => {
    const explored: Explored<Cell>[] = []
    for (const cell of cells) {
      const exploration = await explore(scenarioOf(cell), {
        seeds,
        pool,
        onProgress: ({ done }) => onProgress?.(before + done, all),
        ...(signal === undefined ? {} : { signal }),
      })
      signal?.throwIfAborted()
      explored.push({ cell, exploration })
      before += perCell
    }
    return explored
  }
  return {
    seeds,
    balancers: await exploreAll(balanced, balancerScenario),
    clones: await exploreAll(cloned, cloneScenario),
  }
}
