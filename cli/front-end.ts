import { Command } from 'commander'
import { lintMappings } from '../gateway/front-end/lint.js'
import { MAPPING_IGNORED_EVENT_ID, MappingWatch } from '../gateway/front-end/mapping-files.js'
import { checkReport, checkText } from './front-end-check.js'
import { type FrontEndConfig, frontEndConfig } from './front-end-config.js'
import { fail, writeJson, writeText } from './output.js'
import { runUntilTold, type Started } from './qm.js'
import type { RunningQueueManager } from './qm-process.js'

/* `mqlab front-end`: a queue manager that takes messages over HTTP and hands them on to where its mapping says. */

interface FrontEndFlags {
  check?: true
  strict?: true
  json?: true
}

const WATCH_INTERVAL_MS = 2_000
const LOGGED_FINDINGS_MAX = 20

export function frontEndCommand(): Command {
  return new Command('front-end')
    .description('run an HTTP store-and-forward server, which maps queues to a back end, until SIGINT or SIGTERM')
    .argument('<config>', 'YAML file: all that mqlab qm --config takes, and mapping, outbound, … (docs/front-end.md)')
    .option('--check', 'print what it would do with messages, and end')
    .option('--strict', 'do not start when a mapping file cannot be used (without: it is ignored, event 2156)')
    .option('--json', 'also print each message that arrives or is discarded, as JSON; with --check: one object')
    .addHelpText('after', '\nThe first line on stdout says that it is ready, where, and with which tables.')
    .addHelpText('after', 'Mapping files are read once, at the start; mqlab lint-mapping finds what is wrong in them.')
    .action((path: string, flags: FrontEndFlags) => (flags.check ? check(path, flags) : run(path, flags)))
}

async function check(path: string, { strict, json }: FrontEndFlags): Promise<void> {
  const config = read(path, strict)
  if (json) await writeJson(checkReport(config))
  else await writeText(checkText(config))
}

function run(path: string, { strict, json }: FrontEndFlags): Promise<void> {
  const config = read(path, strict)
  return runUntilTold(config.qm, json === true, running => started(config, running))
}

function read(path: string, strict: true | undefined): FrontEndConfig {
  const config = frontEndConfig(path, strict)
  const { http, https } = config.qm.http
  if (http === undefined && https === undefined)
    fail(`${path}: http or https is missing: a front end takes messages there, such as http: 0.0.0.0:80`)
  return config
}

function started(config: FrontEndConfig, { logger }: RunningQueueManager): Started {
  const { files, redirections, mappings, names, paths } = config
  const ignored = files.flatMap(({ ignored }) => ignored ?? [])
  for (const { id, reason, remedy, ...place } of ignored)
    logger.warn(
      { event: 'mapping-ignored', id: MAPPING_IGNORED_EVENT_ID, ...place, fault: id, reason, remedy },
      IGNORED,
    )
  const findings = lintMappings([{ mappings, names }])
  for (const { id, severity, file, line, column, reason } of findings.slice(0, LOGGED_FINDINGS_MAX))
    logger.warn({ event: 'mapping-finding', finding: id, severity, file, line, column, reason }, FOUND)
  if (findings.length > LOGGED_FINDINGS_MAX)
    logger.warn({ event: 'left-out', subject: 'mapping-finding', lines: findings.length - LOGGED_FINDINGS_MAX }, MORE)
  const watch = new MappingWatch(paths, WATCH_INTERVAL_MS, () => {
    logger.warn({ event: 'mapping-changed', paths }, 'mapping changed; the change takes effect at the next start')
  })
  return {
    ready: {
      redirections,
      mapping: {
        files: files.filter(({ ignored }) => ignored === null).map(({ mapping: { file } }) => file),
        ignored: ignored.map(({ file, line, column, reason }) => ({ file, line, column, reason })),
      },
    },
    stopping: () => watch.stop(),
  }
}

const IGNORED = 'mapping file ignored'
const FOUND = 'a mapping is not as it should be'
const MORE = 'more of these were left out; mqlab lint-mapping tells all'
