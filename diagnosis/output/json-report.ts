import type { FileReport } from '../../capture/files/reading-report.js'
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
    translations,
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
    frames: frames.map(({ fileIndex, number, timeUs }) => ({
      file: files[fileIndex]?.file ?? null,
      number,
      time: utcText(timeUs),
    })),
  }
}

/** A line of `--qms --json`, and an element of `qms`. */
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
