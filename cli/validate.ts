import { readFileSync, statSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { NodeError } from '../lab/node-handle.js'
import type { ReportedRun } from '../lab/report/report.js'
import type { RowProof } from '../lab/validate/prove.js'
import { RULES } from '../lab/validate/rules/index.js'
import { rulesMarkdown } from '../lab/validate/rules-table.js'
import { parseTopology } from '../lab/validate/topology-file.js'
import { type Validation, validate } from '../lab/validate/validate.js'
import { AddressBlockError } from '../lab/worlds/address-block.js'
import { RealisationError } from '../lab/worlds/run-scenario.js'
import { FileError, yamlPlaces } from '../lab/yaml-file.js'
import { checkDistinct } from './distinct-files.js'
import { readSeedRange } from './explore-options.js'
import { interruptible, writeReport } from './lab-run.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, progress, progressDone, writeJson, writeText } from './output.js'
import { reportFile } from './report-file.js'
import { describeProof, describeRow, describeSummary, type PlacedRow, rowJson } from './validate-text.js'

interface ValidateOptions {
  readonly prove?: true
  readonly seeds: readonly number[]
  readonly sockets: boolean
  readonly json?: true
  readonly report?: string
  readonly rules?: true
}

/** A proof looks at what may happen; a search for what hardly ever does is mqlab explore. */
const SEEDS_MAX = 10_000
const SEEDS_DEFAULT = '1..20'

export function validateCommand(): Command {
  return new Command('validate')
    .description('say of a topology whether it is supported, rule by rule')
    .argument('[file]', 'a topology file (docs/validate.md; examples/ has many)')
    .option('--prove', 'run what each rule predicts, and set beside it what was seen')
    .addOption(
      new Option('--seeds <a..b>', 'with --prove: seeds of the simulated runs')
        .argParser(seedRange)
        .default(seedRange(SEEDS_DEFAULT), SEEDS_DEFAULT),
    )
    .option('--no-sockets', 'with --prove: in the simulation alone')
    .option('--report <file>', 'with --prove: write an HTML report of the runs')
    .option('--rules', 'print the table of rules as Markdown')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 supported, 1 anything else or a prediction that a run contradicts, 2 a file that says nothing usable.',
    )
    .action(async (file: string | undefined, options: ValidateOptions) => {
      if (options.rules) return await writeText(rulesMarkdown(RULES))
      if (file === undefined) fail('nothing to validate: name a topology file; examples/ has many')
      if (options.report !== undefined) {
        if (!options.prove) fail('--report: there is nothing to report without --prove')
        checkDistinct([{ file, what: 'the topology' }], [{ file: options.report, what: '--report' }])
        reportFile(options.report)
      }
      const { validation, rows } = load(file)
      const proofs = options.prove ? await performProof(validation, options) : null
      if (options.json) {
        const { topology } = validation.deployment
        const shown = rows.map((row, index) => rowJson(row, proofs?.[index] ?? null))
        await writeJson({ topology: topology.topology, file, verdict: validation.verdict, rows: shown })
      } else {
        for (const [index, row] of rows.entries())
          await writeText(describeRow(row, file) + (proofs === null ? '' : describeProof(proofs[index]!)))
        await writeText(describeSummary(validation, proofs))
      }
      const contradicted = proofs?.some(({ state }) => state === 'contradicted') === true
      if (validation.verdict !== 'supported' || contradicted) process.exitCode = EXIT_NOT_AS_EXPECTED
    })
}

function load(file: string): { validation: Validation; rows: readonly PlacedRow[] } {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    fail(`${file}: is a directory, a topology file is wanted`)
  const text = readFileSync(file, 'utf8')
  try {
    const validation = validate(parseTopology(text, file))
    const placeOf = yamlPlaces(text)
    return { validation, rows: validation.rows.map(row => ({ ...row, ...placeOf(row.path) })) }
  } catch (error) {
    if (error instanceof FileError) fail(error.message, { cause: error })
    throw error
  }
}

async function performProof({ deployment, rows }: Validation, options: ValidateOptions): Promise<RowProof[]> {
  const runs: ReportedRun[] = []
  const interruption = interruptible()
  try {
    const { prove } = await import('../lab/validate/prove.js')
    return await prove(rows, {
      seeds: options.seeds,
      socketsLacking: socketsLacking(options),
      signal: interruption.signal,
      onProgress: progress,
      ...(options.report === undefined ? {} : { onRun: run => runs.push(run) }),
    })
  } catch (error) {
    if (interruption.signal.aborted) fail('interrupted')
    if (error instanceof NodeError || error instanceof AddressBlockError || error instanceof RealisationError)
      fail(error.message, { cause: error })
    throw error
  } finally {
    interruption.end()
    progressDone()
    if (options.report !== undefined && runs.length > 0) {
      writeReport(options.report, runs, deployment.topology.topology)
      log(`report: ${options.report}`)
    }
  }
}

function socketsLacking({ sockets }: ValidateOptions): string | null {
  if (!sockets) return 'not wanted (--no-sockets)'
  return process.platform === 'linux' ? null : 'only Linux has all of 127.0.0.0/8 on its loopback'
}

function seedRange(text: string): number[] {
  const range = readSeedRange(text)
  if (range === null || range.to - range.from >= SEEDS_MAX)
    throw new InvalidArgumentError(`A..B with whole numbers, at most ${SEEDS_MAX} of them, such as 1..20`)
  return Array.from({ length: range.to - range.from + 1 }, (_, index) => range.from + index)
}
