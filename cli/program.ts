/** The command line: which commands there are. Each lives in a file of its own and is loaded only when it is asked for. */
import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { fail } from './output.js'

/**
 * In the order of the help. `demo` is cli/demo.ts, which exports `demoCommand(): Command`, and so on; of a name with a
 * hyphen, `front-end`, that is `frontEndCommand`.
 */
const COMMANDS: readonly (readonly [name: string, summary: string])[] = [
  ['demo', 'the supported and the broken configuration side by side, in real packets'],
  ['run', 'run one scenario and give its verdict'],
  ['explore', 'run a scenario thousands of times in virtual time, and shrink what fails'],
  ['validate', 'say of a topology whether it is supported, rule by rule, and prove it'],
  ['history', 'look into what a run wrote down: follow a message, or a machine'],
  ['diagnose', 'say what is wrong in a capture of MSMQ traffic: misrouted acks, clones, duplicates, cut sessions'],
  ['findings', 'how soon and how often what goes wrong behind which balancer'],
  ['scenarios', 'list the scenarios and the behaviours each proves'],
  ['matrix', 'run every scenario behind every balancer, and compare what each shows'],
  ['decode', 'decode MSMQ packets to JSON'],
  ['dissector', 'have Wireshark and tshark read MSMQ'],
  ['qm', 'run a queue manager that others can talk to'],
  ['send', 'send messages to a queue, or straight to a format name'],
  ['receive', 'take messages out of a queue'],
  ['peek', 'list the messages in a queue'],
  ['queues', 'list, create, change and delete queues'],
  ['purge', 'empty queues'],
  ['outgoing', 'list, pause, resume and purge outgoing queues'],
  ['store', 'look into the data directory of a queue manager'],
  ['bench', 'measure throughput and latency'],
  ['front-end', 'run an HTTP store-and-forward server, which maps queues to a back end'],
  ['lint-mapping', 'find what is wrong in mapping files for HTTP'],
  ['nlb', 'run a Windows NLB cluster in front of queue managers, and work with it'],
  ['crash', 'kill durable queue managers again and again, and see that nothing promised is lost'],
]

/** The program, and the command that the arguments ask for (undefined: none, or none that exists). */
export interface Program {
  program: Command
  command: string | undefined
}

/**
 * `args` are those after the program's name. Only the command they ask for is loaded.
 * @throws {CliError} when the help of a command is asked for that does not exist
 */
export async function createProgram(args: readonly string[]): Promise<Program> {
  const program = new Command('mqlab')
    .description('A protocol-level gateway and load-balancer testbed for Microsoft Message Queuing (MSMQ).')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    // what follows a command is the command's, down to verbs of its own
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nData goes to stdout, progress to stderr. Exit code: 0 as expected, 1 not as expected, 2 could not run.',
    )
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // main.ts prints every error, in one form
  const words = args.filter(arg => !arg.startsWith('-'))
  const asked = words[0] === 'help' ? words[1] : words[0]
  let command: string | undefined
  for (const [name, summary] of COMMANDS) {
    if (!existsSync(moduleOf(name))) continue
    if (name === asked) {
      program.addCommand(inherit(await load(name), program))
      command = name
    } else {
      program.command(name).description(summary)
    }
  }
  // commander would print the help of everything, as if that had been asked for
  if (words[0] === 'help' && asked !== undefined && asked !== 'help' && command === undefined)
    fail(`unknown command '${asked}'; see mqlab --help`)
  return { program, command }
}

const moduleOf = (name: string) => new URL(`./${name}.js`, import.meta.url)

async function load(name: string): Promise<Command> {
  const module = (await import(moduleOf(name).href)) as Record<string, unknown>
  const create = module[`${name.replace(/-./g, hyphen => hyphen.charAt(1).toUpperCase())}Command`]
  if (typeof create !== 'function') throw new TypeError(`cli/${name}.ts exports no command`)
  return create() as Command
}

/** Commands made elsewhere do not inherit how errors are printed and exits are made: hand it down to every level. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inherit(child, command)
  return command
}

/** From package.json: build/cli/program.js is two folders below the root. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
