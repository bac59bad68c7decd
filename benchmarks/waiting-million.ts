import { cpSync } from 'node:fs'
import { type Benchmark, type BenchmarkResult, interleave } from './benchmark.js'
import { BODY_BYTES, RECEIVER_GUID } from './engine-pair.js'
import { createFigure, type Goal, type Sample, type Verdict } from './figure.js'
import { type RoleProcess, type StartRole, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import type { Opened, Taken } from './roles/queue-keeper.js'
import { type StoreFolder, withStoreFolder } from './store-folder.js'

const BENCHMARK = 'waiting-million'
const MESSAGES = 1_000_000
const MESSAGES_MIN = 1000
/** Waiting in each of the queues that the million is compared with. */
const FEW = 1000
/** Messages taken out, timed; before them as many of another queue, for the compiler. */
const TAKEN_MAX = 10_000
const BIG_QUEUE = 'private$\\waiting'
const WARM_QUEUE = 'private$\\warm'
const BIG_SENDER = 1
const WARM_SENDER = 2
const FIRST_SMALL_SENDER = 10
const CALL_TIMEOUT_MS = 300_000
/** More than is waiting: with its default of 1 GB the computer's quota refuses the last of a million messages. */
const SETTINGS = { MachineQuota: 16_777_216 } as const

const OPEN_GOAL: Goal = { at: 'most', of: 'value', value: 2000 }
const MEMORY_GOAL: Goal = { at: 'most', of: 'value', value: 300 }
const RATE_GOAL: Goal = { at: 'least', of: 'ratio', value: 0.8 }

/** What is measured of one opening of a store. */
interface Visit {
  readonly opened: Opened
  readonly rate: Sample
}

/** A great many messages waiting in one queue: opening, memory, and the rate at which they are taken out. */
export const waitingMillionBenchmark: Benchmark = {
  name: BENCHMARK,
  about:
    'a million messages of 1 KB waiting in a queue on disk: opening, memory, receiving, against a thousand waiting',
  roles: ['queue-keeper'],
  run: async context =>
    await withStoreFolder(folder =>
      withProcesses({ inProcess: context.inProcess, callTimeoutMs: CALL_TIMEOUT_MS }, async start => {
        const messages = Math.max(MESSAGES_MIN, context.messages ?? MESSAGES)
        const taken = Math.min(TAKEN_MAX, Math.floor(messages / 2 / context.repetitions / FEW) * FEW || FEW / 2)
        const smallQueues = Array.from({ length: Math.ceil(taken / FEW) }, (_, index) => `private$\\few-${index}`)
        const fromMs = Date.now()
        await fill(start, folder.child('big'), [
          { queue: BIG_QUEUE, sender: BIG_SENDER, messages },
          { queue: WARM_QUEUE, sender: WARM_SENDER, messages: taken * context.repetitions },
        ])
        context.note(`${BENCHMARK}: ${messages} messages on disk after ${Math.round((Date.now() - fromMs) / 1000)} s`)
        await fill(start, folder.child('small'), [
          ...smallQueues.map((queue, index) => ({ queue, sender: FIRST_SMALL_SENDER + index, messages: FEW })),
          { queue: WARM_QUEUE, sender: WARM_SENDER, messages: taken },
        ])
        let round = 0
        const big: Visit[] = []
        const empty: Sample[] = []
        const { small } = await interleave(context.repetitions, {
          empty: async () => {
            round += 1
            const keeper = await startKeeper(start, folder.child(`empty-${round}`))
            const opened = await keeper.call('open')
            await keeper.call('close')
            const sample = megabytes(opened, judge([]))
            empty.push(sample)
            return sample
          },
          big: async () => {
            const waiting = messages - (round - 1) * taken
            const queues = [BIG_QUEUE]
            const visit = await visitStore(start, folder.child('big'), {
              queues,
              each: taken,
              waiting,
              highest: round * taken,
            })
            big.push(visit)
            return visit.rate
          },
          small: async () => {
            const copy = folder.child(`small-${round}`)
            cpSync(folder.child('small'), copy, { recursive: true })
            const each = Math.min(FEW, taken)
            const { rate } = await visitStore(start, copy, { queues: smallQueues, each, waiting: FEW, highest: each })
            return rate
          },
        })
        return { ...report(big, empty, small), remarks: remarksOf(folder, messages, taken) }
      }),
    ),
}

function report(big: readonly Visit[], empty: readonly Sample[], small: readonly Sample[]): BenchmarkResult {
  const figure = (name: string, unit: string, samples: readonly Sample[], goal?: Goal) =>
    createFigure({ benchmark: BENCHMARK, name, unit, samples, goal })
  const verdict = (visit: Visit): Verdict => visit.rate.verdict
  const openings = big.map(visit => ({ value: visit.opened.elapsedUs / 1000, verdict: verdict(visit) }))
  const openingCosts = big.map(visit => ({ value: visit.opened.processorUs / 1000, verdict: verdict(visit) }))
  const memory = big.map(visit => megabytes(visit.opened, verdict(visit)))
  const over = memory.map((sample, index) => ({ ...sample, value: sample.value - (empty[index]?.value ?? 0) }))
  const used = big.map(visit => ({ value: visit.opened.memory.usedBytes / 1e6, verdict: verdict(visit) }))
  return {
    figures: [
      figure('opening', 'ms', openings, OPEN_GOAL),
      figure('opening, processor time', 'ms', openingCosts),
      figure('memory over an empty store', 'MB', over, MEMORY_GOAL),
      figure('memory in use after a collection', 'MB', used),
      figure('an empty store', 'MB', empty),
      figure('received with few waiting', 'messages/s', small),
      createFigure({
        benchmark: BENCHMARK,
        name: 'received with many waiting',
        unit: 'messages/s',
        samples: big.map(({ rate }) => rate),
        ceiling: { name: 'few waiting', samples: small },
        goal: RATE_GOAL,
      }),
    ],
    skipped: [],
  }
}

function megabytes({ memory }: Opened, verdict: Verdict): Sample {
  return { value: memory.residentBytes / 1e6, verdict }
}

function remarksOf(folder: StoreFolder, messages: number, taken: number): string[] {
  return [
    folder.remark,
    `${messages} messages in one queue; few: ${FEW} in each of several queues; ${taken} taken of either, in batches of ` +
      '256, right after opening and a warm-up with another queue, until their removal is on disk',
    'memory: resident and of no file (RssAnon) when opened; mapped pages of the database are file cache and not in it',
    `MachineQuota ${SETTINGS.MachineQuota} KB (default 1,048,576)`,
  ]
}

function startKeeper(start: StartRole, store: string): Promise<RoleProcess<'queue-keeper'>> {
  return start('queue-keeper', {
    name: 'KEEPER',
    address: benchmarkAddress(90),
    guid: RECEIVER_GUID,
    settings: SETTINGS,
    store: { kind: 'lmdb', folder: store },
  })
}

async function fill(
  start: StartRole,
  store: string,
  queues: readonly { queue: string; sender: number; messages: number }[],
): Promise<void> {
  const keeper = await startKeeper(start, store)
  await keeper.call('open')
  for (const { queue, sender, messages } of queues) {
    const refused = await keeper.call('fill', { queue, sender, messages, bodyBytes: BODY_BYTES })
    if (refused > 0) throw new Error(`${refused} of ${messages} messages for ${queue} were refused`)
  }
  await keeper.call('close')
}

/** Opens the store in a new process, warms up, and takes messages out. */
async function visitStore(
  start: StartRole,
  store: string,
  asked: {
    readonly queues: readonly string[]
    readonly each: number
    /** In each of the queues when it opens. */
    readonly waiting: number
    /** Number of the last message that is taken. */
    readonly highest: number
  },
): Promise<Visit> {
  const { queues, each } = asked
  const keeper = await startKeeper(start, store)
  const opened = await keeper.call('open')
  const count = queues.length * each
  await keeper.call('take', { queues: [WARM_QUEUE], each: count })
  const taken = await keeper.call('take', { queues, each })
  await keeper.call('close')
  const wrong = queues.filter(queue => opened.waiting[queue] !== asked.waiting)
  const verdict = judge([
    wrong.length === 0 ? '' : `${wrong[0]} opened with ${opened.waiting[wrong[0]!]} messages of ${asked.waiting}`,
    ...complaintsAbout(taken, count, asked.highest),
  ])
  const counts = { sent: count, delivered: taken.delivered }
  return { opened, rate: { value: (count * 1e6) / taken.elapsedUs, verdict: { ...verdict, counts } } }
}

function complaintsAbout(taken: Taken, count: number, highest: number): string[] {
  return [
    taken.delivered === count ? '' : `${count - taken.delivered} missing`,
    taken.highest === highest ? '' : `the last one is ${taken.highest}, not ${highest}`,
    taken.duplicateCopies === 0 ? '' : `${taken.duplicateCopies} duplicate copies`,
    taken.reordered === 0 ? '' : `${taken.reordered} out of order`,
    taken.foreign === 0 ? '' : `${taken.foreign} foreign or damaged`,
  ]
}

function judge(complaints: readonly string[]): Verdict {
  const said = complaints.filter(complaint => complaint !== '')
  return { ok: said.length === 0, says: said.join(', ') || 'all were there, each once, in order', counts: {} }
}
