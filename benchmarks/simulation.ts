import { explore } from '../lab/explore/explore.js'
import { SeedPool } from '../lab/explore/seed-pool.js'
import { parseScenario } from '../lab/scenario-file.js'
import { inSimulation } from '../lab/scenario-worlds.js'
import { createRunView, createVerdict } from '../lab/verdict.js'
import { simulateScenario } from '../lab/worlds/simulated.js'
import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { createFigure, type Sample } from './figure.js'
import { processorUs } from './processor.js'

const MESSAGES_GOAL = { at: 'least', of: 'value', value: 100_000 } as const
/** A thousand seeds in a minute, on two cores. */
const SEEDS_GOAL = { at: 'least', of: 'value', value: 1000 / 60 } as const
const THREADS = 2
const PLAIN_MESSAGES = 20_000
const SEEDS_MIN = 2 * THREADS
const SEEDS_MAX = 1000

/** One queue manager sends transactions to another, as fast as they go. */
const PLAIN = String.raw`
scenario: plain
about: transactions from one queue manager to another
topology:
  receivers: { queues: { name: private$\orders, transactional: true } }
  senders: {}
load: { to: 'DIRECT=TCP:{R1}\private$\orders', delivery: transactional, messages: MESSAGES, perTransaction: 4, sizeBytes: 1024 }
expect: { sent: MESSAGES, delivered: all, lost: 0, duplicated: 0, reordered: 0, unacknowledged: 0 }
`

/** 200 messages to three receivers, and every few seconds something goes wrong. */
const FAULTY = String.raw`
scenario: faulty
about: transactions to three receivers, while machines end, connections break and packets are lost
topology:
  receivers: { count: 3, queues: { name: private$\orders, transactional: true } }
  senders: { count: 4 }
load:
  - { from: S1, to: 'DIRECT=TCP:{R1}\private$\orders', delivery: transactional, messages: 50, perTransaction: 3, ratePerS: 1, arrival: poisson }
  - { from: S2, to: 'DIRECT=TCP:{R2}\private$\orders', delivery: transactional, messages: 50, perTransaction: 3, ratePerS: 1, arrival: poisson }
  - { from: S3, to: 'DIRECT=TCP:{R3}\private$\orders', delivery: transactional, messages: 50, perTransaction: 3, ratePerS: 1, arrival: poisson }
  - { from: S4, to: 'DIRECT=TCP:{R1}\private$\orders', delivery: transactional, messages: 50, perTransaction: 3, ratePerS: 1, arrival: poisson }
chaos: { untilS: 60, everyS: 8 }
expect: { sent: 200, lost: 0, duplicated: 0, reordered: 0, incompleteTransactions: 0, unacknowledged: 0 }
`

/**
 * The simulated world: messages a second through two queue managers, by processor time of one thread; and runs of a small,
 * faulty scenario a second, by the clock, on two threads with all that an exploration does of each.
 */
export const simulationBenchmark: Benchmark = {
  name: 'simulation',
  about: 'simulated messages per second of processor time, and seeds of a faulty scenario per second on two threads',
  roles: [],
  run: async context => {
    const durationMs = sampleMs(context, 2)
    const messages = context.messages ?? PLAIN_MESSAGES
    const plain = inSimulation(parseScenario(PLAIN.replaceAll('MESSAGES', String(messages)), 'plain'))
    const faulty = parseScenario(FAULTY, 'faulty')
    const pool = new SeedPool({ workers: THREADS })
    try {
      let seeds = SEEDS_MIN
      await warmUp(context, async () => {
        simulate(plain, context.seed)
        // threads that have run the scenario for a while, and how long a seed takes
        const { value } = await exploreSeeds(SEEDS_MIN, pool)
        seeds = Math.round(Math.min(SEEDS_MAX, Math.max(SEEDS_MIN, (value * durationMs) / 1000)))
      })
      const samples = await interleave(context.repetitions, {
        plain: async () => simulate(plain, context.seed),
        seeds: async () => exploreSeeds(seeds, pool),
      })
      const benchmark = 'simulation'
      return {
        figures: [
          createFigure({
            benchmark,
            name: 'transactional messages',
            unit: 'messages/CPU s',
            samples: samples.plain,
            goal: MESSAGES_GOAL,
          }),
          createFigure({
            benchmark,
            name: 'seeds of 200 messages, 3 receivers, faults',
            unit: 'seeds/s',
            samples: samples.seeds,
            goal: SEEDS_GOAL,
          }),
        ],
        skipped: [],
        remarks: [`${messages} messages a run; ${seeds} seeds a repetition on ${THREADS} threads`],
      }
    } finally {
      await pool.close()
    }

    async function exploreSeeds(count: number, pool: SeedPool): Promise<Sample> {
      const startedMs = performance.now()
      const { failing, anomalies, seedsAsExpected } = await explore(faulty, {
        seeds: { from: context.seed, to: context.seed + count - 1 },
        pool,
      })
      const says = 'what was accepted arrived once, in order and whole, whatever went wrong'
      const complaint = `seed ${failing[0]}: ${anomalies.map(({ kind }) => kind).join(', ')}`
      const verdict = { ok: failing.length === 0, says: failing.length === 0 ? says : complaint }
      return {
        value: (count * 1000) / (performance.now() - startedMs),
        verdict: { ...verdict, counts: { seeds: seedsAsExpected } },
      }
    }
  },
}

/** Without events: nobody listens. The ledgers decide whether all arrived. */
function simulate(scenario: ReturnType<typeof inSimulation>, seed: number): Sample {
  const startUs = processorUs()
  const run = simulateScenario(scenario, { seed, keepEvents: false, samples: false })
  const usedUs = processorUs() - startUs
  const { unmet, counts } = createVerdict(createRunView(run))
  const ok = unmet.length === 0
  const says = ok ? 'each message delivered once, in order, and acknowledged' : `${unmet[0]?.count} ${unmet[0]?.actual}`
  return { value: (counts.sent * 1e6) / usedUs, verdict: { ok, says, counts: { delivered: counts.delivered } } }
}
