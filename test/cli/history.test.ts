import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { HistoryWriter } from '../../lab/history-writer.js'
import { mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { event, GUID, handMadeRun, SEQUENCE } from '../fixtures/run-record.js'

const SCENARIO = `
scenario: small
about: two messages, and nothing that is wrong
topology:
  receivers: { name: R1, queues: { name: 'private$\\q', transactional: true } }
  senders: { name: S1 }
load: { to: 'DIRECT=TCP:{R1}\\private$\\q', delivery: transactional, messages: 2, perTransaction: 1 }
expect: { delivered: all }
`

t.test('a run in virtual time, written down and looked into', async t => {
  const folder = t.testdir({ 'small.yaml': SCENARIO })
  const file = join(folder, 'new', 'folder', 'small.mqlh')
  const run = await mqlabInProcess(['run', join(folder, 'small.yaml'), '--world', 'sim', '--history', file])
  t.equal(run.code, 0, run.stderr)
  t.match(run.stderr, /history: .*small\.mqlh/)

  const summary = await mqlab(['history', file])
  t.match(summary.stdout, /^small {2}world sim, seed 1, mqlab \d+\.\d+\.\d+\nThe run lasted .*nothing waited/)
  t.match(summary.stdout, /\nR1 +receiver +10\.66\.0\.\d+ +[-0-9a-f]{36} +\d+\n/)
  t.match(summary.stdout, /\narrived +2 +\d+\.\d{3} s +\d+\.\d{3} s\n/)
  const [whole] = objects((await mqlabInProcess(['history', file, '--json'])).stdout)
  t.match(whole, {
    scenario: 'small',
    world: 'sim',
    seed: 1,
    ended: true,
    drained: true,
    kinds: { arrived: { count: 2 } },
  })

  const told = await mqlabInProcess(['history', file, '--message', 's1#2'])
  t.equal(told.code, 0)
  t.match(
    told.stdout,
    /^S1#2, MessageID \d+ of QMId [-0-9a-f]{36}\n +0\.\d{3} s {2}S1 +takes it from its application, for/,
  )
  t.match(told.stdout, /\nR1 +1 +1 +0 +1\nIts sender was told: accepted\.\n$/)
  t.notOk(told.stdout.includes('\u001b'))
  const steps = objects((await mqlabInProcess(['history', file, '--message', 'S1#2', '--json'])).stdout)
  t.match(steps[0], { step: 'accepted', node: 'S1', atS: Number, atMs: Number, text: String, wrong: false })
  t.match(steps.at(-1), {
    step: 'end',
    ended: true,
    sender: 'accepted',
    heldBy: [],
    copies: [{ node: 'R1', arrived: 1, consumed: 1, discarded: 0, delivered: 1 }],
  })

  const events = objects((await mqlabInProcess(['history', file, '--node', 'r1', '--json'])).stdout)
  t.ok(events.length > 5 && events.every(({ node }) => node === 'R1'))
  t.match(
    (await mqlabInProcess(['history', file, '--node', 'R1'])).stdout,
    /\n +0\.\d{3} s {2}R1 .*message \d+ .*arrived/,
  )
})

t.test('what cannot be shown: exit code 2, one line, nothing on stdout', async t => {
  const folder = t.testdir({ text: 'scenario: x\n', empty: '' })
  const file = join(folder, 'run.mqlh')
  const run = handMadeRun({})
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(run)
  writer.end(run)
  const mqlab = mqlabOnceStarted()
  for (const [args, words] of [
    [[join(folder, 'none')], /cannot open .*none: no such file or directory \(ENOENT\)/],
    [[join(folder, 'text')], /text: is not the history of a run/],
    [[folder], /is not the history of a run/],
    [[join(folder, 'empty'), '--message', 'S1#1'], /empty: --message S1#1: nothing of a run is in it yet/],
    [[file, '--message', 'S1'], /--message S1: a message is S1#17/],
    [[file, '--message', 'S1#9'], /run\.mqlh: --message S1#9: S1 has sent 6 messages/],
    [[file, '--message', '4711'], /no message has MessageID 4711/],
    [[file, '--node', 'R9'], /--node R9: no such machine; did you mean R1\? they are R1, R2, S1, S2, gateway/],
    [[file, '--node', 'R1', '--message', 'S1#1'], /give one of them/],
  ] as const) {
    const { code, stdout, stderr } = await mqlab(['history', ...args])
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  t.match((await mqlabInProcess(['history', join(folder, 'empty')])).stdout, /nothing of a run is in it yet/)
})

t.test('a message is followed while the history is written', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const run = { ...handMadeRun({ sent: { S1: 'a' }, delivered: { R1: { S1: '1' } } }), world: 'sim' }
  const tx = { sequence: SEQUENCE.S1, number: 1, previous: 0 }
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(run)
  const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'history', file, '--message', 'S1#1', '--follow', '--json'])
  t.teardown(() => child.kill())
  let stdout = ''
  const until = async (text: string) => {
    while (!stdout.includes(text)) {
      const [chunk] = await once(child.stdout, 'data')
      stdout += chunk
    }
  }
  // the ledger that says which message is meant comes while it is waited for
  writer.checkpoint(run.reports.get('S1')!)
  writer.event(event('S1', 'accepted', { queue: 'q', messageId: 1, tx }))
  writer.flush()
  await until('"accepted"')
  writer.event(event('R1', 'arrived', { source: GUID.S1, tx }))
  writer.flush()
  await until('"arrived"')
  t.notMatch(stdout, /"step":"end"/)
  writer.end(run)
  await until('"step":"end"')
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
  t.equal(code, 0)
  t.strictSame(
    objects(stdout).map(({ step }) => step),
    ['accepted', 'arrived', 'end'],
  )
})
