import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

/* What the process asks of the system between a write and its `done`, as strace sees it. */

const WRITER = join(import.meta.dirname, '../fixtures/store-writer.js')
const WRITES = 60

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Each call as one line, at the moment when it returned: strace cuts those in two that others come between. */
function* finishedCalls(lines: readonly string[]): Iterable<string> {
  const begun = new Map<string, string>()
  for (const line of lines) {
    const thread = line.slice(0, line.indexOf(' '))
    if (line.endsWith('<unfinished ...>')) begun.set(thread, line.replace(/ *<unfinished \.\.\.>$/, ''))
    else if (line.includes(' resumed>')) yield `${begun.get(thread) ?? ''}${line.replace(/^.* resumed>/, '')}`
    else yield line
  }
}

t.test(
  'done comes after the pages, a flush, and the synchronous write of the meta page',
  {
    skip: !hasStrace() && 'needs strace, and the right to trace',
  },
  async t => {
    const directory = mkdtempSync(join(tmpdir(), 'mqlab-sync-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const trace = join(directory, 'trace')
    const calls = 'trace=openat,pwrite64,pwritev,writev,write,fdatasync,msync'
    const args = ['-f', '-y', '-o', trace, '-e', calls, process.execPath, WRITER, directory, '5']
    const strace = spawn('strace', args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    let text = ''
    strace.stdout.setEncoding('latin1').on('data', chunk => {
      text += chunk
      if (text.split('\n').length > WRITES) process.kill(-strace.pid!, 'SIGKILL')
    })
    await once(strace, 'close')

    const file = /store\.mdb>/
    let pages = 0
    let [flushed, committed, dones, commits] = [false, false, 0, 0]
    const synchronous = new Set<string>()
    for (const line of finishedCalls(readFileSync(trace, 'latin1').split('\n'))) {
      const descriptor = /\((\d+)</.exec(line)?.[1] ?? ''
      if (/openat\(.*store\.mdb".*O_DSYNC/.test(line)) synchronous.add(/= (\d+)/.exec(line)?.[1] ?? '')
      else if (/ write\(1</.test(line)) {
        dones++
        if (!committed) t.fail(`done before the meta page was written: ${line}`)
      } else if (!file.test(line)) continue
      else if (/ msync\(/.test(line)) t.fail('the map is not written to')
      else if (/ (pwrite64|pwritev|writev)\(/.test(line) && synchronous.has(descriptor)) {
        if (!flushed || pages === 0) t.fail(`the meta page was written before the pages were flushed: ${line}`)
        ;[committed, flushed, pages] = [true, false, 0]
        commits++
      } else if (/ (pwrite64|pwritev|writev)\(/.test(line)) {
        pages++
        ;[committed, flushed] = [false, false]
      } else if (/ fdatasync\(.* = 0/.test(line)) flushed = true
    }
    t.ok(synchronous.size > 0, 'the meta page has a descriptor of its own, opened with O_DSYNC')
    t.ok(dones >= WRITES && commits > 1, `${dones} writes done, ${commits} commits`)
  },
)
