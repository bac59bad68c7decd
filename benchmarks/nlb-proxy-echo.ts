import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import type { Sample } from './figure.js'
import { withProcesses } from './processes.js'
import { withProxies } from './proxies.js'
import { OPEN_LOOP_RATE_PER_S, openLoop } from './proxy-echo.js'
import { compareProxies, withCost } from './proxy-figures.js'
import { type Address, benchmarkAddress } from './roles/address.js'

const GOAL = { at: 'most', of: 'ratio', value: 2 } as const
/** Several rounds to a repetition: the tail of a short round is what else the machine did in it. */
const ROUNDS = 3

/** A message of 1 KB to an echo server and back at a fixed rate: the tail. */
export const nlbProxyEchoBenchmark: Benchmark = {
  name: 'nlb-proxy-echo',
  about: 'p99 of a 1 KB echo at a fixed rate through the NLB gateway; ceiling (b): HAProxy of one thread',
  roles: ['nlb-gateway', 'echo-server', 'echo-client'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const echoServer = await start('echo-server', { address: benchmarkAddress(3) })
      const echoClient = await start('echo-client', {})
      const target = await echoServer.call('listening')
      return await withProxies(context, start, { role: 'nlb-gateway', target }, async ({ ours, theirs }) => {
        const rounds = context.repetitions * ROUNDS
        const durationMs = sampleMs({ ...context, repetitions: rounds }, theirs === null ? 2 : 3)
        const paced = (via: Address) => async () => tailOf(await openLoop(echoClient, via, durationMs))
        const measured = {
          direct: paced(target),
          theirs: theirs === null ? undefined : () => withCost(theirs, paced(theirs.at)),
          ours: () => withCost(ours, paced(ours.at)),
        }
        await warmUp(context, async () => {
          for (const measure of Object.values(measured)) await measure?.()
        })
        const samples = await interleave(rounds, measured)
        const at = `1 KB echo at ${OPEN_LOOP_RATE_PER_S}/s`
        return compareProxies({
          benchmark: 'nlb-proxy-echo',
          unit: 'us p99',
          costUnit: 'us/message',
          direct: { name: `${at}, nothing between`, samples: samples.direct },
          ours: { name: `${at}, ${ours.name}`, samples: samples.ours },
          theirs: theirs && { name: `${at}, ${theirs.name}`, samples: samples.theirs },
          goal: GOAL,
        })
      })
    }),
}

function tailOf(sample: Sample): Sample {
  return { ...sample, value: sample.latency?.p99 ?? Number.NaN }
}
