import { type AckStory, firstMisroutedAck } from '../lab/ack-story.js'
import { vacuousText } from '../lab/exercises.js'
import { COUNT_LABELS, type ReportedRun } from '../lab/report/report.js'
import type { Verdict } from '../lab/verdict.js'
import { styled, table } from './output.js'
import { wrapped } from './wrapped-text.js'

/** The verdict on one run, for people. */
export function describeVerdict({ view, verdict }: ReportedRun): string {
  const { run } = view
  const story = firstMisroutedAck(view)
  return [
    `${[styled('bold', verdict.scenario), verdict.behaviours.join(', ')].join('  ').trimEnd()}\n`,
    `${wrapped(run.scenario.about.trim(), '')}\n`,
    run.scenario.reading === undefined ? '' : `${wrapped(`Reading: ${run.scenario.reading.trim()}`, '')}\n`,
    table(
      COUNT_LABELS.filter(([count]) => count === 'sent' || count === 'delivered' || verdict.counts[count] > 0).map(
        ([count, label]) => [label, verdict.counts[count]],
      ),
    ),
    verdict.findings.length === 0 ? '' : `\n${styled('bold', 'Findings')}\n`,
    ...verdict.findings.map(
      ({ id, behaviour, count, first }) =>
        `${wrapped(`${count} x ${id}${behaviour === null ? '' : ` (${behaviour})`}: ${first.text}`, '  ')}`,
    ),
    story === null ? '' : `\n${describeStory(story, run.startedMs)}`,
    `\n${describeOutcome(verdict)}`,
  ].join('')
}

/** An acknowledgement followed hop by hop, a line or two each. */
export function describeStory(story: AckStory, startedMs: number): string {
  const lines = story.steps.map(({ atMs, text, wrong }) => {
    const time = `${((atMs - startedMs) / 1000).toFixed(3).padStart(8)} s  `
    const body = wrapped(text, ' '.repeat(time.length)).trimStart()
    return `${time}${wrong ? styled('red', body.trimEnd()) : body.trimEnd()}\n`
  })
  return `${styled('bold', `Followed hop by hop: ${story.title}`)}\n${lines.join('')}`
}

export function describeOutcome({ asExpected, unmet, vacuous }: Verdict): string {
  const reasons = [
    ...unmet.map(({ count, expected, actual }) => `  expected ${count} ${expected}, saw ${actual}\n`),
    ...vacuous.map(entry => `  ${vacuousText(entry)}\n`),
  ]
  const head = asExpected ? styled('green', 'as expected') : styled('red', 'NOT as expected')
  return `${head}\n${reasons.join('')}`
}
