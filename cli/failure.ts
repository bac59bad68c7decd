/** Turns whatever ended a command into the one line and the exit code that the contract promises. */
import { CommanderError } from 'commander'
import { CliError, EXIT_AS_EXPECTED, EXIT_COULD_NOT_RUN } from './output.js'

export interface Failure {
  exitCode: number
  /** What to print after `mqlab: `, or null when nothing needs saying (help was asked for). */
  line: string | null
}

/** What a person can do about the errors of the operating system that commands run into most. */
const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use; stop what listens there or choose another address or port',
  EADDRNOTAVAIL: 'no such address on this machine; Linux has all of 127.0.0.0/8, others need it added to the loopback',
  EACCES: 'not permitted; check the permissions',
  EPERM: 'not permitted',
  ENOENT: 'no such file or directory',
  EISDIR: 'is a directory, a file is wanted',
  ENOTDIR: 'a part of the path is not a directory',
  EMFILE: 'too many open files; raise the limit with ulimit -n',
  ENOSPC: 'no space left on the device',
  ECONNREFUSED: 'nothing listens there',
}

/** `command` is the subcommand's name, for the pointer to its help. */
export function failureOf(error: unknown, command: string | undefined): Failure {
  if (error instanceof CliError) return { exitCode: error.exitCode, line: oneLine(error.message) }
  if (error instanceof CommanderError) return usageFailure(error, command)
  if (isSystemError(error)) return { exitCode: EXIT_COULD_NOT_RUN, line: oneLine(systemErrorText(error)) }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { exitCode: EXIT_COULD_NOT_RUN, line: `internal error: ${oneLine(text)}; MQLAB_DEBUG=1 shows the stack` }
}

function usageFailure(error: CommanderError, command: string | undefined): Failure {
  if (error.exitCode === 0) return { exitCode: EXIT_AS_EXPECTED, line: null }
  // Commander has printed the help already when no command was given.
  if (error.code === 'commander.help') return { exitCode: EXIT_COULD_NOT_RUN, line: null }
  const text = oneLine(error.message.replace(/^error: /, '')).replace(/\.$/, '')
  const help = command === undefined ? 'mqlab --help' : `mqlab ${command} --help`
  return { exitCode: EXIT_COULD_NOT_RUN, line: `${text}; see ${help}` }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

function systemErrorText(error: NodeJS.ErrnoException): string {
  const remedy = REMEDIES[error.code ?? '']
  if (remedy === undefined) return error.message
  const { address, port } = error as { address?: string; port?: number }
  const where = error.path ?? (address === undefined ? '' : port === undefined ? address : `${address}:${port}`)
  const what = error.syscall === 'listen' ? 'listen on' : error.syscall
  const also = error.code === 'EACCES' && address !== undefined ? ', or use a port above 1023' : ''
  return `cannot ${what}${where === '' ? '' : ` ${where}`}: ${remedy}${also} (${error.code})`
}

const oneLine = (text: string) => text.replace(/\s*\n\s*/g, ' ').trim()
