import type { Benchmark, BenchmarkContext } from './benchmark.js'
import { rawBenchmark } from './ceiling-raw.js'
import { decodeBenchmark } from './decode.js'
import type { Figure } from './figure.js'
import { describeMachine } from './machine.js'
import { proxyBulkBenchmark } from './proxy-bulk.js'
import { proxyEchoBenchmark } from './proxy-echo.js'
import type { BenchmarkReport } from './report.js'

/** In the order they run when none is named. */
export const BENCHMARKS: readonly Benchmark[] = [rawBenchmark, decodeBenchmark, proxyBulkBenchmark, proxyEchoBenchmark]

export function findBenchmark(name: string): Benchmark | undefined {
  return BENCHMARKS.find(benchmark => benchmark.name === name)
}

/** Runs the benchmarks one after another; an error of one ends the run. */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  context: BenchmarkContext,
): Promise<BenchmarkReport> {
  const machine = describeMachine()
  const figures: Figure[] = []
  const skipped: string[] = []
  for (const benchmark of benchmarks) {
    context.note(`${benchmark.name}: ${benchmark.about}`)
    const result = await benchmark.run(context)
    figures.push(...result.figures)
    skipped.push(...result.skipped.map(line => `${benchmark.name}: ${line}`))
  }
  return { machine, seed: context.seed, seconds: context.seconds, repetitions: context.repetitions, figures, skipped }
}
