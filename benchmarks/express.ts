import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { startEngineCeiling, throughputFigures } from './engine-ceiling.js'
import { type Load, startEnginePair } from './engine-pair.js'
import { withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'

const GOAL = { at: 'least', of: 'ratio', value: 0.2 } as const
const WIDE_WINDOW = 1024
const DEFAULT_LOAD: Load = { delivery: 'express', perTransaction: 1, outgoingMax: 512 }
const WIDE_LOAD: Load = { ...DEFAULT_LOAD, outgoingMax: 4 * WIDE_WINDOW }

/** Express messages of 1 KB from one queue manager to another, each in a process of its own, straight. */
export const expressBenchmark: Benchmark = {
  name: 'express',
  about: 'express messages of 1 KB, one sender to one receiver, windows of 64 and 1,024; ceiling (a): raw',
  roles: ['engine-sender', 'engine-receiver', 'raw-writer', 'raw-counter'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const durationMs = sampleMs(context, 4)
      const narrow = await startEnginePair(start, {
        senderAddress: benchmarkAddress(20),
        receiverAddress: benchmarkAddress(21),
      })
      const wide = await startEnginePair(start, {
        senderAddress: benchmarkAddress(22),
        receiverAddress: benchmarkAddress(23),
        settings: { MaxUnackedPacket: WIDE_WINDOW },
      })
      const ceiling = await startEngineCeiling(context, start, durationMs)
      // Sessions open and the compiler sees everything before it counts.
      await warmUp(
        context,
        durationMs => narrow.sample(DEFAULT_LOAD, durationMs),
        durationMs => wide.sample(WIDE_LOAD, durationMs),
      )
      const samples = await interleave(context.repetitions, {
        ordinary: () => ceiling.ordinary(durationMs),
        narrow: () => narrow.sample(DEFAULT_LOAD, durationMs),
        wide: () => wide.sample(WIDE_LOAD, durationMs),
        best: () => ceiling.best(durationMs),
      })
      return {
        figures: throughputFigures('express', samples.ordinary, { name: ceiling.bestName, samples: samples.best }, [
          { name: 'express, default window', samples: samples.narrow, goal: GOAL },
          { name: 'express, window 1,024', samples: samples.wide },
        ]),
        skipped: [],
      }
    }),
}
