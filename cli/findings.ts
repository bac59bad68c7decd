import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Command, Option } from 'commander'
import type { SeedRange } from '../lab/explore/exploration.js'
import { SeedPool } from '../lab/explore/seed-pool.js'
import { runFindings } from '../lab/findings/findings.js'
import { findingsMarkdown } from '../lab/findings/markdown.js'
import { stallChart } from '../lab/findings/stall-chart.js'
import { seedRange, workerCount } from './explore-options.js'
import { interruptible } from './lab-run.js'
import { fail, log, progress, progressDone, writeJson, writeText } from './output.js'
import { reportFile } from './report-file.js'

interface FindingsCommandOptions {
  readonly seeds: SeedRange
  readonly workers?: number
  readonly markdown?: string
  readonly json?: true
}

const SEEDS_DEFAULT = '1..3'

export function findingsCommand(): Command {
  return new Command('findings')
    .description(
      'how soon and how often what goes wrong behind which balancer, with MSMQ’s own timers: docs/findings.md',
    )
    .addOption(
      new Option('--seeds <range>', 'first and last seed of each configuration')
        .argParser(seedRange)
        .default(seedRange(SEEDS_DEFAULT), SEEDS_DEFAULT),
    )
    .option('--workers <n>', 'threads; default: one for each processor core', workerCount)
    .option('--markdown <file>', 'write the tables there instead of on stdout')
    .option('--json', 'print what every configuration came to as JSON')
    .addHelpText('after', '\nThe same seeds print the same again.')
    .action(async ({ seeds, workers, markdown, json }: FindingsCommandOptions) => {
      if (markdown !== undefined) reportFile(markdown)
      const interruption = interruptible()
      const pool = new SeedPool(workers === undefined ? {} : { workers })
      const startedMs = performance.now()
      try {
        const onProgress = (done: number, all: number) =>
          progress(progressText(done, all, performance.now() - startedMs))
        const findings = await runFindings({ seeds, pool, onProgress, signal: interruption.signal })
        progressDone()
        log(`${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
        const chart = markdown?.replace(/(\.md)?$/, '.svg')
        const text = findingsMarkdown(findings, chart === undefined ? null : basename(chart))
        if (markdown !== undefined && chart !== undefined) {
          writeFileSync(markdown, text)
          writeFileSync(chart, stallChart(findings.clones))
        }
        if (json) await writeJson(findings)
        else if (markdown === undefined) await writeText(text)
      } catch (error) {
        if (interruption.signal.aborted) fail('interrupted: half the tables would mislead')
        throw error
      } finally {
        interruption.end()
        progressDone()
        await pool.close()
      }
    })
}

function progressText(done: number, all: number, elapsedMs: number): string {
  const leftS = (elapsedMs / 1000 / done) * (all - done)
  return `${done} of ${all} runs, ${leftS < 120 ? `${Math.ceil(leftS)} s` : `${Math.ceil(leftS / 60)} min`} left`
}
