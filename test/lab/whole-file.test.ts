import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { WholeFile } from '../../lab/whole-file.js'

t.test('a file is there when it is kept, and not before; nothing is left beside it', async t => {
  const folder = t.testdir()
  const name = join(folder, 'report')
  const given = new WholeFile(name)
  t.notOk(existsSync(name))
  writeFileSync(given.path, 'new')
  given.keep()
  given.discard()
  t.equal(readFileSync(name, 'utf8'), 'new')
  const given2 = new WholeFile(join(folder, 'never'))
  writeFileSync(given2.path, 'half')
  given2.discard()
  t.strictSame(readdirSync(folder), ['report'])
})

t.test('what was there stays until then, and its permissions and links after it', async t => {
  const folder = t.testdir({ report: 'old' })
  const name = join(folder, 'report')
  const link = join(folder, 'link')
  symlinkSync('report', link)
  chmodSync(name, 0o666)
  const failed = new WholeFile(link)
  writeFileSync(failed.path, 'half')
  t.equal(readFileSync(name, 'utf8'), 'old')
  failed.discard()
  t.equal(readFileSync(name, 'utf8'), 'old')
  const kept = new WholeFile(link)
  writeFileSync(kept.path, 'new')
  kept.keep()
  t.equal(readFileSync(name, 'utf8'), 'new')
  t.equal(statSync(name).mode & 0o777, 0o666, 'more than the umask would leave')
  t.strictSame(readdirSync(folder).toSorted(), ['link', 'report'])
})

t.test('what cannot be written says so at once, by its own name', async t => {
  const folder = t.testdir({ file: '' })
  for (const name of [folder, join(folder, 'none', 'x'), join(folder, 'file', 'x')])
    t.throws(() => new WholeFile(name), new RegExp(`: .*'${name}'$`), name)
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('no plain file: in place', { skip: platform() === 'win32' && 'no /dev/null here' }, async t => {
  const nothing = new WholeFile('/dev/null')
  t.ok(nothing.isInPlace)
  writeFileSync(nothing.path, 'x')
  nothing.keep()
  t.ok(statSync('/dev/null').isCharacterDevice())
  const pipe = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [pipe])
  t.equal(new WholeFile(pipe).path, pipe, 'without a wait for its reader')
})

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

t.test('a file that was mounted by itself: in place', { skip: !canMount && 'needs root, to mount a file' }, async t => {
  const folder = t.testdir({ report: '', elsewhere: {} })
  const report = join(folder, 'report')
  const module = new URL('../../lab/whole-file.js', import.meta.url).href
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { WholeFile } from '${module}'
    const file = new WholeFile('${report}')
    writeFileSync(file.path, 'new')
    file.keep()
    console.log(readFileSync('${report}', 'utf8'))`
  const mount =
    'mount -t tmpfs none "$0/elsewhere" && echo old > "$0/elsewhere/it" && mount --bind "$0/elsewhere/it" "$0/report"'
  const args = ['-m', 'sh', '-c', `${mount} && exec "$1" --input-type=module -e "$2"`, folder, process.execPath, script]
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' })
  t.equal(stdout, 'new\n', stderr)
  t.strictSame(readdirSync(folder).toSorted(), ['elsewhere', 'report'])
})
