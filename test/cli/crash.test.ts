import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

t.setTimeout(240_000)

t.test('what cannot run: exit code 2, one line, nothing on stdout', async t => {
  const used = t.testdir({ file: '' })
  const mqlab = mqlabOnceStarted()
  for (const [args, words] of [
    [['--minutes', '0'], /a number above 0/],
    [['--minutes', 'soon'], /a number above 0/],
    [['--seed', 'x'], /whole number/],
    [['--data', used], /is not empty; a campaign needs a new directory/],
  ] as const) {
    const { code, stdout, stderr } = await mqlab(['crash', ...args])
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
})

t.test(
  'a short campaign: a report on stdout, progress on stderr, stores and ledgers kept where they were asked for',
  async t => {
    const directory = join(t.testdir({}), 'new')
    const args = ['crash', '--minutes', '0.02', '--seed', '5', '--data', directory, '--json']
    const { code, stdout, stderr } = await mqlab(args)
    t.equal(code, 0, stderr)
    const report = JSON.parse(stdout) as { seed: number; findings: string[]; kills: number; tally: { taken: number } }
    t.match(report, { seed: 5, findings: [] })
    t.ok(report.kills > 0)
    t.match(stderr, /killed \d+ times|letting the queues drain/)
    t.ok(existsSync(directory))
    const kept = readdirSync(directory)
    for (const name of ['crash-sender', 'crash-receiver', 'crash-sender-offers.jsonl', 'crash-receiver-takes.jsonl'])
      t.ok(kept.includes(name), name)
  },
)
