import { planeObstacle } from '../planes.js'
import type { Scenario } from '../scenario-schema.js'
import { createRunView, createVerdict, type Verdict } from '../verdict.js'
import { runScenario } from '../worlds/run-scenario.js'
import type { Column } from './columns.js'
import { agree, type Compared, type Disagreement, findDisagreements, referenceOf } from './disagreements.js'
import { type Symptom, symptomsOf } from './symptoms.js'

/** What one scenario showed behind one balancer. */
export interface Cell extends Compared {
  /** Of the first run. */
  readonly symptoms: readonly Symptom[]
  readonly runs: number
}

export interface Matrix {
  readonly columns: readonly Column[]
  readonly scenarios: readonly string[]
  readonly cells: readonly Cell[]
  readonly disagreements: readonly Disagreement[]
}

export interface MatrixOptions {
  readonly scenarios: readonly Scenario[]
  readonly columns: readonly Column[]
  readonly seed: number
  /** Runs at the same time: they mostly wait for timers. */
  readonly atOnce: number
  readonly signal?: AbortSignal
  /** Why a column cannot be had on this machine; null where it can. */
  readonly lacking: (column: Column) => string | null
  onCell?(cell: Cell, done: number, all: number): void
}

/** Draws of a balancer differ with the seed: cells that disagree get so many runs, and what any of them showed counts. */
const RUNS_MAX = 3
const ATTEMPTS_MAX = 2

interface Draft {
  readonly scenario: Scenario
  readonly column: Column
  readonly verdicts: Verdict[]
  omission: { readonly state: 'not-applicable' | 'missing' | 'failed'; readonly why: string } | null
}

/** Runs every scenario behind every balancer, and compares. Rejects only when it is told to end. */
export async function runMatrix(options: MatrixOptions): Promise<Matrix> {
  const { scenarios, columns, lacking, atOnce } = options
  const drafts = scenarios.flatMap(scenario => columns.map(column => draftOf(scenario, column, lacking)))
  let done = 0
  await inTurns(drafts, atOnce, async draft => {
    if (draft.omission === null) await runOnce(draft, options)
    done++
    options.onCell?.(cellOf(draft), done, drafts.length)
  })
  for (let run = 1; run < RUNS_MAX; run++) {
    const cells = drafts.map(cellOf)
    const open = cells.flatMap(cell => {
      const reference = referenceOf(cell, cells)
      if (reference !== null && !agree(cell, reference)) return [cell, reference]
      return cell.asExpected === false ? [cell] : []
    })
    const again = drafts.filter((_, index) => open.includes(cells[index]!) && cells[index]!.runs === run)
    await inTurns(again, atOnce, async draft => {
      await runOnce(draft, options)
      options.onCell?.(cellOf(draft), done, drafts.length)
    })
  }
  const cells = drafts.map(cellOf)
  return {
    columns,
    scenarios: scenarios.map(({ scenario }) => scenario),
    cells,
    disagreements: findDisagreements(cells),
  }
}

function draftOf(scenario: Scenario, column: Column, lacking: MatrixOptions['lacking']): Draft {
  const draft = { scenario, column, verdicts: [] }
  const obstacle = planeObstacle(scenario, column)
  if (obstacle !== null) return { ...draft, omission: { state: 'not-applicable', why: obstacle } }
  const lacks = lacking(column)
  return { ...draft, omission: lacks === null ? null : { state: 'missing', why: lacks } }
}

async function runOnce(draft: Draft, { seed, signal }: MatrixOptions): Promise<void> {
  const { scenario, column, verdicts } = draft
  const { plane, source } = column
  for (let attempt = 1; ; attempt++) {
    try {
      const run = await runScenario(scenario, {
        seed: seed + verdicts.length,
        plane,
        source,
        ...(signal === undefined ? {} : { signal }),
      })
      verdicts.push(createVerdict(createRunView(run)))
      return
    } catch (error) {
      if (signal?.aborted) throw error
      // a machine that is busy may be too late once
      if (attempt < ATTEMPTS_MAX) continue
      if (verdicts.length === 0) draft.omission = { state: 'failed', why: (error as Error).message }
      return
    }
  }
}

function cellOf(draft: Draft): Cell {
  const { scenario, column, verdicts, omission } = draft
  const [first] = verdicts
  const isOwnMode = scenario.topology.gateway === undefined || scenario.topology.gateway.source === column.source
  const met = verdicts.some(({ asExpected }) => asExpected)
  return {
    scenario: scenario.scenario,
    column: column.id,
    state: omission?.state ?? 'ran',
    why: omission?.why ?? null,
    symptoms: first === undefined ? [] : symptomsOf(first),
    kinds: [...new Set(verdicts.flatMap(verdict => symptomsOf(verdict).map(({ kind }) => kind)))].sort(),
    runs: verdicts.length,
    asExpected: first === undefined || !isOwnMode ? null : met,
    unmet: first === undefined || !isOwnMode || met ? [] : unmetText(first),
  }
}

function unmetText({ unmet, vacuous }: Verdict): string[] {
  return [...unmet.map(({ count, expected, actual }) => `${count} ${expected} expected, ${actual} seen`), ...vacuous]
}

async function inTurns<Item>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
