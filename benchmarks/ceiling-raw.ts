import { type Benchmark, type BenchmarkContext, interleave, lookUntil, sampleMs, sleep } from './benchmark.js'
import { createFigure, type Sample } from './figure.js'
import { userMessageSize } from './frames.js'
import { type RoleProcess, type StartRole, withProcesses } from './processes.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import type { RawRun } from './roles/raw-writer.js'

/** Ceiling (a). One process writes pre-built MSMQ user messages of 1 KB body to a loopback connection as fast as it
 *  can, another counts them by PacketSize and does nothing else. Nothing on the machine that moves messages between two
 *  processes of Node can be faster, so every figure is given as a ratio to it.
 *
 *  Two ways of reading are measured. `preallocated`: the counter opened the connection and reads into one buffer of
 *  256 KiB over and over; this is the faster one, and the ceiling. `ordinary`: the counter accepted the connection and
 *  gets a new buffer for each read of 64 KiB, as every listener of Node does. */
export interface RawCeiling {
  readonly bodyBytes: number
  /** The batch (frames to a write) that was fastest in a short trial of several. */
  readonly batchFrames: number
  sample(durationMs: number): Promise<Sample>
  /** The same writer and counter with the counter listening, and on the way whatever listens at `via`. In the batches
   *  that were fastest in a trial of this way, or in those asked for. */
  sampleOrdinary(durationMs: number, via?: Address, batchFrames?: number): Promise<Sample>
  /** Ordinary reading, each frame handed to the socket by a write of its own, `batchFrames` of them corked. */
  sampleSeparate(durationMs: number, batchFrames: number): Promise<Sample>
  /** Where the listening counter is, for what is put in between. */
  readonly counterAt: Address
}

const BATCHES = [16, 32, 64, 128, 256, 512]
/** A trial lasts as long as a sample, but no longer than this. */
const TRIAL_MS_MAX = 120
const COLD_TRIAL_MS = 5
const END_TIMEOUT_MS = 20_000
/** Head of each sample that is not counted: the congestion window and the compiler settle. */
const WARM_UP_SHARE = 0.15
const BODY_BYTES = 1024

export interface RawCeilingOptions {
  /** How long each batch size is tried. */
  readonly trialMs: number
  readonly bodyBytes?: number
  /** The counter's and the writer's address; fresh ones of this run by default. */
  readonly counterAddress?: string
  readonly writerAddress?: string
}

export async function startRawCeiling(start: StartRole, options: RawCeilingOptions): Promise<RawCeiling> {
  const bodyBytes = options.bodyBytes ?? BODY_BYTES
  const counter = await start('raw-counter', { address: options.counterAddress ?? benchmarkAddress(2) })
  const writer = await start('raw-writer', { address: options.writerAddress ?? benchmarkAddress(1) })
  const counterAt = await counter.call('listening')
  const writerAt = await writer.call('listening')

  const preallocated = async (batchFrames: number, durationMs: number) => {
    await writer.call('prepare', { batchFrames, bodyBytes })
    await counter.call('connect', writerAt)
    return await countFor(counter, writer, durationMs)
  }
  const ordinary = (batchFrames: number, durationMs: number, via: Address, separately = false) =>
    pour(writer, counter, via, { batchFrames, bodyBytes, separately }, durationMs)

  const batchFrames = await fastest(BATCHES, batch => preallocated(batch, options.trialMs))
  const ordinaryBatchFrames = await fastest(BATCHES, batch => ordinary(batch, options.trialMs, counterAt))
  return {
    bodyBytes,
    batchFrames,
    counterAt,
    sample: durationMs => preallocated(batchFrames, durationMs),
    sampleSeparate: (durationMs, batch) => ordinary(batch, durationMs, counterAt, true),
    sampleOrdinary: (durationMs, via = counterAt, batch = ordinaryBatchFrames) => ordinary(batch, durationMs, via),
  }
}

/** One connection from the writer to `via`, behind which the counter listens. */
export async function pour(
  writer: RoleProcess<'raw-writer'>,
  counter: RoleProcess<'raw-counter'>,
  via: Address,
  run: RawRun,
  durationMs: number,
): Promise<Sample> {
  await writer.call('prepare', run)
  await writer.call('connect', via)
  return await countFor(counter, writer, durationMs)
}

async function fastest(batches: readonly number[], measure: (batch: number) => Promise<Sample>): Promise<number> {
  let best = { batch: batches[0]!, value: 0 }
  for (const batch of batches) {
    const { value } = await measure(batch)
    if (value > best.value) best = { batch, value }
  }
  return best.batch
}

/** Frames per second between two looks at the counter, by the counter's own clock; the second is put off until it has come
 *  on, or a machine that stood still would have no rate. Then everything is let arrive. */
async function countFor(
  counter: RoleProcess<'raw-counter'>,
  writer: RoleProcess<'raw-writer'>,
  durationMs: number,
): Promise<Sample> {
  await sleep(durationMs * WARM_UP_SHARE)
  const [from, writerFromUs] = await Promise.all([counter.call('count'), writer.call('processorUs')])
  await sleep(durationMs)
  await lookUntil(
    () => counter.call('count'),
    ({ frames }) => frames > from.frames,
    END_TIMEOUT_MS,
  )
  const [to, writerToUs] = await Promise.all([counter.call('count'), writer.call('processorUs')])
  const written = await writer.call('finish')
  const last = await lookUntil(
    () => counter.call('count'),
    ({ ended }) => ended,
    END_TIMEOUT_MS,
  )
  const ok = last.ended && last.atBoundary && last.frames === written
  const frames = to.frames - from.frames
  return {
    value: (frames * 1e6) / (to.atUs - from.atUs),
    cost: {
      sendUs: (writerToUs - writerFromUs) / frames,
      receiveUs: (to.processorUs - from.processorUs) / frames,
    },
    verdict: {
      ok,
      says: ok ? 'every frame written was counted' : `${written} frames written, ${last.frames} counted`,
      counts: { sent: written, delivered: last.frames },
    },
  }
}

export const rawBenchmark: Benchmark = {
  name: 'raw',
  about: 'ceiling (a): pre-built 1 KB messages written by one process, only counted by another',
  roles: ['raw-writer', 'raw-counter'],
  run: async (context: BenchmarkContext) =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const durationMs = sampleMs(context, 2)
      const ceiling = await startRawCeiling(start, { trialMs: trialMs(context, durationMs) })
      const wireBytes = userMessageSize({ bodyBytes: ceiling.bodyBytes })
      context.note(`raw: batches of ${ceiling.batchFrames} frames of ${wireBytes} bytes`)
      const samples = await interleave(context.repetitions, {
        preallocated: () => ceiling.sample(durationMs),
        ordinary: () => ceiling.sampleOrdinary(durationMs),
      })
      const name = ceilingName(ceiling)
      return {
        figures: [
          createFigure({ benchmark: 'raw', name, unit: 'messages/s', samples: samples.preallocated }),
          createFigure({
            benchmark: 'raw',
            name: 'raw, read as a listener of Node reads',
            unit: 'messages/s',
            samples: samples.ordinary,
            ceiling: { name, samples: samples.preallocated },
          }),
        ],
        skipped: [],
      }
    }),
}

export function trialMs({ cold }: BenchmarkContext, sampleDurationMs: number): number {
  return cold ? COLD_TRIAL_MS : Math.min(TRIAL_MS_MAX, sampleDurationMs)
}

export function ceilingName(ceiling: RawCeiling): string {
  return `raw, ${ceiling.batchFrames} to a write`
}
