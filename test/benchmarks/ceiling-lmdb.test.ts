import t from 'tap'
import { lmdbBatchBenchmark } from '../../benchmarks/ceiling-lmdb.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { withStoreFolder } from '../../benchmarks/store-folder.js'
import { quickContext } from '../fixtures/bench-context.js'

t.test('lmdb-batch-512: every record is read back', async t => {
  const { figures, remarks } = await lmdbBatchBenchmark.run(quickContext())
  t.equal(figures.length, 2)
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0 && (verdict.counts.sent ?? 0) >= 1024, name)
  }
  t.ok(remarks?.some(remark => remark.includes('fdatasync')))
})

t.test('each way writes what is counted, and lone writes are timed', async t => {
  await withStoreFolder(folder =>
    withProcesses({}, async start => {
      const writer = await start('lmdb-writer', { folder: folder.child('ceiling'), recordBytes: 100 })
      for (const way of ['sync', 'async', 'append'] as const) {
        const { found, altered, elapsedUs } = await writer.call('run', { records: 1000, batchRecords: 300, way })
        t.strictSame({ found, altered }, { found: 1000, altered: 0 }, way)
        t.ok(elapsedUs > 0)
      }
      const { fdatasync, commit } = await writer.call('flushes', 5)
      t.equal(fdatasync.count, 5)
      t.equal(commit.count, 5)
      t.ok(commit.p50 > 0)
    }),
  )
})
