import { planeObstacle } from '../planes.js'
import type { Scenario } from '../scenario-schema.js'
import { createRunView, createVerdict, type Verdict } from '../verdict.js'
import { runScenario } from '../worlds/run-scenario.js'
import type { Column } from './columns.js'
import { knownReason } from './known-reasons.js'
import { type Symptom, type SymptomKind, symptomsOf } from './symptoms.js'

/** What one scenario showed behind one balancer. */
export interface Cell {
  readonly scenario: string
  readonly column: string
  /**
   * `ran`; `not-applicable`: this balancer cannot do what the scenario needs; `missing`: it cannot be had on this machine;
   * `failed`: it did not come up, twice.
   */
  readonly state: 'ran' | Omission['state']
  /** Why it did not run. */
  readonly why: string | null
  /** Of the first run. */
  readonly symptoms: readonly Symptom[]
  /** Kinds seen in any of its runs. */
  readonly kinds: readonly SymptomKind[]
  readonly runs: number
  /** Whether the scenario's own expectations were met; null where they are about the other source mode. */
  readonly asExpected: boolean | null
  /** What of them was not. */
  readonly unmet: readonly string[]
}

/** Two balancers that model the same thing, and what they showed was not the same; or expectations that were not met. */
export interface Disagreement {
  readonly scenario: string
  readonly column: string
  /** What it is compared with; null where the scenario's own expectations were not met. */
  readonly reference: string | null
  readonly what: string
  /** Null: nobody knows yet. */
  readonly explanation: string | null
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
  why: Omission | null
}

interface Omission {
  readonly state: 'not-applicable' | 'missing' | 'failed'
  readonly text: string
}

/** Runs every scenario behind every balancer, and compares. Rejects when a run cannot be made at all. */
export async function runMatrix(options: MatrixOptions): Promise<Matrix> {
  const { scenarios, columns, lacking } = options
  const drafts = scenarios.flatMap(scenario =>
    columns.map((column): Draft => {
      const obstacle = planeObstacle(scenario, column)
      const lacks = obstacle === null ? lacking(column) : null
      if (obstacle !== null) return { scenario, column, verdicts: [], why: { state: 'not-applicable', text: obstacle } }
      return { scenario, column, verdicts: [], why: lacks === null ? null : { state: 'missing', text: lacks } }
    }),
  )
  let done = 0
  await inTurns(drafts, options.atOnce, async draft => {
    if (draft.why === null) await runOnce(draft, options)
    done++
    options.onCell?.(cellOf(draft), done, drafts.length)
  })
  for (let run = 1; run < RUNS_MAX; run++) {
    const again = new Set(
      pairsOf(drafts).flatMap(([draft, reference]) => (agree(draft, reference) ? [] : [draft, reference])),
    )
    for (const draft of drafts) if (isUnmet(draft) && draft.verdicts.length === run) again.add(draft)
    await inTurns(
      [...again].filter(({ verdicts, why }) => why === null && verdicts.length === run),
      options.atOnce,
      async draft => {
        await runOnce(draft, options)
        options.onCell?.(cellOf(draft), done, drafts.length)
      },
    )
  }
  return {
    columns,
    scenarios: scenarios.map(({ scenario }) => scenario),
    cells: drafts.map(cellOf),
    disagreements: [
      ...drafts.flatMap(unmetOf),
      ...pairsOf(drafts).flatMap(([draft, reference]) => compare(draft, reference)),
    ],
  }
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
      if (verdicts.length === 0) draft.why = { state: 'failed', text: (error as Error).message }
      return
    }
  }
}

/** Each that ran, with the first of its class that ran. */
function pairsOf(drafts: readonly Draft[]): [Draft, Draft][] {
  return drafts.flatMap((draft): [Draft, Draft][] => {
    const reference = drafts.find(
      ({ scenario, column, verdicts }) =>
        scenario === draft.scenario && column.source === draft.column.source && verdicts.length > 0,
    )
    return draft.verdicts.length === 0 || reference === undefined || reference === draft ? [] : [[draft, reference]]
  })
}

function kindsOf({ verdicts }: Draft): SymptomKind[] {
  return [...new Set(verdicts.flatMap(verdict => symptomsOf(verdict).map(({ kind }) => kind)))].sort()
}

const agree = (a: Draft, b: Draft) => kindsOf(a).join() === kindsOf(b).join()

function compare(draft: Draft, reference: Draft): Disagreement[] {
  if (agree(draft, reference)) return []
  const [own, others] = [kindsOf(draft), kindsOf(reference)]
  const more = own.filter(kind => !others.includes(kind))
  const less = others.filter(kind => !own.includes(kind))
  const scenario = draft.scenario.scenario
  return [
    {
      scenario,
      column: draft.column.id,
      reference: reference.column.id,
      what: [...more.map(kind => `also ${kind}`), ...less.map(kind => `not ${kind}`)].join(', '),
      explanation: knownReason(scenario, draft.column, [...more, ...less]),
    },
  ]
}

/** Whether the scenario speaks of this source mode: what it expects is to be seen in one run at least. */
function isOwnMode({ scenario: { topology }, column }: Draft): boolean {
  return topology.gateway === undefined || topology.gateway.source === column.source
}

const isUnmet = (draft: Draft) =>
  isOwnMode(draft) && draft.verdicts.length > 0 && !draft.verdicts.some(({ asExpected }) => asExpected)

function unmetOf(draft: Draft): Disagreement[] {
  const { scenario } = draft.scenario
  const about = { scenario, column: draft.column.id, reference: null }
  if (draft.why?.state === 'failed') return [{ ...about, what: draft.why.text, explanation: null }]
  if (!isUnmet(draft)) return []
  const what = unmetText(draft.verdicts[0]!).join(', ')
  return [{ ...about, what, explanation: knownReason(scenario, draft.column, ['expectations']) }]
}

function unmetText({ unmet, vacuous }: Verdict): string[] {
  return [...unmet.map(({ count, expected, actual }) => `${count} ${expected} expected, ${actual} seen`), ...vacuous]
}

function cellOf(draft: Draft): Cell {
  const { scenario, column, verdicts, why } = draft
  const [first] = verdicts
  return {
    scenario: scenario.scenario,
    column: column.id,
    state: why?.state ?? 'ran',
    why: why?.text ?? null,
    symptoms: first === undefined ? [] : symptomsOf(first),
    kinds: kindsOf(draft),
    runs: verdicts.length,
    asExpected: first === undefined || !isOwnMode(draft) ? null : !isUnmet(draft),
    unmet: isUnmet(draft) ? unmetText(first!) : [],
  }
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
