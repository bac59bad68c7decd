import t from 'tap'
import { timeTicks } from '../../../lab/report/time-axis.js'
import { timeText } from '../../../lab/report/time-text.js'

t.test('lengths of time read as people say them', async t => {
  const rows: [ms: number, text: string][] = [
    [0, '0 ms'],
    [0.25, '0.25 ms'],
    [12, '12 ms'],
    [999.96, '1000 ms'],
    [1204, '1.204 s'],
    [59_999, '59.999 s'],
    [60_000, '1 min'],
    [90_000, '1 min 30 s'],
    [119_700, '2 min'],
    [3_599_900, '60 min'],
    [21_600_000, '6 h'],
    [21_900_000, '6 h 5 min'],
    [86_400_000, '1 d'],
    [183_600_000, '2 d 3 h'],
    [-1500, '-1.500 s'],
  ]
  for (const [ms, text] of rows) t.equal(timeText(ms), text)
})

t.test('axes choose their unit by what they span', async t => {
  const texts = (endMs: number) => timeTicks(endMs).map(({ text }) => text)
  t.strictSame(texts(9), ['0 ms', '2 ms', '4 ms', '6 ms', '8 ms'])
  t.strictSame(texts(2654), ['0 s', '0.5 s', '1 s', '1.5 s', '2 s', '2.5 s'])
  t.strictSame(texts(600_000), ['0 min', '2 min', '4 min', '6 min', '8 min', '10 min'])
  t.strictSame(texts(21_600_000), ['0 h', '1 h', '2 h', '3 h', '4 h', '5 h', '6 h'])
  t.strictSame(texts(604_800_000), ['0 d', '1 d', '2 d', '3 d', '4 d', '5 d', '6 d', '7 d'])
  for (let endMs = 1; endMs < 1e12; endMs *= 1.7) t.ok(timeTicks(endMs).length <= 9, `${endMs} ms`)
})
