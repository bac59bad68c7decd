import { COLUMNS, type Column } from './columns.js'
import { knownReason } from './known-reasons.js'
import type { SymptomKind } from './symptoms.js'

/** What one scenario showed behind one balancer, as far as it is compared. */
export interface Compared {
  readonly scenario: string
  readonly column: string
  /** `ran`; `not-applicable`: this balancer cannot do what the scenario needs; `missing`: it cannot be had on this machine;
   * `failed`: it did not come up, twice. */
  readonly state: 'ran' | 'not-applicable' | 'missing' | 'failed'
  /** Why it did not run. */
  readonly why: string | null
  /** Kinds seen in any of its runs, sorted. */
  readonly kinds: readonly SymptomKind[]
  /** Whether the scenario's own expectations were met in one of them; null where they are about the other source mode. */
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

/** Pure: the same cells give the same disagreements. */
export function findDisagreements(cells: readonly Compared[]): Disagreement[] {
  return cells.flatMap(cell => {
    const reference = referenceOf(cell, cells)
    return [...unmetOf(cell), ...(reference === null ? [] : compare(cell, reference))]
  })
}

/** The first balancer of its source mode that ran; null for that itself, and for a cell that did not run. */
export function referenceOf<Cell extends Compared>(cell: Cell, cells: readonly Cell[]): Cell | null {
  if (cell.state !== 'ran') return null
  const { source } = columnOf(cell)
  const peers = cells.filter(
    other => other.state === 'ran' && other.scenario === cell.scenario && columnOf(other).source === source,
  )
  const reference = COLUMNS.flatMap(({ id }) => peers.filter(({ column }) => column === id))[0]
  return reference === undefined || reference.column === cell.column ? null : reference
}

export const agree = (a: Compared, b: Compared) => a.kinds.join() === b.kinds.join()

function compare(cell: Compared, reference: Compared): Disagreement[] {
  if (agree(cell, reference)) return []
  const more = cell.kinds.filter(kind => !reference.kinds.includes(kind))
  const less = reference.kinds.filter(kind => !cell.kinds.includes(kind))
  const { scenario, column } = cell
  return [
    {
      scenario,
      column,
      reference: reference.column,
      what: [...more.map(kind => `also ${kind}`), ...less.map(kind => `not ${kind}`)].join(', '),
      explanation: knownReason(scenario, column, [...more, ...less]),
    },
  ]
}

function unmetOf({ scenario, column, state, why, asExpected, unmet }: Compared): Disagreement[] {
  const about = { scenario, column, reference: null }
  if (state === 'failed') return [{ ...about, what: why ?? '', explanation: null }]
  if (asExpected !== false) return []
  return [{ ...about, what: unmet.join(', '), explanation: knownReason(scenario, column, ['expectations']) }]
}

function columnOf({ column }: Compared): Column {
  const found = COLUMNS.find(({ id }) => id === column)
  if (found === undefined) throw new RangeError(`there is no column ${column}`)
  return found
}
