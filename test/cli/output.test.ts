import t from 'tap'
import { CliError, fail, styled, table } from '../../cli/output.js'

t.test('table', async t => {
  const rows: [name: string, rows: Parameters<typeof table>[0], header: string[] | undefined, text: string][] = [
    ['nothing', [], undefined, ''],
    ['one cell', [['a']], undefined, 'a\n'],
    [
      'words left, numbers right',
      [
        ['sent', 1200],
        ['lost', 0],
      ],
      undefined,
      'sent  1,200\nlost      0\n',
    ],
    ['a header follows its column', [['q1', 5]], ['queue', 'messages'], 'queue  messages\nq1            5\n'],
    [
      'nothing known',
      [
        ['a', null, 'x'],
        ['b', undefined, ''],
      ],
      undefined,
      'a  -  x\nb  -\n',
    ],
    ['rows of unequal length', [['a'], ['bb', true]], undefined, 'a\nbb  true\n'],
    [
      'colours take no room',
      [
        ['\u001b[31mred\u001b[39m', 'x'],
        ['blue', 'y'],
      ],
      undefined,
      '\u001b[31mred\u001b[39m   x\nblue  y\n',
    ],
  ]
  for (const [name, cells, header, text] of rows) t.equal(table(cells, header), text, name)
})

t.test('fail ends a command with exit code 2', async t => {
  t.throws(() => fail('a.yaml:3: rate: 0 is not allowed'), { message: 'a.yaml:3: rate: 0 is not allowed', exitCode: 2 })
  t.equal(new CliError('seen', 1).exitCode, 1)
})

t.test('styles are for terminals', async t => {
  const file = Object.assign(Object.create(process.stdout), { isTTY: false }) as NodeJS.WriteStream
  t.equal(styled('red', 'plain', file), 'plain')
})
