import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { PROJECT_ROOT } from '../fixtures/project-files.js'

interface TapSummary {
  line(line: string): void
  totals(): Record<'total' | 'pass' | 'fail' | 'skip' | 'todo', number>
  skippedLines(): string[]
}

// scripts/ is plain JavaScript, because it runs before anything is compiled: it stands outside build/.
const { createTapSummary } = (await import(pathToFileURL(join(PROJECT_ROOT, 'scripts/tap-summary.mjs')).href)) as {
  createTapSummary: (print: (line: string) => void) => TapSummary
}

function summarize(tap: string): { printed: string[]; summary: TapSummary } {
  const printed: string[] = []
  const summary = createTapSummary(line => printed.push(line))
  for (const line of tap.split('\n')) summary.line(line)
  return { printed, summary }
}

const MIXED = `TAP version 14
# Subtest: build/test/x/a.test.js
    hello from a
    # Subtest: one
        ok 1 - should be equal
        ok 2 - needs haproxy # SKIP not installed
        1..2
    ok 1 - one # time=8.525ms
    
    # Subtest: two
        not ok 1 - differs
          ---
          diff: |
            not ok 9 - a line of the diagnostics, not a point
          ...
        
        # Subtest: deep
            ok 1 - should be equal
            1..1
        ok 2 - deep # time=0.884ms
        
        1..2
    not ok 2 - two # time=39.07ms
      ---
      source: not worth repeating
      ...
    
    1..2
    # time=71.26ms
not ok 1 - build/test/x/a.test.js # time=71.26ms
  ---
  exitCode: 1
  ...

# Subtest: build/test/x/b.test.js
    hello from b
    ok 1 - should be equal
    1..1
ok 2 - build/test/x/b.test.js # time=1008.231ms

# Subtest: build/test/x/c.test.js
    ok 1 - should be equal
    1..1
not ok 3 - build/test/x/c.test.js # time=9.249ms
  ---
  exitCode: 3
  ...

1..3
# { total: 6, pass: 3, fail: 2, skip: 1 }
# time=1556.75ms`

t.test('a run with everything in it', async t => {
  const { printed, summary } = summarize(MIXED)
  t.strictSame(printed, [
    'FAIL test/x/a.test.ts > two > differs',
    '     diff: |',
    '       not ok 9 - a line of the diagnostics, not a point',
    '     | hello from a',
    'FAIL test/x/a.test.ts 0.1 s',
    'ok   test/x/b.test.ts 1.0 s',
    'FAIL test/x/c.test.ts 0.0 s',
    '     exitCode: 3',
  ])
  t.strictSame(summary.totals(), { total: 6, pass: 3, fail: 2, skip: 1, todo: 0 })
  t.strictSame(summary.skippedLines(), ['SKIP test/x/a.test.ts > one > needs haproxy: not installed'])
})

t.test('a run that was cut short has no totals', async t => {
  const { summary } = summarize(MIXED.slice(0, MIXED.indexOf('1..3\n')))
  t.equal(summary.totals().total, 0)
})
