import { type Benchmark, type BenchmarkContext, type BenchmarkResult, interleave, sampleMs } from './benchmark.js'
import { startRawCeiling, trialMs } from './ceiling-raw.js'
import { createFigure, type Sample } from './figure.js'
import { findHaproxy, startHaproxy } from './peers/haproxy.js'
import { type StartRole, withProcesses } from './processes.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import type { EchoRun } from './roles/echo-client.js'

const BULK_GOAL = { at: 'least', of: 'ratio', value: 0.8 } as const
const ECHO_GOAL = { at: 'most', of: 'ratio', value: 1.5 } as const

/** Slow enough that no queue forms anywhere: what is timed is the way, not the crowd. */
const ECHO_RATE_PER_S = 1000
const ECHO_BODY_BYTES = 1024
const ECHO_WARM_UP_SHARE = 0.2
/** Short rounds and many of them: a difference of two medians is soon lost in what else the machine does. */
const ECHO_ROUNDS = 4

const NO_HAPROXY = 'haproxy not installed'

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

/** One message after another at a fixed rate to an echo server and back; what a proxy adds is the difference of the
 *  medians with and without it, repetition by repetition. */
export const proxyEchoBenchmark: Benchmark = {
  name: 'proxy-echo',
  about: `latency added to a 1 KB echo at ${ECHO_RATE_PER_S}/s by the proxy plane; ceiling (b): HAProxy of one thread`,
  roles: ['proxy-plane', 'echo-server', 'echo-client'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const echoServer = await start('echo-server', { address: benchmarkAddress(3) })
      const echoClient = await start('echo-client', {})
      const echoAt = await echoServer.call('listening')
      return await withProxies(context, start, echoAt, async ({ ours, theirs }) => {
        const rounds = context.repetitions * ECHO_ROUNDS
        const durationMs = sampleMs({ ...context, repetitions: rounds }, theirs === null ? 2 : 3)
        const echo = async ({ address, port }: Address): Promise<Sample> => {
          const run: EchoRun = {
            address,
            port,
            bodyBytes: ECHO_BODY_BYTES,
            ratePerS: ECHO_RATE_PER_S,
            durationMs: durationMs * (1 + ECHO_WARM_UP_SHARE),
            warmUpMs: durationMs * ECHO_WARM_UP_SHARE,
          }
          const { sent, echoed, altered, latency } = await echoClient.call('run', run)
          const ok = echoed === sent && altered === 0
          const says = ok ? 'every message came back unaltered' : `${sent - echoed} echoes missing, ${altered} altered`
          return { value: latency.p50, latency, verdict: { ok, says, counts: { sent, delivered: echoed } } }
        }
        const samples = await interleave(rounds, {
          direct: () => echo(echoAt),
          ...(theirs !== null && { theirs: () => echo(theirs.at) }),
          ours: () => echo(ours),
        })
        const about = { benchmark: 'proxy-echo', unit: 'us p50' }
        const direct = { name: 'nothing between', samples: samples.direct }
        const figures = [
          createFigure({ ...about, ...direct }),
          createFigure({ ...about, name: 'proxy plane', samples: samples.ours, ceiling: direct }),
        ]
        if (theirs === null || samples.theirs === undefined) return { figures, skipped: [NO_HAPROXY] }
        const peer = `HAProxy ${theirs.version}`
        const added = {
          name: 'proxy plane, added',
          samples: subtract(samples.ours, samples.direct),
          ceiling: { name: `${peer}, added`, samples: subtract(samples.theirs, samples.direct) },
        }
        return {
          figures: [
            ...figures,
            createFigure({ ...about, name: peer, samples: samples.theirs, ceiling: direct }),
            createFigure({ ...about, ...added, goal: ECHO_GOAL, ratioOf: 'medians' }),
          ],
          skipped: [],
        }
      })
    }),
}

function subtract(samples: readonly Sample[], base: readonly Sample[]): Sample[] {
  return samples.map(({ value, verdict }, index) => ({ value: value - base[index]!.value, verdict }))
}

interface Proxies {
  readonly ours: Address
  /** Null where HAProxy is not installed. */
  readonly theirs: { readonly at: Address; readonly version: string } | null
}

async function withProxies(
  context: BenchmarkContext,
  start: StartRole,
  target: Address,
  body: (proxies: Proxies) => Promise<BenchmarkResult>,
): Promise<BenchmarkResult> {
  const plane = await start('proxy-plane', { address: benchmarkAddress(10), to: target })
  const ours = await plane.call('listening')
  const found = findHaproxy()
  if (found === null) return await body({ ours, theirs: null })
  const address = benchmarkAddress(11)
  const at = { address, port: 1801 }
  const haproxy = await startHaproxy(found, { listen: at, to: target }, { address, port: 1802 })
  try {
    context.note(`against HAProxy ${found.version}`)
    return await body({ ours, theirs: { at, version: found.version } })
  } finally {
    await haproxy.stop()
  }
}
