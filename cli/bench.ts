import { Command, InvalidArgumentError } from 'commander'
import type { Benchmark } from '../benchmarks/benchmark.js'
import { isDelivered, isGoalMissed, reportText } from '../benchmarks/report.js'
import { isRoleName, type RoleName } from '../benchmarks/roles.js'
import { BENCHMARKS, findBenchmarks, runBenchmarks } from '../benchmarks/suite.js'
import { captureSize, generateCaptureFile } from './bench-capture.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, writeJson, writeText } from './output.js'

interface BenchOptions {
  readonly seconds: number
  readonly repetitions: number
  readonly seed: number
  readonly messages?: number
  readonly size: number
  readonly generate?: string
  readonly json?: true
  readonly list?: true
  readonly strict?: true
  readonly profileRole?: string
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'Measure throughput and latency. Each figure comes with its delivery verdict and as a ratio to a ceiling that is ' +
        'measured in the same run.',
    )
    .argument('[names...]', 'benchmarks to run, or the first word of several, such as nlb; all when none is named')
    .option('--seconds <n>', 'time each benchmark measures, all its repetitions together', positiveNumber, 15)
    .option('--repetitions <n>', 'how often each thing is measured, in turns', positiveWhole, 5)
    .option('--seed <n>', 'what generated messages are made from', positiveWhole, 1)
    .option(
      '--messages <n>',
      'messages of those benchmarks that count them; each has a number of its own',
      positiveWhole,
    )
    .option('--size <size>', 'of the capture of the benchmark diagnose, such as 200MB', captureSize, 200e6)
    .option('--generate <file>', 'only write that capture, .pcap or .pcapng, and print what is in it')
    .option('--json', 'one JSON object on stdout')
    .option('--list', 'name the benchmarks, their roles, and what each measures')
    .option('--strict', 'exit 1 for a missed goal too, not only for messages that did not arrive as they should')
    .option('--profile-role <role>', 'keep this role in the command itself, for a profiler; --list names them')
    .action(async (names: string[], options: BenchOptions) => {
      if (options.list) await writeList(options.json === true)
      else if (options.generate !== undefined) await generateCaptureFile(options.generate, options.size, options.seed)
      else await runBench(names, options)
    })
}

async function runBench(names: readonly string[], options: BenchOptions): Promise<void> {
  const benchmarks = names.length === 0 ? BENCHMARKS : [...new Set(names.flatMap(benchmarksOf))]
  const report = await runBenchmarks(benchmarks, {
    seconds: options.seconds,
    repetitions: options.repetitions,
    seed: options.seed,
    messages: options.messages,
    captureBytes: options.size,
    inProcess: options.profileRole === undefined ? undefined : roleOf(options.profileRole, benchmarks),
    note: log,
  })
  if (options.json) await writeJson(report)
  else await writeText(reportText(report))
  if (!isDelivered(report) || (options.strict && isGoalMissed(report))) process.exitCode = EXIT_NOT_AS_EXPECTED
}

async function writeList(json: boolean): Promise<void> {
  const list = BENCHMARKS.map(({ name, about, roles }) => ({ name, about, roles }))
  if (json) return await writeJson(list)
  const text = list.map(({ name, about, roles }) => {
    const line = `${name.padEnd(20)} ${about}\n`
    return roles.length === 0 ? line : `${line}${' '.repeat(21)}roles: ${roles.join(', ')}\n`
  })
  await writeText(text.join(''))
}

function benchmarksOf(name: string): readonly Benchmark[] {
  const found = findBenchmarks(name)
  if (found.length > 0) return found
  return fail(`no benchmark ${name}; there are ${BENCHMARKS.map(known => known.name).join(', ')}`)
}

function roleOf(text: string, benchmarks: readonly Benchmark[]): RoleName {
  const roles = [...new Set(benchmarks.flatMap(benchmark => benchmark.roles))]
  if (isRoleName(text) && roles.includes(text)) return text
  return fail(
    `--profile-role ${text}: no such role here; ${roles.length === 0 ? 'there are none' : `one of ${roles.join(', ')}`}`,
  )
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0) || value > 3600) throw new InvalidArgumentError('It must be above 0 and at most 3600.')
  return value
}

function positiveWhole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 0xffff_ffff)
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}
