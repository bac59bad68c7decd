import type { CaptureReading } from '../../capture/read-capture.js'
import { counted } from '../../lab/finding.js'
import type { Coverage } from '../coverage.js'
import type { Diagnosis } from '../diagnosis.js'
import type { DiagnosedCapture } from './diagnosed-capture.js'
import type { FilteredFindings } from './finding-filter.js'
import { type ClockLeads, machinesOf } from './machines.js'
import type { Traffic } from './traffic.js'

/** Everything that outputs show, in one value. `diagnosis` has finished, and `traffic` and `clocks` were among its finders. */
export function diagnosedCapture(
  version: string,
  reading: CaptureReading,
  diagnosis: Diagnosis,
  { traffic, clocks }: { readonly traffic: Traffic; readonly clocks: ClockLeads },
  { findings, texts, hidden }: FilteredFindings,
): DiagnosedCapture {
  const { files, connections, period } = reading
  const { counts, parties, sides, coverage, sessions } = diagnosis
  const machines = machinesOf(parties, clocks)
  return {
    version,
    files,
    storedBytes: reading.bytes,
    period,
    counts: {
      frames: files.reduce((sum, { frames }) => sum + frames, 0),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      connections,
      sessions: sessions.opened,
      machines: machines.length,
      messages: counts.messages - counts.administrationAcks,
      express: traffic.express,
      recoverable: traffic.recoverable,
      transactional: counts.transactional,
      sessionAcks: traffic.sessionAcks,
      orderAcks: counts.orderAcks,
      finalAcks: counts.finalAcks,
      administrationAcks: counts.administrationAcks,
      requests: traffic.requests,
      pings: traffic.pings,
    },
    machines,
    translations: sides.translations,
    findings,
    limits: limitsOf(coverage, reading),
    filters: texts,
    hidden,
  }
}

/** What the capture lacks, a clause each. */
function limitsOf(
  { holes, missingBytes, firstHole, damagedPackets, firstDamaged, oneSided, midStream }: Coverage,
  reading: CaptureReading,
) {
  const { files, packets } = reading
  const dropped = files.reduce((sum, file) => sum + file.dropped, 0)
  return [
    firstHole === null
      ? null
      : `${missingBytes === 0 ? 'an unknown number of bytes' : `${counted(missingBytes, 'byte')} or more`} in ${counted(holes, 'hole')} of its streams, the first at frame ${firstHole.number}`,
    firstDamaged === null
      ? null
      : `${counted(damagedPackets, 'packet')} whose checksum is wrong, the first in frame ${firstDamaged.number}`,
    oneSided === 0 ? null : `one side of ${counted(oneSided, 'connection')}`,
    midStream === 0 ? null : `the beginning of ${counted(midStream, 'connection')}`,
    dropped === 0 ? null : `${counted(dropped, 'frame')} that the capturing machine dropped`,
    ...Array.from(
      packets.unknownLinkTypes,
      ([linkType, frames]) => `${counted(frames, 'frame')} of link type ${linkType}, which cannot be read`,
    ),
  ].filter(text => text !== null)
}
