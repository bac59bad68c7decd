import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { Exploration, SeedRange } from '../lab/explore/exploration.js'
import { type ExplorationProgress, explore } from '../lab/explore/explore.js'
import { type FailingSeed, failingSeeds, wayText } from '../lab/explore/failing-way.js'
import { runSeed } from '../lab/explore/run-seed.js'
import { SeedPool } from '../lab/explore/seed-pool.js'
import { RUN_FAILED, RUN_LOST } from '../lab/explore/seed-summary.js'
import { shrink } from '../lab/explore/shrink.js'
import { shrunkFile } from '../lab/explore/shrunk-file.js'
import { withDrawnFaults } from '../lab/faults/draw-faults.js'
import { createExplorationReport, type ReportedShrunk } from '../lab/report/exploration-report.js'
import type { Scenario } from '../lab/scenario-schema.js'
import { createRunView, createVerdict } from '../lab/verdict.js'
import { simulateScenario } from '../lab/worlds/simulated.js'
import { checkDistinct } from './distinct-files.js'
import { seedRange, timeLimit, workerCount } from './explore-options.js'
import { explorationText } from './explore-text.js'
import { interruptible, writeReport } from './lab-run.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, progress, progressDone, writeJson, writeText } from './output.js'
import { reportFile } from './report-file.js'
import { loadScenario } from './run.js'

interface ExploreCommandOptions {
  readonly seeds: SeedRange
  readonly workers?: number
  readonly out: string
  readonly shrink?: boolean | string
  readonly time?: number
  readonly report?: string
  readonly json?: true
}

/** A failing seed made small, its run, and where it was written. */
interface Saved extends ReportedShrunk {
  readonly diagram: string
  readonly runs: number
  readonly minimal: boolean
  readonly socketsObstacle: string | null
}

/** Different ways of failing of one exploration that are shrunk. */
const SHRUNK_MAX = 3

export function exploreCommand(): Command {
  return new Command('explore')
    .description(
      'run a scenario with many seeds in virtual time, tell what goes wrong how often, and shrink what fails',
    )
    .argument('<scenario>', 'a scenario file, or the name of a shipped scenario (see mqlab scenarios)')
    .addOption(
      new Option('--seeds <range>', 'first and last seed')
        .argParser(seedRange)
        .default(seedRange('1..1000'), '1..1000'),
    )
    .option('--workers <n>', 'threads; default: one for each processor core', workerCount)
    .option('--time <limit>', 'start no more after so long, such as 90s, 10min or 2h', timeLimit)
    .option('--no-shrink', 'leave failing seeds as they are')
    .option('--shrink <anomaly>', 'shrink the first seed that shows this kind of anomaly, expected or not')
    .option('--out <folder>', 'where shrunk scenarios and their diagrams are written', 'reports')
    .option('--report <file>', 'write an HTML report')
    .option('--json', 'print what was seen as JSON')
    .addHelpText(
      'after',
      '\nThe same seeds give the same, on any machine and with any number of threads. Exit code 0: every seed went as the' +
        '\nscenario expects, and what it wants exercised happened in some seed.',
    )
    .action(async (name: string, options: ExploreCommandOptions) => {
      const scenario = loadScenario(name)
      const file = existsSync(name) ? name : undefined
      checkDistinct([{ file, what: 'the scenario' }], [{ file: options.report, what: '--report' }])
      if (options.report !== undefined) reportFile(options.report)
      if (options.shrink !== false) checkFolder(options.out)
      const interruption = interruptible()
      try {
        await perform(name, scenario, options, interruption.signal)
      } finally {
        interruption.end()
        progressDone()
      }
    })
}

/** Before hours are spent: whether it can be made and written to. Nothing is made of it yet, for there may be no need. */
function checkFolder(folder: string): void {
  let there = resolve(folder)
  while (!existsSync(there)) there = dirname(there)
  if (!statSync(there).isDirectory()) fail(`--out ${folder}: ${there} is not a directory`)
  accessSync(there, constants.W_OK)
}

async function perform(
  name: string,
  scenario: Scenario,
  options: ExploreCommandOptions,
  interrupted: AbortSignal,
): Promise<void> {
  const startedMs = performance.now()
  const pool = new SeedPool(options.workers === undefined ? {} : { workers: options.workers })
  const limit = options.time === undefined ? [] : [AbortSignal.timeout(options.time)]
  const exploration = await explore(scenario, {
    seeds: options.seeds,
    pool,
    signal: AbortSignal.any([interrupted, ...limit]),
    onProgress: state => progress(`${scenario.scenario}: ${progressText(state, performance.now() - startedMs)}`),
  }).finally(() => pool.close())
  const tookS = (performance.now() - startedMs) / 1000
  progressDone()
  log(`${exploration.seeds} seeds in ${tookS.toFixed(1)} s`)
  if (exploration.seeds === 0) fail('no seed ran to its end: give it more time')

  const saved: Saved[] = []
  for (const failing of toShrink(exploration, options.shrink)) {
    const one = interrupted.aborted
      ? null
      : await shrinkToFile(scenario, exploration, failing, options.out, interrupted)
    if (one !== null) saved.push(one)
  }
  progressDone()
  if (options.report !== undefined) {
    writeFileSync(options.report, createExplorationReport(exploration, saved))
    log(`report: ${options.report}`)
  }
  if (options.json) await writeJson({ ...exploration, shrunk: saved.map(({ view: _, ...one }) => one) })
  else await writeText(explorationText(exploration, name, saved))
  if (!exploration.asExpected) process.exitCode = EXIT_NOT_AS_EXPECTED
}

function toShrink(exploration: Exploration, wanted: boolean | string = true): FailingSeed[] {
  if (typeof wanted === 'boolean') return wanted ? failingSeeds(exploration, SHRUNK_MAX) : []
  if (wanted === RUN_LOST) fail(`--shrink ${wanted}: what does not come back cannot be run again and again`)
  const row = exploration.anomalies.find(({ kind }) => kind === wanted)
  if (row !== undefined) return [{ seed: row.firstSeed, way: { kind: 'anomaly', id: wanted } }]
  const seen = exploration.anomalies.map(({ kind }) => kind).join(', ')
  return fail(`--shrink ${wanted}: no seed showed that; ${seen === '' ? 'none showed anything' : `seen were ${seen}`}`)
}

async function shrinkToFile(
  scenario: Scenario,
  exploration: Exploration,
  failing: FailingSeed,
  folder: string,
  signal: AbortSignal,
): Promise<Saved | null> {
  const { seed } = failing
  const way = wayText(failing.way)
  const shrunk = await shrink(withDrawnFaults(exploration.scenario, seed), failing, {
    run: runSeed,
    signal,
    onProgress: (runs, { load, faults }) => {
      const messages = load.reduce((sum, { messages }) => sum + messages, 0)
      progress(`shrinking seed ${seed}: ${runs} runs, ${messages} messages a sender, ${faults.length} faults`)
    },
  })
  if (shrunk === null) {
    log(`seed ${seed} does not show ${way} when it is run by itself`)
    return null
  }
  const written = shrunkFile(shrunk, scenario, runSeed(shrunk.scenario, seed))
  const file = join(folder, written.name)
  const diagram = file.replace(/yaml$/, 'html')
  reportFile(file)
  writeFileSync(file, written.text)
  if (failing.way.kind === 'anomaly' && failing.way.id === RUN_FAILED) {
    log(`seed ${seed}, shrunk: ${way}; written to ${file}, and there is nothing to draw of a run that fails`)
    return null
  }
  const view = createRunView(simulateScenario(shrunk.scenario, { seed }))
  const verdict = createVerdict(view)
  writeReport(diagram, [{ view, verdict }], `${scenario.scenario}, seed ${seed}: ${way}`)
  const { text, socketsObstacle } = written
  return { view, verdict, seed, way, file, diagram, text, runs: shrunk.runs, minimal: shrunk.minimal, socketsObstacle }
}

function progressText({ done, wanted, failed }: ExplorationProgress, elapsedMs: number): string {
  const perS = (done * 1000) / elapsedMs
  const leftS = Math.ceil((wanted - done) / perS)
  const left = leftS < 120 ? `${leftS} s` : `${Math.ceil(leftS / 60)} min`
  return `${done} of ${wanted} seeds, ${perS.toFixed(perS < 10 ? 1 : 0)} a second, ${left} left, ${failed} not as expected`
}
