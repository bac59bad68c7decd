import { writeFileSync } from 'node:fs'
import { Diagnosis } from '../diagnosis/diagnosis.js'
import { diagnosedCapture } from '../diagnosis/output/capture-summary.js'
import { csvReport } from '../diagnosis/output/csv-report.js'
import { type DiagnosedCapture, verdictOf } from '../diagnosis/output/diagnosed-capture.js'
import { filterFindings } from '../diagnosis/output/finding-filter.js'
import { jsonReport } from '../diagnosis/output/json-report.js'
import { ClockLeads } from '../diagnosis/output/machines.js'
import { Traffic } from '../diagnosis/output/traffic.js'
import { ScenarioFacts } from '../diagnosis/scenario/scenario-facts.js'
import { scenarioOf } from '../diagnosis/scenario/scenario-of.js'
import { counted } from '../lab/finding.js'
import type { DiagnoseOptions } from './diagnose.js'
import { extractEvidence } from './diagnose-extract.js'
import type { CaptureMoment } from './diagnose-options.js'
import type { DiagnoseInputs } from './diagnose-reading.js'
import { describeDiagnosis, terminalColumns } from './diagnose-text.js'
import { endUnreadable, tellTroubles } from './diagnose-troubles.js'
import {
  EXIT_AS_EXPECTED,
  EXIT_COULD_NOT_RUN,
  EXIT_NOT_AS_EXPECTED,
  fail,
  log,
  writeJson,
  writeText,
} from './output.js'
import { packageVersion } from './program.js'
import { reportFile } from './report-file.js'

const EXIT_CODES = {
  clean: EXIT_AS_EXPECTED,
  findings: EXIT_NOT_AS_EXPECTED,
  unusable: EXIT_COULD_NOT_RUN,
} as const

/** The main job: reads the captures, says what is wrong in them, and writes the files that were asked for. */
export async function reportCapture(inputs: DiagnoseInputs, options: DiagnoseOptions): Promise<void> {
  const { csv, html, extract, scenario, json, limit } = options
  for (const file of [csv, html, extract, scenario]) if (file !== undefined && file !== '-') reportFile(file)
  if (html !== undefined || extract !== undefined) await inputs.spool()
  const traffic = new Traffic()
  const clocks = new ClockLeads()
  const facts = scenario === undefined ? null : new ScenarioFacts()
  const diagnosis = new Diagnosis({
    finders: [traffic, clocks, ...(facts === null ? [] : [facts])],
    onFinding: inputs.onFinding,
  })
  const reading = await inputs.read(diagnosis, 'reading')
  diagnosis.finish()
  endUnreadable(reading.files)
  const fromUs = momentUs(options.from, reading.period)
  const toUs = momentUs(options.to, reading.period)
  if (fromUs !== null && toUs !== null && fromUs > toUs) fail('--to: it lies before --from; give a later time')
  const filtered = filterFindings(
    diagnosis.book.list(),
    {
      ids: options.finding,
      fromUs,
      toUs,
      hosts: options.host,
      queue: options.queue ?? null,
    },
    diagnosis.parties,
    queuesOf(diagnosis),
  )
  const capture = diagnosedCapture(packageVersion(), reading, diagnosis, { traffic, clocks }, filtered)
  if (csv !== undefined && csv !== '-') writeFileSync(csv, csvReport(capture, limit))
  if (html !== undefined) {
    // what draws takes a while to load, and most diagnoses do without
    const { diagnosisPage } = await import('./diagnose-html.js')
    writeFileSync(html, await diagnosisPage(capture, traffic, inputs))
  }
  if (extract !== undefined) {
    const written = await extractEvidence(inputs, capture.findings, extract, limit)
    log(`written: ${extract}, ${counted(written, 'frame')}`)
  }
  if (facts !== null && scenario !== undefined) writeScenario(scenario, facts, diagnosis)
  if (json) await writeJson(jsonReport(capture, limit))
  else if (csv === '-') await writeText(csvReport(capture, limit))
  else
    await writeText(
      describeDiagnosis(capture, { columns: terminalColumns(), ...(limit === undefined ? {} : { limit }) }),
    )
  for (const file of [csv, html]) if (file !== undefined && file !== '-') log(`written: ${file}`)
  tellTroubles(reading.files)
  process.exitCode = EXIT_CODES[verdictOf(capture).state]
}

function writeScenario(file: string, facts: ScenarioFacts, diagnosis: Diagnosis): void {
  const text = scenarioOf(facts, diagnosis)
  if (text !== null) writeFileSync(file, text)
  log(
    text === null
      ? `not written: ${file}: the capture has no message that one machine of it sends to another`
      : `written: ${file}`,
  )
}

function momentUs(moment: CaptureMoment | undefined, period: DiagnosedCapture['period']): number | null {
  if (moment === undefined) return null
  return 'utcUs' in moment ? moment.utcUs : (period?.firstUs ?? 0) + moment.sinceUs
}

/** Queues of sequences by their ids, made when it is first asked for. */
function queuesOf({ sequences }: Diagnosis): (sequence: string) => string | null {
  let queues: Map<string, string> | null = null
  return sequence => {
    queues ??= new Map(Array.from(sequences.list(), ({ id, destination }) => [id, destination]))
    return queues.get(sequence) ?? null
  }
}
