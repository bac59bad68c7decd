import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { StoreOperation } from '../../queue-manager/actions.js'
import { LmdbStore } from '../../store/lmdb-store.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

const WRITER = join(import.meta.dirname, '../fixtures/store-writer.js')

const inspect = (...args: string[]) => mqlabInProcess(['store', 'inspect', ...args])

const directory = mkdtempSync(join(tmpdir(), 'mqlab-inspect-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const identity = { name: 'ALPHA', guid: 'b1f9c5d8-0000-4000-8000-000000000001', sequenceTimeStamp: 1_790_000_000 }
const store = await LmdbStore.open(directory, { identity })
const message = (key: number, queue: number, suffix: string): StoreOperation => {
  const value = [queue, suffix, 3, 1_000 + key, 0, 0, key, 0, 0, null]
  return { table: 'message', key, value, packet: Buffer.alloc(1_000 + key, key) }
}
const rows: StoreOperation[] = [
  { table: 'queue', key: 'private$\\orders', value: { name: 'private$\\Orders', number: 7, transactional: true } },
  { table: 'queue', key: 'private$\\empty', value: { name: 'private$\\empty', number: 8, transactional: false } },
  { table: 'message-state', key: 3, value: ['late', 1, 1] },
  { table: 'outgoing-queue', key: 4, value: { formatName: 'DIRECT=TCP:127.0.0.9\\private$\\x', paused: true } },
  {
    table: 'incoming-sequence',
    key: `${identity.guid}/7`,
    value: { source: identity.guid, queueNumber: 7, ordinal: 2, timeStamp: 5, number: 40 },
  },
  {
    table: 'outgoing-sequence',
    key: 'DIRECT=TCP:127.0.0.9\\private$\\x',
    value: { ordinal: 1, timeStamp: 6, nextNumber: 3, lastAcknowledged: 1 },
  },
  { table: 'awaiting-final-ack', key: 12, value: {} },
  message(1, 7, ''),
  message(2, 7, 'journal'),
  message(3, 7, ''),
  message(4, 2, ''),
  { table: 'outgoing', key: 5, value: [4, 2, 9, 3, 0, 0, 1_500], packet: Buffer.alloc(1_500) },
  { table: 'outgoing', key: 6, value: [4, 0, 10, 3, 0, 0, 500], packet: Buffer.alloc(500) },
  { table: 'outgoing', key: 7, value: ['from', 'elsewhere'], packet: Buffer.alloc(5) },
]
await new Promise<void>((resolve, reject) => store.write(rows, error => (error === null ? resolve() : reject(error))))
await store.close()

t.test('as JSON', async t => {
  const { code, stdout, stderr } = await mqlab(['store', 'inspect', directory, '--json', '--verify'])
  t.equal(code, 0, stderr)
  const report = JSON.parse(stdout)
  t.match(report, {
    file: join(directory, 'store.mdb'),
    holder: null,
    version: 1,
    identity,
    structureChecked: true,
    packetsVerified: 7,
    awaitingFinalAck: 1,
    unknownRows: 1,
  })
  t.strictSame(report.queues, [
    { name: 'private$\\Orders', transactional: true, messages: 1, bytes: 1_001 },
    { name: 'private$\\Orders;journal', transactional: true, messages: 1, bytes: 1_002 },
    { name: 'private$\\Orders;late', transactional: true, messages: 1, bytes: 1_003 },
    { name: 'private$\\empty', transactional: false, messages: 0, bytes: 0 },
    { name: 'private$\\mqis_queue$', transactional: false, messages: 1, bytes: 1_004 },
  ])
  t.strictSame(report.outgoing, [
    { formatName: 'DIRECT=TCP:127.0.0.9\\private$\\x', paused: true, messages: 2, transactional: 1, bytes: 2_000 },
  ])
  t.match(report.incomingSequences, [{ queue: 'private$\\Orders', ordinal: 2, timeStamp: 5, number: 40 }])
  t.match(report.outgoingSequences, [{ ordinal: 1, timeStamp: 6, nextNumber: 3, lastAcknowledged: 1 }])
  t.match(
    report.tables.find(({ table }: { table: string }) => table === 'message'),
    { rows: 4, packetBytes: 4_010, deletedPacketBytes: 0 },
  )
  t.equal(report.usedBytes + report.freeBytes, report.fileBytes)
})

t.test('for people', async t => {
  const { code, stdout } = await inspect(directory)
  t.equal(code, 0)
  t.match(stdout, /queue manager {2}ALPHA {2}b1f9c5d8-/)
  t.match(stdout, /private\$\\Orders;late +1 +1,003 {2}transactional/)
  t.match(stdout, /DIRECT=TCP:127\.0\.0\.9\\private\$\\x +2 +1 +2,000 {2}paused/)
  t.match(stdout, /packets +not read; --verify does/)
  t.match(stdout, /1 rows that this version does not know/)
})

t.test('changes nothing', async t => {
  const before = readFileSync(join(directory, 'store.mdb'))
  await mqlab(['store', 'inspect', directory, '--verify'])
  t.ok(before.equals(readFileSync(join(directory, 'store.mdb'))))
})

t.test('while another process writes', async t => {
  const busy = mkdtempSync(join(tmpdir(), 'mqlab-inspect-'))
  const writer = spawn(process.execPath, [WRITER, busy, '3'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    rmSync(busy, { recursive: true, force: true })
  })
  writer.stdout.resume()
  await once(writer.stdout, 'data')
  for (let look = 0; look < 2; look++) {
    const { code, stdout, stderr } = await mqlab(['store', 'inspect', busy, '--json', '--verify'])
    t.equal(code, 0, stderr)
    t.match(JSON.parse(stdout), { holder: writer.pid, structureChecked: false })
  }
  // who holds it stands still when it is asked
  writer.kill('SIGSTOP')
  const looking = inspect(busy, '--json')
  await sleep(1_500)
  writer.kill('SIGCONT')
  t.match(JSON.parse((await looking).stdout), { holder: writer.pid, structureChecked: false })
})

t.test('says what is wrong', async t => {
  const damaged = mkdtempSync(join(tmpdir(), 'mqlab-inspect-'))
  t.teardown(() => rmSync(damaged, { recursive: true, force: true }))
  const path = join(damaged, 'store.mdb')
  const bytes = readFileSync(join(directory, 'store.mdb'))
  const cases: [what: string, change: () => void, message: RegExp][] = [
    ['nothing there', () => {}, /^mqlab: there is no store in .*; name the --data directory of mqlab qm\n$/],
    ['another file', () => writeFileSync(path, Buffer.alloc(9_000, 1)), /^mqlab: .* is not an mqlab store; choose/],
    [
      'cut',
      () => {
        writeFileSync(path, bytes)
        truncateSync(path, 9_000)
      },
      /^mqlab: .*: the file is truncated: 9000 bytes are left; nothing was changed: put back a copy, or/,
    ],
  ]
  const mqlab = mqlabOnceStarted()
  for (const [what, change, message] of cases) {
    change()
    const { code, stdout, stderr } = await mqlab(['store', 'inspect', damaged])
    t.equal(code, 2, what)
    t.equal(stdout, '')
    t.match(stderr, message)
  }
  // A packet is not looked at, unless asked for.
  const at = bytes.indexOf(Buffer.alloc(900, 3))
  t.ok(at > 0)
  bytes[at] = 9
  writeFileSync(path, bytes)
  t.equal((await inspect(damaged)).code, 0)
  const verified = await inspect(damaged, '--verify')
  t.equal(verified.code, 2)
  t.match(verified.stderr, /the packets of message 1 is damaged/)
})
