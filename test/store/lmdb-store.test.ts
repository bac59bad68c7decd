import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { StoreOperation } from '../../queue-manager/actions.js'
import { LmdbStore, type LmdbStoreOptions } from '../../store/lmdb-store.js'
import type { Store } from '../../store/store.js'
import { numbersOf } from '../fixtures/numbers.js'
import { storeSuite } from '../fixtures/store-suite.js'

await storeSuite(t, () => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-store-'))
  return {
    open: () => LmdbStore.open(directory),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
})

function newDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-store-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function opened(t: Test, directory: string, options?: LmdbStoreOptions): Promise<LmdbStore> {
  const store = await LmdbStore.open(directory, options)
  t.teardown(() => store.close())
  return store
}

function written(store: Store, operations: readonly StoreOperation[]): Promise<void> {
  return new Promise((resolve, reject) =>
    store.write(operations, error => (error === null ? resolve() : reject(error))),
  )
}

const put = (key: number, bytes = 1_024): StoreOperation => ({
  table: 'message',
  key,
  value: { key },
  packet: Buffer.alloc(bytes, key),
})
const drop = (key: number): StoreOperation => ({ table: 'message', key, value: null })
const fileBytes = (directory: string) => statSync(join(directory, 'store.mdb')).size
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const keysOf = (store: Store) => [...store.load()].map(({ key }) => key)

t.test('what is asked for while a commit runs shares the next one', async t => {
  const store = await opened(t, newDirectory(t))
  await Promise.all(range(1, 2_000).map(key => written(store, [put(key)])))
  t.equal(store.writes, 2_000)
  t.ok(store.commits <= 20, `${store.commits} commits`)
})

t.test('a row that comes and goes within one commit never reaches the disk', async t => {
  const directory = newDirectory(t)
  const store = await opened(t, directory)
  const before = fileBytes(directory)
  const writes = range(1, 4_000).flatMap(key => [written(store, [put(key, 8_000)]), written(store, [drop(key)])])
  await Promise.all(writes)
  t.strictSame(keysOf(store), [])
  t.ok(fileBytes(directory) < before + 16 * 1024 * 1024, '32 MB went through')
})

t.test('refuses what packet tables do not take', async t => {
  const store = await opened(t, newDirectory(t))
  await written(store, [put(5)])
  const { packet: _, ...bare } = put(6)
  const refused: [string, StoreOperation[]][] = [
    ['no packet', [bare]],
    ['a key again', [put(5)]],
    ['a lower key', [put(4)]],
    ['a lower key within a write', [put(8), put(7)]],
    ['a fraction', [put(8.5)]],
    ['text', [{ ...put(9), key: '9' }]],
  ]
  for (const [what, operations] of refused)
    await t.rejects(written(store, operations), { code: 'MSMQ_STORE_MISUSE' }, what)
  await written(store, [put(7)])
  t.strictSame(keysOf(store), [5, 7])
})

t.test('says who the store belongs to', async t => {
  const directory = newDirectory(t)
  const identity = { name: 'alpha', guid: '00000000-0000-4000-8000-000000000001', sequenceTimeStamp: 1_790_000_000 }
  const nobody = await LmdbStore.open(directory)
  t.equal(nobody.identity, null)
  await nobody.close()
  const first = await LmdbStore.open(directory, { identity })
  t.strictSame(first.identity, identity)
  t.ok(Math.abs(first.createdMs - Date.now()) < 60_000)
  await first.close()
  const second = await LmdbStore.open(directory, { identity: { ...identity, name: 'beta' } })
  t.strictSame(second.identity, identity, 'it stays whose it was')
  const renamed = { ...identity, name: 'gamma' }
  await second.setIdentity(renamed)
  await second.close()
  const third = await opened(t, directory)
  t.strictSame(third.identity, renamed)
})

t.test('half of an unfinished store is not taken for one', async t => {
  const directory = newDirectory(t)
  writeFileSync(join(directory, 'draft.mdb'), Buffer.alloc(12_288, 1))
  const store = await LmdbStore.open(directory)
  await store.close()
  t.strictSame(readdirSync(directory).sort(), ['store.mdb', 'store.mdb-lock'])
})

t.test('a directory that cannot be made or read says so', async t => {
  const directory = newDirectory(t)
  writeFileSync(join(directory, 'file'), '')
  await t.rejects(LmdbStore.open(join(directory, 'file')), { code: 'MSMQ_STORE_IO', message: /file/ })
  mkdirSync(join(directory, 'd', 'store.mdb'), { recursive: true })
  await t.rejects(LmdbStore.open(join(directory, 'd')), { code: 'MSMQ_STORE_IO' })
})

t.test('a full store refuses messages, lets them be deleted, and takes others then', async t => {
  const directory = newDirectory(t)
  const bytesMax = 6 * 1024 * 1024
  const store = await opened(t, directory, { bytesMax })
  let key = 0
  let full = 0
  while (full < 3) {
    const ends = await Promise.allSettled(range(1, 50).map(() => written(store, [put(++key)])))
    for (const end of ends) if (end.status === 'rejected') t.match(end.reason, { code: 'MSMQ_STORE_FULL' })
    if (ends.some(({ status }) => status === 'rejected')) full++
  }
  t.ok(fileBytes(directory) <= bytesMax, 'the file is not larger than it may be')
  const there = keysOf(store) as number[]
  t.ok(there.length > 2_000, `${there.length} KB are held`)
  t.equal(there.filter(each => store.packet('message', each)[0] !== each % 256).length, 0)
  await written(store, [{ table: 'state', key: 'still', value: { works: true } }])
  for (const each of there.slice(0, 1_500)) await written(store, [drop(each)])
  t.equal(keysOf(store).length, there.length - 1_500 + 1)
  for (let more = 0; more < 400; more++) await written(store, [put(++key)])
  t.equal(keysOf(store).length, there.length - 1_500 + 1 + 400)
  t.ok(fileBytes(directory) <= bytesMax)
})

t.test('space of deleted packets is won back though a few rows of each segment stay', async t => {
  const directory = newDirectory(t)
  const store = await opened(t, directory)
  const kept: number[] = []
  for (let round = 0; round < 24; round++) {
    const keys = range(round * 2_000 + 1, (round + 1) * 2_000)
    await Promise.all(keys.map(key => written(store, [put(key)])))
    kept.push(...keys.filter(key => key % 50 === 0))
    await Promise.all(keys.filter(key => key % 50 !== 0).map(key => written(store, [drop(key)])))
  }
  const { packetBytes, deletedPacketBytes } = store.space()
  t.equal(packetBytes >= kept.length * 1_024, true)
  t.ok(deletedPacketBytes < 6 * 1024 * 1024, `${deletedPacketBytes} bytes of deleted packets, of 48 MB`)
  t.ok(fileBytes(directory) < 24 * 1024 * 1024, `${fileBytes(directory)} bytes`)
  t.strictSame(keysOf(store), kept)
  await store.close()
  const again = await opened(t, directory)
  t.strictSame(keysOf(again), kept)
  t.equal(kept.filter(key => again.packet('message', key)[100] !== key % 256).length, 0)
})

t.test('packets are found in any order while others come and go', async t => {
  const random = numbersOf(3)
  const store = await opened(t, newDirectory(t))
  const there = new Set<number>()
  for (let round = 0; round < 40; round++) {
    const keys = range(round * 100 + 1, round * 100 + 100)
    await Promise.all(keys.map(key => written(store, [put(key, 100 + (key % 3_000))])))
    for (const key of keys) there.add(key)
    const gone = [...there].filter(() => random() < 0.3)
    await Promise.all(gone.map(key => written(store, [drop(key)])))
    for (const key of gone) there.delete(key)
    for (let read = 0; read < 30; read++) {
      const key = 1 + Math.floor(random() * (round * 100 + 100))
      if (there.has(key)) {
        const packet = store.packet('message', key)
        if (packet.length !== 100 + (key % 3_000) || packet[0] !== key % 256) t.fail(`packet ${key}`)
      } else t.throws(() => store.packet('message', key), { code: 'MSMQ_STORE_MISSING' })
    }
  }
  t.strictSame(keysOf(store), [...there])
})
