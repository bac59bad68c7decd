import { CommanderError } from 'commander'
import t from 'tap'
import { failureOf } from '../../cli/failure.js'
import { CliError } from '../../cli/output.js'

const systemError = (code: string, fields: object) =>
  Object.assign(new Error(`${code}: as the system says`), { code }, fields)

t.test('every way to fail is one line and an exit code', async t => {
  const rows: [name: string, error: unknown, exitCode: number, line: string | null][] = [
    [
      'a command that says why',
      new CliError('a.yaml:3: rate: 0\n  must be above 0', 2),
      2,
      'a.yaml:3: rate: 0 must be above 0',
    ],
    ['not as expected', new CliError('2 findings', 1), 1, '2 findings'],
    ['help was asked for', new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'), 0, null],
    ['no command', new CommanderError(1, 'commander.help', '(outputHelp)'), 2, null],
    [
      'a wrong option',
      new CommanderError(1, 'commander.unknownOption', "error: unknown option '--jsn'\n(Did you mean --json?)"),
      2,
      "unknown option '--jsn' (Did you mean --json?); see mqlab run --help",
    ],
    [
      'a port in use',
      systemError('EADDRINUSE', { syscall: 'listen', address: '127.0.0.1', port: 1801 }),
      2,
      'cannot listen on 127.0.0.1:1801: the address is in use; stop what listens there or choose another address or port (EADDRINUSE)',
    ],
    [
      'no file',
      systemError('ENOENT', { syscall: 'open', path: 'x.hex' }),
      2,
      'cannot open x.hex: no such file or directory (ENOENT)',
    ],
    [
      'a low port',
      systemError('EACCES', { syscall: 'listen', address: '127.0.0.1', port: 80 }),
      2,
      'cannot listen on 127.0.0.1:80: not permitted; check the permissions, or use a port above 1023 (EACCES)',
    ],
    [
      'a file of somebody else',
      systemError('EACCES', { syscall: 'open', path: 'x.hex' }),
      2,
      'cannot open x.hex: not permitted; check the permissions (EACCES)',
    ],
    ['a system error without remedy', systemError('EXDEV', { syscall: 'rename' }), 2, 'EXDEV: as the system says'],
    [
      'our own mistake',
      new TypeError('x is\nundefined'),
      2,
      'internal error: TypeError: x is undefined; MQLAB_DEBUG=1 shows the stack',
    ],
    ['not even an error', 'thrown', 2, 'internal error: thrown; MQLAB_DEBUG=1 shows the stack'],
  ]
  for (const [name, error, exitCode, line] of rows) t.strictSame(failureOf(error, 'run'), { exitCode, line }, name)
})
