import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import type { Sample, Verdict } from './figure.js'
import { type RoleProcess, withProcesses } from './processes.js'
import { withProxies } from './proxies.js'
import { compareProxies, withCost } from './proxy-figures.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import type { OpeningResult } from './roles/connection-opener.js'

const GOAL = { at: 'least', of: 'ratio', value: 0.4 } as const
/** Connections under way at a time: enough that nobody waits, too few for a queue anywhere. */
const AT_ONCE = 64
const SOURCES = Array.from({ length: 8 }, (_, index) => benchmarkAddress(40 + index))
const WARM_UP_SHARE = 0.15

/** Connections opened one after another, each with a short message there and back and an orderly close: straight, through
 *  HAProxy, and through our proxy, in turns. */
export const nlbProxyConnectionsBenchmark: Benchmark = {
  name: 'nlb-proxy-connections',
  about: 'new connections a second through the NLB gateway; ceiling (b): HAProxy of one thread',
  roles: ['nlb-gateway', 'connection-opener', 'echo-server'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const echoServer = await start('echo-server', { address: benchmarkAddress(3) })
      const opener = await start('connection-opener', {})
      const target = await echoServer.call('listening')
      return await withProxies(context, start, { role: 'nlb-gateway', target }, async ({ ours, theirs }) => {
        const durationMs = sampleMs(context, theirs === null ? 2 : 3)
        const open = (to: Address) => () => openings(opener, to, durationMs)
        const measured = {
          direct: open(target),
          theirs: theirs === null ? undefined : () => withCost(theirs, open(theirs.at)),
          ours: () => withCost(ours, open(ours.at)),
        }
        // a connection passes much code once: the compiler needs thousands
        await warmUp(context, async durationMs => {
          for (const to of [target, theirs?.at, ours.at]) if (to !== undefined) await openings(opener, to, durationMs)
        })
        const samples = await interleave(context.repetitions, measured)
        return compareProxies({
          benchmark: 'nlb-proxy-connections',
          unit: 'connections/s',
          costUnit: 'us/connection',
          direct: { name: 'connections, nothing between', samples: samples.direct },
          ours: { name: ours.name, samples: samples.ours },
          theirs: theirs && { name: theirs.name, samples: samples.theirs },
          goal: GOAL,
        })
      })
    }),
}

async function openings(opener: RoleProcess<'connection-opener'>, to: Address, durationMs: number): Promise<Sample> {
  const result = await opener.call('run', {
    to,
    sources: SOURCES,
    atOnce: AT_ONCE,
    durationMs: durationMs * (1 + WARM_UP_SHARE),
    warmUpMs: durationMs * WARM_UP_SHARE,
  })
  return {
    value: (result.counted * 1e6) / result.elapsedUs,
    latency: result.latency,
    verdict: judgeOpenings(result),
  }
}

function judgeOpenings({ opened, completed, failures }: OpeningResult): Verdict {
  const ok = opened > 0 && completed === opened
  const says = ok
    ? 'every connection brought its message back and was closed by both sides'
    : `${opened - completed} of ${opened} failed: ${JSON.stringify(failures)}`
  return { ok, says, counts: { sent: opened, delivered: completed } }
}
