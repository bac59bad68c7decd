import { type Benchmark, interleave, sampleMs, warmUpMs } from './benchmark.js'
import { type Load, startEnginePair } from './engine-pair.js'
import { createFigure, type Figure } from './figure.js'
import { withProcesses } from './processes.js'
import { NO_HAPROXY, withProxies } from './proxies.js'
import { costFigure, withCost } from './proxy-cost.js'
import { benchmarkAddress } from './roles/address.js'

const BENCHMARK = 'nlb-proxy-messages'
const UNIT = 'messages/s'
const COST_UNIT = 'us/message'
const LOAD: Load = { delivery: 'express', perTransaction: 1, outgoingMax: 512 }

/** The same two queue managers straight, through HAProxy and through our proxy, in turns; both ledgers are compared. */
export const nlbProxyMessagesBenchmark: Benchmark = {
  name: BENCHMARK,
  about: 'express messages of 1 KB between queue managers through the NLB gateway, straight, and through HAProxy',
  roles: ['nlb-gateway', 'engine-sender', 'engine-receiver'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const pair = await startEnginePair(start, {
        senderAddress: benchmarkAddress(24),
        receiverAddress: benchmarkAddress(25),
      })
      const target = { address: pair.receiverAddress, port: 1801 }
      return await withProxies(context, start, { role: 'nlb-gateway', target }, async ({ ours, theirs }) => {
        const durationMs = sampleMs(context, theirs === null ? 2 : 3)
        const send = (via: string) => () => pair.sample({ ...LOAD, via }, durationMs)
        for (const via of [target.address, ours.at.address, theirs?.at.address])
          if (via !== undefined) await pair.sample({ ...LOAD, via }, warmUpMs(context) / 2)
        const samples = await interleave(context.repetitions, {
          straight: send(target.address),
          theirs: theirs === null ? undefined : () => withCost(theirs, send(theirs.at.address)),
          ours: () => withCost(ours, send(ours.at.address)),
        })
        const about = { benchmark: BENCHMARK, unit: UNIT }
        const straight = { name: 'express, straight', samples: samples.straight }
        const subject = { name: `express, ${ours.name}`, samples: samples.ours }
        const figures: Figure[] = [
          createFigure({ ...about, ...straight }),
          createFigure({ ...about, ...subject, ceiling: straight }),
        ]
        if (theirs === null) return { figures, skipped: [NO_HAPROXY] }
        const peer = { name: `express, ${theirs.name}`, samples: samples.theirs }
        return {
          figures: [
            ...figures,
            createFigure({ ...about, ...peer, ceiling: straight }),
            createFigure({ ...about, ...subject, ceiling: peer }),
            costFigure(BENCHMARK, COST_UNIT, peer),
            costFigure(BENCHMARK, COST_UNIT, subject, peer),
          ],
          skipped: [],
        }
      })
    }),
}
