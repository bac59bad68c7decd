import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { createFigure, type Sample } from './figure.js'
import { type RoleProcess, withProcesses } from './processes.js'
import { NO_HAPROXY, withProxies } from './proxies.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import type { EchoResult } from './roles/echo-client.js'

const ECHO_GOAL = { at: 'most', of: 'ratio', value: 1.5 } as const
const BODY_BYTES = 1024
/** Slow enough that no queue forms anywhere. */
export const OPEN_LOOP_RATE_PER_S = 2000
const WARM_UP_SHARE = 0.2
/** Short rounds and many of them: a difference of two medians is soon lost in what else the machine does. */
const ROUNDS = 4

/** A message of 1 KB to an echo server and back, straight, through HAProxy and through the proxy plane, in turns. The
 *  judged figure is what a way adds to the median round trip of one message at a time; a closed loop, so its tail says
 *  little. The tails come from the open loop at a fixed rate, timed from the intended send. */
export const proxyEchoBenchmark: Benchmark = {
  name: 'proxy-echo',
  about: 'latency that the proxy plane adds to a 1 KB echo; ceiling (b): HAProxy of one thread',
  roles: ['proxy-plane', 'echo-server', 'echo-client'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const echoServer = await start('echo-server', { address: benchmarkAddress(3) })
      const echoClient = await start('echo-client', {})
      const direct = await echoServer.call('listening')
      return await withProxies(context, start, { role: 'proxy-plane', target: direct }, async ({ ours, theirs }) => {
        const rounds = context.repetitions * ROUNDS
        const durationMs = sampleMs({ ...context, repetitions: rounds }, theirs === null ? 4 : 6)
        const roundTrip = (via: Address) => roundTrips(echoClient, via, durationMs)
        const paced = (via: Address) => openLoop(echoClient, via, durationMs)
        // The compiler must have seen each way a few thousand times, or it is what is measured.
        await warmUp(context, async () => {
          for (const via of [direct, ours.at, theirs?.at])
            if (via !== undefined) await roundTrips(echoClient, via, context.seconds * 50)
        })
        const samples = await interleave(rounds, {
          direct: () => roundTrip(direct),
          ...(theirs !== null && { theirs: () => roundTrip(theirs.at) }),
          ours: () => roundTrip(ours.at),
          directPaced: () => paced(direct),
          ...(theirs !== null && { theirsPaced: () => paced(theirs.at) }),
          oursPaced: () => paced(ours.at),
        })
        const about = { benchmark: 'proxy-echo', unit: 'us p50' }
        const nothing = { name: 'round trip, nothing between', samples: samples.direct }
        const plane = { name: 'round trip, proxy plane', samples: samples.ours }
        const at = `${OPEN_LOOP_RATE_PER_S}/s`
        const nothingPaced = { name: `at ${at}, nothing between`, samples: samples.directPaced }
        const planePaced = { name: `at ${at}, proxy plane`, samples: samples.oursPaced }
        const figures = [
          createFigure({ ...about, ...nothing }),
          createFigure({ ...about, ...plane, ceiling: nothing }),
          createFigure({ ...about, ...nothingPaced }),
          createFigure({ ...about, ...planePaced, ceiling: nothingPaced }),
        ]
        if (theirs === null || samples.theirs === undefined || samples.theirsPaced === undefined) {
          return { figures, skipped: [NO_HAPROXY] }
        }
        const peer = theirs.name
        const added = { name: 'added by the proxy plane', samples: subtract(samples.ours, samples.direct) }
        const addedByPeer = { name: `added by ${peer}`, samples: subtract(samples.theirs, samples.direct) }
        return {
          figures: [
            ...figures,
            createFigure({ ...about, name: `round trip, ${peer}`, samples: samples.theirs, ceiling: nothing }),
            createFigure({ ...about, name: `at ${at}, ${peer}`, samples: samples.theirsPaced, ceiling: nothingPaced }),
            createFigure({ ...about, ...added, ceiling: addedByPeer, goal: ECHO_GOAL, ratioOf: 'medians' }),
          ],
          skipped: [],
        }
      })
    }),
}

type EchoClient = RoleProcess<'echo-client'>

async function roundTrips(client: EchoClient, { address, port }: Address, durationMs: number): Promise<Sample> {
  return sampleOf(
    await client.call('roundTrips', {
      address,
      port,
      bodyBytes: BODY_BYTES,
      durationMs: durationMs * (1 + WARM_UP_SHARE),
      warmUpMs: durationMs * WARM_UP_SHARE,
    }),
  )
}

export async function openLoop(client: EchoClient, { address, port }: Address, durationMs: number): Promise<Sample> {
  return sampleOf(
    await client.call('openLoop', {
      address,
      port,
      bodyBytes: BODY_BYTES,
      ratePerS: OPEN_LOOP_RATE_PER_S,
      durationMs: durationMs * (1 + WARM_UP_SHARE),
      warmUpMs: durationMs * WARM_UP_SHARE,
    }),
  )
}

function sampleOf({ sent, echoed, altered, latency }: EchoResult): Sample {
  const ok = echoed === sent && altered === 0
  const says = ok ? 'every message came back unaltered' : `${sent - echoed} echoes missing, ${altered} altered`
  return { value: latency.p50, latency, verdict: { ok, says, counts: { sent, delivered: echoed } } }
}

function subtract(samples: readonly Sample[], base: readonly Sample[]): Sample[] {
  return samples.map(({ value, verdict }, index) => ({ value: value - base[index]!.value, verdict }))
}
