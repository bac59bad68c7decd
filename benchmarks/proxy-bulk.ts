import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { startRawCeiling, trialMs } from './ceiling-raw.js'
import type { Goal } from './figure.js'
import { withProcesses } from './processes.js'
import { type ProxyRole, withProxies } from './proxies.js'
import { compareProxies, withCost } from './proxy-figures.js'

export const proxyBulkBenchmark = bulkBenchmark('proxy-bulk', 'proxy-plane', { at: 'least', of: 'ratio', value: 0.8 })
export const nlbProxyBulkBenchmark = bulkBenchmark('nlb-proxy-bulk', 'nlb-gateway', {
  at: 'least',
  of: 'ratio',
  value: 0.9,
})

/** One connection carries pre-built messages from the raw writer to the raw counter: straight, through HAProxy, and
 *  through our proxy, in turns. */
function bulkBenchmark(name: string, role: ProxyRole, goal: Goal): Benchmark {
  return {
    name,
    about: `bulk rate of 1 KB messages through the ${role.replace('-', ' ')}; ceiling (b): HAProxy of one thread`,
    roles: [role, 'raw-writer', 'raw-counter'],
    run: async context =>
      await withProcesses({ inProcess: context.inProcess }, async start => {
        const raw = await startRawCeiling(start, { trialMs: trialMs(context, sampleMs(context, 3)) })
        return await withProxies(context, start, { role, target: raw.counterAt }, async ({ ours, theirs }) => {
          const durationMs = sampleMs(context, theirs === null ? 2 : 3)
          await warmUp(context, async () => {
            for (const via of [raw.counterAt, ours.at, theirs?.at])
              await raw.sampleOrdinary(trialMs(context, durationMs), via)
          })
          const samples = await interleave(context.repetitions, {
            direct: () => raw.sampleOrdinary(durationMs),
            theirs:
              theirs === null ? undefined : () => withCost(theirs, () => raw.sampleOrdinary(durationMs, theirs.at)),
            ours: () => withCost(ours, () => raw.sampleOrdinary(durationMs, ours.at)),
          })
          return compareProxies({
            benchmark: name,
            unit: 'messages/s',
            costUnit: 'us/message',
            direct: { name: 'raw, nothing between', samples: samples.direct },
            ours: { name: ours.name, samples: samples.ours },
            theirs: theirs && { name: theirs.name, samples: samples.theirs },
            goal,
          })
        })
      }),
  }
}
