import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

const { version } = JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8')) as { version: string }

t.test('what was asked for goes to stdout, with exit code 0', async t => {
  t.strictSame(await mqlab(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  const help = await mqlab(['--help'])
  t.match(help, { code: 0, stderr: '', stdout: /^Usage: mqlab [\s\S]*\n {2}decode / })
  t.match(await mqlab(['decode', '--help']), { code: 0, stderr: '', stdout: /^Usage: mqlab decode / })
  t.match(await mqlab(['help', 'decode']), { code: 0, stderr: '', stdout: /^Usage: mqlab decode / })
})

t.test('every command has a help of its own', async t => {
  const { stdout } = await mqlabInProcess(['--help'])
  const names = [...(stdout.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(match => match[1] ?? '')
  t.ok(names.includes('decode') && names.includes('front-end'), 'the commands are listed')
  for (const name of names.filter(name => name !== 'help')) {
    const usage = new RegExp(`^Usage: mqlab ${name} `)
    t.match(await mqlabInProcess([name, '--help']), { code: 0, stderr: '', stdout: usage }, name)
  }
})

t.test('what cannot run says why in one line, with exit code 2', async t => {
  const rows: [args: string[], line: RegExp][] = [
    [['decod'], /^mqlab: unknown command 'decod' \(Did you mean decode\?\); see mqlab --help\n$/],
    [['help', 'nosuch'], /^mqlab: unknown command 'nosuch'; see mqlab --help\n$/],
    [['--nope'], /^mqlab: unknown option '--nope'; see mqlab --help\n$/],
    [['decode', '--nope'], /^mqlab: unknown option '--nope'.*; see mqlab decode --help\n$/],
    [['decode', 'no/such/file.hex'], /^mqlab: .*no\/such\/file\.hex.*\n$/],
  ]
  for (const [args, line] of rows) {
    const { code, stdout, stderr } = await mqlab(args)
    t.strictSame({ code, stdout }, { code: 2, stdout: '' }, args.join(' '))
    t.match(stderr, line, args.join(' '))
    t.equal(stderr.split('\n').length, 2, 'one line')
  }
  const { code, stderr } = await mqlab([])
  t.equal(code, 2, 'no command is no success')
  t.match(stderr, /^Usage: mqlab/, 'but help')
})

t.test('MQLAB_DEBUG adds the stack', async t => {
  const { code, stderr } = await mqlab(['decod'], { MQLAB_DEBUG: '1' })
  t.equal(code, 2)
  t.match(stderr, /\n {4}at /)
})

t.test('within a test’s process a command writes and ends as in its own', async t => {
  const folder = t.testdir({ 'one.hex': '10c00b004c494f523c020000ffffffff\n' })
  for (const args of [
    ['--version'],
    ['validate', 'examples/complaint-01-unacknowledged.yaml'],
    ['decode', join(folder, 'one.hex')],
    ['queues'],
    ['help', 'nosuch'],
    [],
  ])
    t.strictSame(await mqlabInProcess(args), await mqlab(args), args.join(' '))
})

t.test('a reader that has seen enough is no error', async t => {
  const line = '10c00b004c494f523c020000ffffffff\n' // bytes that begin like a packet: each gives a line of output
  const child = spawn(process.execPath, [MAIN, 'decode'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(line.repeat(20_000))
  const ended = new Promise(resolve => child.once('close', resolve))
  const output = await Promise.race([new Promise(resolve => child.stdout.once('data', resolve)), ended])
  t.ok(Buffer.isBuffer(output), 'something was written')
  child.stdout.destroy()
  await ended
  t.equal(stderr, '')
})
