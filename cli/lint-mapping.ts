import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import type { Finding } from '../gateway/front-end/finding.js'
import { type LintedMachine, lintMappings } from '../gateway/front-end/lint.js'
import type { MachineNames } from '../gateway/front-end/machine.js'
import { type Mapping, placeText } from '../gateway/front-end/mapping.js'
import { filesIn, type MappingFile, readMappingFiles } from '../gateway/front-end/mapping-files.js'
import { several } from './client-values.js'
import { frontEndConfig } from './front-end-config.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, styled, writeJson, writeText } from './output.js'

/* `mqlab lint-mapping`: what is wrong in mapping files, before a message finds out. */

interface LintFlags {
  yaml?: readonly string[]
  name?: readonly string[]
  alias?: readonly string[]
  queue?: readonly string[]
  separate?: true
  json?: true
}

export function lintMappingCommand(): Command {
  return new Command('lint-mapping')
    .description('find what is wrong in mapping files for HTTP: lines, reasons, remedies')
    .argument('[files...]', 'mapping files, or directories of them; those of one directory are one machine’s')
    .option('--yaml <config>', 'configuration of mqlab front-end, with the files it names; repeatable', several)
    .option('--name <name>', 'own name or address of the machine; repeatable', several)
    .option('--alias <name>', 'name or address it shares with others, such as the balancer’s; repeatable', several)
    .option(
      '--queue <name>',
      "queue it has, 'private$\\NAME'; repeatable; without any, queues are not looked for",
      several,
    )
    .option('--separate', 'each FILE is another machine’s, wherever it lies')
    .option('--json', 'one JSON object a finding')
    .addHelpText('after', '\nExit code: 0 nothing found, 1 findings, 2 a file that cannot be read.')
    .action(lint)
}

async function lint(files: readonly string[], flags: LintFlags): Promise<void> {
  if (files.length === 0 && flags.yaml === undefined) fail('nothing to look at: name mapping files, or --yaml CONFIG')
  const machines = machinesOf(files, flags)
  const findings = lintMappings(machines)
  for (const finding of findings) await (flags.json ? writeJson(finding) : writeText(findingText(finding)))
  log(summary(machines, findings))
  if (findings.length > 0) process.exitCode = EXIT_NOT_AS_EXPECTED
}

/** Machines with the files that each has. @throws the system's error for what cannot be read. */
function machinesOf(files: readonly string[], flags: LintFlags): LintedMachine[] {
  const names: MachineNames = { own: flags.name ?? [], aliases: flags.alias ?? [], queues: flags.queue ?? null }
  const configured = (flags.yaml ?? []).map(path => configuredMachine(path, flags))
  const given = groupsOf(files, flags.separate === true).map(paths => readAll(paths))
  const [only] = configured
  // What is named beside one configuration belongs to it.
  if (configured.length === 1 && only !== undefined && flags.separate !== true)
    return [{ names: only.names, mappings: [...only.mappings, ...given.flat()] }]
  return [...configured, ...given.map(mappings => ({ mappings, names }))]
}

function configuredMachine(path: string, flags: LintFlags): LintedMachine {
  const { mappings, files, names } = frontEndConfig(path)
  const [own, ...used] = mappings
  return {
    mappings: own === undefined ? used : [own, ...mappingsOf(files)],
    names: {
      own: [...names.own, ...(flags.name ?? [])],
      aliases: [...names.aliases, ...(flags.alias ?? [])],
      queues: [...(names.queues ?? []), ...(flags.queue ?? [])],
    },
  }
}

/** Paths of one machine each: those of one directory, as Windows has them, or each by itself. */
function groupsOf(paths: readonly string[], separate: boolean): string[][] {
  if (separate) return paths.map(path => [path])
  const groups = new Map<string, string[]>()
  for (const file of filesIn(paths)) {
    const directory = dirname(resolve(file))
    groups.set(directory, [...(groups.get(directory) ?? []), file])
  }
  return [...groups.values()]
}

function readAll(paths: readonly string[]): Mapping[] {
  return mappingsOf(readMappingFiles(paths))
}

/** Those that are ignored by a front end too. @throws {CliError} for one that cannot be opened. */
function mappingsOf(files: readonly MappingFile[]): Mapping[] {
  return files.map(({ mapping, ignored }) => {
    if (ignored?.id === 'unreadable') fail(`${mapping.file}: ${ignored.reason}; ${ignored.remedy}`)
    return mapping
  })
}

function findingText(finding: Finding): string {
  const { id, severity, reason, remedy, behaviour } = finding
  const shown = styled(severity === 'error' ? 'red' : 'yellow', severity)
  const because = behaviour === null ? id : `${id}, ${behaviour}`
  return `${placeText(finding)}: ${shown}: ${reason} (${because})\n    ${styled('dim', 'remedy:')} ${remedy}\n`
}

function summary(machines: readonly LintedMachine[], findings: readonly Finding[]): string {
  const mappings = machines.flatMap(({ mappings }) => mappings)
  const rules = mappings.reduce((sum, { rules }) => sum + rules.length, 0)
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const counts = `${counted(errors, 'error')}, ${counted(findings.length - errors, 'warning')}`
  const seen = `${counted(rules, 'rule')} in ${counted(mappings.length, 'file')}`
  return `${counts}; ${seen}${machines.length > 1 ? ` of ${machines.length} machines` : ''}`
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
