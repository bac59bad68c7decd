import { latencyHistogram } from '../receivers/latency-histogram.js'

/** Percentiles in microseconds, with a tenth of a microsecond of resolution. */
export interface LatencySummary {
  readonly unit: 'us'
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

const TICKS_PER_US = 10
const LONGEST_US = 600_000_000

/** Latencies of one run in a histogram. */
export class LatencyRecorder {
  readonly #histogram = latencyHistogram(LONGEST_US * TICKS_PER_US)

  /** `latencyUs` counts from the intended send time, so that a stall counts against every message it held up. */
  record(latencyUs: number): void {
    const ticks = Math.round(Math.min(Math.max(latencyUs, 0), LONGEST_US) * TICKS_PER_US)
    this.#histogram.recordValue(ticks)
  }

  reset(): void {
    this.#histogram.reset()
  }

  summary(): LatencySummary {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / TICKS_PER_US
    const count = this.#histogram.totalCount
    return {
      unit: 'us',
      count,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: count === 0 ? 0 : this.#histogram.maxValue / TICKS_PER_US,
    }
  }
}

/** Microseconds of the machine's monotonic clock: the same in every process of the machine. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint()) / 1000
}
