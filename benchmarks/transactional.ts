import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { startEngineCeiling, throughputFigures } from './engine-ceiling.js'
import { type Load, startEnginePair } from './engine-pair.js'
import { withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'

const GOAL = { at: 'least', of: 'ratio', value: 0.08 } as const
const LOAD: Load = { delivery: 'transactional', perTransaction: 10, outgoingMax: 16_384 }

/** By default an order ack waits for half a second without messages, or for 10 s of them, while the sender keeps every
 *  message: what would be measured is how much memory it has. Here twenty and more order acks come each second. */
export const ORDER_ACK_SETTINGS = { OrderAckTimeout: 10, SeqMaxAckDelay: 0.04 } as const
export const ORDER_ACKS_QUICK = 'OrderAckTimeout 10 ms, SeqMaxAckDelay 40 ms'

/** Transactions of ten messages of 1 KB from one queue manager to another, both with the memory store. */
export const transactionalBenchmark: Benchmark = {
  name: 'transactional',
  about: 'transactions of ten messages of 1 KB, memory store, order acks flowing; ceiling (a): raw',
  roles: ['engine-sender', 'engine-receiver'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const durationMs = sampleMs(context, 3)
      const pair = await startEnginePair(start, {
        senderAddress: benchmarkAddress(27),
        receiverAddress: benchmarkAddress(28),
        settings: ORDER_ACK_SETTINGS,
      })
      const ceiling = await startEngineCeiling(context, start, durationMs)
      await warmUp(context, durationMs => pair.sample(LOAD, durationMs))
      const samples = await interleave(context.repetitions, {
        ordinary: () => ceiling.ordinary(durationMs),
        transactional: () => pair.sample(LOAD, durationMs),
        best: () => ceiling.best(durationMs),
      })
      const best = { name: ceiling.bestName, samples: samples.best }
      return {
        figures: throughputFigures('transactional', samples.ordinary, best, [
          { name: 'transactional, 10 to a transaction', samples: samples.transactional, goal: GOAL },
        ]),
        skipped: [],
        remarks: [`${ORDER_ACKS_QUICK} (defaults 500 ms, 10 s)`],
      }
    }),
}
