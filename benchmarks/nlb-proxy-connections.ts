import { type Benchmark, interleave, sampleMs } from './benchmark.js'
import { createFigure, type Figure, type Sample, type Verdict } from './figure.js'
import { type ProcessUsage, processUsage } from './process-usage.js'
import { type RoleProcess, withProcesses } from './processes.js'
import { type MeasuredProxy, NO_HAPROXY, withProxies } from './proxies.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import type { OpeningResult } from './roles/connection-opener.js'

const GOAL = { at: 'least', of: 'ratio', value: 0.4 } as const
/** Connections under way at a time: enough that nobody waits, too few for a queue anywhere. */
const AT_ONCE = 64
const SOURCES = Array.from({ length: 8 }, (_, index) => benchmarkAddress(40 + index))
const WARM_UP_SHARE = 0.15
const UNIT = 'connections/s'

/** What a connection cost the proxy, in processor time; NaN where the system does not tell. */
interface OpeningSample extends Sample {
  readonly proxyUs: number
}

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
        const open = (to: Address, proxy?: MeasuredProxy) => () => openings(opener, to, proxy, durationMs)
        const direct = open(target)
        const measured = {
          direct,
          theirs: theirs === null ? undefined : open(theirs.at, theirs),
          ours: open(ours.at, ours),
        }
        for (const measure of [measured.direct, measured.theirs, measured.ours, measured.ours]) await measure?.()
        const samples = await interleave(context.repetitions, measured)
        const about = { benchmark: 'nlb-proxy-connections', unit: UNIT }
        const nothing = { name: 'connections, nothing between', samples: samples.direct }
        const subject = { ...about, name: ours.name, samples: samples.ours }
        const figures: Figure[] = [
          createFigure({ ...about, ...nothing }),
          createFigure({ ...subject, ceiling: nothing }),
        ]
        if (theirs === null) {
          return { figures: [...figures, costFigure(ours.name, samples.ours)], skipped: [NO_HAPROXY] }
        }
        const peer = { name: theirs.name, samples: samples.theirs }
        return {
          figures: [
            ...figures,
            createFigure({ ...about, ...peer, ceiling: nothing }),
            createFigure({ ...subject, ceiling: peer, goal: GOAL }),
            costFigure(theirs.name, samples.theirs),
            costFigure(ours.name, samples.ours, peer),
          ],
          skipped: [],
          remarks: ['client and echo server share the processor with the proxy: see its own processor time too'],
        }
      })
    }),
}

/** Processor time of one connection in the proxy. One core can open so many a second at most, whoever the clients are. */
function costFigure(
  name: string,
  samples: readonly Sample[],
  peer?: { readonly name: string; readonly samples: readonly Sample[] },
): Figure {
  const cost = (all: readonly Sample[]) =>
    (all as readonly OpeningSample[]).map(({ proxyUs, verdict }) => ({ value: proxyUs, verdict }))
  return createFigure({
    benchmark: 'nlb-proxy-connections',
    name: `${name}: its processor time`,
    unit: 'us/connection',
    samples: cost(samples),
    ceiling: peer && { name: peer.name, samples: cost(peer.samples) },
  })
}

async function openings(
  opener: RoleProcess<'connection-opener'>,
  to: Address,
  proxy: MeasuredProxy | undefined,
  durationMs: number,
): Promise<OpeningSample> {
  const usage = (): ProcessUsage | undefined => (proxy === undefined ? undefined : processUsage(proxy.pid))
  const before = usage()
  const result = await opener.call('run', {
    to,
    sources: SOURCES,
    atOnce: AT_ONCE,
    durationMs: durationMs * (1 + WARM_UP_SHARE),
    warmUpMs: durationMs * WARM_UP_SHARE,
  })
  const after = usage()
  const usedUs = before === undefined || after === undefined ? Number.NaN : after.processorUs - before.processorUs
  return {
    value: (result.counted * 1e6) / result.elapsedUs,
    latency: result.latency,
    verdict: judgeOpenings(result),
    proxyUs: usedUs / result.completed,
  }
}

function judgeOpenings({ opened, completed, failures }: OpeningResult): Verdict {
  const ok = opened > 0 && completed === opened
  const says = ok
    ? 'every connection brought its message back and was closed by both sides'
    : `${opened - completed} of ${opened} failed: ${JSON.stringify(failures)}`
  return { ok, says, counts: { sent: opened, delivered: completed } }
}
