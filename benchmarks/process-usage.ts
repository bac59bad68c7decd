import { readdirSync, readFileSync } from 'node:fs'

/** What a process, any process, has used up to now. */
export interface ProcessUsage {
  /** Microseconds of processor time, of all threads that live. */
  readonly processorUs: number
  /** Resident memory, files' pages included. */
  readonly residentBytes: number
}

/** Linux tells it, to the nanosecond, of processes that are not ours too; undefined elsewhere and of a process that is
 *  gone. */
export function processUsage(pid: number): ProcessUsage | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const nanoseconds = threads.map(thread => Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ', 1)[0]))
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]
    const processorUs = nanoseconds.reduce((sum, value) => sum + value, 0) / 1000
    return kilobytes === undefined ? undefined : { processorUs, residentBytes: Number(kilobytes) * 1024 }
  } catch {
    return undefined
  }
}

function read(path: string): string {
  return readFileSync(path, 'latin1')
}
