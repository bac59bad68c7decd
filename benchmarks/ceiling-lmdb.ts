import { type Benchmark, type BenchmarkContext, interleave, sampleMs } from './benchmark.js'
import { createFigure, type Sample } from './figure.js'
import { type RoleProcess, type StartRole, withProcesses } from './processes.js'
import type { LmdbWay } from './roles/lmdb-writer.js'
import { type StoreFolder, withStoreFolder } from './store-folder.js'

/** Ceiling (c). One process commits records of 1 KB to LMDB in batches of 512, each batch on disk before the next
 *  begins, and does nothing else: no queue manager, no network, no second process. What a durable message costs at the
 *  least on this machine's disk, once; a message from one durable queue manager to another is stored twice.
 *
 *  Of `transactionSync` and `batch`, the one that is faster in a short trial. With puts that append, LMDB is faster still;
 *  that is shown beside it. */
export interface LmdbCeiling {
  readonly name: string
  readonly way: LmdbWay
  readonly writer: RoleProcess<'lmdb-writer'>
  sample(records: number, way?: LmdbWay): Promise<Sample>
}

export const RECORD_BYTES = 1024
export const BATCH_RECORDS = 512
/** Both ways are tried with so many records, twice: the first time the file grows. */
const TRIAL_BATCHES = 20
const LEAST_BATCHES = 2

/** How durable each side of a comparison is, in one line for the report. */
export const LMDB_SYNC = 'LMDB without overlappingSync: pages, fdatasync, meta page with O_DSYNC before a commit counts'

export async function startLmdbCeiling(
  context: BenchmarkContext,
  start: StartRole,
  folder: StoreFolder,
): Promise<LmdbCeiling> {
  const writer = await start('lmdb-writer', { folder: folder.child('ceiling'), recordBytes: RECORD_BYTES })
  const sample = async (records: number, way: LmdbWay): Promise<Sample> => {
    const { elapsedUs, processorUs, found, altered } = await writer.call('run', {
      records,
      batchRecords: BATCH_RECORDS,
      way,
    })
    const ok = found === records && altered === 0
    return {
      value: (records * 1e6) / elapsedUs,
      cost: { sendUs: processorUs / records, receiveUs: Number.NaN },
      verdict: {
        ok,
        says: ok ? 'every record was read back' : `${records - found} records missing, ${altered} altered`,
        counts: { sent: records, delivered: found },
      },
    }
  }
  const best = { way: 'sync' as LmdbWay, value: 0 }
  for (const way of ['sync', 'async', 'sync', 'async'] as const) {
    const { value } = await sample(trialBatches(context) * BATCH_RECORDS, way)
    if (value > best.value) Object.assign(best, { way, value })
  }
  return {
    name: `LMDB, ${BATCH_RECORDS} records to a commit`,
    way: best.way,
    writer,
    sample: (records, way = best.way) => sample(records, way),
  }
}

function trialBatches({ cold }: BenchmarkContext): number {
  return cold ? LEAST_BATCHES : TRIAL_BATCHES
}

/** Records that take about so long, in whole batches, judged by a trial. */
async function recordsFor(context: BenchmarkContext, ceiling: LmdbCeiling): Promise<number> {
  if (context.cold) return LEAST_BATCHES * BATCH_RECORDS
  const durationMs = sampleMs(context, 2)
  const { value } = await ceiling.sample(TRIAL_BATCHES * BATCH_RECORDS)
  return Math.max(LEAST_BATCHES, Math.round((value * durationMs) / 1000 / BATCH_RECORDS)) * BATCH_RECORDS
}

export const lmdbBatchBenchmark: Benchmark = {
  name: 'lmdb-batch-512',
  about: 'ceiling (c): records of 1 KB committed to LMDB in batches of 512 by one process, each batch on disk',
  roles: ['lmdb-writer'],
  run: async context =>
    await withStoreFolder(folder =>
      withProcesses({ inProcess: context.inProcess }, async start => {
        const ceiling = await startLmdbCeiling(context, start, folder)
        const records = await recordsFor(context, ceiling)
        context.note(`lmdb-batch-512: ${records} records a sample, way ${ceiling.way}`)
        const samples = await interleave(context.repetitions, {
          plain: () => ceiling.sample(records),
          append: () => ceiling.sample(records, 'append'),
        })
        const figure = (name: string, of: readonly Sample[]) =>
          createFigure({ benchmark: 'lmdb-batch-512', name, unit: 'records/s', samples: of })
        return {
          figures: [figure(ceiling.name, samples.plain), figure(`${ceiling.name}, appending`, samples.append)],
          skipped: [],
          remarks: [folder.remark, LMDB_SYNC],
        }
      }),
    ),
}
