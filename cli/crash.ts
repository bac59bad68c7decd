import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type CrashCampaignReport, runCrashCampaign } from '../lab/crash/crash-campaign.js'
import { AddressBlockError } from '../lab/worlds/address-block.js'
import { interruptible } from './lab-run.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, progress, progressDone, table, writeJson, writeText } from './output.js'
import { wholeNumber } from './run.js'

interface CrashOptions {
  readonly over: 'binary' | 'http'
  readonly minutes: number
  readonly seed: number
  readonly data?: string
  readonly json?: true
}

export function crashCommand(): Command {
  return new Command('crash')
    .description(
      'Kill a sender and a receiver, queue managers on durable stores, again and again under load, and judge by ledgers of ' +
        'their own whether anything promised was lost, came twice, in part or out of order.',
    )
    .addOption(
      new Option('--over <protocol>', 'binary; or http: by a balancer and two front ends, which are killed as well')
        .choices(['binary', 'http'])
        .default('binary'),
    )
    .option('--minutes <n>', 'how long to kill; what is under way is then let through and judged', positiveNumber, 0.25)
    .option('--seed <n>', 'draws the load and the moments of the kills', wholeNumber, 1)
    .option(
      '--data <dir>',
      'an empty directory for stores and ledgers, which are kept; without it they go if all is well',
    )
    .option('--json', 'print the report as JSON')
    .action(async (options: CrashOptions) => {
      const directory = directoryFor(options.data)
      const report = await campaign(options, directory)
      if (options.json) await writeJson(report)
      else await writeText(reportText(report))
      if (report.findings.length > 0) {
        const again = `mqlab crash --over ${options.over} --minutes ${options.minutes} --seed ${options.seed}`
        log(`stores and ledgers are in ${directory}; again with the same load and moments: ${again}`)
        process.exitCode = EXIT_NOT_AS_EXPECTED
      } else if (options.data === undefined) rmSync(directory, { recursive: true })
    })
}

async function campaign({ over, minutes, seed }: CrashOptions, directory: string): Promise<CrashCampaignReport> {
  const interruption = interruptible()
  try {
    return await runCrashCampaign({
      seed,
      over,
      durationMs: minutes * 60_000,
      directory,
      onProgress: progress,
      signal: interruption.signal,
    })
  } catch (error) {
    if (interruption.signal.aborted) fail(`interrupted; stores and ledgers are in ${directory}`)
    if (error instanceof AddressBlockError) fail(error.message, { cause: error })
    throw error
  } finally {
    interruption.end()
    progressDone()
  }
}

function directoryFor(wanted: string | undefined): string {
  if (wanted === undefined) return mkdtempSync(join(tmpdir(), 'mqlab-crash-'))
  if (existsSync(wanted) && readdirSync(wanted).length > 0)
    fail(
      `--data ${wanted}: is not empty; a campaign needs a new directory, for it judges all that was ever written there`,
    )
  return wanted
}

function reportText({ findings, tally, kills, killsInWrites, killsWhileOpening, seed }: CrashCampaignReport): string {
  const rows = [
    ['kills', kills],
    ['  inside a write of the store', killsInWrites],
    ['  while a store was opened', killsWhileOpening],
    ['groups accepted (messages and transactions)', tally.accepted],
    ['groups abandoned', tally.abandoned],
    ['groups refused', tally.refused],
    ['groups of unknown fate: killed before the answer', tally.unknown],
    ['  of these arrived', tally.unknownArrived],
    ['messages taken', tally.taken],
    ['replies in the transaction of a take', tally.replies],
    ['takes cut off by a kill, found to be done', tally.takesFound],
    ['takes cut off by a kill, or refused, put back', tally.takesPutBack],
    ['lives of a process in which its store was full', tally.livesWithFullStore],
    ['express messages accepted', tally.expressSent],
    ['  lost, as they may be', tally.expressLost],
    ['  come twice, as they may', tally.expressTwice],
  ] as const
  const verdict =
    findings.length === 0
      ? 'As expected: nothing promised was lost, came twice, in part, or out of order.\n'
      : `Not as expected, seed ${seed}:\n${findings.map(finding => `  ${finding}\n`).join('')}`
  return `${table(rows)}\n${verdict}`
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0) || value > 100_000) throw new InvalidArgumentError('a number above 0 is needed')
  return value
}
