import { Diagnosis } from '../diagnosis/diagnosis.js'
import { diagnosedCapture } from '../diagnosis/output/capture-summary.js'
import { utcText } from '../diagnosis/output/capture-times.js'
import { csvReport } from '../diagnosis/output/csv-report.js'
import { type DiagnosedCapture, verdictOf } from '../diagnosis/output/diagnosed-capture.js'
import { filterFindings } from '../diagnosis/output/finding-filter.js'
import { jsonReport } from '../diagnosis/output/json-report.js'
import { ClockLeads } from '../diagnosis/output/machines.js'
import { printable } from '../diagnosis/output/printable.js'
import { SeenNames } from '../diagnosis/output/seen-names.js'
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
import { WrittenFiles } from './written-files.js'

const EXIT_CODES = {
  clean: EXIT_AS_EXPECTED,
  findings: EXIT_NOT_AS_EXPECTED,
  unusable: EXIT_COULD_NOT_RUN,
} as const

/** The main job: reads the captures, says what is wrong in them, and writes the files that were asked for. */
export async function reportCapture(inputs: DiagnoseInputs, options: DiagnoseOptions): Promise<void> {
  const files = new WrittenFiles([options.csv, options.html, options.extract, options.scenario])
  try {
    await report(inputs, options, files)
  } finally {
    files.close()
  }
}

async function report(inputs: DiagnoseInputs, options: DiagnoseOptions, files: WrittenFiles): Promise<void> {
  const { csv, html, extract, scenario, json, limit } = options
  if (html !== undefined || extract !== undefined) await inputs.spool()
  const traffic = new Traffic()
  const clocks = new ClockLeads()
  const facts = scenario === undefined ? null : new ScenarioFacts()
  const names = options.queue === undefined && options.host.length === 0 ? null : new SeenNames()
  const diagnosis = new Diagnosis({
    finders: [traffic, clocks, ...(facts === null ? [] : [facts]), ...(names === null ? [] : [names])],
    onFinding: inputs.onFinding,
  })
  const reading = await inputs.read(diagnosis, 'reading')
  diagnosis.finish()
  endUnreadable(reading.files)
  const fromUs = momentUs(options.from, reading.period)
  const toUs = momentUs(options.to, reading.period)
  if (fromUs !== null && toUs !== null && fromUs > toUs) fail('--to: it lies before --from; give a later time')
  checkMoments(fromUs, toUs, reading.period)
  const filter = { ids: options.finding, fromUs, toUs, hosts: options.host, queue: options.queue ?? null }
  const filtered = filterFindings(diagnosis.book.list(), filter, diagnosis.parties, queuesOf(diagnosis))
  const lacking = filtered.findings.length > 0 ? null : (names?.lacking(filter, diagnosis.parties) ?? null)
  if (lacking !== null) fail(printable(lacking))
  const capture = diagnosedCapture(packageVersion(), reading, diagnosis, { traffic, clocks }, filtered)
  const told: string[] = []
  if (csv !== undefined && csv !== '-') files.write(csv, csvReport(capture, limit))
  if (html !== undefined) {
    // what draws takes a while to load, and most diagnoses do without
    const { diagnosisPage } = await import('./diagnose-html.js')
    files.write(html, await diagnosisPage(capture, traffic, inputs))
  }
  if (extract !== undefined) {
    const written = await extractEvidence(inputs, capture.findings, files.pathOf(extract), limit)
    files.keep(extract)
    told.push(`written: ${extract}, ${counted(written, 'frame')}`)
  }
  if (facts !== null && scenario !== undefined) told.push(writeScenario(files, scenario, facts, diagnosis))
  if (json) await writeJson(jsonReport(capture, limit))
  else if (csv === '-') await writeText(csvReport(capture, limit))
  else
    await writeText(
      describeDiagnosis(capture, { columns: terminalColumns(), ...(limit === undefined ? {} : { limit }) }),
    )
  for (const file of [csv, html]) if (file !== undefined && file !== '-') log(`written: ${file}`)
  for (const line of told) log(line)
  tellTroubles(reading.files)
  process.exitCode = EXIT_CODES[verdictOf(capture).state]
}

function writeScenario(files: WrittenFiles, file: string, facts: ScenarioFacts, diagnosis: Diagnosis): string {
  const text = scenarioOf(facts, diagnosis)
  if (text === null) return `not written: ${file}: the capture has no message that one machine of it sends to another`
  files.write(file, text)
  return `written: ${file}`
}

function momentUs(moment: CaptureMoment | undefined, period: DiagnosedCapture['period']): number | null {
  if (moment === undefined) return null
  return 'utcUs' in moment ? moment.utcUs : (period?.firstUs ?? 0) + moment.sinceUs
}

/** A time that the capture does not reach, as a local one taken for UTC, hides everything: that is not clean. */
function checkMoments(fromUs: number | null, toUs: number | null, period: DiagnosedCapture['period']): void {
  if (period === null) return
  const { firstUs, lastUs } = period
  if (fromUs !== null && fromUs > lastUs) fail(`--from: the capture ends before that, at ${utcText(lastUs)}`)
  if (toUs !== null && toUs < firstUs) fail(`--to: the capture begins after that, at ${utcText(firstUs)}`)
}

/** Queues of sequences by their ids, made when it is first asked for. */
function queuesOf({ sequences }: Diagnosis): (sequence: string) => string | null {
  let queues: Map<string, string> | null = null
  return sequence => {
    queues ??= new Map(Array.from(sequences.list(), ({ id, destination }) => [id, destination]))
    return queues.get(sequence) ?? null
  }
}
