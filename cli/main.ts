/**
 * The `mqlab` command. Commands throw CliError (cli/output.ts) when they cannot run, and set `process.exitCode = 1`
 * when they ran and saw something not as expected.
 */
import { failureOf } from './failure.js'
import { log } from './output.js'
import { createProgram } from './program.js'

const args = process.argv.slice(2)
let command: string | undefined

// A reader that has seen enough (`mqlab decode … | head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit()
  throw error
})
process.on('uncaughtException', end)

try {
  const created = await createProgram(args)
  command = created.command
  await created.program.parseAsync(args, { from: 'user' })
} catch (error) {
  end(error)
}

/** Says why and exits at once: what a failed command left running must not keep the process alive. */
function end(error: unknown): void {
  const { exitCode, line } = failureOf(error, command)
  if (line !== null) log(`mqlab: ${line}`)
  if (process.env.MQLAB_DEBUG && line !== null) console.error(error)
  // The empty write is called back once everything before it has left, on systems where pipes are asynchronous.
  process.stdout.write('', () => process.exit(exitCode))
}
