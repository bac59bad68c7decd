import type { Now } from '../queue-manager/clock.js'

// performance.now() counts from the start of the process or thread and is cheap; process.hrtime counts from a moment
// that all processes of the machine share. One difference, taken once, makes the first comparable like the second.
const machineOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Monotonic milliseconds, with fractions, comparable between the processes of one machine. */
export function monotonicMs(): number {
  return performance.now() + machineOffsetMs
}

/** Both clocks as they are. */
export function realNow(): Now {
  return { monotonicMs: performance.now() + machineOffsetMs, wallMs: Date.now() }
}
