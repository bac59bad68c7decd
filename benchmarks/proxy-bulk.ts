import { type Benchmark, interleave, sampleMs } from './benchmark.js'
import { startRawCeiling, trialMs } from './ceiling-raw.js'
import { createFigure } from './figure.js'
import { withProcesses } from './processes.js'
import { NO_HAPROXY, withProxies } from './proxies.js'

const BULK_GOAL = { at: 'least', of: 'ratio', value: 0.8 } as const

/** One connection carries pre-built messages from the raw writer to the raw counter: straight, through HAProxy, and
 *  through the proxy plane, in turns. */
export const proxyBulkBenchmark: Benchmark = {
  name: 'proxy-bulk',
  about: 'bulk rate of 1 KB messages through the proxy plane; ceiling (b): HAProxy of one thread',
  roles: ['proxy-plane', 'raw-writer', 'raw-counter'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const raw = await startRawCeiling(start, { trialMs: trialMs(sampleMs(context, 3)) })
      return await withProxies(context, start, raw.counterAt, async ({ ours, theirs }) => {
        const durationMs = sampleMs(context, theirs === null ? 2 : 3)
        // The compiler sees each way once before it counts.
        for (const via of [raw.counterAt, ours, theirs?.at]) await raw.sampleOrdinary(trialMs(durationMs), via)
        const samples = await interleave(context.repetitions, {
          direct: () => raw.sampleOrdinary(durationMs),
          ...(theirs !== null && { theirs: () => raw.sampleOrdinary(durationMs, theirs.at) }),
          ours: () => raw.sampleOrdinary(durationMs, ours),
        })
        const about = { benchmark: 'proxy-bulk', unit: 'messages/s' }
        const direct = { name: 'raw, nothing between', samples: samples.direct }
        const straight = createFigure({ ...about, name: 'proxy plane', samples: samples.ours, ceiling: direct })
        if (theirs === null || samples.theirs === undefined) return { figures: [straight], skipped: [NO_HAPROXY] }
        const peer = { name: `HAProxy ${theirs.version}`, samples: samples.theirs }
        return {
          figures: [
            createFigure({ ...about, ...peer, ceiling: direct }),
            straight,
            createFigure({ ...about, name: 'proxy plane', samples: samples.ours, ceiling: peer, goal: BULK_GOAL }),
          ],
          skipped: [],
        }
      })
    }),
}
