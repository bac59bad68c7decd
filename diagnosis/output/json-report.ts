import type { FileReport } from '../../capture/files/reading-report.js'
import type { FrameRef } from '../../capture/frame.js'
import type { Translation } from '../balancer-sides.js'
import type { Evidence } from '../finding.js'
import { sinceSeconds, utcText } from './capture-times.js'
import { type DiagnosedCapture, verdictOf } from './diagnosed-capture.js'
import { FrameNames } from './frame-names.js'
import type { Machine } from './machines.js'

/**
 * What `mqlab diagnose --json` prints: one object, whose fields docs/diagnose.md lists. Times are UTC to the microsecond.
 * `limit`: instances of each finding at most.
 */
export function jsonReport(capture: DiagnosedCapture, limit = Number.POSITIVE_INFINITY): object {
  const { version, files, period, counts, machines, translations, findings, limits, filters } = capture
  const names = new FrameNames(files.map(({ file }) => file))
  const firstUs = period?.firstUs ?? 0
  const evidence = (one: Evidence) => evidenceJson(one, capture, firstUs)
  return {
    version,
    command: 'diagnose',
    verdict: verdictOf(capture),
    capture: { files: files.map(fileJson) },
    period:
      period === null
        ? null
        : { from: utcText(firstUs), to: utcText(period.lastUs), seconds: sinceSeconds(period.lastUs, firstUs) },
    counts,
    qms: machines.map(machineJson),
    translations: translations.map(translation => translationJson(translation, files)),
    findings: findings.map(({ first, worst, instances, ...said }) => ({
      ...said,
      first: evidence(first),
      worst: evidence(worst),
      displayFilters: names.filters([...first.frames, ...worst.frames]),
      instances: instances.slice(0, limit).map(evidence),
    })),
    limits,
    filters,
  }
}

/** The troubles of a file stand in it: they need not name it again. */
function fileJson({ troubles, ...said }: FileReport): object {
  return { ...said, troubles: troubles.map(({ file: _, ...trouble }) => trouble) }
}

function evidenceJson({ frames, ...said }: Evidence, { files }: DiagnosedCapture, firstUs: number): object {
  const timeUs = frames[0]?.timeUs ?? null
  return {
    ...said,
    time: timeUs === null ? null : utcText(timeUs),
    sinceStartS: timeUs === null ? null : sinceSeconds(timeUs, firstUs),
    frames: frames.map(frame => frameJson(frame, files)),
  }
}

function frameJson({ fileIndex, number, timeUs }: FrameRef, files: readonly FileReport[]) {
  return { file: files[fileIndex]?.file ?? null, number, time: utcText(timeUs) }
}

/** An element of `translations`. */
export function translationJson({ first, ...said }: Translation, files: readonly FileReport[]): object {
  return { ...said, first: first.map(frame => frameJson(frame, files)) }
}

/** An element of `qms`. */
export function machineJson({ addresses, ...said }: Machine): object {
  return {
    ...said,
    addresses: addresses.map(({ firstUs, lastUs, startedUs, ...place }) => ({
      ...place,
      first: utcText(firstUs),
      last: utcText(lastUs),
      started: startedUs === null ? null : utcText(startedUs),
    })),
  }
}
