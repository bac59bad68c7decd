import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { type AckRow, runAckTable } from '../lab/matrix/ack-table.js'
import { COLUMNS, type Column } from '../lab/matrix/columns.js'
import { planeLacking } from '../lab/matrix/lacking.js'
import { matrixMarkdown } from '../lab/matrix/markdown.js'
import { type Cell, type Matrix, runMatrix } from '../lab/matrix/matrix.js'
import { symptomsText } from '../lab/matrix/symptoms.js'
import { programVersions } from '../lab/matrix/versions.js'
import { shippedScenarios } from '../lab/scenario-catalogue.js'
import type { Scenario } from '../lab/scenario-schema.js'
import { interruptible } from './lab-run.js'
import {
  EXIT_NOT_AS_EXPECTED,
  fail,
  log,
  progress,
  progressDone,
  styled,
  table,
  writeJson,
  writeText,
} from './output.js'
import { reportFile } from './report-file.js'
import { wholeNumber } from './run.js'

interface MatrixCommandOptions {
  readonly scenarios?: readonly string[]
  readonly planes?: readonly string[]
  readonly seed: number
  readonly atOnce: number
  readonly markdown?: string
  readonly json?: true
}

export function matrixCommand(): Command {
  return new Command('matrix')
    .description('run every scenario behind every balancer, and compare what each shows')
    .option('--scenarios <names>', 'some, by name or by how their names begin: nlb-11,qmid', words)
    .option('--planes <ids>', `some of ${COLUMNS.map(({ id }) => id).join(', ')}`, words)
    .option('--seed <n>', 'seed of QMIds, arrival times and the kernel’s hash', wholeNumber, 1)
    .option('--at-once <n>', 'runs at the same time', positiveWhole, 3)
    .option('--markdown <file>', 'write the tables as Markdown')
    .option('--json', 'print cells and disagreements as JSON')
    .addHelpText('after', '\nExit code 1: balancers that model the same thing disagree, and nothing explains it.')
    .action(async (options: MatrixCommandOptions) => {
      const scenarios = chosenScenarios(options.scenarios)
      const columns = chosenColumns(options.planes)
      if (options.markdown !== undefined) reportFile(options.markdown)
      const matrix = await perform(scenarios, columns, options)
      if (options.markdown !== undefined) {
        const command = commandLine(options)
        const date = new Date().toISOString().slice(0, 10)
        const versions = programVersions(columns)
        const acks = options.planes === undefined ? await ackRows(options) : []
        writeFileSync(options.markdown, matrixMarkdown({ matrix, acks, scenarios, command, date, versions }))
      }
      if (options.json) await writeJson(matrix)
      else await writeText(describeMatrix(matrix))
      if (matrix.disagreements.some(({ explanation }) => explanation === null)) process.exitCode = EXIT_NOT_AS_EXPECTED
    })
}

async function ackRows({ seed }: MatrixCommandOptions): Promise<AckRow[]> {
  return await interruptibly(signal =>
    runAckTable({
      seed,
      signal,
      onRow: ({ balancer, reaches, stays }) => log(`${balancer}: order acks ${reaches}; sequence state ${stays}`),
    }),
  )
}

async function perform(
  scenarios: readonly Scenario[],
  columns: readonly Column[],
  { seed, atOnce }: MatrixCommandOptions,
): Promise<Matrix> {
  return await interruptibly(signal =>
    runMatrix({
      scenarios,
      columns,
      seed,
      atOnce,
      signal,
      lacking: planeLacking,
      onCell: (cell, done, all) => {
        if (cell.state === 'ran' || cell.state === 'failed')
          log(`${cell.scenario} on ${cell.column}: ${cellText(cell)}`)
        progress(`${done} of ${all} cells`)
      },
    }),
  )
}

async function interruptibly<Result>(act: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const interruption = interruptible()
  try {
    return await act(interruption.signal)
  } catch (error) {
    if (interruption.signal.aborted) fail('interrupted')
    throw error
  } finally {
    interruption.end()
    progressDone()
  }
}

function chosenScenarios(names: readonly string[] | undefined): Scenario[] {
  const all = shippedScenarios().map(({ scenario }) => scenario)
  if (names === undefined) return all
  for (const name of names)
    if (!all.some(({ scenario }) => scenario.startsWith(name)))
      fail(`--scenarios ${name}: no such scenario; mqlab scenarios lists them`)
  return all.filter(({ scenario }) => names.some(name => scenario.startsWith(name)))
}

function chosenColumns(ids: readonly string[] | undefined): readonly Column[] {
  if (ids === undefined) return COLUMNS
  for (const id of ids)
    if (!COLUMNS.some(column => column.id === id))
      fail(`--planes ${id}: no such plane; one of ${COLUMNS.map(column => column.id).join(', ')}`)
  return COLUMNS.filter(({ id }) => ids.includes(id))
}

function describeMatrix({ columns, scenarios, cells, disagreements }: Matrix): string {
  const blocks = scenarios.map(scenario => {
    const own = cells.filter(cell => cell.scenario === scenario)
    const rows = columns.map(({ id, title }) => {
      const cell = own.find(({ column }) => column === id)
      return [`  ${title}`, cell === undefined ? '' : cellText(cell)]
    })
    return `${styled('bold', scenario)}\n${table(rows)}`
  })
  const rows = disagreements.map(({ scenario, column, reference, what, explanation }) => {
    const than = reference === null ? '' : ` (as against ${reference})`
    const why = explanation ?? styled('red', 'nothing explains it')
    return `${scenario} on ${column}: ${what}${than}: ${why}\n`
  })
  const head = styled('bold', disagreements.length === 0 ? 'Balancers of one kind agree everywhere' : 'Disagreements')
  return `${blocks.join('\n')}\n${head}\n${rows.join('')}`
}

const STATES = { missing: 'not here', 'not-applicable': 'not applicable', failed: 'failed' } as const

function cellText({ state, why, symptoms, asExpected, unmet }: Cell): string {
  if (state !== 'ran') return `${STATES[state]}: ${why}`
  const mark = asExpected === null ? '' : asExpected ? ', as expected' : `, NOT as expected: ${unmet.join(', ')}`
  return `${symptomsText(symptoms)}${mark}`
}

function commandLine({ scenarios, planes, seed, markdown }: MatrixCommandOptions): string {
  return [
    'mqlab matrix',
    ...(scenarios === undefined ? [] : [`--scenarios ${scenarios.join(',')}`]),
    ...(planes === undefined ? [] : [`--planes ${planes.join(',')}`]),
    ...(seed === 1 ? [] : [`--seed ${seed}`]),
    `--markdown ${markdown}`,
  ].join(' ')
}

const words = (text: string) => text.split(',').filter(word => word !== '')

function positiveWhole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 32) throw new InvalidArgumentError('1 to 32')
  return value
}
