import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** Two machines from one image: their acks go to one of them. Beside it, what is of no consequence. */
const CLONES = String.raw`
scenario: clones
about: two machines from one image, and a third
topology:
  settings: { OrderAckTimeout: 50, MaxUnackedPacket: 32 }
  receivers: { count: 2, queues: { name: private$\orders, number: 100, transactional: true } }
  senders: [{ name: S1 }, { name: S2, cloneOf: S1 }, { name: S3 }]
load: { to: 'PRIVATE={R1.guid}\64', delivery: transactional, messages: 12, perTransaction: 3, ratePerS: 0.5, arrival: poisson }
faults: { kill: R1, atS: 7.77, backAfterS: 2.5 }
expect: { misroutedAcks: 0, lost: 0 }
simulated: { time: { drainS: 600 } }
`
const CALM = CLONES.replace(', cloneOf: S1', '').replace('scenario: clones', 'scenario: calm')

t.test('what cannot run: exit code 2, one line, nothing on stdout', async t => {
  const folder = t.testdir({ 'calm.yaml': CALM, 'bad.yaml': CALM.replace('lost: 0', 'losst: 0') })
  const calm = join(folder, 'calm.yaml')
  const mqlab = mqlabOnceStarted()
  for (const [args, words] of [
    [[join(folder, 'bad.yaml')], /bad\.yaml:10:\d+ expect\.losst: unknown key losst: did you mean lost\?/],
    [['no-such-scenario'], /no such file and no such scenario/],
    [[calm, '--seeds', '9..2'], /first\.\.last is needed, such as 1\.\.1000/],
    [[calm, '--seeds', '1..9999999'], /1000000 seeds at most/],
    [[calm, '--workers', '0'], /1 to 256/],
    [[calm, '--time', 'soon'], /90s, 10min or 2h/],
    [[calm, '--seeds', '1', '--shrink', 'duplicated'], /--shrink duplicated: no seed showed that/],
    [[calm, '--out', join(calm, 'there')], /--out .*there: .*calm\.yaml is not a directory/],
    [[calm, '--seeds', '1', '--shrink', 'run-lost'], /cannot be run again and again/],
  ] as const) {
    const { code, stdout, stderr } = await mqlab(['explore', ...args])
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr.trimEnd().split('\n').at(-1), words)
  }
})

t.test('every seed as expected: exit code 0; the same again with another number of threads', async t => {
  const file = join(t.testdir({ 'calm.yaml': CALM }), 'calm.yaml')
  const [one, two] = [
    await mqlab(['explore', file, '--seeds', '1..6', '--workers', '2', '--json']),
    await mqlabInProcess(['explore', file, '--seeds', '1..6', '--workers', '1', '--json']),
  ]
  t.equal(one.code, 0, one.stderr)
  t.equal(one.stdout, two.stdout)
  t.match(JSON.parse(one.stdout), {
    seeds: 6,
    asExpected: true,
    seedsAsExpected: 6,
    sent: 216,
    delivered: 216,
    shrunk: [],
  })
  const { code, stdout } = await mqlabInProcess(['explore', file, '--seeds', '3'])
  t.equal(code, 0)
  t.match(stdout, /as expected: 1 of 1 seeds/)
})

t.test('what fails is counted, timed, made small, written and drawn, and its file shows it again', async t => {
  const folder = t.testdir({ 'clones.yaml': CLONES })
  const [file, out] = [join(folder, 'clones.yaml'), join(folder, 'out')]
  const report = join(folder, 'report.html')
  const { code, stdout, stderr } = await mqlab([
    'explore',
    file,
    '--seeds',
    '4..7',
    '--workers',
    '1',
    '--out',
    out,
    '--report',
    report,
  ])
  t.equal(code, 1, stderr)
  t.match(stdout, /misrouted-ack-clone +QMID-3 +4 +100 % +\d+ +[\d.]+ \w+ +/)
  t.match(stdout, /misroutedAcks +0 +[\d to]+ +4 +100 % +4\n/)
  t.match(stdout, /NOT as expected: 4 of 4 seeds\none seed again: mqlab run .*clones\.yaml --world sim --seed 4\n/)
  t.match(readFileSync(report, 'utf8'), /^<!doctype html>.*misrouted-ack-clone/s)

  t.same(readdirSync(out).sort(), ['clones-seed-4.html', 'clones-seed-4.yaml'])
  const text = readFileSync(join(out, 'clones-seed-4.yaml'), 'utf8')
  t.ok(stdout.includes(text), 'printed as it was written')
  t.match(text, /\nload: \{ to: 'PRIVATE=\{R1\.guid\}\\64', delivery: transactional, messages: 1[,} ]/)
  t.notMatch(text, /faults|MaxUnackedPacket|S3/)
  t.ok(text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length <= 12, text)
  t.match(readFileSync(join(out, 'clones-seed-4.html'), 'utf8'), /<svg/)

  const replayed = await mqlabInProcess(['run', join(out, 'clones-seed-4.yaml'), '--world', 'sim', '--json'])
  t.equal(replayed.code, 1)
  t.match(JSON.parse(replayed.stdout), { seed: 4, asExpected: false, unmet: [{ count: 'misroutedAcks', expected: 0 }] })
})

t.test(
  'interrupted, it says what there is and how many ran; failing seeds are left as they are on request',
  async t => {
    const folder = t.testdir({ 'clones.yaml': CLONES })
    const out = join(folder, 'out')
    const args = ['explore', join(folder, 'clones.yaml'), '--seeds', '1..1000000', '--no-shrink', '--out', out]
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      if (text.includes('of 1000000 seeds')) child.kill('SIGINT')
    })
    const [code] = await once(child, 'close')
    t.equal(code, 1)
    t.match(stdout, /seeds 1 to 1000000, of which \d+ ran/)
    t.throws(() => readdirSync(out))
  },
)
