import { NOT_SHOWN } from '../behaviours.js'
import type { Scenario } from '../scenario-schema.js'
import type { AckRow } from './ack-table.js'
import type { Column } from './columns.js'
import type { Disagreement } from './disagreements.js'
import type { Cell, Matrix } from './matrix.js'
import { SYMPTOM_KINDS, SYMPTOM_MEANINGS, symptomsText } from './symptoms.js'

export interface MatrixDocument {
  readonly matrix: Matrix
  readonly acks: readonly AckRow[]
  readonly scenarios: readonly Scenario[]
  /** The command that made it. */
  readonly command: string
  /** Such as `2026-11-22`. */
  readonly date: string
  /** Programs and their versions. */
  readonly versions: readonly string[]
}

/** The whole of docs/planes.md. */
export function matrixMarkdown({ matrix, acks, scenarios, command, date, versions }: MatrixDocument): string {
  const { columns, cells, disagreements } = matrix
  const ran = cells.filter(({ state }) => state === 'ran')
  const kept = columns.filter(({ source }) => source === 'keep')
  const translated = columns.filter(({ source }) => source === 'translate')
  const explained = disagreements.filter(({ explanation }) => explanation !== null)
  const open = disagreements.filter(({ explanation }) => explanation === null)
  return `${[
    '# One scenario, every balancer',
    '<!-- Generated. Do not edit: run the command below. -->',
    `Made on ${date} by \`${command}\`, with ${versions.join(', ')}.`,
    `Each scenario of \`lab/scenarios/\` was run with real queue managers behind each balancer: ${ran.length} cells, ${sum(ran.map(({ runs }) => runs))} runs. The machines and their traffic are the same in each row, only the balancer differs. The verdict is that of \`mqlab run\`: it comes from what the queue managers noted and what their ledgers hold, and not from what a balancer says of itself.`,
    '- **works**: nothing of what the legend lists was seen. Otherwise what was, with its count in the first run.\n- **✓** the expectations and claims that the scenario states are met; **✗** they are not. Without a mark: they are about the other source mode.\n- **–** this balancer cannot do what the scenario needs; the notes say what.\n- Which host a connection gets is a draw, and the balancers draw differently. So counts differ, and a cell that shows other symptoms than the first column of its table is run up to three times, as that column is; what any of the runs showed counts, and is listed where balancers disagree.',
    '## Hosts see the client',
    matrixTable(kept, matrix),
    '## Hosts see the balancer',
    matrixTable(translated, matrix),
    '## Legend',
    SYMPTOM_KINDS.filter(kind => cells.some(({ kinds }) => kinds.includes(kind)))
      .map(kind => `- **${kind}**: ${SYMPTOM_MEANINGS[kind]}`)
      .join('\n'),
    '## Where balancers of one kind disagree',
    disagreements.length === 0
      ? 'Nowhere: in each table all columns show the same symptoms in each row.'
      : disagreementTable(explained),
    ...(open.length === 0 ? [] : ['### Not explained', disagreementTable(open)]),
    '## What was not run, and why',
    notRun(cells, columns),
    '## Does the order ack reach the sender, does the sequence state stay?',
    'The table that people draw by hand, by runs. Five senders send transactions to three receivers, in several sessions (or five hosts to their own cluster); each order ack is followed to where it landed, and each sequence to the receivers that logged a part of it.',
    ackTable(acks),
    '## What the scenarios are about',
    scenarios
      .map(({ scenario, behaviours, about }) => `- **${scenario}** (${behaviours.join(', ')}): ${about.trim()}`)
      .join('\n'),
    ...Object.entries(NOT_SHOWN).map(([behaviour, why]) => `No run can show ${behaviour}: ${why}.`),
  ].join('\n\n')}\n`
}

function matrixTable(columns: readonly Column[], { scenarios, cells }: Matrix): string {
  const cellOf = (scenario: string, column: Column) =>
    cells.find(cell => cell.scenario === scenario && cell.column === column.id)
  return table(
    ['scenario', ...columns.map(({ title }) => title)],
    scenarios.map(scenario => [scenario, ...columns.map(column => cellText(cellOf(scenario, column)))]),
  )
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  if (cell.state === 'not-applicable') return '–'
  if (cell.state === 'missing') return 'not here'
  if (cell.state === 'failed') return '**failed**'
  const mark = cell.asExpected === null ? '' : cell.asExpected ? ' ✓' : ' ✗'
  const others = cell.kinds.filter(kind => !cell.symptoms.some(symptom => symptom.kind === kind))
  const more = others.length === 0 ? '' : `; in another run also ${others.join(', ')}`
  return `${symptomsText(cell.symptoms)}${more}${mark}`
}

function disagreementTable(rows: readonly Disagreement[]): string {
  return table(
    ['scenario', 'balancer', 'compared with', 'what', 'why'],
    rows.map(({ scenario, column, reference, what, explanation }) => [
      scenario,
      column,
      reference ?? 'its expectations',
      what,
      explanation ?? '**nobody knows**',
    ]),
  )
}

/** By reason: which scenarios, which balancers. */
function notRun(cells: readonly Cell[], columns: readonly Column[]): string {
  const groups = new Map<string, Map<string, string[]>>()
  for (const { why, scenario, column } of cells) {
    if (why === null) continue
    const scenarios = groups.get(why) ?? new Map<string, string[]>()
    scenarios.set(scenario, [...(scenarios.get(scenario) ?? []), column])
    groups.set(why, scenarios)
  }
  if (groups.size === 0) return 'Everything was run.'
  const titles = (ids: readonly string[]) =>
    columns
      .filter(({ id }) => ids.includes(id))
      .map(({ title }) => title)
      .join(', ')
  return [...groups]
    .map(([why, scenarios]) => {
      const lines = [...scenarios].map(([scenario, ids]) => `  - ${scenario}: ${titles(ids)}`)
      return `- ${why}\n${lines.join('\n')}`
    })
    .join('\n')
}

function ackTable(rows: readonly AckRow[]): string {
  return table(
    ['balancer', 'run on', 'order ack reaches the sender?', 'sequence state stays with one receiver?', 'messages'],
    rows.map(({ balancer, on, reaches, stays, messages }) => [balancer, on, reaches, stays, messages]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
