import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { StoreOperation } from '../../queue-manager/actions.js'
import { LmdbStore } from '../../store/lmdb-store.js'

/* On a file system of its own that really is full: that needs the right to mount one. */

const DISK_BYTES = 12 * 1024 * 1024

function mountedDirectory(): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', directory], { stdio: 'ignore' })
    return directory
  } catch {
    rmSync(directory, { recursive: true })
    return null
  }
}

function write(store: LmdbStore, operations: readonly StoreOperation[]): Promise<string> {
  return new Promise(resolve =>
    store.write(operations, error => resolve(error === null ? 'done' : (error as Error & { code: string }).code)),
  )
}

const put = (key: number): StoreOperation => ({
  table: 'message',
  key,
  value: { key },
  packet: Buffer.alloc(8_000, key),
})
const drop = (key: number): StoreOperation => ({ table: 'message', key, value: null })

const directory = mountedDirectory()

t.test('a full disk', { skip: directory === null && 'needs the right to mount a file system' }, async t => {
  const path = directory!
  t.teardown(() => {
    execFileSync('umount', [path])
    rmSync(path, { recursive: true })
  })
  let store = await LmdbStore.open(path)
  let key = 0
  const outcomes = new Map<number, string>()
  const fill = async (count: number) => {
    const keys = Array.from({ length: count }, () => ++key)
    await Promise.all(keys.map(async each => outcomes.set(each, await write(store, [put(each)]))))
  }
  const held = () => [...outcomes].filter(([, outcome]) => outcome === 'done').map(([each]) => each)
  const check = (what: string) => {
    t.strictSame(
      [...store.load()].filter(({ table }) => table === 'message').map(row => row.key),
      held(),
      what,
    )
    t.equal(held().filter(each => store.packet('message', each)[7_000] !== each % 256).length, 0, `${what}: packets`)
  }
  while (outcomes.get(key) !== 'MSMQ_STORE_FULL') await fill(20)
  t.strictSame(new Set(outcomes.values()), new Set(['done', 'MSMQ_STORE_FULL']))
  t.ok(held().length > 700, `${held().length} messages of 8 KB on 12 MB`)
  check('full')

  t.equal(await write(store, [{ table: 'state', key: 'small', value: { n: 1 } }]), 'done', 'small state has room')
  // Not even what the store left is there any more.
  let crumbs = 0
  try {
    for (; ; crumbs++) writeFileSync(join(path, `crumb${crumbs}`), Buffer.alloc(4_096))
  } catch (error) {
    t.match(error, { code: 'ENOSPC' })
  }
  await store.close()
  store = await LmdbStore.open(path)
  check('full, opened again')
  // One at a time: what is left for messages may have been too little for many at once.
  do await fill(1)
  while (outcomes.get(key) !== 'MSMQ_STORE_FULL')

  const gone = held().slice(0, 400)
  for (const each of gone) {
    t.equal(await write(store, [drop(each)]), 'done')
    outcomes.set(each, 'deleted')
  }
  check('half deleted')
  await fill(1)
  t.equal(outcomes.get(key), 'done', 'there is room again within the file')
  check('used again')

  while (outcomes.get(key) !== 'MSMQ_STORE_FULL') await fill(20)
  for (let crumb = 0; crumb < crumbs; crumb++) rmSync(join(path, `crumb${crumb}`))
  execFileSync('mount', ['-o', `remount,size=${DISK_BYTES * 2}`, path])
  await new Promise(resolve => setTimeout(resolve, 600))
  await fill(100)
  t.equal(outcomes.get(key), 'done', 'there is room again on the disk')
  check('on a larger disk')
  await store.close()
})
