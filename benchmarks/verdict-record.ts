import type { Benchmark } from './benchmark.js'
import { createFigure, type Goal, type Verdict } from './figure.js'
import { withProcesses } from './processes.js'
import type { Judged } from './roles/record-judge.js'

const BENCHMARK = 'verdict'
const MESSAGES = 10_000_000
const MESSAGES_MIN = 10_000
const CALL_TIMEOUT_MS = 300_000
const TIME_GOAL: Goal = { at: 'most', of: 'value', value: 30_000 }
/** 512 MB. */
const MEMORY_GOAL: Goal = { at: 'most', of: 'value', value: 537 }

/** A verdict on the ledgers of a great many messages, and each order ack for them, with faults in all places. */
export const verdictBenchmark: Benchmark = {
  name: BENCHMARK,
  about: 'a verdict on the record of ten million transactional messages, an order ack for each 64: time and memory',
  roles: ['record-judge'],
  run: async context => {
    const messages = Math.max(MESSAGES_MIN, context.messages ?? MESSAGES)
    const judged: Judged[] = []
    for (let repetition = 0; repetition < context.repetitions; repetition++)
      // each in a process of its own: the largest that one ever was is told
      await withProcesses({ inProcess: context.inProcess, callTimeoutMs: CALL_TIMEOUT_MS }, async start => {
        const judge = await start('record-judge', { messages })
        judged.push(await judge.call('judge'))
      })
    const verdictOf = ({ wrong, events }: Judged): Verdict => ({
      ok: wrong.length === 0,
      says: wrong[0] ?? 'each fault was found and counted',
      counts: { messages, events },
    })
    const figure = (name: string, unit: string, value: (each: Judged) => number, goal: Goal) =>
      createFigure({
        benchmark: BENCHMARK,
        name,
        unit,
        samples: judged.map(each => ({ value: value(each), verdict: verdictOf(each) })),
        goal,
      })
    return {
      figures: [
        figure('all checkers', 'ms', ({ ms }) => ms, TIME_GOAL),
        figure('largest resident, the record included', 'MB', ({ peakBytes }) => peakBytes / 1e6, MEMORY_GOAL),
      ],
      skipped: [],
      remarks: [`${messages} messages in 8 ledgers; the record is made in memory, without notes of single messages`],
    }
  },
}
