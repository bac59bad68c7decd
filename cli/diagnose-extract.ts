import { closeSync, openSync } from 'node:fs'
import { extractFrames } from '../capture/files/extraction.js'
import { descriptorSink } from '../capture/files/pcapng-writer.js'
import type { CaptureFinding } from '../diagnosis/finding.js'
import { evidenceFrames } from '../diagnosis/output/evidence-frames.js'
import { EvidenceHandshakes } from '../diagnosis/output/evidence-handshakes.js'
import type { DiagnoseInputs } from './diagnose-reading.js'
import { progress, progressDone } from './output.js'
import { packageVersion } from './program.js'

/**
 * `--extract`: the frames that findings rest on, and the beginnings of their connections, as pcapng, with what they show as
 * comments. Two more readings: one finds the beginnings, one writes. Returns how many frames were written.
 */
export async function extractEvidence(
  inputs: DiagnoseInputs,
  findings: readonly CaptureFinding[],
  file: string,
  limit: number | undefined,
): Promise<number> {
  const handshakes = new EvidenceHandshakes(evidenceFrames(findings, limit))
  await inputs.read(handshakes, 'finding the connections')
  const { frames } = handshakes
  const descriptor = openSync(file, 'w')
  let written = 0
  try {
    progress('writing the evidence')
    await extractFrames(
      inputs.files,
      ({ fileIndex, number }) => {
        const comments = frames.get(fileIndex)?.get(number) ?? null
        if (comments !== null) written += 1
        return comments
      },
      descriptorSink(descriptor),
      {
        application: `mqlab ${packageVersion()}`,
        comments: [`what mqlab diagnose found in ${inputs.names.join(', ')}`],
      },
    )
  } finally {
    closeSync(descriptor)
    progressDone()
  }
  return written
}
