import { existsSync, statSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { SourceMode } from '../gateway/planes/proxy-events.js'
import { nearestName } from '../lab/nearest-name.js'
import { kernelModeOf, PLANES, type Plane } from '../lab/planes.js'
import { findScenario, scenarioNames } from '../lab/scenario-catalogue.js'
import { readScenarioFile } from '../lab/scenario-file.js'
import type { Scenario } from '../lab/scenario-schema.js'
import { FileError } from '../lab/yaml-file.js'
import { checkDistinct } from './distinct-files.js'
import { captureFile, historyFile, performScenario, writeReport } from './lab-run.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, writeJson, writeText } from './output.js'
import { reportFile } from './report-file.js'
import { describeVerdict } from './verdict-text.js'

interface RunCommandOptions {
  readonly world?: string
  readonly plane: Plane
  readonly source?: SourceMode
  readonly seed?: number
  readonly report?: string
  readonly history?: string
  readonly pcap?: string
  readonly json?: boolean
}

export function runCommand(): Command {
  return new Command('run')
    .description('run one scenario and give its verdict')
    .argument('<scenario>', 'a scenario file, or the name of a shipped scenario (see mqlab scenarios)')
    .option(
      '--world <world>',
      'sim: virtual time with MSMQ’s own timers; loopback: sockets (default); namespaces: kernel planes',
    )
    .addOption(
      new Option('--plane <plane>', 'what stands for the balancer; kernel planes need root')
        .choices(PLANES)
        .default('proxy'),
    )
    .addOption(
      new Option('--source <source>', 'what hosts take for the client: its address, or the balancer’s').choices([
        'keep',
        'translate',
      ]),
    )
    .option('--seed <n>', 'seed of QMIds and arrival times; default: what the scenario says, else 1', wholeNumber)
    .option('--report <file>', 'write an HTML report')
    .option('--history <file>', 'write the history while it runs, for mqlab history')
    .option('--pcap <file>', 'write what crossed the network as a capture (pcapng) that Wireshark opens')
    .option('--json', 'print the verdict as JSON')
    .action(async (name: string, { history, pcap, ...options }: RunCommandOptions) => {
      checkWorld(options)
      const scenario = loadScenario(name)
      checkDistinct(
        [{ file: existsSync(name) ? name : undefined, what: 'the scenario' }],
        [
          { file: options.report, what: '--report' },
          { file: history, what: '--history' },
          { file: pcap, what: '--pcap' },
        ],
      )
      if (options.report !== undefined) reportFile(options.report)
      const reported = await performScenario(scenario, {
        ...options,
        seed: options.seed ?? scenario.seed ?? 1,
        simulated: options.world === 'sim',
        ...(history === undefined ? {} : { history: historyFile(history) }),
        ...(pcap === undefined ? {} : { capture: await captureFile(pcap) }),
      })
      if (options.report !== undefined) writeReport(options.report, [reported], scenario.scenario)
      if (options.json) await writeJson(reported.verdict)
      else await writeText(describeVerdict(reported))
      if (options.report !== undefined) log(`report: ${options.report}`)
      if (history !== undefined) log(`history: ${history}`)
      if (pcap !== undefined) log(`capture: ${pcap}`)
      if (!reported.verdict.asExpected) process.exitCode = EXIT_NOT_AS_EXPECTED
    })
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 0xffffffff)
    throw new InvalidArgumentError('a whole number from 0 to 4294967295 is needed')
  return value
}

function checkWorld({ world, plane }: RunCommandOptions): void {
  const own = kernelModeOf(plane) === null ? 'loopback' : 'namespaces'
  if (world === undefined || world === own) return
  if (world === 'sim') {
    if (plane !== 'proxy') fail(`--world sim: balancers are simulated there; leave out --plane ${plane}`)
    return
  }
  if (world !== 'loopback' && world !== 'namespaces')
    fail(`--world ${world}: no such world; allowed are sim, loopback and namespaces`)
  fail(`--world ${world}: with --plane ${plane} the world is ${own}`)
}

/** A file if there is one of that name, else a shipped scenario. */
export function loadScenario(name: string): Scenario {
  try {
    if (existsSync(name)) {
      if (statSync(name).isDirectory()) fail(`${name}: is a directory, a scenario file is wanted`)
      return readScenarioFile(name)
    }
    const shipped = findScenario(name)
    if (shipped !== null) return shipped
  } catch (error) {
    if (error instanceof FileError) fail(error.message, { cause: error })
    throw error
  }
  const near = scenarioNames().find(known => known.startsWith(name)) ?? nearestName(name, scenarioNames())
  fail(
    `${name}: no such file and no such scenario; ${near === null ? '' : `did you mean ${near}? `}mqlab scenarios lists them`,
  )
}
