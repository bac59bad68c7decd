import type { Benchmark, BenchmarkContext } from './benchmark.js'
import { lmdbBatchBenchmark } from './ceiling-lmdb.js'
import { rawBenchmark } from './ceiling-raw.js'
import { decodeBenchmark } from './decode.js'
import { diagnoseBenchmark } from './diagnose.js'
import { durableLoneBenchmark } from './durable-lone.js'
import { durableRecoverableBenchmark, durableTransactionalBenchmark } from './durable-throughput.js'
import { expressBenchmark } from './express.js'
import { expressProxyBenchmark } from './express-proxy.js'
import type { Figure } from './figure.js'
import { latencyAcksBenchmark } from './latency-acks.js'
import { describeMachine } from './machine.js'
import { nlbKernelBenchmark } from './nlb-kernel.js'
import { nlbModelBenchmark } from './nlb-model.js'
import { nlbProxyConnectionsBenchmark } from './nlb-proxy-connections.js'
import { nlbProxyEchoBenchmark } from './nlb-proxy-echo.js'
import { nlbProxyMessagesBenchmark } from './nlb-proxy-messages.js'
import { nlbProxySessionsBenchmark } from './nlb-proxy-sessions.js'
import { peersDurableBenchmark } from './peers-durable.js'
import { nlbProxyBulkBenchmark, proxyBulkBenchmark } from './proxy-bulk.js'
import { proxyEchoBenchmark } from './proxy-echo.js'
import type { BenchmarkReport } from './report.js'
import { simulationBenchmark } from './simulation.js'
import { srmpBenchmark, srmpDurableBenchmark } from './srmp.js'
import { srmpCodecBenchmark } from './srmp-codec.js'
import { transactionalBenchmark } from './transactional.js'
import { verdictBenchmark } from './verdict-record.js'
import { waitingMillionBenchmark } from './waiting-million.js'

/** In the order they run when none is named. */
export const BENCHMARKS: readonly Benchmark[] = [
  rawBenchmark,
  decodeBenchmark,
  srmpCodecBenchmark,
  expressBenchmark,
  transactionalBenchmark,
  expressProxyBenchmark,
  latencyAcksBenchmark,
  proxyBulkBenchmark,
  proxyEchoBenchmark,
  lmdbBatchBenchmark,
  durableRecoverableBenchmark,
  durableTransactionalBenchmark,
  durableLoneBenchmark,
  waitingMillionBenchmark,
  peersDurableBenchmark,
  srmpBenchmark,
  srmpDurableBenchmark,
  nlbProxyBulkBenchmark,
  nlbProxyConnectionsBenchmark,
  nlbProxyEchoBenchmark,
  nlbProxyMessagesBenchmark,
  nlbProxySessionsBenchmark,
  nlbKernelBenchmark,
  nlbModelBenchmark,
  verdictBenchmark,
  simulationBenchmark,
  diagnoseBenchmark,
]

/** The one of that name, or all whose names begin with it and a hyphen: `nlb` and `nlb-proxy` are such families. */
export function findBenchmarks(name: string): readonly Benchmark[] {
  const exact = BENCHMARKS.filter(benchmark => benchmark.name === name)
  return exact.length > 0 ? exact : BENCHMARKS.filter(benchmark => benchmark.name.startsWith(`${name}-`))
}

/** Runs the benchmarks one after another; an error of one ends the run. */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  context: BenchmarkContext,
): Promise<BenchmarkReport> {
  const machine = describeMachine()
  const figures: Figure[] = []
  const skipped: string[] = []
  const remarks: string[] = []
  for (const benchmark of benchmarks) {
    context.note(`${benchmark.name}: ${benchmark.about}`)
    const result = await benchmark.run(context)
    figures.push(...result.figures)
    skipped.push(...result.skipped.map(line => `${benchmark.name}: ${line}`))
    remarks.push(...(result.remarks ?? []).map(line => `${benchmark.name}: ${line}`))
  }
  const { seed, seconds, repetitions } = context
  return { machine, seed, seconds, repetitions, figures, skipped, remarks }
}
