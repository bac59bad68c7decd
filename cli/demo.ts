import { resolve } from 'node:path'
import { Command } from 'commander'
import { firstGoodAck, firstMisroutedAck } from '../lab/ack-story.js'
import { COUNT_LABELS, type ReportedRun } from '../lab/report/report.js'
import { DEMO_PARTS, type DemoPart, demoScenario } from '../lab/scenario-catalogue.js'
import type { VerdictCounts } from '../lab/verdict.js'
import { performScenario, writeReport } from './lab-run.js'
import { EXIT_NOT_AS_EXPECTED, log, progress, progressDone, styled, table, writeJson, writeText } from './output.js'
import { reportFile } from './report-file.js'
import { wholeNumber } from './run.js'
import { describeOutcome, describeStory } from './verdict-text.js'
import { wrapped } from './wrapped-text.js'

const TITLES: Readonly<Record<DemoPart, string>> = {
  supported: '1 supported',
  broken: '2 unsupported',
  repaired: '3 repaired',
  'front-ends': '4 over HTTP',
}

const REPORT_TITLE = 'MSMQ behind a load balancer: what works, what does not, and why'
const REPORT_DEFAULT = 'reports/demo.html'

export function demoCommand(): Command {
  return new Command('demo')
    .description('the supported and the broken configuration side by side, in real packets')
    .option('--seed <n>', 'seed of QMIds and arrival times', wholeNumber, 1)
    .option('--report <file>', 'where the HTML report goes', REPORT_DEFAULT)
    .option('--json', 'print the four verdicts as JSON')
    .action(async ({ seed, report, json }: { seed: number; report: string; json?: boolean }) => {
      reportFile(report)
      log('Four configurations of MSMQ behind a load balancer, each machine a process with its own address and ports.')
      const runs = await performAll(seed)
      writeReport(report, runs, REPORT_TITLE)
      const asExpected = runs.every(({ verdict }) => verdict.asExpected)
      if (json) await writeJson({ asExpected, report: resolve(report), runs: runs.map(({ verdict }) => verdict) })
      else await writeText(describeDemo(runs, report))
      if (!asExpected) process.exitCode = EXIT_NOT_AS_EXPECTED
    })
}

/** All at once: most of the time goes by waiting for timers. */
async function performAll(seed: number): Promise<ReportedRun[]> {
  const states = new Map<DemoPart, string>()
  const show = () => progress(DEMO_PARTS.map(part => `${TITLES[part]}: ${states.get(part) ?? 'finished'}`).join(' | '))
  try {
    return await Promise.all(
      DEMO_PARTS.map(async (part, index) => {
        states.set(part, 'waiting')
        const run = await performScenario(demoScenario(part), {
          seed: seed + index,
          title: TITLES[part],
          onProgress: text => {
            states.set(part, text)
            show()
          },
        })
        states.delete(part)
        show()
        return run
      }),
    )
  } finally {
    progressDone()
  }
}

function describeDemo(runs: readonly ReportedRun[], report: string): string {
  const shown = COUNT_LABELS.filter(
    ([count]) => count === 'sent' || count === 'delivered' || runs.some(({ verdict }) => verdict.counts[count] > 0),
  )
  const broken = runs.find(({ title }) => title === TITLES.broken)
  const story = broken === undefined ? null : firstMisroutedAck(broken.view)
  const overHttp = runs.find(({ title }) => title === TITLES['front-ends'])
  const happyEnd = overHttp === undefined ? null : firstGoodAck(overHttp.view)
  return [
    '\n',
    ...runs.map(
      ({ title, view }) => `${styled('bold', title ?? '')}\n${wrapped(view.run.scenario.about.trim(), '  ')}\n`,
    ),
    table(
      shown.map(([count, label, bad]) => [label, ...runs.map(run => cell(run, count, bad))]),
      ['', ...runs.map(({ title }) => title ?? '')],
    ),
    '\n',
    ...runs.map(({ title, verdict }) =>
      verdict.asExpected
        ? `${title}: ${styled('green', 'as expected')}, shows ${verdict.behaviours.join(', ')}\n`
        : `${title}: ${describeOutcome(verdict)}`,
    ),
    story === null ? '' : `\n${describeStory(story, broken?.view.run.startedMs ?? 0)}`,
    happyEnd === null ? '' : `\n${describeStory(happyEnd, overHttp?.view.run.startedMs ?? 0)}`,
    `\nReport with pictures: ${resolve(report)}\n`,
  ].join('')
}

/** Right-aligned under the run's title; the colour comes last, for it has no width. */
function cell({ title = '', verdict }: ReportedRun, count: keyof VerdictCounts, bad: boolean): string {
  const value = verdict.counts[count]
  const text = value.toLocaleString('en-US').padStart(title.length)
  return bad && value > 0 ? styled('red', text) : text
}
