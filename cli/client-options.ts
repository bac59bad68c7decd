import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { type Client, ControlError, connect } from '../control/client.js'
import { MqlabError } from '../protocol/errors.js'
import { CliError, EXIT_COULD_NOT_RUN, EXIT_NOT_AS_EXPECTED, fail } from './output.js'

/** How a command finds the queue manager that it works with. */
export interface ClientOptions {
  control?: string
  data?: string
  tokenFile?: string
  json?: true
}

/** The options that every command has that works with a running queue manager. */
export function withClientOptions(command: Command): Command {
  return command
    .option('--control <endpoint>', 'control socket of the queue manager, a path or HOST:PORT (default: MQLAB_CONTROL)')
    .option('--data <directory>', 'data directory of the queue manager')
    .option(
      '--token-file <file>',
      'file with the token that a control socket on TCP wants (default: MQLAB_CONTROL_TOKEN)',
    )
    .option('--json', 'print JSON, one object a line')
}

/** `body`, a BodyFormat: of commands that print messages. */
export function bodyOption(): Option {
  return new Option(
    '--body <format>',
    'print bodies only: raw bytes, text or hex; with --json: the form of the body',
  ).choices(['raw', 'text', 'hex'])
}

/** Runs `body` on a connection; whatever it throws becomes one line and an exit code. */
export async function withClient<T>(options: ClientOptions, body: (client: Client) => Promise<T>): Promise<T> {
  try {
    const client = await connectClient(options)
    try {
      return await body(client)
    } finally {
      await client.close()
    }
  } catch (error) {
    throw clientFailure(error)
  }
}

export function connectClient({ control, data, tokenFile }: ClientOptions): Promise<Client> {
  return connect(control, {
    ...(data !== undefined && { data }),
    ...(tokenFile !== undefined && { token: readToken(tokenFile) }),
  })
}

/** A queue manager's no is exit code 1; that there is none, or that the arguments are wrong, is 2. */
export function clientFailure(error: unknown): unknown {
  if (!(error instanceof MqlabError)) return error
  const ran =
    error instanceof ControlError && error.code === 'MSMQ_CONTROL_REFUSED' && error.mqError !== QUEUE_NOT_FOUND
  return new CliError(error.message, ran ? EXIT_NOT_AS_EXPECTED : EXIT_COULD_NOT_RUN, { cause: error })
}

const QUEUE_NOT_FOUND = 'MQ_ERROR_QUEUE_NOT_FOUND'

/** @throws {CliError} */
export function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    return fail(`--token-file ${file}: ${(error as Error).message}; name a file with the token`, { cause: error })
  }
}
