import type { BenchmarkResult } from './benchmark.js'
import { createFigure, type Figure, type Goal, type Sample } from './figure.js'
import { processUsage } from './process-usage.js'
import { type MeasuredProxy, NO_HAPROXY } from './proxies.js'

/** A measurement of something that passed a proxy. */
interface CostedSample extends Sample {
  /** Processor time of the proxy for each thing delivered, warm-up included; NaN where the system does not tell. */
  readonly proxyUs: number
}

/** Measures, and what the proxy's process used meanwhile. */
export async function withCost(proxy: MeasuredProxy, measure: () => Promise<Sample>): Promise<CostedSample> {
  const before = processUsage(proxy.pid)?.processorUs ?? Number.NaN
  const sample = await measure()
  const after = processUsage(proxy.pid)?.processorUs ?? Number.NaN
  return { ...sample, proxyUs: (after - before) / (sample.verdict.counts.delivered ?? 0) }
}

interface Measured<S extends Sample> {
  readonly name: string
  readonly samples: readonly S[]
}

export interface ProxyComparison {
  readonly benchmark: string
  readonly unit: string
  /** Of the proxies' processor time, such as `us/message`. */
  readonly costUnit: string
  readonly direct: Measured<Sample>
  readonly ours: Measured<CostedSample>
  /** Null where HAProxy is not installed. */
  readonly theirs: Measured<CostedSample> | null
  /** Of ours in relation to HAProxy. */
  readonly goal?: Goal
}

/** All three, ours held against each of the others; and the processor time in both proxies. Clients and targets share the
 *  processors with the proxy, so rates say less than this: one core can do so many a second at most, whoever the clients
 *  are. */
export function compareProxies(comparison: ProxyComparison): BenchmarkResult {
  const { benchmark, unit, costUnit, direct, ours, theirs, goal } = comparison
  const cost = (subject: Measured<CostedSample>, ceiling?: Measured<CostedSample>): Figure =>
    createFigure({
      benchmark,
      name: `${subject.name}: its processor time`,
      unit: costUnit,
      samples: costSamples(subject),
      ceiling: ceiling && { name: ceiling.name, samples: costSamples(ceiling) },
    })
  const about = { benchmark, unit }
  const straight = [createFigure({ ...about, ...direct }), createFigure({ ...about, ...ours, ceiling: direct })]
  if (theirs === null) return { figures: [...straight, cost(ours)], skipped: [NO_HAPROXY] }
  return {
    figures: [
      ...straight,
      createFigure({ ...about, ...theirs, ceiling: direct }),
      createFigure({ ...about, ...ours, ceiling: theirs, goal }),
      cost(theirs),
      cost(ours, theirs),
    ],
    skipped: [],
  }
}

function costSamples({ samples }: Measured<CostedSample>): Sample[] {
  return samples.map(({ proxyUs, verdict }) => ({ value: proxyUs, verdict }))
}
