import type { Delivery } from '../senders/workload-spec.js'
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  interleave,
  sampleMs,
  warmUpMs,
} from './benchmark.js'
import { LMDB_SYNC, startLmdbCeiling } from './ceiling-lmdb.js'
import { type DurableLoad, type DurablePair, startDurablePair } from './durable-pair.js'
import { createFigure, type Figure, type Goal, type Sample } from './figure.js'
import { type StartRole, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import { type StoreFolder, withStoreFolder } from './store-folder.js'
import { ORDER_ACK_SETTINGS, ORDER_ACKS_QUICK } from './transactional.js'

/** With a window of 64 the sender waits for the receiver's disk every 64 messages; this many are on their way instead. */
const WIDE_WINDOW = 4096
/** What is left over of half a window is acknowledged after this, not after 500 ms: the last of a counted number of
 *  messages would be waited for half a second. */
const ACK_DELAY_MS = 20
const FAST_SETTINGS = { MaxUnackedPacket: WIDE_WINDOW, RecoverableAckSendTimeoutMin: ACK_DELAY_MS } as const
export const FAST_SETTINGS_SAY = `MaxUnackedPacket ${WIDE_WINDOW}, RecoverableAckSendTimeoutMin ${ACK_DELAY_MS} ms (defaults 64, 500 ms)`
/** Bounds the sender's memory; more than the window, so that the next messages are on disk when it opens. */
const OUTGOING_MAX = 4 * WIDE_WINDOW
const TRIALS = 3
/** Whole transactions of ten and whole halves of the default window. */
const MESSAGES_STEP = 640
const SLOW_RATE_PER_S = 20_000
const UNIT = 'messages/s'

/** What is sent between two durable queue managers that are set up for throughput. */
export interface DurableSubject {
  readonly delivery: Delivery
  readonly perTransaction: number
  readonly settings: Readonly<Record<string, number>>
}

interface Measurement {
  readonly subject: DurableSubject
  readonly settingsSay: string
  /** The first of four loopback addresses. */
  readonly node: number
  readonly goal: Goal
}

export const RECOVERABLE: DurableSubject = { delivery: 'recoverable', perTransaction: 1, settings: FAST_SETTINGS }
const TRANSACTIONAL: DurableSubject = {
  delivery: 'transactional',
  perTransaction: 10,
  settings: { ...FAST_SETTINGS, ...ORDER_ACK_SETTINGS },
}

/** Recoverable messages of 1 KB between two queue managers that both keep them on disk. */
export const durableRecoverableBenchmark = durableBenchmark(
  'durable-recoverable',
  'recoverable messages of 1 KB, one sender to one receiver, both on disk; ceiling (c): LMDB, 512 to a commit',
  {
    subject: RECOVERABLE,
    settingsSay: FAST_SETTINGS_SAY,
    node: 50,
    goal: { at: 'least', of: 'ratio', value: 0.4 },
  },
)

/** The same in transactions of ten, each acknowledged by an order ack. */
export const durableTransactionalBenchmark = durableBenchmark(
  'durable-transactional',
  'transactions of ten messages of 1 KB, both ends on disk, order acks flowing; ceiling (c): LMDB',
  {
    subject: TRANSACTIONAL,
    settingsSay: `${FAST_SETTINGS_SAY}, ${ORDER_ACKS_QUICK} (defaults 500 ms, 10 s)`,
    node: 54,
    goal: { at: 'least', of: 'ratio', value: 0.25 },
  },
)

function durableBenchmark(name: string, about: string, measurement: Measurement): Benchmark {
  return {
    name,
    about,
    roles: ['engine-sender', 'engine-receiver', 'lmdb-writer'],
    run: async context => await measure(name, context, measurement),
  }
}

async function measure(
  benchmark: string,
  context: BenchmarkContext,
  { subject, settingsSay, node, goal }: Measurement,
): Promise<BenchmarkResult> {
  return await withStoreFolder(folder =>
    withProcesses({ inProcess: context.inProcess }, async start => {
      const fast = await startFastPair(start, folder, subject, node)
      const plain = await startPair(start, folder, 'plain', node + 2, {})
      const ceiling = await startLmdbCeiling(context, start, folder)
      const filled = loadOf(subject, 'filled')
      const consumed = loadOf(subject, 'consumed')
      const durationMs = sampleMs(context, 4)
      const trial = { durationMs, warmUpMs: warmUpMs(context) }
      const messages = context.cold ? MESSAGES_STEP : await messagesFor(fast, filled, trial)
      const plainMessages = context.cold ? MESSAGES_STEP : await messagesFor(plain, filled, trial)
      context.note(`${benchmark}: ${messages} messages a sample, ${plainMessages} with the defaults`)
      const samples = await interleave(context.repetitions, {
        ceiling: () => ceiling.sample(messages),
        filled: () => fast.sample(filled, messages),
        consumed: () => fast.sample(consumed, messages),
        plain: () => plain.sample(filled, plainMessages),
      })
      const against = { name: ceiling.name, samples: samples.ceiling }
      const { delivery } = subject
      const figure = (name: string, of: readonly Sample[], goal?: Goal) =>
        createFigure({ benchmark, name: `${delivery}, ${name}`, unit: UNIT, samples: of, ceiling: against, goal })
      return {
        figures: [
          createFigure({ benchmark, name: ceiling.name, unit: 'records/s', samples: samples.ceiling }),
          figure('sent until in the queue and acknowledged', samples.filled, goal),
          figure('sent until consumed', samples.consumed),
          figure('all defaults, until acknowledged', samples.plain),
          ...costFigures(benchmark, delivery, samples.filled, samples.ceiling),
        ],
        skipped: [],
        remarks: [folder.remark, LMDB_SYNC, settingsSay],
      }
    }),
  )
}

/** Two queue managers on disk with the settings that the subject has for throughput. */
export function startFastPair(
  start: StartRole,
  folder: StoreFolder,
  subject: DurableSubject,
  node: number,
): Promise<DurablePair> {
  return startPair(start, folder, 'fast', node, subject.settings)
}

function startPair(
  start: StartRole,
  folder: StoreFolder,
  name: string,
  node: number,
  settings: Readonly<Record<string, number>>,
): Promise<DurablePair> {
  return startDurablePair(start, {
    senderAddress: benchmarkAddress(node),
    receiverAddress: benchmarkAddress(node + 1),
    senderStore: { kind: 'lmdb', folder: folder.child(`${name}-sender`) },
    receiverStore: { kind: 'lmdb', folder: folder.child(`${name}-receiver`) },
    settings,
  })
}

export function loadOf({ delivery, perTransaction }: DurableSubject, until: DurableLoad['until']): DurableLoad {
  return { delivery, perTransaction, outgoingMax: OUTGOING_MAX, until }
}

interface Trial {
  readonly durationMs: number
  readonly warmUpMs: number
}

/** Messages that take about so long, in whole steps, but no fewer than at a slow rate: among few, the delay of the last
 *  acknowledgement would decide. Each trial has as many as the one before said: the compiler sees everything before it
 *  counts. */
async function messagesFor(pair: DurablePair, load: DurableLoad, { durationMs, warmUpMs }: Trial): Promise<number> {
  const warmAtMs = Date.now() + warmUpMs
  const steps = (count: number) => Math.max(1, Math.round(count / MESSAGES_STEP)) * MESSAGES_STEP
  const least = steps(SLOW_RATE_PER_S * (durationMs / 1000))
  let messages = least
  for (let trial = 0; trial < TRIALS || Date.now() < warmAtMs; trial++) {
    const { value } = await pair.sample(load, messages)
    messages = Math.max(least, steps((value * durationMs) / 1000))
  }
  return messages
}

/** Processor time is what lasts when other work slows the machine down: the rate cannot be better than it allows. */
function costFigures(
  benchmark: string,
  delivery: Delivery,
  samples: readonly Sample[],
  ceiling: readonly Sample[],
): Figure[] {
  const costs = (of: readonly Sample[], side: 'sendUs' | 'receiveUs') =>
    of.map(({ cost, verdict }) => ({ value: cost?.[side] ?? Number.NaN, verdict }))
  const against = { name: 'LMDB, a record', samples: costs(ceiling, 'sendUs') }
  return (['sendUs', 'receiveUs'] as const).map(side =>
    createFigure({
      benchmark,
      name: `${delivery}: ${side === 'sendUs' ? "sender's" : "receiver's"} processor time`,
      unit: 'us/message',
      samples: costs(samples, side),
      ceiling: against,
    }),
  )
}
