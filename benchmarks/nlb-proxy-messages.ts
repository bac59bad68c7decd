import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { type Load, startEnginePair } from './engine-pair.js'
import { withProcesses } from './processes.js'
import { withProxies } from './proxies.js'
import { compareProxies, withCost } from './proxy-figures.js'
import { benchmarkAddress } from './roles/address.js'

const LOAD: Load = { delivery: 'express', perTransaction: 1, outgoingMax: 512 }

/** The same two queue managers straight, through HAProxy and through our proxy, in turns; both ledgers are compared. */
export const nlbProxyMessagesBenchmark: Benchmark = {
  name: 'nlb-proxy-messages',
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
        await warmUp(context, async durationMs => {
          for (const via of [target.address, ours.at.address, theirs?.at.address])
            if (via !== undefined) await pair.sample({ ...LOAD, via }, durationMs / 2)
        })
        const samples = await interleave(context.repetitions, {
          straight: send(target.address),
          theirs: theirs === null ? undefined : () => withCost(theirs, send(theirs.at.address)),
          ours: () => withCost(ours, send(ours.at.address)),
        })
        return compareProxies({
          benchmark: 'nlb-proxy-messages',
          unit: 'messages/s',
          costUnit: 'us/message',
          direct: { name: 'express, straight', samples: samples.straight },
          ours: { name: `express, ${ours.name}`, samples: samples.ours },
          theirs: theirs && { name: `express, ${theirs.name}`, samples: samples.theirs },
        })
      })
    }),
}
