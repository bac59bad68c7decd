import type { SeenSink } from '../capture/messages/seen.js'
import { Diagnosis } from '../diagnosis/diagnosis.js'
import { diagnosedCapture } from '../diagnosis/output/capture-summary.js'
import { utcText } from '../diagnosis/output/capture-times.js'
import { FollowedConnection, type FollowTarget } from '../diagnosis/output/followed-connection.js'
import { FrameNames } from '../diagnosis/output/frame-names.js'
import { type Journey, JourneyFinder } from '../diagnosis/output/journey.js'
import { type JourneyTarget, journeyTargetText } from '../diagnosis/output/journey-target.js'
import { journeyLines, type NameOf } from '../diagnosis/output/journey-text.js'
import { machineJson, translationJson } from '../diagnosis/output/json-report.js'
import { ClockLeads } from '../diagnosis/output/machines.js'
import { Traffic } from '../diagnosis/output/traffic.js'
import { messageText } from '../diagnosis/packet-facts.js'
import type { DiagnoseOptions } from './diagnose.js'
import { describeFollowed, describeJourney, type FramedText } from './diagnose-journey-text.js'
import { describeMachines } from './diagnose-machines-text.js'
import type { DiagnoseInputs } from './diagnose-reading.js'
import { terminalColumns } from './diagnose-text.js'
import { endUnreadable, tellTroubles } from './diagnose-troubles.js'
import { fail, log, writeJson, writeText } from './output.js'
import { packageVersion } from './program.js'

/* What shows one thing of a capture instead of its findings. Exit code 0 when it was there, 2 when it was not, or when the
 * capture could not be read to its end. */

/** `--message` */
export async function showMessage(inputs: DiagnoseInputs, target: JourneyTarget, { json }: DiagnoseOptions) {
  const finder = new JourneyFinder(target)
  const diagnosis = new Diagnosis({ finders: [finder] })
  const framed = await readFor(inputs, diagnosis)
  const { journeys } = finder
  if (journeys.length === 0) fail(`--message: ${journeyTargetText(target)} is not in ${inputs.names.join(', ')}`)
  const names = new Set(journeys.map(({ source, messageId }) => messageText(source, messageId)))
  if (names.size > 1)
    fail(`--message: several machines have sent ${journeyTargetText(target)}: name one of ${[...names].join(', ')}`)
  const { parties } = diagnosis
  const nameOf: NameOf = ({ qmId, address }) => parties.describe(qmId, address)
  // clones have used one identifier: nothing names one of them alone
  for (const [index, journey] of journeys.entries()) {
    if (json) await writeJson(journeyJson(journey, nameOf, framed))
    else await writeText(`${index === 0 ? '' : '\n'}${describeJourney(journey, nameOf, framed)}`)
  }
}

/** `--qms` */
export async function showMachines(inputs: DiagnoseInputs, { json }: DiagnoseOptions) {
  const traffic = new Traffic()
  const clocks = new ClockLeads()
  const diagnosis = new Diagnosis({ finders: [clocks] })
  const { reading } = await readFor(inputs, diagnosis)
  const nothing = { findings: [], texts: [], hidden: 0 }
  const capture = diagnosedCapture(packageVersion(), reading, diagnosis, { traffic, clocks }, nothing)
  const { machines, translations } = capture
  if (json) {
    const seen = translations.map(translation => translationJson(translation, capture.files))
    await writeJson({ qms: machines.map(machineJson), translations: seen })
  } else
    await writeText(process.stdout.isTTY ? describeMachines(capture, terminalColumns()) : describeMachines(capture))
}

/** `--follow` */
export async function showConnection(inputs: DiagnoseInputs, target: FollowTarget, { json }: DiagnoseOptions) {
  const followed = new FollowedConnection(target)
  const framed = await readFor(inputs, followed)
  const { lines, linesLeftOut } = followed
  const name = 'id' in target ? `connection ${target.id}` : `a connection of ${target.one} and ${target.other}`
  if (lines.length === 0) fail(`--follow: ${name} with MSMQ is not in ${inputs.names.join(', ')}`)
  if (!json) await writeText(describeFollowed(lines, framed))
  else
    for (const { at, connection, direction, text, wrong } of lines)
      await writeJson({ ...frameJson(at, framed), connection: connection.id, direction, text, wrong })
  if (linesLeftOut > 0) log(`${linesLeftOut.toLocaleString('en-US')} later packets are left out`)
}

async function readFor(inputs: DiagnoseInputs, sink: SeenSink) {
  const reading = await inputs.read(sink, 'reading')
  endUnreadable(reading.files)
  tellTroubles(reading.files)
  const names = new FrameNames(inputs.names)
  return { reading, names, firstUs: reading.period?.firstUs ?? 0, columns: terminalColumns() }
}

function journeyJson(
  { source, messageId, destination, sequence, number, sender, steps }: Journey,
  nameOf: NameOf,
  framed: FramedText,
) {
  return {
    message: messageText(source, messageId),
    destination,
    sequence,
    number,
    sender,
    steps: steps.map(({ ways, arrived, ...step }) => ({
      ...step,
      ways: ways.map(({ at, ...way }) => ({ ...frameJson(at, framed), ...way })),
      arrived: arrived === null ? null : frameJson(arrived, framed),
    })),
    lines: journeyLines({ source, messageId, destination, sequence, number, sender, steps }, nameOf).map(
      ({ at, text, wrong }) => ({ ...frameJson(at, framed), text, wrong }),
    ),
  }
}

function frameJson(at: Parameters<FrameNames['frame']>[0], { names }: FramedText) {
  return { file: names.file(at.fileIndex), frame: at.number, time: utcText(at.timeUs) }
}
