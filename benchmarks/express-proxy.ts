import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { startEngineCeiling, throughputFigures } from './engine-ceiling.js'
import { type Load, startEnginePair } from './engine-pair.js'
import { createFigure } from './figure.js'
import { withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'

const LOAD: Load = { delivery: 'express', perTransaction: 1, outgoingMax: 512 }

/** The same as `express`, straight and through the proxy plane, by the same two queue managers in turns. */
export const expressProxyBenchmark: Benchmark = {
  name: 'express-proxy',
  about: 'express messages of 1 KB through the proxy plane and straight, default window; ceiling (a): raw',
  roles: ['proxy-plane', 'engine-sender', 'engine-receiver'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const durationMs = sampleMs(context, 4)
      const pair = await startEnginePair(start, {
        senderAddress: benchmarkAddress(24),
        receiverAddress: benchmarkAddress(25),
      })
      const proxyAddress = benchmarkAddress(26)
      await start('proxy-plane', {
        address: proxyAddress,
        port: 1801,
        to: { address: pair.receiverAddress, port: 1801 },
      })
      const ceiling = await startEngineCeiling(context, start, durationMs)
      const proxied: Load = { ...LOAD, via: proxyAddress }
      await warmUp(
        context,
        durationMs => pair.sample(LOAD, durationMs),
        durationMs => pair.sample(proxied, durationMs),
      )
      const samples = await interleave(context.repetitions, {
        ordinary: () => ceiling.ordinary(durationMs),
        direct: () => pair.sample(LOAD, durationMs),
        proxied: () => pair.sample(proxied, durationMs),
        best: () => ceiling.best(durationMs),
      })
      const direct = { name: 'express, straight', samples: samples.direct }
      return {
        figures: [
          ...throughputFigures('express-proxy', samples.ordinary, { name: ceiling.bestName, samples: samples.best }, [
            direct,
            { name: 'express, proxy plane', samples: samples.proxied },
          ]),
          createFigure({
            benchmark: 'express-proxy',
            name: 'express, proxy plane to straight',
            unit: 'messages/s',
            samples: samples.proxied,
            ceiling: direct,
          }),
        ],
        skipped: [],
      }
    }),
}
