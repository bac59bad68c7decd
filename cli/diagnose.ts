import { Command, Option } from 'commander'
import { FINDING_KINDS, type FindingKindId } from '../diagnosis/finding-kinds.js'
import type { FollowTarget } from '../diagnosis/output/followed-connection.js'
import type { JourneyTarget } from '../diagnosis/output/journey-target.js'
import {
  type CaptureMoment,
  captureMoment,
  findingId,
  followTarget,
  hostName,
  instanceLimit,
  journeyTarget,
} from './diagnose-options.js'
import { DiagnoseInputs } from './diagnose-reading.js'
import { reportCapture } from './diagnose-report.js'
import { terminalColumns } from './diagnose-text.js'
import { showConnection, showMachines, showMessage } from './diagnose-views.js'
import { checkDistinct } from './distinct-files.js'
import { fail } from './output.js'
import { wrapped } from './wrapped-text.js'

export interface DiagnoseOptions {
  readonly json?: true
  readonly csv?: string
  readonly html?: string
  readonly extract?: string
  readonly scenario?: string
  readonly message?: JourneyTarget
  readonly qms?: true
  readonly follow?: FollowTarget
  readonly from?: CaptureMoment
  readonly to?: CaptureMoment
  readonly host: readonly string[]
  readonly queue?: string
  readonly finding: readonly FindingKindId[]
  readonly limit?: number
  readonly ignoreChecksums?: true
}

const EXIT_CODES =
  'Exit code: 0 nothing wrong (notices aside), 1 findings, 2 a capture that cannot be read, or not to its end, or without MSMQ, or does not have what a filter names.'
const VIEWS = ['message', 'qms', 'follow'] as const
/** What a view of one thing has no use for. */
const OF_FINDINGS = ['csv', 'html', 'extract', 'scenario', 'from', 'to', 'host', 'queue', 'finding', 'limit'] as const
const WRITTEN = ['csv', 'html', 'extract', 'scenario'] as const

export function diagnoseCommand(): Command {
  return new Command('diagnose')
    .description('say what is wrong in a capture of MSMQ traffic: pcap or pcapng, plain, gzip or zstd')
    .argument('<capture...>', 'files, read in the order of time; - is standard input')
    .option('--json', 'print one JSON object')
    .option('--csv <file>', 'write a row for each instance of each finding; - is standard output')
    .option('--html <file>', 'write a report')
    .option('--extract <file>', 'write the frames that findings rest on as pcapng, with comments that say why')
    .option('--scenario <file>', 'write a scenario inferred from the capture (YAML), which mqlab run simulates')
    .addOption(
      new Option('--message <message>', 'follow one message: QMID\\number, number, or SEQUENCE#number').argParser(
        journeyTarget,
      ),
    )
    .option('--qms', 'who is who: QMIds, names, addresses, and balancers that translate')
    .addOption(
      new Option(
        '--follow <connection>',
        'list the packets of one connection: its number, or ADDR:PORT-ADDR:PORT',
      ).argParser(followTarget),
    )
    .addOption(new Option('--from <time>', 'findings from then on: UTC, or +seconds').argParser(captureMoment))
    .addOption(new Option('--to <time>', 'findings up to then').argParser(captureMoment))
    .addOption(
      new Option('--host <host>', 'findings about this address, QMId or name; may be repeated')
        .argParser(hostName)
        .default([], 'all'),
    )
    .option('--queue <text>', 'findings about queues with this in their name')
    .addOption(
      new Option('--finding <id>', 'findings of this kind; may be repeated').argParser(findingId).default([], 'all'),
    )
    .addOption(new Option('--limit <n>', 'instances of each finding').argParser(instanceLimit))
    .option('--ignore-checksums', 'read damaged packets, too, as if they were right')
    .addHelpText('after', () => paragraph(`Findings: ${Object.keys(FINDING_KINDS).join(', ')}`))
    .addHelpText('after', () => paragraph(EXIT_CODES))
    .action(diagnose)
}

const paragraph = (text: string) => `\n${wrapped(text, '', terminalColumns()).trimEnd()}`

async function diagnose(captures: readonly string[], options: DiagnoseOptions): Promise<void> {
  checkOptions(captures, options)
  const inputs = new DiagnoseInputs(captures, options.ignoreChecksums)
  try {
    if (options.message !== undefined) await showMessage(inputs, options.message, options)
    else if (options.qms) await showMachines(inputs, options)
    else if (options.follow !== undefined) await showConnection(inputs, options.follow, options)
    else await reportCapture(inputs, options)
  } finally {
    inputs.close()
  }
}

function checkOptions(captures: readonly string[], options: DiagnoseOptions): void {
  if (captures.filter(name => name === '-').length > 1) fail('-: standard input can be read once')
  const [view, ...others] = VIEWS.filter(name => options[name] !== undefined)
  if (others.length > 0) fail(`--${view} and --${others[0]}: give one of them`)
  const unused = view === undefined ? undefined : OF_FINDINGS.find(name => isGiven(options[name]))
  if (unused !== undefined) fail(`--${unused}: --${view} shows no findings; leave one of them out`)
  if (options.csv === '-' && options.json) fail('--csv - and --json: both are for standard output; give --csv a file')
  checkWritten(captures, options)
}

const isGiven = (value: unknown) => (Array.isArray(value) ? value.length > 0 : value !== undefined)

function checkWritten(captures: readonly string[], options: DiagnoseOptions): void {
  for (const name of WRITTEN)
    if (options[name] === '-' && name !== 'csv')
      fail(`--${name} -: only --csv and --json write to standard output; give --${name} a file`)
  const isFile = (file: string | undefined) => file !== '-'
  checkDistinct(
    captures.map(file => ({ file: isFile(file) ? file : '/dev/stdin', what: 'the capture' })),
    WRITTEN.map(name => ({ file: options[name], what: `--${name}` })).filter(({ file }) => isFile(file)),
  )
}
