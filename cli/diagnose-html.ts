import type { FrameRef } from '../capture/frame.js'
import { Diagnosis } from '../diagnosis/diagnosis.js'
import type { CaptureFinding } from '../diagnosis/finding.js'
import type { DiagnosedCapture } from '../diagnosis/output/diagnosed-capture.js'
import { htmlReport } from '../diagnosis/output/html-report.js'
import { JourneyFinder } from '../diagnosis/output/journey.js'
import { journeyDiagram } from '../diagnosis/output/journey-diagram.js'
import { type JourneyTarget, parseJourneyTarget } from '../diagnosis/output/journey-target.js'
import type { Traffic } from '../diagnosis/output/traffic.js'
import type { DiagnoseInputs } from './diagnose-reading.js'

/** `--html`: the report, with the gravest finding's message in space and time. */
export async function diagnosisPage(
  capture: DiagnosedCapture,
  traffic: Traffic,
  inputs: DiagnoseInputs,
): Promise<string> {
  return htmlReport(capture, { traffic, story: await storyOf(capture, inputs) })
}

/** The message of the gravest finding that is about one, followed by a second reading. */
async function storyOf({ findings, period }: DiagnosedCapture, inputs: DiagnoseInputs) {
  const told = findings.find(finding => targetOf(finding) !== null)
  if (told === undefined || period === null) return null
  const journey = new JourneyFinder(targetOf(told)!)
  const diagnosis = new Diagnosis({ finders: [journey] })
  await inputs.read(diagnosis, 'following a message')
  const { journeys } = journey
  const isShown = (at: FrameRef) =>
    told.first.frames.some(one => one.number === at.number && one.fileIndex === at.fileIndex)
  // of clones that used one identifier, the one that the finding is about
  const followed =
    journeys.find(({ steps }) => steps.some(({ ways }) => ways.some(({ at }) => isShown(at)))) ?? journeys[0]
  if (followed === undefined) return null
  const { parties } = diagnosis
  const title = `${told.title}: the first, in space and time`
  return {
    title,
    diagram: journeyDiagram(followed, title, period.firstUs, {
      of: ({ qmId, address }) => parties.describe(qmId, address),
      short: address => parties.nameOf(address),
    }),
  }
}

function targetOf({ first: { message, sequence, number } }: CaptureFinding): JourneyTarget | null {
  if (message !== null) return parseJourneyTarget(message)
  return sequence === null || number === null ? null : { by: 'place', sequence, number }
}
