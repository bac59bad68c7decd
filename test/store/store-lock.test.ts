import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LmdbStore } from '../../store/lmdb-store.js'
import { holderOf } from '../../store/store-lock.js'

const WRITER = join(import.meta.dirname, '../fixtures/store-writer.js')

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-lock-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

t.test('one instance has a store, and others are told who it is', async t => {
  const directory = newDirectory()
  const store = await LmdbStore.open(directory)
  const link = join(newDirectory(), 'link')
  symlinkSync(directory, link)
  for (const path of [directory, `${directory}/../${directory.split('/').at(-1)}`, link]) {
    const refused = { code: 'MSMQ_STORE_LOCKED', message: new RegExp(`in use by process ${process.pid};`) }
    await t.rejects(LmdbStore.open(path), refused, path)
  }
  await store.close()
  t.equal(await holderOf(directory), null)
  await (await LmdbStore.open(directory)).close()
})

t.test('of many that open at once one gets it', async t => {
  const directory = newDirectory()
  const opened = await Promise.allSettled(Array.from({ length: 8 }, () => LmdbStore.open(directory)))
  const stores = opened.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  t.equal(stores.length, 1)
  for (const each of opened) if (each.status === 'rejected') t.match(each.reason, { code: 'MSMQ_STORE_LOCKED' })
  await stores[0]!.close()
})

t.test('a killed process holds nothing any more', async t => {
  const directory = newDirectory()
  const writer = spawn(process.execPath, [WRITER, directory, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(writer.stdout, 'data')
  const refused = { code: 'MSMQ_STORE_LOCKED', message: new RegExp(`in use by process ${writer.pid};`) }
  await t.rejects(LmdbStore.open(directory), refused)
  writer.kill('SIGKILL')
  await once(writer, 'exit')
  const store = await LmdbStore.open(directory)
  await store.close()
})
