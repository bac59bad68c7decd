import { readFileSync } from 'node:fs'
import { readCapture } from '../capture/read-capture.js'
import { Diagnosis } from '../diagnosis/diagnosis.js'
import { ClockLeads } from '../diagnosis/output/machines.js'
import { Traffic } from '../diagnosis/output/traffic.js'

/** What a process that diagnosed one capture says of it and of itself. */
export interface DiagnoseMeasurement {
  readonly bytes: number
  /** Since the process began, the first finding and the end of it all. */
  readonly firstFindingMs: number | null
  readonly endMs: number
  /** Of all threads, from the first byte of the capture on. */
  readonly processorUs: number
  /** Highest resident memory; null where the system does not tell. */
  readonly peakBytes: number | null
  readonly messages: number
  readonly orderAcks: number
  /** Instances by kind. */
  readonly findings: Readonly<Record<string, number>>
}

/** With all that `mqlab diagnose` asks of a capture when it reports. */
async function measure(file: string): Promise<DiagnoseMeasurement> {
  let firstFindingMs: number | null = null
  const before = process.cpuUsage()
  const diagnosis = new Diagnosis({
    finders: [new Traffic(), new ClockLeads()],
    onFinding: () => {
      firstFindingMs ??= performance.now()
    },
  })
  const { bytes } = await readCapture([file], diagnosis)
  diagnosis.finish()
  const { user, system } = process.cpuUsage(before)
  return {
    bytes,
    firstFindingMs,
    endMs: performance.now(),
    processorUs: user + system,
    peakBytes: peakBytes(),
    messages: diagnosis.counts.messages,
    orderAcks: diagnosis.counts.orderAcks,
    findings: Object.fromEntries(diagnosis.book.list().map(({ id, count }) => [id, count])),
  }
}

function peakBytes(): number | null {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}

process.stdout.write(JSON.stringify(await measure(process.argv[2]!)))
