import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LmdbStore } from '../../store/lmdb-store.js'
import { workloadAfter } from '../fixtures/store-workload.js'

const MANGLER = join(import.meta.dirname, '../fixtures/store-mangler.js')
const SEED = 7
const WRITES = 300
const DAMAGES = 150

const directory = mkdtempSync(join(tmpdir(), 'mqlab-damage-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const store = await LmdbStore.open(directory)
const workload = workloadAfter(SEED, 0)
while (workload.count < WRITES) {
  const operations = workload.next()
  await new Promise<void>((resolve, reject) =>
    store.write(operations, error => (error === null ? resolve() : reject(error))),
  )
}
await store.close()

t.setTimeout(120_000)

t.test('a damaged store is refused or holds what it should; it never ends the process', async t => {
  const child = spawn(process.execPath, [MANGLER, directory, `${WRITES}`, `${SEED}`, '0', `${DAMAGES}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  const lines = text.trimEnd().split('\n')
  t.equal(signal, null, `the last: ${lines.at(-1)}`)
  t.equal(code, 0)
  t.equal(lines.length, DAMAGES)
  t.strictSame(
    lines.filter(line => line.includes('WRONG')),
    [],
  )
  // A number of a transaction that is two less by one bit looks like a commit that a crash cut short.
  const before = lines.filter(line => line.endsWith(': the commit before'))
  for (const line of before) t.match(line, / byte 15[2-9] of page [01]: /)
  const refused = lines.filter(line => /: MSMQ_STORE_(CORRUPT|FOREIGN|NEWER|IO)$/.test(line)).length
  const same = lines.filter(line => line.endsWith(': same')).length
  t.equal(refused + same + before.length, DAMAGES)
  t.ok(refused > DAMAGES / 10 && same > DAMAGES / 50, `${refused} refused, ${same} the same`)
})

t.test('says what is wrong with the file, and what to do', async t => {
  const copyOf = (change: (path: string) => void) => {
    const copy = mkdtempSync(join(directory, 'copy-'))
    const path = join(copy, 'store.mdb')
    copyFileSync(join(directory, 'store.mdb'), path)
    change(path)
    return copy
  }
  const cases: [what: string, change: (path: string) => void, code: string, message: RegExp][] = [
    ['text', path => writeFileSync(path, 'x'.repeat(10_000)), 'MSMQ_STORE_FOREIGN', /is not an mqlab store; choose/],
    ['nothing', path => truncateSync(path, 0), 'MSMQ_STORE_CORRUPT', /truncated: 0 bytes are left; .*put back a copy/],
    ['one page', path => truncateSync(path, 4_096), 'MSMQ_STORE_CORRUPT', /truncated: 4096 bytes/],
    ['ten pages', path => truncateSync(path, 40_960), 'MSMQ_STORE_CORRUPT', /truncated: 40960 bytes/],
  ]
  for (const [what, change, code, message] of cases)
    await t.rejects(LmdbStore.open(copyOf(change)), { code, message }, what)
})
