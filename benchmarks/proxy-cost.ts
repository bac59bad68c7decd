import { createFigure, type Figure, type Sample } from './figure.js'
import { processUsage } from './process-usage.js'
import type { MeasuredProxy } from './proxies.js'

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

interface Costed {
  readonly name: string
  readonly samples: readonly CostedSample[]
}

/** Processor time in the proxy. Its clients and targets share the processors with it, so rates say less than this: one core
 *  can do so many a second at most, whoever the clients are. Unit such as `us/message`. */
export function costFigure(benchmark: string, unit: string, subject: Costed, peer?: Costed): Figure {
  const samplesOf = ({ samples }: Costed) => samples.map(({ proxyUs, verdict }) => ({ value: proxyUs, verdict }))
  return createFigure({
    benchmark,
    name: `${subject.name}: its processor time`,
    unit,
    samples: samplesOf(subject),
    ceiling: peer && { name: peer.name, samples: samplesOf(peer) },
  })
}
