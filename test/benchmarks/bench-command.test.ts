import t from 'tap'
import { mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

const mqlab = mqlabOnceStarted()

t.test('a run gives figures with verdicts and the machine they were measured on', async t => {
  const { code, stdout, stderr } = await mqlab(['bench', 'raw', '--seconds', '0.1', '--repetitions', '2', '--json'])
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), {
    machine: { cpu: String, node: process.version, commit: String },
    seed: 1,
    repetitions: 2,
    figures: [
      { benchmark: 'raw', unit: 'messages/s', value: Number, repetitions: [Number, Number], verdict: { ok: true } },
    ],
    skipped: [],
  })
  t.match(stderr, /raw: ceiling/)
})

t.test('--list', async t => {
  const { code, stdout } = await mqlab(['bench', '--list', '--json'])
  t.equal(code, 0)
  const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)
  for (const name of ['raw', 'decode', 'express', 'transactional', 'proxy-bulk', 'proxy-echo'])
    t.ok(names.includes(name), name)
})

t.test('what cannot be run is said in one line, exit 2', async t => {
  for (const words of [
    ['nosuch'],
    ['raw', '--seconds', '0'],
    ['raw', '--repetitions', 'x'],
    ['raw', '--profile-role', 'proxy-plane'],
    ['decode', '--profile-role', 'raw-writer'],
  ]) {
    const { code, stdout, stderr } = await mqlab(['bench', ...words])
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '')
    t.equal(stderr.trim().split('\n').length, 1, stderr)
  }
})
