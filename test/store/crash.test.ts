import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LmdbStore } from '../../store/lmdb-store.js'
import { numbersOf } from '../fixtures/numbers.js'
import { lastWrite, workloadAfter } from '../fixtures/store-workload.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const WRITER = join(import.meta.dirname, '../fixtures/store-writer.js')
const ROUNDS = 8

/** Runs the writer until it has done so many writes, and so many milliseconds more; gives the last that it said was done. */
async function killWriter(directory: string, writes: number, moreMs: number): Promise<number> {
  const writer = spawn(process.execPath, ['--enable-source-maps', WRITER, directory, String(SUITE_SEED)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let lines = 0
  let killed = false
  writer.stdout.setEncoding('latin1').on('data', chunk => {
    text += chunk
    lines += chunk.split('\n').length - 1
    if (lines < writes || killed) return
    killed = true
    setTimeout(() => writer.kill('SIGKILL'), moreMs)
  })
  const [code, signal] = (await once(writer, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${code}`)
  return Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1))
}

t.test('a process killed at any moment leaves every write that was done, and none in part', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-crash-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const random = numbersOf(SUITE_SEED)
  let before = 0
  let beyond = 0
  for (let round = 0; round < ROUNDS; round++) {
    // Half the time right after a write was done.
    const moreMs = round % 2 === 0 ? 0 : random() * 60
    const done = await killWriter(directory, 1 + Math.floor(random() * 250), moreMs)
    const store = await LmdbStore.open(directory)
    const last = lastWrite(store)
    t.ok(last >= done && done > before, `round ${round}: up to ${done} done, up to ${last} found`)
    t.equal(workloadAfter(SUITE_SEED, last).difference(store), null, `round ${round}: the rows of ${last} writes`)
    await store.close()
    if (last > done) beyond++
    before = done
  }
  t.comment(`${before} writes; in ${beyond} of ${ROUNDS} rounds the disk was ahead of what was said`)
})
